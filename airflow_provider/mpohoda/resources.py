"""The lists of mPOHODA, what each of them has, and the paths that lead there.

Source: the vendor's OpenAPI file, 87 operations. The module uses the standard library alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import one_of, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = "v1"

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


PAGINGS = ("auto", "after", "number")

STOCK_KEYS = {"AvailableQuantities": "available_quantities", "SellingPrices": "selling_prices"}
"""What is told of price list items, many at once, and the key of its result."""

LANGUAGES = ("Current", "English")
"""In which a PDF is made: the one of the document, or English."""

ENDINGS = {"pdf": ".pdf", "isdoc": ".isdoc"}
"""The formats of a document's file, and how its name ends."""


class Template(NamedTuple):
    """A method, and a path below the resource's own; braces stand for an id."""

    method: str
    path: str


PARTS = {
    "list": Template("GET", ""),
    "detail": Template("GET", "/{id}"),
    "status": Template("GET", "/{id}/status"),
    "payment": Template("GET", "/{id}/RestToPay"),
    "liquidation": Template("GET", "/Liquidation/{id}"),
    "pdf": Template("GET", "/{id}/pdf"),
    "isdoc": Template("GET", "/{id}/isdoc"),
    "creates": Template("POST", ""),
    "liquidates": Template("POST", "/{DocumentId}/Liquidate/Standalone/Fully"),
    "liquidates_partially": Template("POST", "/{DocumentId}/Liquidate/Standalone/Partially"),
    "transfers_to_received_invoice": Template("POST", "/{id}/Transfer/ToReceivedInvoice/Fully"),
    "transfers_to_issued_invoice": Template("POST", "/{id}/Transfer/ToIssuedInvoice/Fully"),
    "available_quantities": Template("POST", "/AvailableQuantities"),
    "selling_prices": Template("POST", "/SellingPrices"),
}
"""What a resource may have, by name."""


@dataclass(frozen=True)
class Resource:
    """A list of mPOHODA.

    :param name: its name, like ``IssuedInvoices`` or ``IssuedInvoices/Unpaid``
    :param parts: names in :data:`PARTS` of what it has
    :param after: whether its list can be read on from the id of a record
    :param template: its path below ``/v1/``, where that is not its name; braces stand for the parent's id
    """

    name: str
    parts: frozenset[str]
    after: bool = True
    template: str = ""

    @property
    def parent(self) -> bool:
        """Say whether it is the list of one parent, whose id is needed."""
        return "{" in self.template

    @property
    def detail(self) -> bool:
        """Say whether one record can be read."""
        return "detail" in self.parts

    @property
    def status(self) -> bool:
        """Say whether a record's status can be read alone."""
        return "status" in self.parts

    @property
    def payment(self) -> bool:
        """Say whether it can be asked what remains to be paid."""
        return "payment" in self.parts

    @property
    def liquidation(self) -> bool:
        """Say whether a liquidation can be read."""
        return "liquidation" in self.parts

    @property
    def pdf(self) -> bool:
        """Say whether there is a PDF of each record."""
        return "pdf" in self.parts

    @property
    def isdoc(self) -> bool:
        """Say whether there is an ISDOC file of each record."""
        return "isdoc" in self.parts

    @property
    def creates(self) -> bool:
        """Say whether records can be created."""
        return "creates" in self.parts

    @property
    def liquidates(self) -> bool:
        """Say whether a record can be marked as paid."""
        return "liquidates" in self.parts

    @property
    def transfers(self) -> str | None:
        """Return the part by which an order becomes an invoice; None where there is none."""
        return next((part for part in self.parts if part.startswith("transfers_")), None)

    def path(self, part: str = "list", id: Any = None, *, parent_id: Any = None) -> str:
        """Return the path of a part, below the connection's base URL.

        :param part: a name in :data:`PARTS`
        :param id: id of the record, where the part is one of a record
        :param parent_id: id of the parent, where the resource has one
        :raises InvalidInput: the resource has no such part, or an id is missing, too many, or none
        """
        self.check(part)
        if self.parent != (parent_id is not None):
            needs = "is the list of one parent" if self.parent else "belongs to no parent"
            raise InvalidInput(
                f'"{self.name}" {needs}.',
                field="parent_id",
                remedy=f"{'Give' if self.parent else 'Leave out'} parent_id.",
            )
        path = self._template(part)
        if parent_id is not None:
            path = re.sub(r"\{PriceListItemId\}", guid("parent_id", parent_id), path)
        return re.sub(r"\{\w+\}", lambda _: guid("id", id), path)

    def check(self, part: str) -> None:
        """Make sure that it has a part.

        :param part: a name in :data:`PARTS`
        :raises InvalidInput: it has none of this name
        """
        if part not in self.parts:
            have = ", ".join(name for name, one in RESOURCES.items() if part in one.parts)
            raise InvalidInput(
                f'"{self.name}" has no {part.replace("_", " ")}.',
                field="resource",
                remedy=f"These have: {have}.",
            )

    def operations(self) -> Iterator[tuple[str, str]]:
        """Yield method and path of each operation as the vendor's documentation writes them."""
        for part, (method, _) in PARTS.items():
            if part in self.parts:
                yield method, f"/{self._template(part)}"

    def _template(self, part: str) -> str:
        return f"{VERSION}/{self.template or self.name}{PARTS[part].path}"


def _resource(
    name: str, *parts: str, after: bool = True, detail: bool = True, template: str = ""
) -> Resource:
    own = ("list", *parts, *(["detail"] if detail else []))
    return Resource(name, frozenset(own), after, template)


_PAYMENTS = ("payment", "liquidation", "liquidates")

RESOURCES = {
    resource.name: resource
    for resource in (
        _resource("IssuedInvoices", "pdf", "isdoc", "creates", "liquidates_partially", *_PAYMENTS),
        _resource("IssuedInvoices/Unpaid", detail=False),
        _resource("IssuedAdvanceInvoices", "pdf", "isdoc", "creates", *_PAYMENTS),
        _resource("IssuedAdvanceInvoices/Unpaid", detail=False),
        _resource("IssuedInvoiceCorrectiveTaxDocuments", "pdf"),
        _resource("IssuedOffers", "pdf", "creates"),
        _resource("IssuedOrders", "pdf", "creates", "status", "transfers_to_received_invoice"),
        _resource("ReceivedOrders", "pdf", "creates", "status", "transfers_to_issued_invoice"),
        _resource("ReceivedInvoices", "pdf", "creates"),
        _resource("IssueSlips", "pdf", "creates"),
        _resource("BusinessPartners", "creates"),
        _resource("PriceListItems", "available_quantities", "selling_prices"),
        _resource(
            "PriceListItems/RegistrationNumbers",
            detail=False,
            template="PriceListItems/{PriceListItemId}/RegistrationNumbers",
        ),
        _resource("RegistrationNumbers"),
        _resource("SellingPrices"),
        _resource("Activities"),
        _resource("BankAccounts"),
        _resource("CashRegisters"),
        _resource("Centres"),
        _resource("Establishments"),
        _resource("PaymentMethods", "creates"),
        _resource("Banks", after=False),
        _resource("CityPostCodes", after=False),
        _resource("Countries", after=False),
        _resource("Currencies", after=False),
        _resource("ExchangeRates", after=False),
        _resource("PaymentMethodTypes", after=False),
        _resource("Regions", after=False),
        _resource("VatRates", after=False),
    )
}
"""The 29 lists by name."""


def resource(name: str | Resource) -> Resource:
    """Return a resource by its name; capitals make no difference.

    :param name: the name, or the resource itself
    :raises InvalidInput: there is none of this name
    """
    if isinstance(name, Resource):
        return name
    if isinstance(name, str):
        wanted = name.strip().strip("/").casefold()
        found = next((one for own, one in RESOURCES.items() if own.casefold() == wanted), None)
        if found is not None:
            return found
    raise InvalidInput(
        f"mPOHODA has no list of this name; it is {shape(name)}.",
        field="resource",
        remedy=f"Write one of {', '.join(RESOURCES)}.",
    )


def guid(name: str, value: Any) -> str:
    """Return an id as a path and a comparison need it: in lower case.

    :param name: what the id is called, for the error
    :param value: the id, a text or a :class:`~uuid.UUID`
    :raises InvalidInput: it is none
    """
    text = str(value).strip().lower()
    if GUID.fullmatch(text):
        return text
    raise InvalidInput(
        f'"{name}" must be an id like 11111111-2222-4333-8444-555555555555; it is {shape(value)}.', field=name
    )


def pages_by_id(one: Resource, paging: str, *, changes: bool = False) -> bool:
    """Say whether a list is read on from the id of its last record.

    :param one: the list
    :param paging: ``auto``, ``after`` or ``number``
    :param changes: whether only what has changed is asked for. It is not known whether ``After`` may be used
        with ``ModifiedSince``, and the vendor's own samples count pages there
    :raises InvalidInput: the list cannot be read so
    """
    one_of("paging", paging, PAGINGS)
    if paging == "after" and not one.after:
        raise InvalidInput(
            f'"{one.name}" cannot be read on from a record.',
            field="paging",
            remedy='Use paging="number" or "auto".',
        )
    return one.after and (paging == "after" or (paging == "auto" and not changes))
