"""Which texts can be the number of a phone, and which two are the same."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.phones import check_phone, dialled, plain_phone, region, same_phone

SWITCH = "check_it"


def checked(text: str) -> None:
    check_phone("cellular", plain_phone(text), SWITCH)


@pytest.mark.parametrize(
    "text",
    [
        "+421900123456",
        "+421 900 123 456",
        "+421\u00a0900\u00a0123\u00a0456",
        "+421\u2011900\u2013123456",
        "00421 900 123 456",
        "0900/123 456",
        "(0900) 123-456",
        "(+421) 900.123.456",
        "+421 (0)900 123 456",
        "01.23.45.67.00",
        "421900123456",
        "1000",
        "+123456789012345",
        "00123456789012345",
        "＋４２１　９００　１２３　４５６",
        "٠٩٠٠١٢٣٤٥٦",
        "+421 900 123 456 ext. 12",
        "+421 900 123 456 x12",
        "+421 900 123 456 #12",
        "+421900123456;ext=12",
    ],
)
def test_a_number_of_a_phone_is_one(text):
    checked(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4.21901E+11", "a spreadsheet has rounded it"),
        ("4,21903E+11", "a spreadsheet has rounded it"),
        ("4E11", "a spreadsheet has rounded it"),
        ('="+421900123456"', "begins with a mark of a spreadsheet"),
        ("'+421900123456", "begins with a mark of a spreadsheet"),
        ("421900111222.0", "it has decimals"),
        ("421900111222.00", "it has decimals"),
        ("421900111222.5", "it has decimals"),
        ("none", "it has no digits"),
        ("-", "it has no digits"),
        ("+421 900 123 456 (Ada)", "characters that no phone number has"),
        ("+421,900,123,456", "characters that no phone number has"),
        ("ada@example.com 42", "characters that no phone number has"),
        ("421+900123456", "characters that no phone number has"),
        ("-421900123456", "characters that no phone number has"),
        ("+421 900 123 456²", "characters that no phone number has"),
        ("0900123456; 0900123457", "characters"),
        ("0900 123 456 / 0900 123 457", "it has 20 digits, and one has 4 to 15"),
        ("123", "it has 3 digits, and one has 4 to 15"),
        ("+1234567890123456", "it has 16 digits"),
    ],
)
def test_what_no_phone_can_have_is_refused_with_the_reason(text, why):
    with pytest.raises(InvalidInput, match=r'^"cellular" is not the number of a phone: ') as raised:
        checked(text)
    assert why in str(raised.value)
    assert f"{len(plain_phone(text))} characters of text" in str(raised.value)
    assert raised.value.field == "cellular"
    assert f"{SWITCH}=False" in raised.value.remedy
    assert text not in str(raised.value)


def test_a_number_in_ascii_is_sent_as_it_is_written():
    assert plain_phone(" +421 (0)900/123-456 ext. 7") == " +421 (0)900/123-456 ext. 7"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("+421\u00a0900\u2009123\u202f456", "+421 900 123 456"),
        ("+421\u2011900\u2012123\u2013456\u2014789\u2212000", "+421-900-123-456-789-000"),
        ("\u202a+421900123456\u202c", "+421900123456"),
        ("+421900123456\u200b", "+421900123456"),
        ("＋４２１（０）９００／１２３．４５６", "+421(0)900/123.456"),
        ("٠٩٠٠ ١٢٣", "0900 123"),
        ("0900²", "0900²"),
        ("čislo", "čislo"),
    ],
)
def test_what_only_looks_like_a_phone_number_is_written_in_ascii(text, plain):
    assert plain_phone(text) == plain


def test_every_dash_and_every_blank_of_unicode_makes_no_difference():
    import unicodedata

    separators = [
        chr(number)
        for number in range(sys.maxunicode + 1)
        if unicodedata.category(chr(number)) in ("Zs", "Pd", "Cf") or number == 0x2212
    ]
    assert len(separators) > 150
    for each in separators:
        assert dialled(plain_phone(f"+421{each}900123456")) == "+421900123456", hex(ord(each))


# --- with a country ----------------------------------------------------------------------------------------


def test_numbers_of_a_country_are_the_same_however_they_are_written():
    pytest.importorskip("phonenumbers")
    ways = ["0900 123 456", "+421 900 123 456", "00421900123456", "421900123456", "+421 (0)900 123 456"]
    assert {same_phone("cellular", way, "SK", SWITCH) for way in ways} == {"+421900123456"}
    assert same_phone("cellular", "0900 123 456", "CZ", None) != "+421900123456"
    assert same_phone("cellular", "+1 650 253 0000", "SK", SWITCH) == "+16502530000"


def test_an_extension_makes_another_number():
    pytest.importorskip("phonenumbers")
    keys = {same_phone("cellular", f"02 1234 5678{more}", "SK", SWITCH) for more in ("", " x1", " ext. 2")}
    assert len(keys) == 3
    assert "+421212345678" in keys


def test_what_no_country_has_is_refused_or_left_as_it_is_dialled():
    pytest.importorskip("phonenumbers")
    with pytest.raises(InvalidInput, match="too long, too short or incomplete for a number of SK") as raised:
        same_phone("cellular", "0900 123 456 7890", "SK", SWITCH)
    assert raised.value.field == "cellular"
    assert same_phone("cellular", "0900 123 456 7890", "SK", None) == "09001234567890"
    assert same_phone("cellular", "no number", "SK", None) == "nonumber"


@pytest.mark.parametrize("value", ["sk", "SVK", "421", "", 421, None, "XX"])
def test_a_country_that_is_none_is_refused(value: Any):
    pytest.importorskip("phonenumbers")
    with pytest.raises(InvalidInput, match=r"^default_region must be a country") as raised:
        region("default_region", value)
    assert raised.value.field == "default_region"


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(InvalidInput, match="which is not installed") as raised:
        region("default_region", "SK")
    assert "pip install 'airflow-provider-vendor-apis[phone]'" in raised.value.remedy
