"""The short notation in which the tables of fields are written, and what it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

SLOVAK = "sk"
CZECH = "cz"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object.

    :param kind: ``text``, ``guid``, ``date``, ``bool``, ``int``, ``number``, ``object`` or an enum's name
    :param required: whether a request must have it
    :param nullable: whether it may be null
    :param most: the longest text accepted; None for any
    :param low: the lowest number accepted; None for any
    :param high: the highest number accepted; None for any
    :param above: whether a number must be more than ``low``
    :param not_zero: whether 0 counts as empty
    :param many: whether it is a list of that
    :param filled: whether an empty text or list is refused
    :param fields: of an object, its fields
    """

    kind: str = "text"
    required: bool = False
    nullable: bool = False
    most: int | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    above: bool = False
    not_zero: bool = False
    many: bool = False
    filled: bool = False
    fields: Fields | None = None


Fields = dict[str, Field]

# Kinds that are numbers with a range of their own: kind, lowest, highest, whether above the lowest, not 0.
RANGES: dict[str, dict[str, Any]] = {
    "days": {"kind": "int", "low": Decimal(0), "high": Decimal(2000)},
    "ticket": {"kind": "number", "low": Decimal(0), "high": Decimal(1000), "above": True},
    "amount": {"kind": "number", "not_zero": True},
}
ENUMS: dict[str, tuple[str, ...]] = {
    "PriceVatType": ("WithoutVat", "WithVat", "ReverseCharge"),
    "VatRateType": ("ZeroVatRate", "BasicVatRate", "FirstReducedVatRate", "SecondReducedVatRate"),
    "OrderStatus": ("Unfinished", "PartiallyFinished", "Finished", "PermanentDocument"),
    "OfferStatus": (
        "Unfinished",
        "PartiallyFinished",
        "Finished",
        "PermanentDocument",
        "SentForApproval",
        "Rejected",
    ),
    "SlipStatus": ("Unfinished", "PartiallyFinished", "Finished"),
    "VatRounding": ("None", "NoneEveryRate"),
    "Rounding": (
        "None",
        "MathToOne",
        "MathToHalf",
        "MathToTenth",
        "UpToOne",
        "UpToHalf",
        "UpToTenth",
        "DownToOne",
        "DownToHalf",
        "DownToTenth",
        "MathFiveCent",
    ),
    "PriceListItemType": ("Card", "Text", "Service", "Complete", "Product", "Suite"),
    "RegistrationNumberType": ("None", "SerialNumber", "Batch"),
    "SellingPriceType": ("BasicPrice", "SecondaryPrice", "Discount"),
    "SellingPriceValidity": ("Permanent", "TimeLimited", "Suspended"),
    "VariableSymbolSource": ("DocumentNumber", "BusinessPartnerNumber", "BusinessPartnerContractNumber"),
    "PdfLanguage": ("Current", "English"),
}
# Members that only one country has.
COUNTRY_MEMBERS = {("PriceVatType", "ReverseCharge"): CZECH} | {
    ("Rounding", member): SLOVAK
    for member in ENUMS["Rounding"]
    if member.endswith(("Half", "Tenth")) or member == "MathFiveCent"
}
_WORD = re.compile(r"(\w+)([?*]*)(?:<(\d+))?(?::(\w+))?")


def fields(text: str, **objects: Field) -> Fields:
    """Read a table of fields.

    ``City*`` is required and not empty, ``Note?<64`` may be null and has at most 64 characters, and a kind
    follows a colon. Without one, a name that ends in ``Id`` is a guid, one that ends in ``Date`` a date, and
    anything else a text.

    :param text: the fields, separated by blanks
    :param objects: fields that are objects or lists
    :return: the fields by name
    """
    table: Fields = {}
    for word in text.split():
        found = _WORD.fullmatch(word)
        if found is None:
            raise ValueError(f"{word!r} is not a field")
        name, marks, most, kind = found.groups()
        options = RANGES.get(kind or "", {"kind": kind or _kind(name)})
        required = "*" in marks
        table[name] = Field(
            required=required,
            nullable="?" in marks,
            most=int(most) if most else None,
            filled=required,
            **options,
        )
    return table | objects


def obj(table: Fields, *, required: bool = False, nullable: bool = False) -> Field:
    """Return a field that is an object."""
    return Field("object", required=required, nullable=nullable, fields=table)


def many(table: Fields, *, required: bool = False, nullable: bool = False) -> Field:
    """Return a field that is a list of objects; a required one must not be empty."""
    return Field("object", required=required, nullable=nullable, many=True, filled=required, fields=table)


def only(country: str, enum: str) -> tuple[str, ...]:
    """Return the members that an enum has in a country."""
    return tuple(member for member in ENUMS[enum] if COUNTRY_MEMBERS.get((enum, member), country) == country)


def _kind(name: str) -> str:
    if name.endswith("Id"):
        return "guid"
    return "date" if name.endswith("Date") else "text"
