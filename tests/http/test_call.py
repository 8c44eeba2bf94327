from __future__ import annotations

import dataclasses

import pytest

from airflow_provider.exceptions import InvalidInput, VendorProtocolError
from airflow_provider.http.call import Call, Repeat, Response, check_header

SECRET = "s3cr3t-value"


def test_the_repr_of_a_call_shows_neither_body_nor_headers_nor_key():
    call = Call(
        "POST",
        "token/new",
        lambda response: response,
        Repeat.ONCE,
        json={"mail": SECRET},
        headers={"X-WOOS-KEY": SECRET},
        key=(SECRET,),
    )
    assert "token/new" in repr(call)
    assert SECRET not in repr(call)


def test_the_repr_of_a_reply_shows_neither_body_nor_headers():
    response = Response(200, {"set-cookie": SECRET}, SECRET.encode())
    assert repr(response) == "Response(status=200)"


def test_a_call_cannot_be_changed():
    call = Call("GET", "x", lambda response: response, Repeat.SAFE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.path = "y"  # type: ignore[misc]


@pytest.mark.parametrize(
    "value", ["", " x", "x ", "a\r\nX-Evil: 1", "a\nb", "tab\tinside", "contraseña", "nul\0", "\x7f"]
)
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(value):
    with pytest.raises(InvalidInput) as raised:
        Call("GET", "x", lambda response: response, Repeat.SAFE, headers={"X-WOOS-KEY": value})
    assert raised.value.field == "X-WOOS-KEY"
    assert '"X-WOOS-KEY"' in str(raised.value)
    if value.strip():
        assert value not in str(raised.value)


def test_a_header_error_names_the_form_label_where_there_is_one():
    with pytest.raises(InvalidInput, match=r'"Corporate token" has 3 characters') as raised:
        check_header("corporate_token", "a\nb", label="Corporate token")
    assert raised.value.field == "Corporate token"


@pytest.mark.parametrize("value", ["Basic YTpi==", "a b", "!#$%&'*+", "x" * 5000])
def test_a_header_of_printable_ascii_passes(value):
    check_header("Authorization", value)


@pytest.mark.parametrize(("headers", "own"), [({}, False), ({"X-WOOS-KEY": "k"}, True)])
def test_a_call_with_headers_of_its_own_brings_its_own_credentials(headers, own):
    assert Call("GET", "x", lambda response: response, Repeat.SAFE, headers=headers).own_credentials is own


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>" + SECRET.encode(), b'{"pass": "s3cr3t-value"', b"\xff\xfe\x00", b"[" * 100_000],
    ids=["empty", "html", "cut", "bytes", "deep"],
)
def test_a_body_that_is_not_json_is_described_and_never_quoted(body):
    response = Response(200, {"content-type": "text/html; charset=x"}, body)
    with pytest.raises(VendorProtocolError, match=rf"not JSON \(HTML, {len(body)} bytes\)") as raised:
        response.json()
    assert raised.value.__suppress_context__
    assert SECRET not in repr(raised.value)
    assert "host of the connection" in raised.value.remedy
