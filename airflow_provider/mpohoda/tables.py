"""What mPOHODA answers, field by field: the columns of each list and of the answers about one record.

Source: the vendor's OpenAPI file. Every schema is a plain dict as :mod:`airflow_provider.records` takes it:
``text`` (ids, dates and enumerations too), ``boolean``, ``integer`` and ``number`` (an exact decimal), a dict
for an object, a list of one element for a list. The module uses the standard library alone.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_KINDS = {"#": "number", "%": "integer", "!": "boolean"}


def _fields(names: str, **nested: Schema | list[Schema]) -> Schema:
    """Make a schema of names: ``Price#`` is a number, ``Count%`` a whole number, ``IsUsed!`` a boolean.

    :param names: the fields in their order; every other is a text
    :param nested: the fields that are objects or lists; they come last, but where ``names`` has their name
    """
    found: Schema = {}
    for name in names.split():
        plain = name.rstrip("#%!")
        found[plain] = nested.pop(plain, None) or _KINDS.get(name[len(plain) :], "text")
    return {**found, **nested}


MODIFICATION = _fields("CreatedDate CreatedBy ModifiedDate ModifiedBy")
MODIFIED = _fields("ModifiedDate")

_CONTACT = "City Country Email PhoneNumber"
_DELIVERY_ADDRESS = _fields(f"DeliveryAddressId CompanyName Name Street PostCode Division {_CONTACT}")
_ADDRESS = _fields(
    "BusinessPartnerId IdentificationNumber TaxIdentificationNumber CompanyName Name Division Street "
    f"PostCode {_CONTACT} MobilePhoneNumber FaxNumber"
)
_DELIVERED = {**_ADDRESS, "DeliveryAddress": _DELIVERY_ADDRESS}
_RECAPITULATION = _fields(
    "TotalPrice# ForeignCurrencyTotalPriceWithoutRounding# ForeignCurrencyTotalPrice# "
    "ForeignCurrencyRoundingAmount# VatRounding Rounding",
    VatRateSums=[_fields("VatRateType PriceWithoutVat# Vat# TotalPrice#")],
)
_LINE = (
    "Id Code Text Quantity# Unit UnitPrice# UnitPriceVatType VatRateType VatRateId DiscountPercentage# "
    "PriceWithoutVat# Vat# PriceWithVat# ForeignCurrencyUnitPrice# ForeignCurrencyWithoutVat# "
    "ForeignCurrencyVat# PriceListItemId CentreId ActivityId Note"
)
_REGISTERED = "RegistrationNumberId RegistrationNumberName"


def _document(
    own: str, line: str = _REGISTERED, *, delivered: bool = True, reverse: bool = True, **nested: Schema
) -> Schema:
    """Make the schema of a document: what all have, and what this kind has of its own.

    :param own: its own fields
    :param line: the fields of its lines that not all lines have
    :param delivered: whether its address has one for the delivery
    :param reverse: whether it says if the customer owes the VAT
    """
    return _fields(
        "Id DocumentNumber Text IssueDate CurrencyId ExchangeRate# ExchangeRateQuantity% ContractNumber Note "
        f"InternalNote IsSynchronizationToPhEnabled! {'IsReverseCharge!' if reverse else ''} CentreId "
        f"ActivityId {own} BusinessPartnerAddress Items DocumentRecapitulation ModificationInfo",
        BusinessPartnerAddress=_DELIVERED if delivered else _ADDRESS,
        Items=[_fields(f"{_LINE} {line}")],
        DocumentRecapitulation=_RECAPITULATION,
        ModificationInfo=MODIFICATION,
        **nested,
    )


def _company(names: str, **nested: Schema | list[Schema]) -> Schema:
    return _fields(names, **nested, ModificationInfo=MODIFICATION)


def _global(names: str, **nested: Schema | list[Schema]) -> Schema:
    return _fields(names, **nested, ModificationInfo=MODIFIED)


_ORDERED = "VariableSymbol OrderNumber OrderDate PaymentMethodId"

_PAYMENT_STATUS = _company(
    "Id Number RestToPay#", LiquidationInfos=[_fields("Id Date DocumentCurrencyAmount#")]
)
_REGISTRATION_NUMBER = _company(
    "Id Name AvailableQuantity# ComplaintQuantity# ServicedQuantity# PriceListItemId"
)

READ: dict[str, Schema] = {
    "IssuedInvoices": _document(
        f"SellingPriceCode BankAccountId CashRegisterId DueDate TaxDate {_ORDERED}",
        f"{_REGISTERED} ReceivedOrderItemId",
    ),
    "IssuedInvoices/Unpaid": _PAYMENT_STATUS,
    "IssuedAdvanceInvoices": _document(
        f"DueDate {_ORDERED} BankAccountId CashRegisterId SellingPriceCode", "", reverse=False
    ),
    "IssuedAdvanceInvoices/Unpaid": _PAYMENT_STATUS,
    "IssuedInvoiceCorrectiveTaxDocuments": _document(
        f"CorrectedDocumentId BankAccountId CashRegisterId DueDate TaxDate {_ORDERED}", reverse=False
    ),
    "IssuedOffers": _document(
        "ValidTo Status DetailText DetailTextInEnglish SellingPriceCode",
        f"{_REGISTERED} TransferredQuantity#",
    ),
    "IssuedOrders": _document(
        "RequiredDeliveryDate ActualDeliveryDate Status PaymentMethodId",
        f"{_REGISTERED} DeliveredQuantity#",
        delivered=False,
    ),
    "ReceivedOrders": _document(
        "ExecuteFromDate ExecuteToDate SellingPriceCode IsReserved! Status PaymentMethodId",
        f"{_REGISTERED} DeliveredQuantity# IssuedOfferItemGuid",
    ),
    "ReceivedInvoices": _document(
        f"SupplierInfo CashRegisterId DueDate TaxDate {_ORDERED}",
        f"{_REGISTERED} IssuedOrderItemId",
        delivered=False,
        SupplierInfo=_fields("BankAccountNumber BankCode MessageForRecipient DocumentNumber"),
    ),
    "IssueSlips": _document(
        "Status OrderNumber OrderDate PaymentMethodId SellingPriceCode",
        f"{_REGISTERED} ReceivedOrderItemId TransferredQuantity#",
    ),
    "BusinessPartners": _company(
        "Id IdentificationNumber TaxIdentificationNumber CompanyName Name Street PostCode Division "
        f"{_CONTACT} MobilePhoneNumber FaxNumber Web Note InternalNote RegionId",
        BusinessDetails=_fields(
            "Number Contract DuePeriod% SellingPrice CurrencyId PaymentTypeId CentreId ActivityId "
            "TextItemVatRateId PriceListItemVatRateId DocumentVariableSymbolSource"
        ),
        AdditionalDetails=_fields("Groups Keys Message"),
        DeliveryAddresses=[
            _company(f"Id CompanyName Name Street PostCode Division {_CONTACT} IsDefault!"),
        ],
    ),
    "PriceListItems": _company(
        "Id Type RegistrationNumberType Code Name Plu% Ean Text WarehouseDivisionPath WarehouseDivisionId "
        "UnitQuantity# Unit UnitPrice# DiscountPercentage# UnitPriceVatType VatRate IsSales! PriceGroup Note "
        "InternalNote",
        SubItems=[_fields("PriceListItemId Quantity#")],
    ),
    "PriceListItems/RegistrationNumbers": _REGISTRATION_NUMBER,
    "RegistrationNumbers": _REGISTRATION_NUMBER,
    "SellingPrices": _company(
        "Id Code Name SellingPriceType ValidityType ValidFrom ValidTo Margin# Rebate# Discount# PriceVatType "
        "Rounding# ExchangeRate# CurrencyId"
    ),
    "Activities": _company("Id Code Name Note"),
    "BankAccounts": _company(
        "Id AccountName AccountNumber BankCode Iban Swift BankName CancellationDate CurrencyId IsActive!"
    ),
    "CashRegisters": _company("Id Code Name CurrencyId CancellationDate IsActive!"),
    "Centres": _company("Id Code Name Note EstablishmentId"),
    "Establishments": _company(
        "Id Code Name Note Street PostCode City Email PhoneNumber MobilePhoneNumber FaxNumber"
    ),
    "PaymentMethods": _company(
        "Id Name Description PaymentMethodTypeId IsUsedInSaleVoucher! IsUsedInOtherAgendas! "
        "IsIncludedInEet! CurrencyId CurrencyRate# CurrencyQuantity% TicketValue# AdditionalTextForPrint "
        "AdditionalEnglishTextForPrint"
    ),
    "Banks": _global("Id Code Name Swift Web CountryId"),
    "CityPostCodes": _global("Id City PostCode PostName"),
    "Countries": _global("Id Code Name NumericCode%"),
    "Currencies": _global("Id Code Name Symbol"),
    "ExchangeRates": _global("Id Date", ExchangeRates=[_global("Id CurrencyId Rate# Quantity%")]),
    "PaymentMethodTypes": _global("Id Code Name Description"),
    "Regions": _global("Id Code Name"),
    "VatRates": _global("Id Code Name VatRateType ValidFrom ValidTo VatPercent# VatCoefficient#"),
}
"""The records of each list. A record that is read alone has the fields of its list."""

LINES = "Items"
"""The field of a document that has its lines."""

ANSWERS: dict[str, Schema] = {
    "payment": _PAYMENT_STATUS,
    "liquidation": _company("Id IssuedInvoiceId HomeCurrencyAmount# DocumentCurrencyAmount# Date Note"),
    "available_quantities": _fields(
        "Id EffectiveAvailableQuantity# AvailableQuantity# ReservedQuantity# ComplaintQuantity# "
        "ReceivedOrderQuantity#"
    ),
    "selling_prices": _fields("Id", SellingPrices=[_fields("SellingPriceId SellingPriceName Price#")]),
}
"""What is told about one record in other answers than its own, by the part that is asked for."""
