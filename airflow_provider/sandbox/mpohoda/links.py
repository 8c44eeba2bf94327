"""The ids in a body that name other records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.wire import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.sandbox.mpohoda.records import Records

Warnings = list[dict[str, str]]

# Where the id in each field is looked for. What PaymentTypeId names is UNKNOWN.
TARGETS: dict[str, tuple[str, ...]] = {
    "ActivityId": ("Activities",),
    "BankAccountId": ("BankAccounts",),
    "CashRegisterId": ("CashRegisters",),
    "CentreId": ("Centres",),
    "CurrencyId": ("Currencies",),
    "PaymentMethodId": ("PaymentMethods",),
    "PaymentMethodTypeId": ("PaymentMethodTypes",),
    "PaymentTypeId": ("PaymentMethods", "PaymentMethodTypes"),
    "PriceListItemId": ("PriceListItems",),
    "PriceListItemVatRateId": ("VatRates",),
    "RegionId": ("Regions",),
    "RegistrationNumberId": ("RegistrationNumbers",),
    "TextItemVatRateId": ("VatRates",),
}
PARTNER = "DocumentAddressWithAddressBookLink"
DELIVERY = "DeliveryAddressWithAddressBookLink"
CODES = {
    PARTNER: "BusinessPartnerDoesNotExistAnyMore",
    DELIVERY: "BusinessPartnerDeliveryAddressDoesNotExistAnyMore",
}


def warning(code: str, message: str) -> dict[str, str]:
    """Return a warning of a created record."""
    return {"Code": code, "Message": message}


def check_links(body: dict[str, Any], records: Records, switch: Callable[[str], Any]) -> Warnings:
    """Look for every record that a body names.

    What is not found is left out of the body where that is no error.

    :param body: a body that fits its table
    :param records: the records
    :param switch: returns the value of one of mPOHODA's switches
    :raises Problem: if one is not found
    """
    how = switch("unknown_link")
    warnings = []
    for place, name, path in list(_links(body, "")):
        link = path.rpartition(".")[0].rpartition(".")[2] if name == "Id" else ""
        if _exists(link, name, place[name], records):
            continue
        text = f"The record that '{path}' names does not exist."
        if how == "422":
            raise Problem(422, "One or more validation errors occurred.", {path: [text]})
        if how in ("404", "400"):
            raise Problem(int(how), text)
        place[name] = None
        if how == "warning":
            warnings.append(warning(CODES.get(link, "Unspecified"), text))
    return warnings


def delivery_address(records: Records, id_: str | None) -> dict[str, Any] | None:
    """Return a delivery address of any partner."""
    for entry in records.tables["BusinessPartners"].entries:
        for address in entry.peek()["DeliveryAddresses"]:
            if id_ and address["Id"] == id_.lower():
                found: dict[str, Any] = address
                return found
    return None


def _links(value: Any, path: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _links(one, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, one in value.items():
            here = f"{path}.{name}" if path else name
            if (name in TARGETS or name == "Id") and isinstance(one, str):
                yield value, name, here
            else:
                yield from _links(one, here)


def _exists(link: str, name: str, id_: str, records: Records) -> bool:
    if name != "Id":
        return any(records.find(resource, id_) for resource in TARGETS[name])
    if link == DELIVERY:
        return delivery_address(records, id_) is not None
    return records.find("BusinessPartners", id_) is not None
