"""Write ``dags_examples/data/customers.csv``: 5,000 invented customers, with what real exports have wrong.

``python scripts/make_customers.py [PATH]`` gives the same bytes each time and on every Python. Mail addresses
end with the domains that are reserved for examples, phone numbers come from the ranges that are reserved for
fiction in the USA (555-0100 to 555-0199) and in the United Kingdom (7700 900xxx, 1632 960xxx, 20 7946 0xxx).
"""

from __future__ import annotations

import csv
import random
import sys
import unicodedata
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATH = Path(__file__).resolve().parents[1] / "dags_examples" / "data" / "customers.csv"
SEED = 20261120

ROWS = 5000
EXPORTED_TWICE = 15
NO_PHONE = 420
NO_MAIL = 310
NEITHER = 25
NO_DATE = 600
SURROUNDED_BY_BLANKS = 120
BAD_DATES = ("2027-02-30", "31/12/2027", "2027-13-01", "30. 6. 2027", "2027-06-31", "end of 2027")

T = TypeVar("T")


@dataclass(frozen=True)
class Customer:
    """One row; the fields are the columns."""

    customer_id: str
    full_name: str
    email: str
    phone: str
    language: str
    valid_until: str
    note: str


def words(text: str) -> list[str]:
    return text.split()


# Language, given names, family names that go with them.
PEOPLE = [
    (language, words(given), words(family))
    for language, given, family in (
        ("cs", "Jiří Zdeněk Ondřej Matěj Vojtěch Štěpán", "Novák Černý Kučera Horáček Říha Šťastný Žák"),
        ("cs", "Petra Tereza Eliška Lucie Šárka Růžena", "Dvořáková Veselá Němcová Žáková Bláhová Čapková"),
        ("sk", "Ľubomír Peter Juraj Dušan Matúš Šimon", "Kováč Šimko Hudák Hruška Ťažký Gregor Mäsiar"),
        ("sk", "Zuzana Ľudmila Žofia Ľubica Alžbeta", "Horváthová Ďurišová Ľuptáková Balážová Vlčková"),
        ("es", "José Ángel Íñigo Andrés Ramón Óscar", "García Muñoz Núñez Peña Ibáñez Gutiérrez Sáez"),
        ("es", "María Begoña Lucía Sofía Inés Pilar Nuria", "Martín Cañas Logroño Ordóñez Quiñones Yáñez"),
        ("de", "Jürgen Käthe Björn Günther Bärbel Götz", "Müller Groß Schröder Weiß Köhler Strauß Jäger"),
        ("fr", "Hélène François Zoé Jérôme Maëlle Loïc", "Lefèvre D'Aubigné Châtelain Saint-Exupère Noël"),
        ("en", "Siobhan Aidan Fiona Rhys Imogen Callum", "O'Connor Fitzgerald MacLeod Smith-Jones Penrose"),
        ("uk", "Олександр Юрій Тарас Богдан Євген Ілля", "Шевченко Коваленко Бондар Ткачук Кравець Їжак"),
        ("uk", "Ганна Соломія Оксана Леся Наталія Ірина", "Гончаренко Мельник Лисенко Поліщук Щербак"),
        ("bg", "Георги Димитър Николай Стоян Пламен Васил", "Иванов Димитров Стоянов Ангелов Христов Желев"),
        ("bg", "Мария Елена Цветана Радка Йорданка Снежана", "Петрова Николова Колева Тодорова Цанева"),
        ("el", "Γιώργος Νίκος Δημήτρης Θανάσης Ευάγγελος", "Παπαδόπουλος Καραγιάννης Νικολαΐδης Ζαχαράκης"),
        ("el", "Ελένη Αικατερίνη Σοφία Χρυσούλα Ιωάννα", "Αγγελοπούλου Οικονόμου Δημητρίου Φωτίου Ψαρρά"),
    )
]

CYRILLIC = "а=a б=b в=v г=g д=d е=e ж=zh з=z и=y й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh"
CYRILLIC += " ц=ts ч=ch ш=sh щ=shch ъ=a ь= ю=yu я=ya є=ye і=i"
GREEK = (
    "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch ψ=ps ω=o"
)
ASCII = dict(pair.split("=") for pair in words(f"ß=ss '= {CYRILLIC} {GREEK}"))

NOTES = (
    "prefers mornings",
    "VIP",
    "moved here in 2025, old address is not valid",
    'calls herself "Zuzka"',
    'said: "never before 10:00", twice',
    "Vratit volání; ptá se na fakturu č. 2026/114",
    "¿Factura electrónica? Sí, por correo",
    "Дзвонити після 18:00",
    "Να καλέσουμε το απόγευμα",
    "100 % recyclable \\ no paper",
    "=SUM(A1:A3)",
    "🙂 happy customer",
)
LONG_NOTES = (
    'Second floor,\nring at "Office"',
    "call back on Monday\n\nor write",
    "Línea 1\nLínea 2, con coma\nLínea 3",
    "Poznámka:\n- platí převodem\n- chce účet",
)


class Maker:
    """Makes the customers, all from one seed.

    :param seed: the seed
    """

    def __init__(self, seed: int) -> None:
        # Only random() is promised to give the same numbers in every Python: everything is made of it.
        self._random = random.Random(seed).random
        self._phones = self.shuffled(_phones())

    def pick(self, values: list[T] | tuple[T, ...]) -> T:
        return values[int(self._random() * len(values))]

    def shuffled(self, values: Iterator[T]) -> list[T]:
        return sorted(values, key=lambda value: self._random())

    def customers(self) -> list[Customer]:
        """Make all rows, in the order of the file."""
        customers = [self._customer(number) for number in range(1, ROWS - EXPORTED_TWICE + 1)]
        order = self.shuffled(iter(range(len(customers))))

        def spoil(count: int, change: Callable[[Customer], Customer]) -> None:
            # Every oddity gets rows of its own, so that each shows by itself.
            for _ in range(count):
                index = order.pop()
                customers[index] = change(customers[index])

        bad_dates = iter(BAD_DATES)
        spoil(len(BAD_DATES), lambda customer: replace(customer, valid_until=next(bad_dates)))
        spoil(NEITHER, lambda customer: replace(customer, email="", phone=self.pick(("", "", " "))))
        spoil(NO_PHONE, lambda customer: replace(customer, phone=""))
        spoil(NO_MAIL, lambda customer: replace(customer, email=""))
        spoil(NO_DATE, lambda customer: replace(customer, valid_until=""))
        spoil(SURROUNDED_BY_BLANKS, self._surrounded)
        for index in sorted((order.pop() for _ in range(EXPORTED_TWICE)), reverse=True):
            again = replace(customers[index], note=self.pick(("", "exported again", "please merge")))
            if index % 3 == 0:
                again = self._surrounded(again)
            customers.insert(index + 1 + int(self._random() * (len(customers) - index)), again)
        return customers

    def _customer(self, number: int) -> Customer:
        language, given_names, family_names = self.pick(PEOPLE)
        given, family = self.pick(given_names), self.pick(family_names)
        if language == "es":
            family += " " + self.pick(family_names)
        local = f"{_ascii(given)}{self.pick(('.', '_', ''))}{_ascii(family.split()[0])}"
        domain = self.pick(("example.com", "example.org", "example.net"))
        email = f"{local}{self.pick(('', '+news', '.'))}{number}@{domain}"
        valid = date(2027, 6, 30) + timedelta(days=int(self._random() * 900))
        chance = self._random()
        note = self.pick(LONG_NOTES) if chance < 0.04 else self.pick(NOTES) if chance < 0.2 else ""
        return Customer(
            f"C-{number:06}",
            f"{given} {family}",
            email,
            self._phones.pop(),
            language,
            valid.isoformat(),
            note,
        )

    def _surrounded(self, customer: Customer) -> Customer:
        def surround(value: str) -> str:
            return f" {value}{self.pick(('', ' ', '  '))}" if value else value

        return Customer(*map(surround, asdict(customer).values()))


def _ascii(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.lower())
    return "".join(ASCII.get(letter, letter) for letter in letters if not unicodedata.combining(letter))


def _phones() -> Iterator[str]:
    areas = words(
        "201 206 212 213 303 305 312 404 415 503 512 602 612 617 619 702 713 718 808 901 907 916 972"
    )
    for index, area in product(range(100), areas):
        style = ("+1 {}-555-01{:02}", "+1{}55501{:02}", "+1 ({}) 555-01{:02}")[index % 3]
        yield style.format(area, index)
    for index in range(1000):
        style = ("+44 7700 900{:03}", "+447700900{:03}", "0044 7700 900{:03}")[index % 3]
        yield style.format(index)
        yield f"+44 1632 960{index:03}"
        yield f"+44 20 7946 0{index:03}"


def main(path: Path = PATH) -> None:
    """Write the file.

    :param path: where to
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Customer))
        writer.writerows(asdict(customer).values() for customer in Maker(SEED).customers())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
