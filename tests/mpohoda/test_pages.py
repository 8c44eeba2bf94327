"""Pages of lists: both envelopes, and records whose bytes are kept."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.http.call import Response
from airflow_provider.mpohoda.pages import read_page

INVOICE = {"Id": "a", "Items": [{"Id": "line"}], "ModificationInfo": {"ModifiedDate": "2026-11-03T10:00:00Z"}}


def page(body: Any, status: int = 200) -> Any:
    return read_page(Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode()))


def listed(*records: Any, **more: Any) -> dict[str, Any]:
    return {"Items": list(records), "TotalItemCount": len(records), "Pagination": {"PageSize": 2}, **more}


def test_a_page_has_its_records_their_count_and_its_size():
    found = page(listed(INVOICE, {"Id": "b"}, TotalItemCount=7))
    assert (found.total, found.page_size, len(found)) == (7, 2, 2)
    assert found.items == [INVOICE, {"Id": "b"}]
    assert (found.ids, found.modified) == (["a", "b"], ["2026-11-03T10:00:00Z", None])
    assert "line" not in repr(found)


def test_the_bytes_of_a_record_are_those_that_came():
    row = b'{"Id": "a", "One":1e-7,"Two":  1.2300, "Three": 1234567890123456789012345678.90, "x": "\\u00e1"}'
    found = page(b'{"Items": [' + row + b'], "TotalItemCount": 1, "Pagination": null}')
    assert found.rows == [row]
    assert {name: str(value) for name, value in found.items[0].items() if name not in ("Id", "x")} == {
        "One": "1E-7",
        "Two": "1.2300",
        "Three": "1234567890123456789012345678.90",
    }


def test_a_record_is_one_line_with_its_digits_however_it_was_printed():
    body = b'{\n "Items": [\r\n  {\n   "Id": "a",\n   "One": 1.2300,\n "Text": "a\\nb"}\n ],\n "TotalItemCount": 1\n}'
    found = page(body)
    assert found.rows == [b'{"Id":"a","One":1.2300,"Text":"a\\nb"}']
    assert found.items == [{"Id": "a", "One": Decimal("1.2300"), "Text": "a\nb"}]


@pytest.mark.parametrize(
    "envelope",
    [
        {"Items": [INVOICE], "TotalItemCount": 1},
        {"Items": [INVOICE], "Pagination": None},
        {"Items": [INVOICE], "TotalItemCount": None, "Pagination": {"PageSize": None}},
        {"Data": {"Items": [INVOICE]}},
        {"Data": {"Items": [INVOICE], "TotalItemCount": 1}, "Warnings": []},
    ],
)
def test_both_envelopes_are_lists(envelope):
    assert page(envelope).items == [INVOICE]


def test_the_older_envelope_may_have_the_count_outside():
    found = page({"Data": {"Items": []}, "TotalItemCount": 3, "Pagination": {"PageSize": 1}})
    assert (found.total, found.page_size) == (3, 1)


@pytest.mark.parametrize(
    "body",
    [
        INVOICE,
        {**INVOICE, "TotalItemCount": 1},
        {"Data": INVOICE, "Warnings": []},
        {"Items": [INVOICE]},
        {"Items": None, "TotalItemCount": 0},
        {"Items": {}, "TotalItemCount": 0},
        {"Items": [5], "TotalItemCount": 1},
        {"Items": [{"Name": "no id"}], "TotalItemCount": 1},
        {"Items": [{"Id": 5}], "TotalItemCount": 1},
        {"Items": [{"Id": ""}], "TotalItemCount": 1},
        {"Items": [], "TotalItemCount": "many"},
        {"Items": [], "TotalItemCount": 0, "Pagination": []},
        {"Data": None},
        {"Data": [INVOICE]},
        {"data": [INVOICE], "pageSize": 1, "totalCount": 1, "totalPages": 1},
        [INVOICE],
        "text",
        None,
        {},
    ],
)
def test_what_is_no_list_is_never_taken_for_one(body):
    with pytest.raises(VendorProtocolError, match="not a page of a list"):
        page(body)


def test_an_error_quotes_no_value_of_a_record():
    with pytest.raises(VendorProtocolError) as raised:
        page({"Items": [{"Id": ["someone@example.com"]}], "TotalItemCount": 1})
    assert "someone" not in str(raised.value)


def test_a_problem_document_is_no_page():
    with pytest.raises(VendorRejected, match="Not Found"):
        page({"title": "Not Found", "status": 404}, 404)
    with pytest.raises(VendorProtocolError, match="error document"):
        page({"title": "Not Found", "status": 404})


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("utf-8-sig", "application/json"),
        ("utf-16", "application/json"),
        ("cp1250", "application/json; charset=windows-1250"),
    ],
)
def test_other_encodings_become_utf_8(encoding, kind):
    text = '{"Items": [{"Id": "a", "City": "Třebíč", "One": 1.2300}], "TotalItemCount": 1}'
    found = read_page(Response(200, {"content-type": kind}, text.encode(encoding)))
    assert found.items == [{"Id": "a", "City": "Třebíč", "One": Decimal("1.2300")}]
    assert json.loads(found.rows[0])["City"] == "Třebíč"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Items": [{"Id": "a", "b": NaN}], "TotalItemCount": 1}'])
def test_what_is_not_json_is_no_page(body):
    with pytest.raises((VendorProtocolError, ValueError)):
        page(body)


@pytest.mark.parametrize(
    ("own", "requested", "count", "short"),
    [
        (None, 3, 3, False),
        (None, 3, 2, True),
        # Reduced without a word, but for the size in the answer.
        (2, 3, 2, False),
        (2, 3, 1, True),
        # A size that cannot be meant does not end the list.
        (50, 3, 3, False),
        (0, 3, 3, False),
        (0, 3, 2, True),
        (3, 3, 0, True),
    ],
)
def test_a_page_is_short_when_it_has_less_than_the_answers_own_size(own, requested, count, short):
    rows = [{"Id": str(number)} for number in range(count)]
    found = page({"Items": rows, "TotalItemCount": 9, "Pagination": {"PageSize": own}})
    assert found.is_short(requested) is short
