"""What a company has before anything is created: its code lists, and those that all companies share."""

from __future__ import annotations

from typing import Any

_RATES: dict[str, list[tuple[str, str, str, str | None, str | None, str, str]]] = {
    "cz": [
        ("BASIC", "Základní", "BasicVatRate", "2013-01-01", None, "21", "0.1736"),
        ("FIRST15", "První snížená 15 %", "FirstReducedVatRate", "2013-01-01", "2023-12-31", "15", "0.1304"),
        ("FIRST", "Snížená", "FirstReducedVatRate", "2024-01-01", None, "12", "0.1071"),
        (
            "SECOND10",
            "Druhá snížená 10 %",
            "SecondReducedVatRate",
            "2015-01-01",
            "2023-12-31",
            "10",
            "0.0909",
        ),
        ("ZERO", "Nulová", "ZeroVatRate", None, None, "0", "0"),
    ],
    "sk": [
        ("BASIC20", "Základná 20 %", "BasicVatRate", "2011-01-01", "2024-12-31", "20", "0.1667"),
        ("BASIC", "Základná", "BasicVatRate", "2025-01-01", None, "23", "0.1870"),
        ("FIRST10", "Znížená 10 %", "FirstReducedVatRate", "2011-01-01", "2024-12-31", "10", "0.0909"),
        ("FIRST", "Prvá znížená", "FirstReducedVatRate", "2025-01-01", None, "19", "0.1597"),
        ("SECOND", "Druhá znížená", "SecondReducedVatRate", "2025-01-01", None, "5", "0.0476"),
        ("ZERO", "Nulová", "ZeroVatRate", None, None, "0", "0"),
    ],
}
_EXCHANGE = {
    "cz": (("EUR", "24.525", 1), ("USD", "22.871", 1), ("HUF", "6.142", 100), ("PLN", "5.7361", 1)),
    "sk": (("CZK", "4.0775", 100), ("USD", "0.9326", 1), ("HUF", "0.2504", 100), ("PLN", "0.2339", 1)),
}
HOME = {"cz": "CZK", "sk": "EUR"}

COMMON: dict[str, list[dict[str, Any]]] = {
    "Currencies": [
        {"Code": code, "Name": name, "Symbol": symbol}
        for code, name, symbol in (
            ("CZK", "česká koruna", "Kč"),
            ("EUR", "euro", "€"),
            ("USD", "americký dolar", "$"),
            ("PLN", "polský zlotý", "zł"),
            ("HUF", "maďarský forint", "Ft"),
        )
    ],
    "Countries": [
        {"Code": code, "Name": name, "NumericCode": number}
        for code, name, number in (
            ("CZ", "Česká republika", 203),
            ("SK", "Slovensko", 703),
            ("DE", "Německo", 276),
            ("PL", "Polsko", 616),
            ("AT", "Rakousko", 40),
        )
    ],
    "Regions": [
        {"Code": code, "Name": name}
        for code, name in (("J", "Kraj Vysočina"), ("PHA", "Hlavní město Praha"), ("BA", "Bratislavský kraj"))
    ],
    "CityPostCodes": [
        {"City": city, "PostCode": code, "PostName": post}
        for city, code, post in (("Jihlava", "58601", "Jihlava 1"), ("Praha", "11000", "Praha 1"))
    ],
    "PaymentMethodTypes": [
        {"Code": code, "Name": name, "Description": ""}
        for code, name in (
            ("CASH", "Hotově"),
            ("TRANSFER", "Příkazem"),
            ("CARD", "Platební kartou"),
            ("DELIVERY", "Dobírkou"),
        )
    ],
    "Establishments": [{"Code": "MAIN", "Name": "Provozovna", "City": "Jihlava"}],
    "Centres": [{"Code": "SHOP", "Name": "Prodejna"}, {"Code": "ESHOP", "Name": "E-shop"}],
    "Activities": [{"Code": "RETAIL", "Name": "Maloobchod"}, {"Code": "SERVICE", "Name": "Služby"}],
}


def banks(country_id: str) -> list[dict[str, Any]]:
    """Return the banks of the country with this id."""
    return [
        {"Code": "0100", "Name": "Komerční banka", "Swift": "KOMBCZPP", "Web": "", "CountryId": country_id},
        {"Code": "0800", "Name": "Česká spořitelna", "Swift": "GIBACZPX", "Web": "", "CountryId": country_id},
    ]


def own(currency_id: str, types: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return the company's lists that name other records.

    :param currency_id: the home currency
    :param types: ids of the payment method types by code
    """
    return {
        "BankAccounts": [
            {
                "AccountName": "Běžný účet",
                "AccountNumber": "0000123457",
                "BankCode": "0100",
                "CurrencyId": currency_id,
            },
            {"AccountName": "Starý účet", "AccountNumber": "19-2000145399", "IsActive": False},
        ],
        "CashRegisters": [{"Code": "HP", "Name": "Hlavní pokladna", "CurrencyId": currency_id}],
        "PaymentMethods": [
            {"Name": "Příkazem", "PaymentMethodTypeId": types["TRANSFER"]},
            {"Name": "Hotově", "PaymentMethodTypeId": types["CASH"], "IsUsedInSaleVoucher": True},
            {"Name": "Kartou", "PaymentMethodTypeId": types["CARD"], "IsUsedInSaleVoucher": True},
            {"Name": "Dobírkou", "PaymentMethodTypeId": types["DELIVERY"]},
        ],
        "SellingPrices": [
            {"Code": "BASIC", "Name": "Základní cena"},
            {"Code": "PARTNER", "Name": "Partnerská", "SellingPriceType": "Discount", "Discount": 10},
        ],
    }


def vat_rates(country: str) -> list[dict[str, Any]]:
    """Return a country's VAT rates, with the dates from and until which each is valid."""
    names = ("Code", "Name", "VatRateType", "ValidFrom", "ValidTo", "VatPercent", "VatCoefficient")
    return [dict(zip(names, rate, strict=True)) for rate in _RATES[country]]


def exchange_rates(country: str) -> tuple[tuple[str, str, int], ...]:
    """Return a country's exchange rates: currency, rate and quantity."""
    return _EXCHANGE[country]
