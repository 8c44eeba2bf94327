"""What a value of a record is when it is sent as text, whatever it came as."""

from __future__ import annotations

import enum
import math
import sys
import unicodedata
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from airflow_provider.exceptions import InvalidInput
from airflow_provider.texts import scalar, text_or_none
from airflow_provider.values import is_empty, native, visible


def named(value: object) -> str:
    """Name a value in a test's name, the same in every process."""
    shown = repr(value)
    return type(value).__name__ if " at 0x" in shown else shown


class Word(enum.StrEnum):
    YES = "yes"


class Old(str, enum.Enum):  # noqa: UP042 - as people wrote it before there was StrEnum
    YES = "yes"


class Level(enum.IntEnum):
    LOW = 1


class Color(enum.Enum):
    RED = "red"


def numpy_scalar(kind: str, value: Any, **more: Any) -> Any:
    """Make what stands for one of numpy's scalars: the tests do not need numpy."""
    methods = {"item": lambda self: value, "ndim": 0, "__module__": "numpy", **more}
    return type(kind, (), methods)()


INT64 = numpy_scalar("int64", 1001)
MOMENT = datetime.fromisoformat("2027-01-31T15:20:45")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("C-001", "C-001"),
        ("  C-001\n", "C-001"),
        ("Žofia", "Žofia"),
        (b"jan@example.com", "jan@example.com"),
        (bytearray("Žofia", "utf-8"), "Žofia"),
        (memoryview(b"C-001"), "C-001"),
        (b"\xef\xbb\xbfC-001", "C-001"),
        (1001, "1001"),
        (0, "0"),
        (-7, "-7"),
        (10**40, "1" + "0" * 40),
        (1001.0, "1001"),
        (1e3, "1000"),
        (-0.0, "0"),
        (421900111222.0, "421900111222"),
        (2.0**53 - 1, "9007199254740991"),
        (1.5, "1.5"),
        (1e-7, "0.0000001"),
        (Decimal("1001.00"), "1001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("12345678901234567890123456789012.00"), "12345678901234567890123456789012"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Word.YES, "yes"),
        (Old.YES, "yes"),
        (Level.LOW, "1"),
        (Color.RED, "red"),
        (INT64, "1001"),
        (SecretStr("C-001"), "C-001"),
        (SecretStr("C\u200b-001"), "C-001"),
    ],
    ids=named,
)
def test_a_value_has_the_text_that_people_mean(value, text):
    assert text_or_none(value, "user") == text
    assert type(text_or_none(value, "user")) is str


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " \t",
        "\u200b",
        " \ufeff ",
        b"",
        b" ",
        math.nan,
        Decimal("NaN"),
        Decimal("sNaN"),
        SecretStr(""),
        numpy_scalar("float32", math.nan),
        type("NAType", (), {})(),
        numpy_scalar("datetime64", None, astype=lambda self, kind: self),
    ],
    ids=named,
)
def test_what_has_nothing_in_it_is_none(value):
    assert text_or_none(value, "user") is None
    assert is_empty(value) or isinstance(value, SecretStr)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, "a bool"),
        (numpy_scalar("bool_", True), "a bool"),
        (["a"], "a list"),
        (("a",), "a tuple"),
        ({"a": 1}, "a dict"),
        ({"a"}, "a set"),
        (object(), "a object"),
        (date(2027, 1, 31), "a date"),
        (MOMENT, "a datetime"),
        (timedelta(1), "a timedelta"),
        (b"\xff\xfe", "2 bytes that are not UTF-8"),
        (math.inf, "a number that is not finite"),
        (Decimal("Infinity"), "a Decimal that is not finite"),
        (Decimal("1E+999999"), "a Decimal that is not finite or too long"),
        (2.0**53, "a float of 16 digits"),
        (1e22, "a float of 23 digits"),
        (1e300, "a float of 301 digits"),
        (10**5000, "a number of thousands of digits"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_fails_its_record_with_the_field_and_the_shape(value, told):
    with pytest.raises(InvalidInput, match=r'^"user" must be a text or a number; it is ') as raised:
        text_or_none(value, "user")
    assert told in str(raised.value)
    assert raised.value.field == "user"
    assert raised.value.remedy


def test_the_value_itself_is_in_no_error():
    for value in (["secret"], {"secret": 1}, b"secret\xff", 12345678901234567890.0):
        with pytest.raises(InvalidInput) as raised:
            text_or_none(value, "user")
        assert "secret" not in str(raised.value)
        assert "1234567" not in str(raised.value)


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00ad", "\u202a", "\u2060", "\U000e0041"])
def test_what_nobody_sees_is_left_out(character):
    assert text_or_none(f"{character}ada{character}@example.com {character}", "mail") == "ada@example.com"


def test_prose_keeps_what_joins_an_emoji():
    family = "👨\u200d👩\u200d👧"
    assert text_or_none(f" {family} ", "description", prose=True) == family
    assert is_empty("\u200d")
    assert text_or_none(" \u200d", "description", prose=True) is None


def test_invisible_is_what_unicode_calls_so():
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        category = unicodedata.category(character)
        if category == "Cf":
            assert visible(character) == "", hex(number)
        elif category != "Cn":
            # A later Unicode may have given it a meaning.
            assert visible(character) == character, hex(number)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (" a ", " a "),
        (True, True),
        (3, 3),
        (1001.0, 1001),
        (1.5, 1.5),
        (Decimal("1001.00"), "1001"),
        (Decimal("1.50"), "1.50"),
        (b"a", "a"),
        (Word.YES, "yes"),
        (Level.LOW, 1),
        (INT64, 1001),
        (numpy_scalar("bool_", True), True),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
    ],
    ids=named,
)
def test_a_scalar_of_json_is_jsons_own(value, plain):
    assert scalar(value, "field") == plain
    assert type(scalar(value, "field")) is type(plain)


@pytest.mark.parametrize(
    "value", [2**64, -(2**63) - 1, 2.0**53, math.nan, math.inf, ["a"], {}, object(), b"\xff"], ids=named
)
def test_what_json_cannot_hold_fails_its_record(value):
    with pytest.raises(InvalidInput, match=r'^"field" must be ') as raised:
        scalar(value, "field")
    assert raised.value.field == "field"


def test_the_scalars_of_numpy_are_plain_values():
    numpy = pytest.importorskip("numpy")
    assert text_or_none(numpy.int64(1001)) == text_or_none(numpy.float32(1001)) == "1001"
    assert text_or_none(numpy.str_("a")) == text_or_none(numpy.bytes_(b"a")) == "a"
    assert native(numpy.datetime64("2027-01-31T15:20:45", "ns")) == MOMENT
    assert native(numpy.datetime64("2027-01-31")) == date(2027, 1, 31)
    assert is_empty(numpy.datetime64("NaT"))
    assert is_empty(numpy.float32("nan"))
    for value in (numpy.bool_(True), numpy.timedelta64(5, "ns"), numpy.array([1]), numpy.array(["a", "b"])):
        with pytest.raises(InvalidInput):
            text_or_none(value)
