"""The bodies that create documents, partners and payment methods, as models made from the vendor's tables.

Source: the vendor's OpenAPI file. Names are the vendor's own. No Dag file imports this module: pydantic makes
its models when the first body is checked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from airflow_provider.exceptions import InvalidInput, InvalidRecord, Mistake
from airflow_provider.mpohoda import bodies as a
from airflow_provider.mpohoda.tables import READ
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Mapping

_OURS = "mPOHODA does not require it, but {} is probably what it makes of a line without it."


class TextLine(a.Body):
    why: ClassVar = {
        "Quantity": _OURS.format("a quantity of 0"),
        "UnitPrice": _OURS.format("a price of 0"),
        "UnitPriceVatType": _OURS.format("a price without VAT"),
    }

    Code: a.Text | None = None
    Text: a.Prose | None = None
    Quantity: a.Number
    UnitPrice: a.Number
    UnitPriceVatType: a.PriceVatType
    Unit: a.Text | None = None
    VatRateType: a.VatRateType | None = None
    DiscountPercentage: a.Number | None = None
    Note: a.Prose | None = None
    CentreId: a.Guid | None = None
    ActivityId: a.Guid | None = None


class PriceListLine(a.Body):
    why: ClassVar = {"PriceListItemId": "Without it the line belongs to no item of the price list."}

    PriceListItemId: a.Guid
    Quantity: a.Number | None = None
    UnitPrice: a.Number | None = None
    UnitPriceVatType: a.PriceVatType | None = None
    VatRateType: a.VatRateType | None = None
    DiscountPercentage: a.Number | None = None
    RegistrationNumberId: a.Guid | None = None
    RegistrationNumberName: a.Text | None = None
    Note: a.Prose | None = None
    CentreId: a.Guid | None = None
    ActivityId: a.Guid | None = None


class Line(a.Body):
    one_of = ("TextItem", "PriceListItem")

    TextItem: TextLine | None = None
    PriceListItem: PriceListLine | None = None


class Link(a.Body):
    why: ClassVar = {"Id": "Without it the link leads to no record of the address book."}

    Id: a.Guid


class DeliveryContact(a.Body):
    CompanyName: a.Text | None = None
    Name: a.Text | None = None
    Street: a.Text | None = None
    PostCode: a.Text | None = None
    Division: a.Text | None = None
    City: a.Text | None = None
    Country: a.Text | None = None
    Email: a.Text | None = None
    PhoneNumber: a.Text | None = None


class Contact(DeliveryContact):
    IdentificationNumber: a.Text | None = None
    TaxIdentificationNumber: a.Text | None = None
    MobilePhoneNumber: a.Text | None = None
    FaxNumber: a.Text | None = None


class Delivery(a.Body):
    one_of = ("DeliveryAddressWithAddressBookLink", "DeliveryAddressWithoutAddressBookLink")

    DeliveryAddressWithAddressBookLink: Link | None = None
    DeliveryAddressWithoutAddressBookLink: DeliveryContact | None = None


class Address(a.Body):
    one_of = ("DocumentAddressWithAddressBookLink", "DocumentAddressWithoutAddressBookLink")

    DocumentAddressWithAddressBookLink: Link | None = None
    DocumentAddressWithoutAddressBookLink: Contact | None = None


class DeliveredAddress(Address):
    DeliveryAddress: Delivery | None = None


class Document(a.Body):
    """What all seven documents have; each has its own kind of address."""

    Items: Annotated[list[Line], Field(min_length=1)]
    Text: a.Prose | None = None
    IssueDate: a.Date | None = None
    CurrencyId: a.Guid | None = None
    ExchangeRate: a.Number | None = None
    ExchangeRateQuantity: a.Whole | None = None
    ContractNumber: a.Text | None = None
    CentreId: a.Guid | None = None
    ActivityId: a.Guid | None = None
    Note: a.Prose | None = None
    InternalNote: a.Prose | None = None
    VatRounding: a.VatRounding | None = None
    Rounding: a.Rounding | None = None
    IsSynchronizationToPhEnabled: a.Flag | None = None


class IssuedAdvanceInvoice(Document):
    BusinessPartnerAddress: DeliveredAddress | None = None
    DueDate: a.Date | None = None
    VariableSymbol: a.Text | None = None
    OrderNumber: a.Text | None = None
    OrderDate: a.Date | None = None
    BankAccountId: a.Guid | None = None
    CashRegisterId: a.Guid | None = None
    PaymentMethodId: a.Guid | None = None
    SellingPriceCode: a.Text | None = None


class IssuedInvoice(IssuedAdvanceInvoice):
    TaxDate: a.Date | None = None


class Supplier(a.Body):
    BankAccountNumber: a.Text | None = None
    BankCode: a.Text | None = None
    MessageForRecipient: a.Text | None = None
    DocumentNumber: a.Text | None = None


class ReceivedInvoice(Document):
    BusinessPartnerAddress: Address | None = None
    SupplierInfo: Supplier | None = None
    CashRegisterId: a.Guid | None = None
    DueDate: a.Date | None = None
    TaxDate: a.Date | None = None
    VariableSymbol: a.Text | None = None
    OrderNumber: a.Text | None = None
    OrderDate: a.Date | None = None
    PaymentMethodId: a.Guid | None = None


class IssuedOffer(Document):
    BusinessPartnerAddress: DeliveredAddress | None = None
    ValidTo: a.Date | None = None
    Status: a.OfferStatus | None = None
    DetailText: a.Prose | None = None
    DetailTextInEnglish: a.Prose | None = None
    SellingPriceCode: a.Text | None = None


class IssuedOrder(Document):
    BusinessPartnerAddress: Address
    RequiredDeliveryDate: a.Date | None = None
    ActualDeliveryDate: a.Date | None = None
    Status: a.OrderStatus | None = None
    PaymentMethodId: a.Guid | None = None


class ReceivedOrder(Document):
    BusinessPartnerAddress: DeliveredAddress
    ExecuteFromDate: a.Date | None = None
    ExecuteToDate: a.Date | None = None
    SellingPriceCode: a.Text | None = None
    Status: a.OrderStatus | None = None
    PaymentMethodId: a.Guid | None = None


class IssueSlip(Document):
    BusinessPartnerAddress: DeliveredAddress | None = None
    Status: a.SlipStatus | None = None
    OrderNumber: a.Text | None = None
    OrderDate: a.Date | None = None
    PaymentMethodId: a.Guid | None = None
    SellingPriceCode: a.Text | None = None


class PartnerDetails(a.Body):
    Number: a.Text | None = None
    Contract: a.Text | None = None
    DuePeriod: a.DueDays | None = None
    DuePeriodForLiabilities: a.DueDays | None = None
    IsCustomer: a.Flag | None = None
    IsSupplier: a.Flag | None = None
    DocumentVariableSymbolSource: a.VariableSymbolSource | None = None
    PaymentTypeId: a.Guid | None = None
    Message: a.Prose | None = None
    CentreId: a.Guid | None = None
    ActivityId: a.Guid | None = None
    TextItemVatRateId: a.Guid | None = None
    PriceListItemVatRateId: a.Guid | None = None


class PartnerDeliveryAddress(DeliveryContact):
    IsDefault: a.Flag | None = None


class BusinessPartner(a.Body):
    City: a.Text
    IdentificationNumber: a.Text15 | None = None
    TaxIdentificationNumber: a.Text | None = None
    CompanyName: a.Text | None = None
    Name: a.Text | None = None
    Street: a.Text | None = None
    PostCode: a.Text15 | None = None
    Division: a.Text | None = None
    Country: a.Text | None = None
    Email: a.Text | None = None
    PhoneNumber: a.Text | None = None
    MobilePhoneNumber: a.Text | None = None
    FaxNumber: a.Text | None = None
    Web: a.Text | None = None
    Note: a.Prose | None = None
    InternalNote: a.Prose | None = None
    RegionId: a.Guid | None = None
    BusinessDetails: PartnerDetails | None = None
    DeliveryAddresses: list[PartnerDeliveryAddress] | None = None


class PaymentMethod(a.Body):
    Name: a.Text32
    Description: a.Text255 | None = None
    PaymentMethodTypeId: a.Guid | None = None
    IsUsedInSaleVoucher: a.Flag | None = None
    IsUsedInOtherAgendas: a.Flag | None = None
    CurrencyId: a.Guid | None = None
    TicketValue: a.Ticket | None = None
    AdditionalTextForPrint: a.Text60 | None = None
    AdditionalEnglishTextForPrint: a.Text60 | None = None


MODELS: dict[str, type[a.Body]] = {
    "IssuedInvoices": IssuedInvoice,
    "ReceivedInvoices": ReceivedInvoice,
    "IssuedAdvanceInvoices": IssuedAdvanceInvoice,
    "IssuedOffers": IssuedOffer,
    "IssuedOrders": IssuedOrder,
    "ReceivedOrders": ReceivedOrder,
    "IssueSlips": IssueSlip,
    "BusinessPartners": BusinessPartner,
    "PaymentMethods": PaymentMethod,
}
"""What can be created, by resource."""


def model_of(resource: Any) -> type[a.Body]:
    """Return the model of the bodies of a resource.

    :param resource: its name, like ``IssuedInvoices``
    :raises InvalidInput: nothing of the kind can be created
    """
    if isinstance(resource, str) and resource in MODELS:
        return MODELS[resource]
    raise InvalidInput(
        f"mPOHODA creates no such records; resource is {shape(resource)}.",
        field="resource",
        remedy=f"Write one of {', '.join(MODELS)}.",
    )


def is_field(resource: str, name: str) -> bool:
    """Say whether a body has a field of this name.

    :param resource: name of the resource
    :param name: the field; dots lead into objects and lists
    :raises InvalidInput: nothing of the kind can be created
    """
    holder: type[a.Body] | None = model_of(resource)
    for part in name.split("."):
        if holder is None or part not in holder.model_fields:
            return False
        holder = a.part_of(holder, part)
    return True


def checked(resource: str, body: Mapping[str, Any], *, country: str = "cz") -> dict[str, Any]:
    """Return a body as it is sent: numbers exact, dates as text, and nothing that has no value.

    :param resource: name of the resource
    :param body: the body, with the vendor's names of the fields
    :param country: the country of the connection, ``cz`` or ``sk``, which some values are for
    :raises InvalidRecord: something is wrong with it; the error has all of it
    :raises InvalidInput: it is no object, or nothing of the kind can be created
    """
    found = a.checked(model_of(resource), body, country=country, made_there=READ[resource])
    if resource == "IssuedAdvanceInvoices" and not _may_be_positive(found["Items"]):
        raise InvalidRecord(
            [
                Mistake(
                    ("Items",),
                    "have no positive amount together, which an advance invoice must have",
                    "Check quantities, prices and discounts.",
                )
            ]
        )
    return found


def _may_be_positive(lines: list[dict[str, Any]]) -> bool:
    total = Decimal(0)
    for line in lines:
        item = line.get("TextItem") or line["PriceListItem"]
        if "Quantity" not in item or "UnitPrice" not in item:
            # The price list decides.
            return True
        total += item["Quantity"] * item["UnitPrice"] * (100 - item.get("DiscountPercentage", Decimal(0)))
    return total > 0
