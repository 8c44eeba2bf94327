"""What mPOHODA's answers mean, read from bodies alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import (
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Response
from airflow_provider.mpohoda.answers import FieldsRejected, created, document, entity, file, text

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def response(body: Any, status: int = 200, kind: str = "application/json", **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": kind, **names}, content)


def problem(status: int, title: str, **members: Any) -> dict[str, Any]:
    own = {"type": f"https://httpstatuses.io/{status}", "title": title, "status": status, "traceId": TRACE}
    return {**own, **members}


def capitals(members: dict[str, Any]) -> dict[str, Any]:
    """The spelling that the OpenAPI file's schema has, where its examples have the other."""
    return {name[0].upper() + name[1:]: value for name, value in members.items()}


def error_of(answer: Response) -> Any:
    with pytest.raises(VendorError) as raised:
        document(answer)
    assert raised.value.status == answer.status
    return raised.value


spelling = pytest.mark.parametrize("spell", [dict, capitals], ids=["lower", "capitals"])


@spelling
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (402, VendorRejected),
        (403, VendorForbidden),
        (404, VendorRejected),
        (405, VendorRejected),
        (422, VendorRejected),
        (429, QuotaExhausted),
        (500, VendorUnavailable),
        (502, VendorUnavailable),
        (503, VendorUnavailable),
        (302, VendorProtocolError),
    ],
)
def test_a_status_has_its_error_whose_message_has_title_and_detail(spell, status, error):
    found = error_of(response(spell(problem(status, "A title", detail="why it is so")), status))
    assert type(found) is error
    if status != 302:
        assert "A title: why it is so" in found.message


@spelling
def test_a_validation_names_its_fields_and_what_is_said_of_them(spell):
    errors = {
        "PageSize": ["'PageSize' must be greater than '0'."],
        "Items[0].TextItem.Quantity": ["first", "second"],
        "Text": "alone",
    }
    found = error_of(response(spell(problem(422, "Unprocessable Entity", errors=errors)), 422))
    assert type(found) is FieldsRejected
    assert found.message == (
        "Unprocessable Entity: PageSize: 'PageSize' must be greater than '0'.; "
        "Items[0].TextItem.Quantity: first second; Text: alone"
    )
    assert found.names("pagesize")
    assert not found.names("PageNumber")


def test_a_400_with_errors_names_them_too():
    found = error_of(response(problem(400, "Bad Request", errors={"City": ["must not be empty"]}), 400))
    assert "City: must not be empty" in found.message


@pytest.mark.parametrize("errors", [None, [], "text", {"a": None}, {"a": [1]}, {"a": {"b": 1}}, 5])
def test_errors_of_another_shape_do_no_harm(errors):
    found = error_of(response(problem(422, "Unprocessable Entity", errors=errors), 422))
    assert isinstance(found, VendorRejected)
    assert "Unprocessable Entity" in found.message


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b"[]", b'"text"', b"{}", b"null", b"{"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 500])
def test_a_refusal_without_a_problem_document_is_described(body, status):
    found = error_of(response(body, status, "text/html"))
    assert "HTML" in found.message
    assert "proxy" not in found.message


@pytest.mark.parametrize(
    "body",
    [
        {"Error": {"Message": "older words"}},
        {"error": {"message": "older words"}},
        {"Error": "older words"},
        {"error": "older words"},
    ],
)
def test_the_errors_of_the_older_version_are_understood(body):
    found = error_of(response(body, 400))
    assert (type(found), found.message) == (VendorRejected, "older words")


def test_429_without_retry_after_is_a_month_that_is_used_up():
    found = error_of(response(problem(429, "Too Many Requests"), 429))
    assert (type(found), found.resets_at) == (QuotaExhausted, None)
    assert found.message == "the requests of the month are used up: Too Many Requests"
    assert "not published" in found.remedy


@pytest.mark.parametrize("value", ["", "soon", "-", "1e99"])
def test_a_retry_after_that_cannot_be_read_counts_as_none(value):
    assert type(error_of(response({}, 429, retry_after=value))) is QuotaExhausted


def test_429_with_retry_after_is_a_throttle():
    found = error_of(response(problem(429, "Too Many Requests"), 429, retry_after="7"))
    assert (type(found), found.retry_after) == (RateLimited, 7.0)


def test_where_a_server_has_422_and_429_swapped_the_errors_tell_them_apart():
    errors = {"PageSize": ["too large"]}
    assert (
        type(error_of(response(problem(429, "Unprocessable Entity", errors=errors), 429))) is FieldsRejected
    )
    assert type(error_of(response(problem(422, "Too Many Requests"), 422))) is QuotaExhausted
    swapped = problem(422, "Too Many Requests", errors=errors)
    assert type(error_of(response(swapped, 422))) is FieldsRejected


def test_a_missing_right_says_that_other_resources_may_still_be_used():
    found = error_of(response(problem(403, "Forbidden"), 403))
    assert "rights of the user who made them" in found.remedy


def test_refused_credentials_name_the_fields_of_the_connection():
    found = error_of(response(problem(401, "Unauthorized"), 401))
    assert found.remedy.startswith('Check "Client Secret / API key" and "Client Id" of the connection')


# Success


def test_numbers_keep_all_their_digits():
    body = b'{"Id": "a", "a": 1e-7, "b": 1.2300, "c": 1234567890123456789012345678.9, "d": 12345678901234567890123}'
    found = entity(response(body))
    numbers = {"a": "1E-7", "b": "1.2300", "c": "1234567890123456789012345678.9"}
    assert {name: str(found[name]) for name in numbers} == numbers
    assert all(isinstance(found[name], Decimal) for name in numbers)
    assert found["d"] == 12345678901234567890123


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'{"Id": }'])
def test_a_success_that_is_not_json_cannot_be_understood(body):
    assert type(error_of(response(body))) is VendorProtocolError


@pytest.mark.parametrize(
    "answer",
    [
        response(problem(404, "Not Found")),
        response(capitals(problem(404, "Not Found"))),
        response({"title": "Not Found"}, kind="application/problem+json; charset=utf-8"),
        response({"Error": {"Message": "Not Found"}}),
    ],
)
@pytest.mark.parametrize("read", [document, entity, created, text])
def test_an_error_document_is_no_success_whatever_its_status(answer, read):
    with pytest.raises(VendorProtocolError, match="error document: Not Found"):
        read(answer)


@pytest.mark.parametrize("body", [[], {}, "text", None, 5, {"Id": None}, {"Id": ""}, {"Id": 5}, {"Data": {}}])
def test_a_record_has_an_id(body):
    with pytest.raises(VendorProtocolError, match="no record"):
        entity(response(body))


def test_a_record_with_a_title_and_a_status_is_a_record():
    assert entity(response({"Id": "a", "Status": "Unfinished", "Title": "x"}))["Status"] == "Unfinished"


def test_a_record_in_the_older_envelope_is_unwrapped():
    assert entity(response({"Data": {"Id": "a"}})) == {"Id": "a"}


def test_what_was_created_comes_with_its_warnings():
    body = b"""{"Data": {"Id": "a", "Total": 2420.50}, "Warnings": [
        {"Code": "SellingPriceCodeDoesNotExist", "Message": "no such code"}, {"code": 1}, "plain", null]}"""
    data, warnings = created(response(body, 201))
    assert data == {"Id": "a", "Total": Decimal("2420.50")}
    assert warnings == [
        {"code": "SellingPriceCodeDoesNotExist", "message": "no such code"},
        {"code": "1", "message": ""},
        {"code": "Unspecified", "message": "plain"},
        {"code": "Unspecified", "message": ""},
    ]


@pytest.mark.parametrize(
    ("warnings", "told"),
    [
        ({"Code": "X", "Message": "m"}, {"code": "X", "message": "m"}),
        (
            [{"Code": "Ada is unknown", "Message": "m"}],
            {"code": "Unspecified", "message": "Ada is unknown: m"},
        ),
        ([{"Code": "+420905123456"}], {"code": "Unspecified", "message": "+420905123456"}),
        ([{"Code": "0905123456", "Message": "m"}], {"code": "Unspecified", "message": "0905123456: m"}),
        ([{"Code": {"a": "Ada"}}], {"code": "Unspecified", "message": "{'a': 'Ada'}"}),
        ([{"Error": "Ada"}], {"code": "Unspecified", "message": "{'Error': 'Ada'}"}),
    ],
    ids=[
        "one alone",
        "a text for a code",
        "a phone number",
        "digits",
        "an object for a code",
        "other members",
    ],
)
def test_a_warning_in_another_form_is_told_and_only_its_message_quotes(warnings, told):
    """Data of the record is hidden in messages, not in codes."""
    assert created(response({"Data": {"Id": "a"}, "Warnings": warnings}, 201))[1] == [told]


@pytest.mark.parametrize("warnings", [{}, {"Warnings": None}, {"Warnings": "x"}, {"Warnings": []}])
def test_warnings_that_are_not_there_are_none(warnings):
    assert created(response({"Data": {"Id": "a"}, **warnings}, 201)) == ({"Id": "a"}, [])


@pytest.mark.parametrize("body", [{"Data": None, "Warnings": []}, {"Id": "a"}, {"Data": {}}, [], None])
def test_what_does_not_tell_what_was_created_cannot_be_understood(body):
    with pytest.raises(VendorProtocolError, match="what was created"):
        created(response(body, 201))


@pytest.mark.parametrize("body", [{}, [], None, 5, "", " "])
def test_a_bare_text_is_a_text(body):
    assert text(response("Unfinished")) == "Unfinished"
    with pytest.raises(VendorProtocolError, match="no text"):
        text(response(body))


@pytest.mark.parametrize("body", [b"%PDF-1.7 ...", b"<?xml version='1.0'?><Invoice/>", b"PK\x03\x04"])
def test_a_file_is_its_bytes(body):
    assert file(response(body, kind="application/pdf")) == body


def test_204_is_a_file_that_is_not_there():
    assert file(Response(204)) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/pdf"),
        (b"  ", "application/pdf"),
        (b"<!DOCTYPE html><html>login", "application/pdf"),
        (b"\xef\xbb\xbf <html>", "application/pdf"),
        (b"%PDF-1.7", "text/html; charset=utf-8"),
        (b'{"title": "x"}', "application/pdf"),
        (b'"x"', "application/problem+json"),
    ],
)
def test_a_page_or_a_document_is_no_file(body, kind):
    with pytest.raises(VendorProtocolError, match="no file"):
        file(response(body, kind=kind))
