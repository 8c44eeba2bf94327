"""What the bodies of the writing operations may hold."""

from __future__ import annotations

from airflow_provider.sandbox.mpohoda.notation import Field, Fields, fields, many, obj

_ADDRESS = "CompanyName? Name? Street? PostCode? Division? City? Country? Email? PhoneNumber?"
_LINK = fields("Id")
_CONTACT = fields(
    "IdentificationNumber? TaxIdentificationNumber? CompanyName? Name? Division? Street? PostCode? City? "
    "Country? Email? PhoneNumber? MobilePhoneNumber? FaxNumber?"
)
_DELIVERY = obj(
    {
        "DeliveryAddressWithAddressBookLink": obj(_LINK, nullable=True),
        "DeliveryAddressWithoutAddressBookLink": obj(fields(_ADDRESS), nullable=True),
    },
    nullable=True,
)
_PARTNER = {
    "DocumentAddressWithAddressBookLink": obj(_LINK, nullable=True),
    "DocumentAddressWithoutAddressBookLink": obj(_CONTACT),
}
_LINE = {
    "TextItem": obj(
        fields(
            "Code? Text? Quantity:number UnitPrice:number UnitPriceVatType:PriceVatType Unit? "
            "VatRateType?:VatRateType DiscountPercentage:number Note? CentreId? ActivityId?"
        )
    ),
    "PriceListItem": obj(
        fields(
            "PriceListItemId Quantity?:number UnitPrice?:number UnitPriceVatType?:PriceVatType "
            "VatRateType?:VatRateType DiscountPercentage?:number RegistrationNumberId? "
            "RegistrationNumberName? Note? CentreId? ActivityId?"
        )
    ),
}


def _document(own: str, *, order: bool = False, delivery: bool = True, **objects: Field) -> Fields:
    address = _PARTNER | ({"DeliveryAddress": _DELIVERY} if delivery else {})
    return fields(
        "Text? IssueDate? CurrencyId? ExchangeRate?:number ExchangeRateQuantity?:int ContractNumber? "
        "CentreId? ActivityId? Note? InternalNote? VatRounding?:VatRounding Rounding?:Rounding "
        f"IsSynchronizationToPhEnabled?:bool {own}",
        BusinessPartnerAddress=obj(address, required=order),
        Items=many(_LINE, required=True),
        **objects,
    )


_PAID = "DueDate? OrderNumber? OrderDate? PaymentMethodId? CashRegisterId? VariableSymbol?"

CREATES: dict[str, Fields] = {
    "IssuedInvoices": _document(f"{_PAID} TaxDate? BankAccountId? SellingPriceCode?"),
    "IssuedAdvanceInvoices": _document(f"{_PAID} BankAccountId? SellingPriceCode?"),
    "ReceivedInvoices": _document(
        f"{_PAID} TaxDate?",
        delivery=False,
        SupplierInfo=obj(
            fields("BankAccountNumber? BankCode? MessageForRecipient? DocumentNumber?"), nullable=True
        ),
    ),
    "IssuedOffers": _document(
        "ValidTo?:date Status?:OfferStatus DetailText? DetailTextInEnglish? SellingPriceCode?"
    ),
    "IssuedOrders": _document(
        "RequiredDeliveryDate? ActualDeliveryDate? Status?:OrderStatus PaymentMethodId?",
        order=True,
        delivery=False,
    ),
    "ReceivedOrders": _document(
        "ExecuteFromDate? ExecuteToDate? SellingPriceCode? Status?:OrderStatus PaymentMethodId?", order=True
    ),
    "IssueSlips": _document("Status?:SlipStatus OrderNumber? OrderDate? PaymentMethodId? SellingPriceCode?"),
    "BusinessPartners": fields(
        "City* IdentificationNumber?<15 PostCode?<15 TaxIdentificationNumber? CompanyName? Name? Street? "
        "Division? Country? Email? PhoneNumber? MobilePhoneNumber? FaxNumber? Web? Note? InternalNote? "
        "RegionId?",
        BusinessDetails=obj(
            fields(
                "Number? Contract? DuePeriod?:days DuePeriodForLiabilities?:days IsCustomer:bool "
                "IsSupplier:bool DocumentVariableSymbolSource:VariableSymbolSource PaymentTypeId? Message? "
                "CentreId? ActivityId? TextItemVatRateId? PriceListItemVatRateId?"
            ),
            nullable=True,
        ),
        DeliveryAddresses=many(fields(f"{_ADDRESS} IsDefault:bool")),
    ),
    # The schema lets an empty name pass, so it is required and may be empty.
    "PaymentMethods": fields(
        "Description?<255 PaymentMethodTypeId? IsUsedInSaleVoucher:bool IsUsedInOtherAgendas:bool "
        "CurrencyId? TicketValue?:ticket AdditionalTextForPrint?<60 AdditionalEnglishTextForPrint?<60",
        Name=Field(required=True, most=32),
    ),
}

FULLY = fields("Date? Note?<64")
PARTIALLY = fields("DocumentCurrencyAmount*:amount HomeCurrencyAmount?:number Date? Note?")
IDS = {"Ids": Field("guid", required=True, many=True, filled=True)}
NOTHING: Fields = {}
