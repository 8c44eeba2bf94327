"""What the records of each list hold."""

from __future__ import annotations

from airflow_provider.sandbox.mpohoda.notation import Fields, fields, many, obj

MODIFICATION = obj(fields("CreatedDate CreatedBy:guid ModifiedDate ModifiedBy:guid"))
GLOBAL_MODIFICATION = obj(fields("ModifiedDate"))

_ADDRESS = "CompanyName? Name? Street? PostCode? Division? City? Country? Email? PhoneNumber?"
_CONTACT = (
    "IdentificationNumber? TaxIdentificationNumber? CompanyName? Name? Division? Street? PostCode? City? "
    "Country? Email? PhoneNumber? MobilePhoneNumber? FaxNumber?"
)
SHORT_ADDRESS = obj(fields(f"BusinessPartnerId? {_CONTACT}"))
FULL_ADDRESS = obj(
    fields(
        f"BusinessPartnerId? {_CONTACT}",
        DeliveryAddress=obj(fields(f"DeliveryAddressId? {_ADDRESS}"), nullable=True),
    )
)
RECAPITULATION = obj(
    fields(
        "TotalPrice:number ForeignCurrencyTotalPriceWithoutRounding?:number "
        "ForeignCurrencyTotalPrice?:number ForeignCurrencyRoundingAmount?:number "
        "VatRounding?:VatRounding Rounding?:Rounding",
        VatRateSums=many(
            fields("VatRateType:VatRateType PriceWithoutVat:number Vat:number TotalPrice:number")
        ),
    )
)
_LINE = (
    "Id Code? Text? Quantity:number Unit? UnitPrice:number UnitPriceVatType:PriceVatType "
    "VatRateType:VatRateType VatRateId DiscountPercentage:number PriceWithoutVat:number Vat:number "
    "PriceWithVat:number ForeignCurrencyUnitPrice?:number ForeignCurrencyWithoutVat?:number "
    "ForeignCurrencyVat?:number PriceListItemId? CentreId? ActivityId? Note? "
)
_REGISTERED = "RegistrationNumberId? RegistrationNumberName? "
_DATED = "DueDate TaxDate VariableSymbol OrderNumber? OrderDate? "


def document(own: str, line: str = _REGISTERED, short: bool = False, reverse: bool = True) -> Fields:
    """Return the fields of a kind of documents.

    :param own: what this kind has besides what all have
    :param line: what its lines have besides what all have
    :param short: whether its address has no delivery address
    :param reverse: whether it has IsReverseCharge
    """
    return fields(
        "Id DocumentNumber Text IssueDate CurrencyId ExchangeRate?:number ExchangeRateQuantity?:int "
        "ContractNumber? Note? InternalNote? IsSynchronizationToPhEnabled:bool CentreId? ActivityId? "
        + own
        + (" IsReverseCharge:bool" if reverse else ""),
        BusinessPartnerAddress=SHORT_ADDRESS if short else FULL_ADDRESS,
        Items=many(fields(_LINE + line)),
        DocumentRecapitulation=RECAPITULATION,
        ModificationInfo=MODIFICATION,
    )


DOCUMENTS: dict[str, Fields] = {
    "IssuedInvoices": document(
        f"SellingPriceCode? BankAccountId? CashRegisterId? {_DATED} PaymentMethodId",
        f"{_REGISTERED} ReceivedOrderItemId?",
    ),
    "IssuedAdvanceInvoices": document(
        "DueDate VariableSymbol OrderNumber? OrderDate? BankAccountId? CashRegisterId? PaymentMethodId "
        "SellingPriceCode?",
        "",
        reverse=False,
    ),
    "IssuedInvoiceCorrectiveTaxDocuments": document(
        f"CorrectedDocumentId BankAccountId? CashRegisterId? {_DATED} PaymentMethodId", reverse=False
    ),
    "IssuedOffers": document(
        "ValidTo?:date Status?:OfferStatus DetailText? DetailTextInEnglish? SellingPriceCode?",
        f"{_REGISTERED} TransferredQuantity?:number",
    ),
    "IssuedOrders": document(
        "RequiredDeliveryDate? ActualDeliveryDate? Status?:OrderStatus PaymentMethodId?",
        f"{_REGISTERED} DeliveredQuantity?:number",
        short=True,
    ),
    "ReceivedOrders": document(
        "ExecuteFromDate? ExecuteToDate? SellingPriceCode? IsReserved:bool Status?:OrderStatus "
        "PaymentMethodId?",
        f"{_REGISTERED} DeliveredQuantity?:number IssuedOfferItemGuid?:guid",
    ),
    "ReceivedInvoices": document(
        f"CashRegisterId? {_DATED} PaymentMethodId", f"{_REGISTERED} IssuedOrderItemId?", short=True
    )
    | {"SupplierInfo": obj(fields("BankAccountNumber? BankCode? MessageForRecipient? DocumentNumber?"))},
    "IssueSlips": document(
        "Status:SlipStatus OrderNumber? OrderDate? PaymentMethodId? SellingPriceCode?",
        f"{_REGISTERED} ReceivedOrderItemId? TransferredQuantity?:number",
    ),
}

PARTNER = fields(
    "Id IdentificationNumber? TaxIdentificationNumber? CompanyName? Name? Street? PostCode? Division? City? "
    "Country? Email? PhoneNumber? MobilePhoneNumber? FaxNumber? Web? Note? InternalNote? RegionId?",
    BusinessDetails=obj(
        fields(
            "Number? Contract? DuePeriod?:int SellingPrice? CurrencyId? PaymentTypeId? CentreId? ActivityId? "
            "TextItemVatRateId? PriceListItemVatRateId? DocumentVariableSymbolSource:VariableSymbolSource"
        )
    ),
    AdditionalDetails=obj(fields("Groups? Keys? Message?")),
    DeliveryAddresses=many(fields(f"Id {_ADDRESS} IsDefault:bool", ModificationInfo=MODIFICATION)),
    ModificationInfo=MODIFICATION,
)
_OWN = {"ModificationInfo": MODIFICATION}
_GLOBAL = {"ModificationInfo": GLOBAL_MODIFICATION}

RECORDS: dict[str, Fields] = {
    **DOCUMENTS,
    "BusinessPartners": PARTNER,
    "PriceListItems": fields(
        "Id Type:PriceListItemType RegistrationNumberType:RegistrationNumberType Code? Name Plu?:int Ean? "
        "Text? WarehouseDivisionPath? WarehouseDivisionId? UnitQuantity:number Unit? UnitPrice:number "
        "DiscountPercentage:number UnitPriceVatType:PriceVatType VatRate:VatRateType IsSales:bool "
        "PriceGroup? Note? InternalNote?",
        SubItems=many(fields("PriceListItemId Quantity:number")),
        **_OWN,
    ),
    "RegistrationNumbers": fields(
        "Id Name? AvailableQuantity:number ComplaintQuantity:number ServicedQuantity:number PriceListItemId",
        **_OWN,
    ),
    "SellingPrices": fields(
        "Id Code Name? SellingPriceType:SellingPriceType ValidityType:SellingPriceValidity ValidFrom?:date "
        "ValidTo?:date Margin?:number Rebate?:number Discount?:number PriceVatType:PriceVatType "
        "Rounding?:number ExchangeRate?:number CurrencyId?",
        **_OWN,
    ),
    "Activities": fields("Id Code Name Note?", **_OWN),
    "Centres": fields("Id Code Name Note? EstablishmentId?", **_OWN),
    "Establishments": fields(
        "Id Code Name Note? Street? PostCode? City? Email? PhoneNumber? MobilePhoneNumber? FaxNumber?", **_OWN
    ),
    "BankAccounts": fields(
        "Id AccountName AccountNumber BankCode? Iban? Swift? BankName? CancellationDate? CurrencyId? "
        "IsActive:bool",
        **_OWN,
    ),
    "CashRegisters": fields("Id Code Name CurrencyId? CancellationDate? IsActive:bool", **_OWN),
    "PaymentMethods": fields(
        "Id Name Description? PaymentMethodTypeId IsUsedInSaleVoucher:bool IsUsedInOtherAgendas:bool "
        "IsIncludedInEet:bool CurrencyId? CurrencyRate?:number CurrencyQuantity?:int TicketValue?:number "
        "AdditionalTextForPrint? AdditionalEnglishTextForPrint?",
        **_OWN,
    ),
    "PaymentMethodTypes": fields("Id Code Name Description", **_GLOBAL),
    "VatRates": fields(
        "Id Code Name VatRateType:VatRateType ValidFrom?:date ValidTo?:date VatPercent:number "
        "VatCoefficient:number",
        **_GLOBAL,
    ),
    "Currencies": fields("Id Code Name Symbol", **_GLOBAL),
    "Countries": fields("Id Code Name NumericCode:int", **_GLOBAL),
    "Regions": fields("Id Code Name", **_GLOBAL),
    "CityPostCodes": fields("Id City PostCode PostName", **_GLOBAL),
    "Banks": fields("Id Code Name Swift Web CountryId", **_GLOBAL),
    "ExchangeRates": fields(
        "Id Date",
        ExchangeRates=many(fields("Id CurrencyId Rate:number Quantity:int", **_GLOBAL)),
        **_GLOBAL,
    ),
}
