"""The simulated company: its records, code lists and what is looked up in them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda import codelists
from airflow_provider.sandbox.mpohoda.money import Rate
from airflow_provider.sandbox.mpohoda.records import Records, filled
from airflow_provider.sandbox.mpohoda.seeds import Seeds
from airflow_provider.sandbox.mpohoda.wire import exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.mpohoda.records import Entry, Record

# The code lists are older than anything that is read since a moment.
SEEDED = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
PRIMARY = {
    "CurrencyId": "Currencies",
    "PaymentMethodId": "PaymentMethods",
    "PriceListItemId": "PriceListItems",
}


class Company:
    """Records, and look-ups among them.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any]) -> None:
        self.clock = clock
        self.switch = switch
        self.records = Records()
        self.seeds = Seeds(switch, self._link, self.vat)
        self.country = ""
        self.numbers: dict[str, int] = {}
        for resource, several in codelists.COMMON.items():
            self._seed(resource, several)
        self._seed("Banks", codelists.banks(self.by_code("Countries", "CZ").id))
        types = {entry.peek()["Code"]: entry.id for entry in self._entries("PaymentMethodTypes")}
        self.country = self.switch("country")
        for resource, several in codelists.own(self.home, types).items():
            self._seed(resource, several)
        self._seed_of_country()

    @property
    def home(self) -> str:
        """The id of the home currency."""
        return self.by_code("Currencies", codelists.HOME[self.switch("country")]).id

    def switched(self) -> None:
        """Take another country's VAT and exchange rates where the country has changed."""
        if self.country != self.switch("country"):
            self.country = self.switch("country")
            for resource in ("VatRates", "ExchangeRates"):
                self.records.tables[resource].remove(list(self._entries(resource)))
            self._seed_of_country()

    def now(self) -> datetime:
        """Return the time."""
        return self.clock.now()

    def today(self) -> datetime:
        """Return the day as documents have it."""
        return self.now().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)

    def by_code(self, resource: str, code: str) -> Entry:
        """Return the record of a code list that has a code."""
        return next(entry for entry in self._entries(resource) if entry.peek()["Code"] == code)

    def first(self, resource: str) -> str | None:
        """Return the id of the first record of a list; None without any."""
        return next((entry.id for entry in self._entries(resource)), None)

    def rate_of_vat(self, kind: str, day: datetime | None = None) -> Entry | None:
        """Return the VAT rate of a type that is valid on a day.

        :param kind: the type
        :param day: the day; None: today
        """
        wanted = (day or self.today()).replace(tzinfo=None)
        for entry in self._entries("VatRates"):
            rate = entry.record
            start, end = rate["ValidFrom"], rate["ValidTo"]
            if (
                rate["VatRateType"] == kind
                and (start is None or start <= wanted)
                and (end is None or wanted.date() <= end.date())
            ):
                return entry
        return None

    def vat(self, kind: str, day: datetime | None = None) -> tuple[Decimal, str | None]:
        """Return the percentage and the id of a type's VAT rate; 0 and None where the country has none.

        :param kind: the type
        :param day: the day; None: today
        """
        entry = self.rate_of_vat(kind, day)
        return (exact(entry.record["VatPercent"]), entry.id) if entry else (Decimal(0), None)

    def exchange_rate(self, currency: str) -> Rate | None:
        """Return the newest exchange rate of a currency."""
        for entry in reversed(self._entries("ExchangeRates")):
            for rate in entry.record["ExchangeRates"]:
                if rate["CurrencyId"] == currency.lower():
                    return Rate(exact(rate["Rate"]), int(rate["Quantity"]))
        return None

    def make(self, resource: str, given: Record, seconds: float, modified: float | None = None) -> Entry:
        """Keep a record made from some of its fields.

        :param resource: the list
        :param given: the fields that matter
        :param seconds: when it was created, in seconds since 1970
        :param modified: when it was changed; None: when it was created
        """
        return self.keep(resource, self.seeds.complete(resource, given), seconds, modified)

    def keep(self, resource: str, record: Record, seconds: float, modified: float | None = None) -> Entry:
        """Keep a whole record that may have the marks of a template."""
        if record["Id"] == "{id}":
            record["Id"] = self.records.new_id()
        entry = self.records.make(resource, record, seconds, modified)
        entry.fields = filled(record, entry)
        return entry

    def _seed(self, resource: str, several: list[dict[str, Any]]) -> None:
        for given in several:
            self.make(resource, given, SEEDED)

    def _seed_of_country(self) -> None:
        for rate in codelists.vat_rates(self.country):
            numbers = {name: Decimal(rate[name]) for name in ("VatPercent", "VatCoefficient")}
            self.make("VatRates", {**rate, **numbers}, SEEDED)
        rates = [
            {"CurrencyId": self.by_code("Currencies", code).id, "Rate": Decimal(rate), "Quantity": quantity}
            for code, rate, quantity in codelists.exchange_rates(self.country)
        ]
        self.make("ExchangeRates", {"Date": "2026-01-02", "ExchangeRates": rates}, SEEDED)

    def _entries(self, resource: str) -> list[Entry]:
        return self.records.tables[resource].entries

    def _link(self, name: str) -> str | None:
        if name == "CurrencyId":
            return self.home
        return self.first(PRIMARY[name]) if name in PRIMARY else None
