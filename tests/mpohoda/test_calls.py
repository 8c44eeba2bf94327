"""The calls that read, over real HTTP with either driver."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    RateLimited,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Repeat, repeat_of
from airflow_provider.mpohoda import calls
from airflow_provider.mpohoda.answers import FieldsRejected
from airflow_provider.mpohoda.resources import RESOURCES
from tests.support.drivers import DRIVERS
from tests.support.mpohoda import API_KEY, ID, answer, page, problem, record

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)
ONE, TWO, THREE = (ID.format(number) for number in (1, 2, 3))
READS = [
    calls.list_page,
    calls.get_record,
    calls.get_status,
    calls.get_payment,
    calls.get_liquidation,
    calls.get_pdf,
    calls.get_isdoc,
    calls.get_quantities,
    calls.get_selling_prices,
]


def one(send, hook, call):
    [found] = send(hook, call)
    return found


def error_of(send, hook, call):
    with pytest.raises(VendorError) as raised:
        send(hook, call)
    return raised.value


# Lists


@pytest.mark.parametrize("make", READS)
def test_every_reading_call_may_be_repeated(make):
    assert repeat_of(make) is Repeat.SAFE


@pytest.mark.parametrize("name", RESOURCES)
def test_size_and_number_of_a_page_are_always_sent(name):
    parent = ONE if RESOURCES[name].parent else None
    call = calls.list_page(name, parent_id=parent)
    assert (call.method, call.query) == ("GET", {"PageSize": "100", "PageNumber": "1"})
    if RESOURCES[name].after:
        query = calls.list_page(name, parent_id=parent, after=TWO, page_size=5).query
        assert query == {"PageSize": "5", "PageNumber": "1", "After": TWO}
    else:
        with pytest.raises(InvalidInput, match="cannot be read on from a record"):
            calls.list_page(name, after=TWO)


@driver
def test_a_page_is_read(vendor, make_hook, send):
    vendor.reply(answer(page([record(1, Text="a"), record(2)], 12, PageSize=2)))
    call = calls.list_page(
        "IssuedInvoices/Unpaid", page=3, page_size=2, modified_since="2026-11-01T01:00:00+01:00"
    )
    found = one(send, make_hook(), call)
    assert (found.ids, found.total, found.page_size) == ([ONE, TWO], 12, 2)
    [seen] = vendor.seen
    assert (seen.method, seen.path) == ("GET", "/v1/IssuedInvoices/Unpaid")
    assert seen.query == {"PageSize": "2", "PageNumber": "3", "ModifiedSince": "2026-11-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00Z"),
        (
            datetime(2026, 11, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-01T00:02:03.000004Z",
        ),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        (" 2026-11-03T10:00:00.1234567Z ", "2026-11-03T10:00:00.123456Z"),
        ("2026-11-03T10:00:00.123+02:00", "2026-11-03T08:00:00.123000Z"),
    ],
)
def test_a_moment_is_sent_in_utc(moment, sent):
    assert calls.list_page("Centres", modified_since=moment).query["ModifiedSince"] == sent


@pytest.mark.parametrize(
    "moment", [datetime(2026, 11, 1), "2026-11-01", "2026-11-01T00:00:00", date(2026, 1, 1), "x", 5]
)
def test_a_moment_without_a_time_zone_is_none(moment):
    with pytest.raises(InvalidInput) as raised:
        calls.list_page("Centres", modified_since=moment)
    assert raised.value.field == "modified_since"


@pytest.mark.parametrize(
    "values",
    [{"page": 0}, {"page_size": 0}, {"page_size": True}, {"page": 1.5}, {"page_size": 2**31}],
    ids=str,
)
def test_a_page_has_a_number_and_a_size(values):
    with pytest.raises(InvalidInput):
        calls.list_page("Centres", **values)


# Single records


@driver
def test_single_records_are_read_with_all_digits(vendor, make_hook, send):
    invoice = b'{"Id": "%s", "Items": [{"UnitPrice": 1e-7, "Quantity": 2.5000}]}' % ONE.encode()
    payment = b'{"Id": "%s", "RestToPay": 12345678901234567890123456.78}' % ONE.encode()
    vendor.reply(answer(invoice), answer(payment), answer(record(2)), answer("Unfinished"))
    found = send(
        make_hook(),
        calls.get_record("IssuedInvoices", ONE),
        calls.get_payment("IssuedInvoices", ONE),
        calls.get_liquidation("IssuedAdvanceInvoices", TWO),
        calls.get_status("ReceivedOrders", ONE.upper()),
    )
    assert found[0]["Items"] == [{"UnitPrice": Decimal("1E-7"), "Quantity": Decimal("2.5000")}]
    assert str(found[1]["RestToPay"]) == "12345678901234567890123456.78"
    assert (found[2]["Id"], found[3]) == (TWO, "Unfinished")
    assert [seen.path for seen in vendor.seen] == [
        f"/v1/IssuedInvoices/{ONE}",
        f"/v1/IssuedInvoices/{ONE}/RestToPay",
        f"/v1/IssuedAdvanceInvoices/Liquidation/{TWO}",
        f"/v1/ReceivedOrders/{ONE}/status",
    ]


@driver
def test_files_are_read_and_one_that_is_not_there_is_none(vendor, make_hook, send):
    pdf = (200, {"Content-Type": "application/pdf"}, b"%PDF-1.7 \x00\xff")
    isdoc = (200, {"Content-Type": "application/pdf"}, b"<?xml version='1.0'?><Invoice/>")
    vendor.reply(pdf, isdoc, (204, {}, b""), pdf)
    found = send(
        make_hook(),
        calls.get_pdf("IssueSlips", ONE),
        calls.get_isdoc("IssuedInvoices", ONE),
        calls.get_isdoc("IssuedInvoices", TWO),
        calls.get_pdf("IssueSlips", ONE, language="English"),
    )
    assert found == [pdf[2], isdoc[2], None, pdf[2]]
    assert [seen.query for seen in vendor.seen] == [{"Language": "Current"}, {}, {}, {"Language": "English"}]


@driver
def test_a_file_has_a_limit(vendor, make_hook, send):
    vendor.reply((200, {}, b"%PDF-" + b"x" * 5000))
    call = calls.get_pdf("IssueSlips", ONE, max_response_bytes=5000)
    assert "larger than 5,000 bytes" in error_of(send, make_hook(), call).message


@driver
def test_what_is_no_pdf_is_not_taken_for_one(vendor, make_hook, send):
    vendor.reply((200, {"Content-Type": "application/pdf"}, b"<?xml version='1.0'?><Invoice/>"))
    assert "no PDF" in error_of(send, make_hook(), calls.get_pdf("IssueSlips", ONE)).message


def test_a_language_is_one_of_two():
    with pytest.raises(InvalidInput, match="Current"):
        calls.get_pdf("IssueSlips", ONE, language="Cz")


# By ids

QUANTITY = {"AvailableQuantity": 5}


@driver
@pytest.mark.parametrize(
    ("make", "path"),
    [(calls.get_quantities, "AvailableQuantities"), (calls.get_selling_prices, "SellingPrices")],
)
def test_each_id_is_sent_once_and_those_without_an_answer_are_told(vendor, make_hook, send, make, path):
    vendor.reply(answer([record(3), record(1, **QUANTITY)]))
    found = one(send, make_hook(), make([ONE, TWO, ONE.upper()]))
    assert found.found == {ONE: record(1, **QUANTITY)}
    assert found.missing == (TWO,)
    [seen] = vendor.seen
    assert (seen.method, seen.path) == ("POST", f"/v1/PriceListItems/{path}")
    assert seen.json == {"Ids": [ONE, TWO]}


@pytest.mark.parametrize(
    "body",
    [
        record(1, **QUANTITY),
        [record(1, **QUANTITY)],
        {"Items": [record(1, **QUANTITY)], "TotalItemCount": 1},
        {"Data": [record(1, **QUANTITY)]},
        {"Data": {"Items": [record(1, **QUANTITY)]}},
        [{**record(1, **QUANTITY), "Id": ONE.upper()}],
    ],
)
@driver
def test_the_answer_may_be_one_record_or_an_array(vendor, make_hook, send, body):
    vendor.reply(answer(body))
    found = one(send, make_hook(), calls.get_quantities([ONE]))
    assert (found.found[ONE]["AvailableQuantity"], found.missing) == (5, ())


@pytest.mark.parametrize("body", [b"[]", b'{"Items": []}', b'{"Data": []}'])
@driver
def test_an_empty_answer_leaves_every_id_without_one(vendor, make_hook, send, body):
    vendor.reply(answer(body))
    assert one(send, make_hook(), calls.get_quantities([ONE, TWO])).missing == (ONE, TWO)


@pytest.mark.parametrize("body", [b"{}", b"null", b"5", b"[5]", b'[{"Name": "a"}]', b'{"Data": null}'])
@driver
def test_records_without_an_id_cannot_be_matched(vendor, make_hook, send, body):
    vendor.reply(answer(body))
    assert type(error_of(send, make_hook(), calls.get_quantities([ONE]))) is VendorProtocolError


@pytest.mark.parametrize("ids", [[], ONE, ["5"], [None]])
def test_without_ids_nothing_is_asked(ids):
    with pytest.raises(InvalidInput):
        calls.get_quantities(ids)


# Refusals, as they come through both drivers


@driver
@pytest.mark.parametrize(
    ("reply", "error", "said", "sent"),
    [
        (problem(400, "Bad Request", detail="why"), VendorRejected, "Bad Request: why", 1),
        (problem(403, "Forbidden"), VendorForbidden, "Forbidden", 1),
        (problem(404, "Not Found"), VendorRejected, "Not Found", 1),
        (problem(405, "Method Not Allowed"), VendorRejected, "Method Not Allowed", 1),
        (problem(422, "Unprocessable", errors={"PageSize": ["no"]}), FieldsRejected, "PageSize: no", 1),
        (answer({"Title": "Unprocessable", "Errors": {"Id": ["no"]}}, 422), FieldsRejected, "Id: no", 1),
        (problem(429, "Too Many Requests"), QuotaExhausted, "used up", 1),
        (problem(429, "Too Many Requests", {"Retry-After": "1"}), RateLimited, "Too Many", 4),
        (problem(500, "Error"), VendorUnavailable, "Error", 4),
        (problem(503, "Unavailable"), VendorUnavailable, "Unavailable", 4),
        (answer({"Error": {"Message": "older"}}, 400), VendorRejected, "older", 1),
        ((502, {"Content-Type": "text/html"}, b"<html>gateway"), VendorUnavailable, "HTML", 4),
    ],
    ids=str,
)
def test_a_refusal_has_its_error_and_is_repeated_where_that_can_help(
    vendor, make_hook, send, no_waiting, reply, error, said, sent
):
    vendor.reply(reply)
    found = error_of(send, make_hook(), calls.get_record("IssuedInvoices", ONE))
    assert type(found) is error
    assert said in found.message
    assert found.where == f"mpohoda (mpohoda_default) GET v1/IssuedInvoices/{ONE}"
    assert len(vendor.seen) == sent


@driver
def test_a_throttle_is_waited_out(vendor, make_hook, send, no_waiting):
    vendor.reply(problem(429, "Too Many", {"Retry-After": "3"}), answer(record(1)))
    assert one(send, make_hook(), calls.get_record("Centres", ONE))["Id"] == ONE
    assert sum(no_waiting) == pytest.approx(3, abs=0.1)


@driver
def test_a_key_that_a_server_quotes_is_not_shown(vendor, make_hook, send, caplog):
    vendor.reply(problem(400, "Bad Request", detail=f"the key {API_KEY.upper()} is odd"))
    hook = make_hook()
    found = error_of(send, hook, calls.get_record("Centres", ONE))
    shown = "\n".join([str(found), repr(found), repr(hook.options), repr(vars(found)), caplog.text])
    assert "the key *** is odd" in found.message
    assert API_KEY.lower() not in shown.lower()


@driver
def test_both_drivers_send_the_same(vendor, make_hook, send):
    vendor.reply(answer(page([])))
    send(make_hook(), calls.list_page("Centres", after=ONE))
    [seen] = vendor.seen
    assert seen.headers["api-key"] == API_KEY
    assert "authorization" not in seen.headers
    assert json.dumps(seen.query) == json.dumps({"PageSize": "100", "PageNumber": "1", "After": ONE})
