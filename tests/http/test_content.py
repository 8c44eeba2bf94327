"""How bodies are written and read."""

from __future__ import annotations

import enum
import gzip
import json
import zlib
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.http import call as call_module
from airflow_provider.http.call import Call, Headers, Repeat, Response
from airflow_provider.http.content import BodyReader, TooLarge, UnknownEncoding, content_of, encode


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Fraction(float):
    pass


class Word(enum.StrEnum):
    ONE = "one"


def zipped(data: bytes) -> bytes:
    # Without the time: the names of the tests are made of it.
    return gzip.compress(data, mtime=0)


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


# Writing


@pytest.mark.parametrize(
    ("document", "written"),
    [
        ({"a": "Žofie", "b": [1, 2.5, None, True], "c": {}}, '{"a":"Žofie","b":[1,2.5,null,true],"c":{}}'),
        ([], "[]"),
        ("x", '"x"'),
        ((1, 2), "[1,2]"),
        (2**64, "18446744073709551616"),
        (-(2**80), "-1208925819614629174706176"),
        ({1: "a"}, '{"1":"a"}'),
        (Decimal("1.10"), "1.10"),
        ({"price": Decimal("12345678901234567890.123456789")}, '{"price":12345678901234567890.123456789}'),
        ([Decimal("0.10"), Decimal("-0.00")], "[0.10,-0.00]"),
        (Text("a"), '"a"'),
        ({Text("k"): Whole(3)}, '{"k":3}'),
        ([Fraction(0.5), Word.ONE], '[0.5,"one"]'),
        ("a\u2028</script>\0", '"a\u2028</script>\\u0000"'),
    ],
)
def test_a_document_is_written_as_it_is(document, written):
    assert encode(document).decode() == written


def test_a_decimal_is_written_as_a_number_that_reads_as_the_same():
    for digits in ("1E+5", "1E-30", "0", "-7.50", "99999999999999999999.99"):
        body = encode({"amount": Decimal(digits)})
        assert json.loads(body, parse_float=Decimal, parse_int=Decimal)["amount"] == Decimal(digits)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        Fraction("nan"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "half \ud83d",
        b"bytes",
        bytearray(b"x"),
        {1, 2},
        frozenset(),
        date(2026, 1, 1),
        UUID(int=1),
        SecretStr("x"),
        object(),
        nested(100_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_does_not_have_is_refused_wherever_it_stands(value):
    for document in (value, {"a": value}, [1, value], {"a": {"b": [value]}}, ({"a": value},)):
        with pytest.raises((TypeError, ValueError)):
            encode(document)


@pytest.mark.parametrize("name", ["half \ud83d", float("nan"), b"x", (1, 2)])
def test_a_name_that_json_does_not_have_is_refused(name):
    with pytest.raises((TypeError, ValueError)):
        encode({"a": {name: 1}})


def test_a_document_that_holds_itself_is_refused():
    document: dict[str, Any] = {}
    document["a"] = document
    with pytest.raises((TypeError, ValueError)):
        encode(document)


# Once


@pytest.mark.parametrize("body", [{"json": {"a": 1}}, {"form": {"a": "1"}}, {}])
def test_a_call_is_encoded_once(monkeypatch, body):
    made = []

    def counting(*args):
        made.append(args)
        return original(*args)

    original = content_of
    monkeypatch.setattr(call_module, "content_of", counting)
    call = Call("POST", "x", lambda response: response, Repeat.SAFE, **body)
    first = call.content
    assert call.content is first
    other = call.with_key(("k",))
    assert (other.key, other.content is first) == (("k",), True)
    assert len(made) == 1


def test_a_call_with_another_body_is_encoded_anew():
    import dataclasses

    call = Call("POST", "x", lambda response: response, Repeat.SAFE, json={"a": 1})
    assert call.content.body == b'{"a":1}'
    assert dataclasses.replace(call, json={"a": 2}).content.body == b'{"a":2}'


def test_two_calls_are_equal_whether_or_not_one_has_been_encoded():
    def decode(response):
        return response

    one, other = (Call("POST", "x", decode, Repeat.SAFE, json={"a": 1}) for _ in range(2))
    assert one.content
    assert one == other
    assert "a" not in repr(one).partition("decode")[2]


def test_a_form_may_be_written_as_a_query_is():
    call = Call("POST", "x", lambda r: r, Repeat.SAFE, form={"a": "b c&d", "e": "ü"}, multipart=False)
    assert call.content.body == b"a=b+c%26d&e=%C3%BC"
    assert call.content.headers == {"Content-Type": "application/x-www-form-urlencoded"}


# Reading


def read(body: bytes, kind: str = "application/json", **how: bool) -> Any:
    return Response(200, {"content-type": kind}, body).json(**how)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"\xef\xbb\xbf[1]", [1]),
        (b"[Infinity, -Infinity]", [float("inf"), -float("inf")]),
        (b'"\\ud83d"', "\ud83d"),
        (b'"\\ud83d\\ude00"', "😀"),
        ('["ü"]'.encode("utf-16"), ["ü"]),
        ('["ü"]'.encode("utf-32-le"), ["ü"]),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"1e400", float("inf")),
        (b"[1.10, -0.0, 1E5]", [1.1, -0.0, 100000.0]),
        (b" null ", None),
    ],
)
def test_what_servers_send_for_json_is_read(body, value):
    assert read(body) == value


def test_a_number_that_is_none_is_read_as_such():
    assert str(read(b'{"a": NaN}')) == "{'a': nan}"


@pytest.mark.parametrize(
    "body", [b"", b"[1]x", b"[1,]", b"{'a': 1}", b"tru", b'"a\tb"', b"[" * 100_000, b'["\xfc"]']
)
def test_what_is_not_json_is_refused(body):
    with pytest.raises(VendorProtocolError, match="not JSON"):
        read(body)


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=ISO-8859-1",
        'application/json;charset="latin1"',
        "application/json; boundary=x; Charset = iso-8859-1 ",
    ],
)
def test_the_charset_that_a_response_names_is_used_where_it_is_not_utf_8(kind):
    assert read(b'["\xfc"]', kind) == ["ü"]
    assert read('["ü"]'.encode(), kind) == ["ü"]


@pytest.mark.parametrize("charset", ["no-such", "", "utf-8", "ascii", "base64", "idna", "\x00"])
def test_a_charset_that_does_not_help_leaves_it_no_json(charset):
    with pytest.raises(VendorProtocolError, match="not JSON"):
        read(b'["\xfc"]', f"application/json; charset={charset}")


def test_money_can_be_read_exactly():
    body = b'{"a": 1.10, "b": 12345678901234567890.123456789, "c": 5, "d": 1e400}'
    document = read(body, exact=True)
    assert str(document["a"]) == "1.10"
    assert document["b"] == Decimal("12345678901234567890.123456789")
    assert (document["c"], type(document["c"])) == (5, int)
    assert str(read(b"\xef\xbb\xbf[1.10]", exact=True)) == "[Decimal('1.10')]"


# Headers


def test_headers_are_found_by_name_in_lower_case_and_each_value_is_kept():
    headers = Headers([("Content-Type", "x"), ("Retry-After", "5"), ("RETRY-AFTER", "7")])
    response = Response(200, headers)
    assert headers["content-type"] == "x"
    assert headers.get("nothing") is None
    assert headers["retry-after"] == "5, 7"
    assert response.all("retry-after") == ["5", "7"]
    assert (set(headers), len(headers)) == ({"content-type", "retry-after"}, 2)
    assert (response.all("nothing"), Response(200, {"a": "b"}).all("a")) == ([], ["b"])


# Compression and size


def collect(encoding: str, pieces: list[bytes], limit: int = 1000) -> bytes:
    reader = BodyReader(encoding, limit)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


def split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("", b"x" * 1000),
        ("identity", b"x" * 1000),
        ("gzip", zipped(b"x" * 1000)),
        ("x-gzip", zipped(b"x" * 1000)),
        ("GZIP ", zipped(b"x" * 400) + zipped(b"x" * 600) + b"\0\0\0"),
        ("deflate", zlib.compress(b"x" * 1000)),
    ],
)
def test_a_body_comes_whole_in_pieces_of_any_size_up_to_the_limit(encoding, data, size):
    assert collect(encoding, split(data, size)) == b"x" * 1000
    with pytest.raises(TooLarge):
        collect(encoding, split(data, size), limit=999)


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_a_body_may_be_empty(encoding):
    assert collect(encoding, []) == b""
    assert collect(encoding, [b""]) == b""


@pytest.mark.parametrize("data", [zipped(b"x" * 1000)[:-1], b"no gzip", zipped(b"x")[:5]])
def test_a_compressed_body_that_is_damaged_is_told(data):
    with pytest.raises(zlib.error):
        collect("gzip", [data])


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_an_encoding_that_was_not_asked_for_is_told(encoding):
    with pytest.raises(UnknownEncoding):
        BodyReader(encoding, 1000)


def test_a_bomb_is_not_blown_up():
    import tracemalloc

    bomb = zipped(b"\0" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            collect("gzip", split(bomb, 65536), limit=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
