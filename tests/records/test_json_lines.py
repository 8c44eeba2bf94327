from __future__ import annotations

import enum
import json
import math
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pendulum
import pytest
from pydantic import SecretStr

from airflow_provider.records.json_lines import DEEPEST, decode, encode, for_xcom, is_storable, is_too_deep
from airflow_provider.secrets import open_sealed


class Color(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    YES = "yes"


class Ratio(float):
    pass


@dataclass
class Point:
    x: int = 1


Pair = namedtuple("Pair", "a b")
IDENTITY = uuid.UUID(int=7)


def before(value: Any) -> Any:
    """Return what the standard library made of a value."""
    if isinstance(value, date):
        return value.isoformat()
    # Bytes alone are written as what they say, for what reads the file.
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize(
    "value",
    [
        date(2027, 1, 31),
        datetime(2027, 1, 31, 12, tzinfo=UTC),
        datetime(2027, 1, 31, 12, 0, 0, 5),
        pendulum.datetime(2027, 1, 31, tz="Europe/Bratislava"),
        time(12),
        timedelta(days=1),
        Decimal("1.50"),
        b"bytes",
        {1},
        IDENTITY,
        Color.RED,
        Level.LOW,
        Word.YES,
        Ratio(1.5),
        Point(),
        Pair(1, [2]),
        (1, 2),
        OrderedDict(b=1, a=2),
        2**64,
        2**63,
        -(2**63) - 1,
        10**400,
        "línea\u2028",
        "\ud83d",
        {"\udc00": "\ud83d\ude00"},
        True,
        None,
        1e300,
        0.1,
        1.0,
        {"1": 1, 2: 2, 1.5: 3, True: 4, None: 5},
        {Word.YES: 1, Level.LOW: 2},
        [[[]], {}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_is_written_as_json_wrote_it(value):
    for each in (value, {"a": [value, {"b": value}]}):
        written = encode({"value": each})
        assert b"\n" not in written
        assert json.loads(written) == json.loads(json.dumps({"value": each}, default=before))
        assert decode(written) == json.loads(written)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, Ratio("nan")])
@pytest.mark.parametrize("company", [1, "\ud83d", date(2027, 1, 31), {None: 1}])
def test_numbers_that_json_does_not_have_are_null(value, company):
    assert json.loads(encode([value, {"a": value}, company]))[:2] == [None, {"a": None}]


@pytest.mark.parametrize("key", [(1, 2), b"a", date(2027, 1, 31), Color.RED, 10**30, Decimal("1.5")])
def test_a_key_of_any_type_is_text(key):
    [name] = decode(encode({key: 1}))
    assert isinstance(name, str)


def test_secrets_are_sealed_wherever_they_are():
    written = encode({"a": [SecretStr("s3cr3t"), "\ud83d"], "b": SecretStr("s3cr3t")})
    assert b"s3cr3t" not in written
    record = decode(written)
    for sealed in (record["a"][0], record["b"]):
        assert open_sealed(sealed).get_secret_value() == "s3cr3t"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": -9223372036854775809}', {"a": -9223372036854775809}),
        ('{"a": 1e400}', {"a": math.inf}),
        ('{"a": -Infinity}', {"a": -math.inf}),
        ('{"a": "\\ud83d"}', {"a": "\ud83d"}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (' {"a": 1.0}\r\n', {"a": 1.0}),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", None),
    ],
)
def test_what_json_reads_is_read(text, value):
    assert decode(text) == json.loads(text)
    assert decode(text.encode()) == json.loads(text)
    assert value is None or decode(text) == value


def test_not_a_number_is_read():
    assert math.isnan(decode('{"a": NaN}')["a"])


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1} x', "'a'", "\ufeff{}", '"\x01"', b"\xff", '{"a": "\udc00']
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011
        decode(text)


def test_what_is_nested_too_deep_is_a_recursion_error():
    with pytest.raises(RecursionError):
        decode("[" * 100_000)


def test_a_deep_record_that_can_be_read_can_be_written():
    text = '{"a": ' + "[" * 400 + "]" * 400 + "}"
    assert json.loads(encode(decode(text))) == json.loads(text)


class NotATime(datetime):
    """As pandas has it: a datetime that equals nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = datetime.__hash__


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (NotATime(2027, 1, 1), None),
        (Decimal("1001.00"), "1001"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1E+3"),
        (Decimal("NaN"), "NaN"),
        (b"C-001", "C-001"),
        (bytearray(b"C-001"), "C-001"),
        (memoryview(b"C-001"), "C-001"),
        (b"\xff", "b'\\xff'"),
        (10**4000, 10**4000),
        (10**5000, "1" + "0" * 5000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_file_has_of_a_value(value, plain):
    assert decode(encode({"a": value, "b": [value]})) == {"a": plain, "b": [plain]}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("x\0y", "x\\u0000y"),
        ("cut \ud83d", "cut \\ud83d"),
        ("😀 \\u0000 \\ud83d", "😀 \\u0000 \\ud83d"),
        ({"\0": "\udc00"}, {"\\u0000": "\\udc00"}),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (2**64, str(2**64)),
        ([-(2**63) - 1], [str(-(2**63) - 1)]),
        ("1" * 40, "1" * 40),
        (math.nan, None),
    ],
)
def test_what_xcom_has_of_a_value(value, plain):
    assert for_xcom({"a": value}) == {"a": plain}


def test_plain_records_can_be_written_and_endless_ones_cannot():
    endless: dict[str, Any] = {"a": 1}
    endless["again"] = [endless]
    assert is_storable({"a": [{"b": "\ud83d"}], "c": math.nan, "d": 10**5000, "e": {1}, "f": SecretStr("s")})
    assert not is_storable(endless)
    assert not is_storable({"a": SecretStr("\ud83d")})


def nested(levels: int, inner: Any = 1) -> Any:
    for level in range(levels):
        inner = [inner] if level % 3 else {"a": inner, "b": 1} if level % 2 else (inner,)
    return inner


def test_a_value_may_have_a_number_of_levels_and_no_more():
    assert not is_too_deep(1)
    assert not is_too_deep(nested(DEEPEST))
    assert is_too_deep(nested(DEEPEST + 1))
    assert not is_storable({"a": nested(DEEPEST)})
    assert is_storable({"a": nested(DEEPEST - 1)})


def test_what_has_itself_in_it_is_too_deep():
    one: list[Any] = []
    other: dict[str, Any] = {"a": one, "b": one}
    one += [other, other, [1]]
    assert is_too_deep(one)
    assert not is_storable(other)


def test_what_is_not_too_deep_is_written_from_deep_in_the_program():
    def encoded(calls: int) -> bytes:
        return encode(nested(DEEPEST, Decimal(1))) if calls == 0 else encoded(calls - 1)

    assert encoded(250).count(b"[") > DEEPEST / 2
