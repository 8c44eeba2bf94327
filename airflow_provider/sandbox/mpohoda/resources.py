"""The 87 operations: which list has which, and how a path names one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of records.

    :param name: the first part of the path
    :param after: whether its list has key-set paging
    :param creates: whether records are created
    :param pdf: whether a record has a PDF
    :param isdoc: whether a record has an ISDOC file
    :param status: whether a record has a status
    :param payment: whether a record has a payment state, and the list one of what is unpaid
    :param liquidates: the ways in which a record is liquidated
    :param transfer: the path of its transfer
    """

    name: str
    after: bool = True
    creates: bool = False
    pdf: bool = False
    isdoc: bool = False
    status: bool = False
    payment: bool = False
    liquidates: tuple[str, ...] = ()
    transfer: str = ""


RESOURCES = {
    one.name: one
    for one in (
        Resource(
            "IssuedInvoices",
            creates=True,
            pdf=True,
            isdoc=True,
            payment=True,
            liquidates=("Fully", "Partially"),
        ),
        Resource(
            "IssuedAdvanceInvoices", creates=True, pdf=True, isdoc=True, payment=True, liquidates=("Fully",)
        ),
        Resource("IssuedInvoiceCorrectiveTaxDocuments", pdf=True),
        Resource("IssuedOffers", creates=True, pdf=True),
        Resource("IssuedOrders", creates=True, pdf=True, status=True, transfer="ToReceivedInvoice"),
        Resource("ReceivedOrders", creates=True, pdf=True, status=True, transfer="ToIssuedInvoice"),
        Resource("ReceivedInvoices", creates=True, pdf=True),
        Resource("IssueSlips", creates=True, pdf=True),
        Resource("BusinessPartners", creates=True),
        Resource("PriceListItems"),
        Resource("RegistrationNumbers"),
        Resource("SellingPrices"),
        Resource("Activities"),
        Resource("BankAccounts"),
        Resource("CashRegisters"),
        Resource("Centres"),
        Resource("Establishments"),
        Resource("PaymentMethods", creates=True),
        Resource("Banks", after=False),
        Resource("CityPostCodes", after=False),
        Resource("Countries", after=False),
        Resource("Currencies", after=False),
        Resource("ExchangeRates", after=False),
        Resource("PaymentMethodTypes", after=False),
        Resource("Regions", after=False),
        Resource("VatRates", after=False),
    )
}
TARGETS = {"ToReceivedInvoice": "ReceivedInvoices", "ToIssuedInvoice": "IssuedInvoices"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    :param method: the HTTP method
    :param template: the path below ``v1/``, with ``{id}`` for what varies
    :param resource: whose operation it is
    :param part: what it does
    """

    method: str
    template: str
    resource: Resource
    part: str

    @property
    def file(self) -> bool:
        """Whether it gives a file."""
        return self.part in ("pdf", "isdoc")


def _operations() -> list[Operation]:
    found = []
    for one in RESOURCES.values():
        paths = [("GET", "", "list"), ("GET", "/{id}", "detail")]
        paths += [("POST", "", "create")] if one.creates else []
        paths += [("GET", "/{id}/pdf", "pdf")] if one.pdf else []
        paths += [("GET", "/{id}/isdoc", "isdoc")] if one.isdoc else []
        paths += [("GET", "/{id}/status", "status")] if one.status else []
        if one.payment:
            paths += [
                ("GET", "/{id}/RestToPay", "payment"),
                ("GET", "/Unpaid", "unpaid"),
                ("GET", "/Liquidation/{id}", "liquidation"),
            ]
        paths += [("POST", f"/{{id}}/Liquidate/Standalone/{way}", way.lower()) for way in one.liquidates]
        paths += [("POST", f"/{{id}}/Transfer/{one.transfer}/Fully", "transfer")] if one.transfer else []
        found += [Operation(method, one.name + path, one, part) for method, path, part in paths]
    items = RESOURCES["PriceListItems"]
    return [
        *found,
        Operation("GET", "PriceListItems/{id}/RegistrationNumbers", items, "registration_numbers"),
        Operation("POST", "PriceListItems/AvailableQuantities", items, "quantities"),
        Operation("POST", "PriceListItems/SellingPrices", items, "selling_prices"),
    ]


OPERATIONS = _operations()
_ROUTES: dict[tuple[str, ...], dict[str, Operation]] = {}
for _one in OPERATIONS:
    _ROUTES.setdefault(tuple(_one.template.split("/")), {})[_one.method] = _one


def route(path: str) -> tuple[dict[str, Operation], str]:
    """Return the operations of a path by method, none for an unknown path, and the id in it.

    :param path: the path below ``v1/``
    """
    parts = tuple(path.split("/"))
    found: dict[str, Operation] = {}
    id_ = ""
    # What a path names literally goes before what could be an id.
    for place in range(len(parts), 0, -1):
        template = parts if place == len(parts) else (*parts[:place], "{id}", *parts[place + 1 :])
        for method, operation in _ROUTES.get(template, {}).items():
            if method not in found:
                found[method] = operation
                id_ = parts[place] if place < len(parts) else id_
    return found, id_
