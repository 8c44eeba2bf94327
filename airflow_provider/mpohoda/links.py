"""Fields that name a record of another list, and how people name it instead: by its name, code or number.

The module uses the standard library alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda.tables import READ
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTNERS = "BusinessPartners"

LINKS = {
    "ActivityId": "Activities",
    "BankAccountId": "BankAccounts",
    "CashRegisterId": "CashRegisters",
    "CentreId": "Centres",
    "CurrencyId": "Currencies",
    "PaymentMethodId": "PaymentMethods",
    "PaymentMethodTypeId": "PaymentMethodTypes",
    "PriceListItemId": "PriceListItems",
    "PriceListItemVatRateId": "VatRates",
    "RegionId": "Regions",
    "RegistrationNumberId": "RegistrationNumbers",
    "TextItemVatRateId": "VatRates",
    "DocumentAddressWithAddressBookLink.Id": PARTNERS,
}
"""The list that has the ids of a field, by the last part of its name. Of ``PaymentTypeId`` the vendor does
not say which list has them, and ids of delivery addresses are in no list of their own."""


def list_of(field: str) -> str | None:
    """Return the list that has the ids of a field; None where it is not known, or the field takes no id.

    :param field: the field; dots lead into objects and lists
    """
    return next((found for end, found in LINKS.items() if f".{field}".endswith(f".{end}")), None)


def checked_resolve(resolve: Any) -> dict[str, str]:
    """Return what ``resolve`` says, if it can be done.

    :param resolve: what the Dag author has given
    :raises InvalidInput: a field takes no id of a known list, or that list has no such field
    """
    if not isinstance(resolve, dict):
        raise InvalidInput(
            f'"resolve" must be a dict like {{"CurrencyId": "Code"}}; it is {shape(resolve)}.',
            field="resolve",
        )
    for field, by in resolve.items():
        listing = list_of(field) if isinstance(field, str) else None
        if listing is None:
            raise InvalidInput(
                f'"resolve" names {field!r}, whose ids are in no list that is known.'
                if isinstance(field, str)
                else f'"resolve" must have names of fields as keys; one is {shape(field)}.',
                field="resolve",
                remedy=f"These can be resolved: {', '.join(LINKS)}.",
            )
        check_field("resolve", listing, by)
    return dict(resolve)


def check_field(option: str, listing: str, by: Any) -> None:
    """Make sure that records of a list can be told by a field.

    :param option: what the field is for
    :param listing: name of the list
    :param by: the field; dots lead into objects
    :raises InvalidInput: the list's answers do not have it as a text that people write
    """
    texts = [name for name in _texts(READ[listing]) if not name.endswith(("Id", "Date", "By"))]
    if by not in texts:
        raise InvalidInput(
            f'"{option}" names {by!r}, which the answers of {listing} do not have as a text.'
            if isinstance(by, str)
            else f'"{option}" must have names of fields; one is {shape(by)}.',
            field=option,
            remedy=f"They have {', '.join(texts)}.",
        )


def _texts(schema: Mapping[str, Any], above: str = "") -> list[str]:
    found = []
    for name, kind in schema.items():
        if kind == "text":
            found.append(f"{above}{name}")
        elif isinstance(kind, dict) and name != "ModificationInfo":
            found += _texts(kind, f"{above}{name}.")
    return found


def value_of(record: Mapping[str, Any], field: str) -> Any:
    """Return a value of a record of a list.

    :param record: the record
    :param field: the field; dots lead into objects
    """
    found: Any = record
    for part in field.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def values_of(record: Mapping[str, Any], fields: Sequence[str]) -> list[Any]:
    """Return several values of a record of a list.

    :param record: the record
    :param fields: the fields
    """
    return [value_of(record, field) for field in fields]
