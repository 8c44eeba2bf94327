"""Whole records made from some of their fields, as the control API is sent them."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.money import recapitulation, sums_of_line
from airflow_provider.sandbox.mpohoda.notation import ENUMS
from airflow_provider.sandbox.mpohoda.read_tables import DOCUMENTS, RECORDS
from airflow_provider.sandbox.mpohoda.records import CREATED, DAY, MODIFIED
from airflow_provider.sandbox.mpohoda.wire import exact, read_date

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from airflow_provider.sandbox.mpohoda.notation import Field, Fields

NOBODY = "99999999-9999-4999-8999-999999999999"
NOTHING = "00000000-0000-0000-0000-000000000000"
LINE = {
    "Text": "Consulting {n}",
    "Quantity": 2,
    "Unit": "h",
    "UnitPrice": 1000,
    "VatRateType": "BasicVatRate",
}
# Texts that a reader would stumble over if they were empty.
TEXTS = {
    "DocumentNumber": "S{n}",
    "VariableSymbol": "{n}",
    "Text": "Document {n}",
    "Name": "Name {n}",
    "Code": "C{n}",
    "City": "Jihlava",
    "AccountNumber": "{n}",
    "AccountName": "Account {n}",
}


class Seeds:
    """Complete records.

    :param switch: returns the value of one of mPOHODA's switches
    :param links: gives the id for a field that names another record, or None
    :param vat: gives the percentage and the id of a type's VAT rate on a day
    """

    def __init__(
        self,
        switch: Callable[[str], Any],
        links: Callable[[str], str | None],
        vat: Callable[[str, datetime | None], tuple[Decimal, str | None]],
    ) -> None:
        self.switch = switch
        self.links = links
        self.vat = vat

    def complete(self, resource: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return a whole record, with the marks of a template where nothing was given.

        :param resource: the list
        :param given: the fields that matter; their numbers keep their digits
        """
        given = deepcopy(given)
        if resource in DOCUMENTS:
            given.setdefault("Items", [dict(LINE)])
        record = self._object(RECORDS[resource], given)
        record["Id"] = given.get("Id") or "{id}"
        if resource in DOCUMENTS:
            self._sum_up(record, given)
        return record

    def _object(self, table: Fields, given: dict[str, Any]) -> dict[str, Any]:
        record = {
            name: self._given(field, given[name]) if name in given else self._missing(name, field)
            for name, field in table.items()
        }
        # A name that the table does not have is a test's own wish.
        return record | {name: value for name, value in given.items() if name not in table}

    def _given(self, field: Field, value: Any) -> Any:
        if field.many and isinstance(value, list) and field.fields is not None:
            return [self._of_list(field.fields, number, one) for number, one in enumerate(value)]
        if field.fields is not None and isinstance(value, dict):
            return self._object(field.fields, value)
        # A fraction is kept as it was sent: a test asks for just these digits.
        if field.kind == "date" and isinstance(value, str) and "." not in value and "{" not in value:
            try:
                return read_date(value)
            except ValueError:
                return value
        return value

    def _of_list(self, table: Fields, number: int, one: Any) -> Any:
        if not isinstance(one, dict):
            return one
        record = self._object(table, one)
        if "Id" in table and not one.get("Id"):
            record["Id"] = f"{number + 1:08x}{{tail}}"
        return record

    def _missing(self, name: str, field: Field) -> Any:
        if field.many:
            return []
        if field.nullable and name != "Status":
            return None
        if field.fields is not None:
            return self._object(field.fields, {})
        if field.kind == "guid":
            return NOBODY if name.endswith("By") else self.links(name) or NOTHING
        if field.kind in ENUMS:
            return ENUMS[field.kind][0]
        if field.kind == "date":
            return {"ModifiedDate": MODIFIED, "CreatedDate": CREATED}.get(name, DAY)
        if field.kind == "bool":
            return name in ("IsActive", "IsSynchronizationToPhEnabled", "IsUsedInOtherAgendas", "IsSales")
        if field.kind in ("int", "number"):
            return 1 if name in ("UnitQuantity", "Quantity") else 0
        return TEXTS.get(name, "")

    def _sum_up(self, record: dict[str, Any], given: dict[str, Any]) -> None:
        for line, sent in zip(record["Items"], given["Items"], strict=True):
            day = record.get("TaxDate") or record.get("IssueDate")
            percent, rate = self.vat(line["VatRateType"], day if isinstance(day, datetime) else None)
            line["VatRateId"] = sent.get("VatRateId") or rate or NOTHING
            sums = sums_of_line(line, percent, self.switch)
            for name, value in zip(("PriceWithoutVat", "Vat", "PriceWithVat"), sums, strict=True):
                if name not in sent:
                    line[name] = value
        sums_given = given.get("DocumentRecapitulation") or {}
        record["DocumentRecapitulation"] |= {
            name: value
            for name, value in recapitulation(record["Items"], sums_given, foreign=False).items()
            if name not in sums_given
        }


def total(record: dict[str, Any]) -> Decimal:
    """Return what a document is worth in its own currency."""
    sums = record["DocumentRecapitulation"]
    foreign = sums.get("ForeignCurrencyTotalPrice")
    return exact(sums["TotalPrice"] if foreign is None else foreign)
