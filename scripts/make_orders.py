"""Write ``dags_examples/data/orders.csv``: 300 invented orders of a shop, a row for each of their lines.

``python scripts/make_orders.py [PATH]`` gives the same bytes each time and on every Python. The companies and
people do not exist, and their numbers (IČO) can be nobody's: the check digit is wrong in all of them. Mail
addresses end with the domains that are reserved for examples.
"""

from __future__ import annotations

import csv
import random
import sys
import unicodedata
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

PATH = Path(__file__).resolve().parents[1] / "dags_examples" / "data" / "orders.csv"
SEED = 20261126

ORDERS = 300
MOST_LINES = 5
ADDED_LATER = 12
"""Orders whose last line stands at the end of the file, as somebody added it later."""

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """One row; the fields are the columns."""

    order_number: str
    order_date: str
    due_date: str
    company: str
    ico: str
    street: str
    post_code: str
    city: str
    email: str
    item: str
    quantity: str
    unit: str
    unit_price: str
    discount: str


NAMES = (
    "Ďatelinka",
    "Čučoriedka",
    "Žltý Mlyn",
    "Šípková Ruža",
    "Tichý Potok",
    "Kvetinový Vŕšok",
    "Ľanové Plátno",
    "Žabí Prameň",
    "Řepkový Květ",
    "Modrý Ťuhýk",
    "Staré Kolo",
    "Větrná Hůrka",
    "Kamenný Džbán",
    "Pšeničné Pole",
    "Ořechová Stráň",
    "Úsvit nad Řekou",
)
FORMS = ("s.r.o.", "spol. s r.o.", "a.s.", "s. r. o.")
PEOPLE = (
    "Ľubica Vymyslená",
    "Štefan Neznámy",
    "Růžena Smyšlená",
    "Vojtěch Nikdo",
    "Žofia Snová",
    "Jiří Prázdný",
)
STREETS = (
    "Vymyslená",
    "K Nikam",
    "Pri Mlyne",
    "Za Humny",
    "Rozprávková",
    "Pohádková",
    "Dlhá Lúka",
    "Pod Lípou",
)
PLACES = (
    ("811 01", "Bratislava"),
    ("040 01", "Košice"),
    ("010 01", "Žilina"),
    ("974 01", "Banská Bystrica"),
    ("586 01", "Jihlava"),
    ("602 00", "Brno"),
    ("301 00", "Plzeň"),
    ("460 01", "Liberec"),
)
ITEMS = (
    ("Medovník, veľký", "ks", 1290),
    ("Čučoriedkový džem 250 g", "ks", 445),
    ("Káva zrnková", "kg", 1899),
    ("Ľanová utierka", "ks", 690),
    ("Doprava kuriérom", "", 390),
    ("Sviečka zo včelieho vosku", "ks", 825),
    ("Bylinkový čaj, sypaný", "kg", 3150),
    ("Darčekové balenie „Vianoce“", "ks", 250),
    ("Konzultace po telefonu", "hod", 2400),
    ("Stužka, červená", "m", 119),
)


class Maker:
    """Makes the lines, all from one seed.

    :param seed: the seed
    """

    def __init__(self, seed: int) -> None:
        # Only random() is promised to give the same numbers in every Python: everything is made of it.
        self._random = random.Random(seed).random

    def pick(self, values: tuple[T, ...] | list[T]) -> T:
        return values[int(self._random() * len(values))]

    def lines(self) -> list[Line]:
        """Make all rows, in the order of the file."""
        orders = [self._order(number) for number in range(1, ORDERS + 1)]
        long = [order for order in orders if len(order) > 1]
        later = []
        for _ in range(ADDED_LATER):
            order = long.pop(int(self._random() * len(long)))
            later.append(order.pop())
        return [*(line for order in orders for line in order), *later]

    def _order(self, number: int) -> list[Line]:
        day = date(2026, 11, 1) + timedelta(days=int(self._random() * 25))
        postcode, city = self.pick(PLACES)
        company = self._random() < 0.7
        name = f"{self.pick(NAMES)}, {self.pick(FORMS)}" if company else self.pick(PEOPLE)
        head = {
            "order_number": f"2026{number:05}",
            "order_date": day.isoformat(),
            "due_date": (day + timedelta(days=14)).isoformat(),
            "company": name,
            "ico": self._nobodys_ico() if company else "",
            "street": f"{self.pick(STREETS)} {1 + int(self._random() * 99)}",
            "post_code": postcode,
            "city": city,
            "email": f"{_ascii(name)}@example.{self.pick(('com', 'org', 'net'))}",
        }
        return [self._line(head) for _ in range(1 + int(self._random() * MOST_LINES))]

    def _nobodys_ico(self) -> str:
        digits = f"{int(self._random() * 10_000_000):07}"
        right = (11 - sum(int(digit) * (8 - place) for place, digit in enumerate(digits)) % 11) % 10
        return f"{digits}{(right + 1) % 10}"

    def _line(self, head: dict[str, str]) -> Line:
        item, unit, cents = self.pick(ITEMS)
        cents += int(self._random() * 40) * 5
        # Pieces are whole; what is weighed or measured has up to four decimals.
        quantity = f"{1 + int(self._random() * 9)}"
        if unit in ("kg", "m", "hod"):
            quantity = f"{int(self._random() * 4)}.{1 + int(self._random() * 9998):04}".rstrip("0")
        discount = self.pick(("", "", "", "", "5", "10", "12.5"))
        return Line(
            **head,
            item=item,
            quantity=quantity,
            unit=unit,
            unit_price=f"{cents / 100:.2f}",
            discount=discount,
        )


def _ascii(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.partition(",")[0].lower().replace(" ", "."))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def main(path: Path = PATH) -> None:
    """Write the file.

    :param path: where to
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(Line))
        writer.writerows(asdict(line).values() for line in Maker(SEED).lines())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
