"""What a request to mPOHODA may be like, written from the text of the vendor's OpenAPI file.

Nothing here comes from the package: its models and tables may be wrong in a way that these are not. The
notation: ``#`` a number, ``%`` a whole number, ``!`` true or false, ``@`` an id, ``^`` a date, nothing a text; a
``?`` after it says that null is allowed, and ``*`` that the field is required.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

Fields = dict[str, Any]

TOKEN = "connect/token"
GUID = re.compile(r"[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
ZONED = re.compile(r".*(Z|[+-]\d\d:\d\d)")
KINDS = {"#": "number", "%": "whole", "!": "bool", "@": "guid", "^": "date"}


class Enum:
    """Texts of which a value is one; some are of one country alone."""

    def __init__(self, both: str, cz: str = "", sk: str = "") -> None:
        self.members = {"cz": {*both.split(), *cz.split()}, "sk": {*both.split(), *sk.split()}}


PRICE_VAT = Enum("WithoutVat WithVat", cz="ReverseCharge")
VAT_RATE = Enum("ZeroVatRate BasicVatRate FirstReducedVatRate SecondReducedVatRate")
ORDER = Enum("Unfinished PartiallyFinished Finished PermanentDocument")
OFFER = Enum("Unfinished PartiallyFinished Finished PermanentDocument SentForApproval Rejected")
SLIP = Enum("Unfinished PartiallyFinished Finished")
VAT_ROUNDING = Enum("None NoneEveryRate")
ROUNDING = Enum(
    "None MathToOne UpToOne DownToOne",
    sk="MathToHalf MathToTenth UpToHalf UpToTenth DownToHalf DownToTenth MathFiveCent",
)
SYMBOL_SOURCE = Enum("DocumentNumber BusinessPartnerNumber BusinessPartnerContractNumber")


class Field:
    """A field of a body."""

    def __init__(self, kind: Any, *, null: bool = False, needed: bool = False, most: int = 0) -> None:
        self.kind = kind
        self.null = null
        self.needed = needed
        self.most = most


def fields(text: str, **others: Field) -> Fields:
    found: Fields = {}
    for word in text.split():
        match = re.fullmatch(r"(\w+)([#%!@^]?)(\??)(\*?)", word)
        assert match is not None, word
        name, kind, null, needed = match.groups()
        found[name] = Field(KINDS.get(kind, "text"), null=bool(null), needed=bool(needed))
    return {**found, **others}


CONTACT = "CompanyName? Name? Division? Street? PostCode? City? Country? Email? PhoneNumber?"
LINK = fields("Id@*")
FREE = fields(f"IdentificationNumber? TaxIdentificationNumber? {CONTACT} MobilePhoneNumber? FaxNumber?")
DELIVERY = fields(
    "",
    DeliveryAddressWithAddressBookLink=Field(LINK, null=True),
    DeliveryAddressWithoutAddressBookLink=Field(fields(CONTACT), null=True),
)
ADDRESS = fields(
    "",
    DocumentAddressWithAddressBookLink=Field(LINK, null=True),
    DocumentAddressWithoutAddressBookLink=Field(FREE),
)
DELIVERED = {**ADDRESS, "DeliveryAddress": Field(DELIVERY, null=True)}
# What a text item leaves out is probably 0, and without VAT: a careful client leaves out none of the three.
TEXT_ITEM = fields(
    "Code? Text? Quantity#* UnitPrice#* Unit? DiscountPercentage# Note? CentreId@? ActivityId@?",
    UnitPriceVatType=Field(PRICE_VAT, needed=True),
    VatRateType=Field(VAT_RATE, null=True),
)
LIST_ITEM = fields(
    "PriceListItemId@* Quantity#? UnitPrice#? DiscountPercentage#? RegistrationNumberId@? "
    "RegistrationNumberName? Note? CentreId@? ActivityId@?",
    UnitPriceVatType=Field(PRICE_VAT, null=True),
    VatRateType=Field(VAT_RATE, null=True),
)
LINE = fields("", TextItem=Field(TEXT_ITEM), PriceListItem=Field(LIST_ITEM))
EITHER = (
    {"TextItem", "PriceListItem"},
    {"DocumentAddressWithAddressBookLink", "DocumentAddressWithoutAddressBookLink"},
    {"DeliveryAddressWithAddressBookLink", "DeliveryAddressWithoutAddressBookLink"},
)


def words(text: str) -> set[str]:
    return set(text.split())


def document(own: str, *, address: Fields = DELIVERED, needed: bool = False, **others: Field) -> Fields:
    return fields(
        "Text? IssueDate^? CurrencyId@? ExchangeRate#? ExchangeRateQuantity%? ContractNumber? CentreId@? ActivityId@? "
        f"Note? InternalNote? IsSynchronizationToPhEnabled!? {own}",
        Items=Field([LINE], needed=True),
        BusinessPartnerAddress=Field(address, needed=needed),
        VatRounding=Field(VAT_ROUNDING, null=True),
        Rounding=Field(ROUNDING, null=True),
        **others,
    )


PAID = "DueDate^? VariableSymbol? OrderNumber? OrderDate^? PaymentMethodId@? CashRegisterId@?"
SUPPLIER = fields("BankAccountNumber? BankCode? MessageForRecipient? DocumentNumber?")

CREATES: dict[str, Fields] = {
    "IssuedInvoices": document(f"SellingPriceCode? BankAccountId@? TaxDate^? {PAID}"),
    "ReceivedInvoices": document(
        f"TaxDate^? {PAID}", address=ADDRESS, SupplierInfo=Field(SUPPLIER, null=True)
    ),
    "IssuedAdvanceInvoices": document(f"SellingPriceCode? BankAccountId@? {PAID}"),
    "IssuedOffers": document(
        "ValidTo^? DetailText? DetailTextInEnglish? SellingPriceCode?", Status=Field(OFFER, null=True)
    ),
    "IssuedOrders": document(
        "RequiredDeliveryDate^? ActualDeliveryDate^? PaymentMethodId@?",
        address=ADDRESS,
        needed=True,
        Status=Field(ORDER, null=True),
    ),
    "ReceivedOrders": document(
        "ExecuteFromDate^? ExecuteToDate^? SellingPriceCode? PaymentMethodId@?",
        needed=True,
        Status=Field(ORDER, null=True),
    ),
    "IssueSlips": document(
        "OrderNumber? OrderDate^? PaymentMethodId@? SellingPriceCode?", Status=Field(SLIP, null=True)
    ),
    "BusinessPartners": fields(
        "City* TaxIdentificationNumber? CompanyName? Name? Street? Division? Country? Email? PhoneNumber? "
        "MobilePhoneNumber? FaxNumber? Web? Note? InternalNote? RegionId@?",
        IdentificationNumber=Field("text", null=True, most=15),
        PostCode=Field("text", null=True, most=15),
        BusinessDetails=Field(
            fields(
                "Number? Contract? DuePeriod%? DuePeriodForLiabilities%? IsCustomer! IsSupplier! PaymentTypeId@? Message? "
                "CentreId@? ActivityId@? TextItemVatRateId@? PriceListItemVatRateId@?",
                DocumentVariableSymbolSource=Field(SYMBOL_SOURCE),
            ),
            null=True,
        ),
        DeliveryAddresses=Field([fields(f"{CONTACT} IsDefault!")]),
    ),
    "PaymentMethods": fields(
        "PaymentMethodTypeId@? IsUsedInSaleVoucher! IsUsedInOtherAgendas! CurrencyId@? TicketValue#?",
        Name=Field("text", needed=True, most=32),
        Description=Field("text", null=True, most=255),
        AdditionalTextForPrint=Field("text", null=True, most=60),
        AdditionalEnglishTextForPrint=Field("text", null=True, most=60),
    ),
}
FULLY = fields("Date^?", Note=Field("text", null=True, most=64))
PARTIALLY = fields("DocumentCurrencyAmount#* HomeCurrencyAmount#? Date^? Note?")
IDS = fields("", Ids=Field(["guid"], needed=True))
RANGES = {"DuePeriod": (0, 2000), "DuePeriodForLiabilities": (0, 2000), "TicketValue": (0, 1000)}

AFTER = words(
    "Activities BankAccounts BusinessPartners CashRegisters Centres Establishments IssuedAdvanceInvoices "
    "IssuedAdvanceInvoices/Unpaid IssuedInvoiceCorrectiveTaxDocuments IssuedInvoices IssuedInvoices/Unpaid "
    "IssuedOffers IssuedOrders IssueSlips PaymentMethods PriceListItems "
    "PriceListItems/{id}/RegistrationNumbers "
    "ReceivedInvoices ReceivedOrders RegistrationNumbers SellingPrices"
)
LISTS = AFTER | words(
    "Banks CityPostCodes Countries Currencies ExchangeRates PaymentMethodTypes Regions VatRates"
)
NO_DETAIL = {name for name in LISTS if "/" in name}
OF_ONE = {f"{name}/{{id}}" for name in LISTS - NO_DETAIL} | {
    "IssuedOrders/{id}/status",
    "ReceivedOrders/{id}/status",
    *(
        f"{name}/{rest}"
        for name in ("IssuedInvoices", "IssuedAdvanceInvoices")
        for rest in ("{id}/isdoc", "{id}/RestToPay", "Liquidation/{id}")
    ),
}
PDF = {
    f"{name}/{{id}}/pdf"
    for name in words(
        "IssuedInvoices IssuedAdvanceInvoices IssuedInvoiceCorrectiveTaxDocuments IssuedOffers IssuedOrders ReceivedOrders "
        "ReceivedInvoices IssueSlips"
    )
}
POSTS: dict[str, Fields] = {
    **CREATES,
    "IssuedInvoices/{id}/Liquidate/Standalone/Fully": FULLY,
    "IssuedInvoices/{id}/Liquidate/Standalone/Partially": PARTIALLY,
    "IssuedAdvanceInvoices/{id}/Liquidate/Standalone/Fully": FULLY,
    "IssuedOrders/{id}/Transfer/ToReceivedInvoice/Fully": {},
    "ReceivedOrders/{id}/Transfer/ToIssuedInvoice/Fully": {},
    "PriceListItems/AvailableQuantities": IDS,
    "PriceListItems/SellingPrices": IDS,
}


def faults(request: Mapping[str, Any], country: str = "cz") -> list[str]:
    """Return what is wrong with a request.

    :param request: an entry of the sandbox's journal
    :param country: the country of the connection
    """
    path = request["path"].removeprefix("v1/")
    place = re.sub(GUID, "{id}", path)
    found = [*_credentials(request["headers"])]
    if request["method"] == "POST":
        if place not in POSTS:
            return [*found, f"POST {path} is no operation"]
        if not isinstance(request["json"], dict):
            return [*found, f"POST {path} has no object as its body"]
        if request["query"]:
            found.append(f"POST {path} has a query")
        return [*found, *_object(POSTS[place], request["json"], path, country)]
    if request["method"] != "GET":
        return [*found, f"{request['method']} is no method of the API"]
    return [*found, *_get(place, request["query"])]


def _credentials(headers: Mapping[str, str]) -> Iterator[str]:
    names = {name.lower(): value for name, value in headers.items()}
    if ("api-key" in names) == ("authorization" in names):
        yield "it has not exactly one of Api-Key and Authorization"
    if "authorization" in names and not names["authorization"].startswith("Bearer "):
        yield "Authorization has no Bearer token"


def _get(place: str, query: Mapping[str, str]) -> Iterator[str]:
    allowed: set[str] = set()
    if place in LISTS:
        allowed = {"PageSize", "PageNumber", "ModifiedSince", *({"After"} if place in AFTER else ())}
        for name in ("PageSize", "PageNumber"):
            if not re.fullmatch(r"[1-9]\d{0,9}", query.get(name, "")):
                yield f"{name} of {place} is no number above 0"
        if "After" in query and not GUID.fullmatch(query["After"]):
            yield f"After of {place} is no id"
        if "ModifiedSince" in query and not (
            _is_date(query["ModifiedSince"]) and ZONED.fullmatch(query["ModifiedSince"])
        ):
            yield f"ModifiedSince of {place} is no time with a zone"
    elif place in PDF:
        allowed = {"Language"}
        if query.get("Language") not in ("Current", "English"):
            yield f"{place} has no Language"
    elif place not in OF_ONE:
        yield f"GET {place} is no operation"
    if unknown := set(query) - allowed:
        yield f"GET {place} has the parameters {sorted(unknown)}"


def _object(table: Fields, body: Mapping[str, Any], path: str, country: str) -> Iterator[str]:
    for name in body:
        if name not in table:
            yield f"{path}.{name} is unknown"
    for name, field in table.items():
        if name in body:
            yield from _value(field, body[name], f"{path}.{name}", country)
        elif field.needed:
            yield f"{path}.{name} is missing"
    for pair in EITHER:
        if pair <= set(table) and len(pair & {name for name in body if body[name] is not None}) != 1:
            yield f"{path} has not exactly one of {sorted(pair)}"
    for name, (least, most) in RANGES.items():
        value = body.get(name) if name in table else None
        if isinstance(value, int | float) and not (
            least <= value <= most and (name != "TicketValue" or value > 0)
        ):
            yield f"{path}.{name} is out of its range"
    if path == "IssuedAdvanceInvoices" and not _positive(body.get("Items")):
        yield f"{path} has no positive amount"
    if body.get("DocumentCurrencyAmount") == 0:
        yield f"{path}.DocumentCurrencyAmount is 0"


def _value(field: Field, value: Any, path: str, country: str) -> Iterator[str]:
    kind = field.kind
    if value is None:
        if not field.null:
            yield f"{path} is null"
    elif isinstance(kind, list):
        if not isinstance(value, list) or (field.needed and not value):
            yield f"{path} is no list with elements"
            return
        if kind == ["guid"] and len({str(one).lower() for one in value}) != len(value):
            yield f"{path} has an id twice"
        for number, one in enumerate(value):
            yield from _value(Field(kind[0]), one, f"{path}[{number}]", country)
    elif isinstance(kind, dict):
        if isinstance(value, dict):
            yield from _object(kind, value, path, country)
        else:
            yield f"{path} is no object"
    elif isinstance(kind, Enum):
        if value not in kind.members[country]:
            yield f"{path} is none of its members"
    elif not _is(kind, value):
        yield f"{path} is no {kind}"
    elif kind == "text" and ((field.most and len(value) > field.most) or (field.needed and not value)):
        yield f"{path} has a wrong length"


def _is(kind: str, value: Any) -> bool:
    if kind == "bool":
        return isinstance(value, bool)
    if kind in ("number", "whole"):
        whole = isinstance(value, int) or kind == "number"
        return isinstance(value, int | float) and not isinstance(value, bool) and whole
    if not isinstance(value, str):
        return False
    if kind == "guid":
        return bool(GUID.fullmatch(value))
    return kind == "text" or _is_date(value)


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.match(r"\d{4}-\d\d-\d\d", text)) and ("T" not in text or bool(ZONED.fullmatch(text)))


def _positive(lines: Any) -> bool:
    total = 0.0
    for line in lines if isinstance(lines, list) else ():
        item = line.get("TextItem") or line.get("PriceListItem") or {}
        if None in (item.get("Quantity"), item.get("UnitPrice")):
            return True
        total += (
            float(item["Quantity"])
            * float(item["UnitPrice"])
            * (100 - float(item.get("DiscountPercentage", 0)))
        )
    return total > 0


def faults_of_ours(requests: Iterable[Mapping[str, Any]], country: str = "cz") -> list[str]:
    """Return what is wrong with the requests that this package has sent, of all in a journal.

    :param requests: the journal
    :param country: the country of the connections
    """
    found = []
    for one in requests:
        agent = {name.lower(): value for name, value in one["headers"].items()}.get("user-agent", "")
        # Tests of the sandbox itself send wrong requests on purpose, with a client of their own.
        if agent.startswith("airflow-provider-vendor-apis") and one["path"] != TOKEN:
            found += faults(one, country)
    return found
