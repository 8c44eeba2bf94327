"""The hook: how it signs in, what it reads page after page, and what it knows of the quota."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.exceptions import (
    InvalidInput,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorUnavailable,
)
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.mpohoda import calls
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.quota.readings import Grant
from tests.support.drivers import DRIVERS
from tests.support.mpohoda import (
    API_KEY,
    CLIENT,
    ID,
    SECRET,
    TOKEN_PATH,
    answer,
    page,
    problem,
    record,
    serve_list,
)

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)
CENTRES = calls.list_page("Centres")


def error_of(send: Any, hook: MpohodaHook, *sent: Any) -> Any:
    with pytest.raises(VendorError) as raised:
        send(hook, *(sent or (CENTRES,)))
    return raised.value


# Signing in


@driver
def test_an_api_key_is_a_header_and_asks_for_no_token(vendor, make_hook, send):
    send(make_hook(), CENTRES)
    assert vendor.seen[0].headers["api-key"] == API_KEY
    assert "authorization" not in vendor.seen[0].headers
    assert vendor.forms == []


@driver
def test_a_client_gets_one_token_for_many_requests(vendor, make_hook, send):
    send(make_hook("client"), CENTRES, CENTRES, CENTRES)
    assert vendor.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": "Mph.OpenApi.Access.Cz",
        }
    ]
    assert "authorization" not in vendor.form_headers[0]
    assert {seen.headers["authorization"] for seen in vendor.seen} == {f"Bearer {vendor.token}"}
    assert all("api-key" not in seen.headers for seen in vendor.seen)


@driver
def test_a_client_may_be_sent_as_http_basic_and_then_not_in_the_body(vendor, make_hook, send):
    send(make_hook("client", client_authentication="basic", country="sk"), CENTRES)
    assert vendor.forms == [{"grant_type": "client_credentials", "scope": "Mph.OpenApi.Access.Sk"}]
    scheme, _, sent = vendor.form_headers[0]["authorization"].partition(" ")
    assert (scheme, base64.b64decode(sent)) == ("Basic", b"client-1:s3cr3t+%2B%26%2Fvalue-of-a-client")


@driver
def test_a_token_that_expires_inside_costs_one_request(vendor, make_hook, send):
    expire = lambda _: (vendor.revoke(), answer(page([])))[1]  # noqa: E731
    vendor.reply(expire, answer(page([])))
    send(make_hook("client"), CENTRES, CENTRES, CENTRES)
    assert (len(vendor.seen), vendor.refused, len(vendor.forms)) == (3, 1, 2)


@driver
def test_a_token_that_is_refused_again_is_an_error(vendor, make_hook, send):
    vendor.reply(problem(401, "Unauthorized"))
    found = error_of(send, make_hook("client"))
    assert type(found) is VendorAuthError
    assert (len(vendor.seen), len(vendor.forms)) == (2, 2)


@driver
def test_a_refused_key_is_sent_once(vendor, make_hook, send, set_connection):
    hook = make_hook()
    set_connection("mpohoda_default", password="another-key")
    found = error_of(send, hook)
    assert type(found) is VendorAuthError
    assert 'Check "Client Secret / API key"' in found.remedy
    assert (vendor.refused, vendor.forms) == (1, [])
    assert "another-key" not in str(found)


@driver
def test_a_key_that_is_quoted_as_the_name_of_a_field_is_shown_nowhere(vendor, make_hook, send):
    vendor.reply(problem(422, "Unprocessable", errors={API_KEY: ["no"], "PageSize": ["no"]}))
    found = error_of(send, make_hook())
    assert API_KEY not in repr(vars(found))
    assert found.fields == ("***", "PageSize")


# The token endpoint


@driver
@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (answer({"error": "invalid_client"}, 400), VendorAuthError, "invalid_client"),
        (answer({"error": "unsupported_grant_type"}, 400), VendorAuthError, "unsupported_grant_type"),
        (
            answer({"error": "invalid_scope", "error_description": f"not for {SECRET}"}, 400),
            VendorAuthError,
            r"invalid_scope: not for \*\*\*",
        ),
        ((401, {"Content-Type": "text/html"}, b"<html>"), VendorAuthError, "HTML"),
        ((200, {"Content-Type": "text/html"}, b"<html>login</html>"), VendorProtocolError, "not JSON"),
        ((503, {}, b""), VendorUnavailable, "token endpoint"),
    ],
    ids=str,
)
def test_a_refusal_of_the_token_endpoint_is_typed_and_spends_nothing(
    vendor, make_hook, send, no_waiting, reply, error, said
):
    vendor.token_reply = reply
    hook = make_hook("client")
    with pytest.raises(error, match=said) as raised:
        send(hook, CENTRES)
    assert type(raised.value) is error
    assert (vendor.seen, vendor.refused) == ([], 0)
    shown = str(raised.value) + repr(raised.value) + repr(hook.options)
    assert not any(part in shown for part in (SECRET, "s3cr3t", "value-of-a-client"))
    if error is VendorAuthError:
        assert '"Client Id" and "Client Secret / API key"' in raised.value.remedy


@driver
def test_a_token_endpoint_that_is_down_is_named(vendor, make_hook, send, no_waiting):
    found = error_of(send, make_hook("client", token_url=f"http://127.0.0.1:9{TOKEN_PATH}"))
    assert type(found) is VendorUnavailable
    assert found.path == f"http://127.0.0.1:9{TOKEN_PATH}"
    assert vendor.seen == []


@driver
def test_a_token_endpoint_that_is_slow_ends_at_the_timeout(vendor, make_hook, send):
    go_on = threading.Event()
    vendor.before_token = lambda: go_on.wait(20)
    hook = make_hook("client", timeout=0.2, policy=RequestPolicy(attempts=1))
    try:
        found = error_of(send, hook)
    finally:
        go_on.set()
    assert type(found) is VendorUnavailable
    assert "within the timeout" in found.message


@driver
def test_no_secret_is_logged_or_shown(vendor, make_hook, send, caplog):
    caplog.set_level("DEBUG")
    hook = make_hook("client")
    send(hook, CENTRES)
    vendor.reply(problem(400, "Bad Request", detail=f"{vendor.token} and {SECRET} are odd"))
    found = error_of(send, hook)
    assert "*** and *** are odd" in found.message
    shown = caplog.text + repr(hook.options) + repr(vars(found)) + str(found)
    assert not any(secret in shown for secret in (SECRET, vendor.token))


# Pages


RECORDS = [record(number) for number in range(1, 8)]


def ids(pages: Any) -> list[list[str]]:
    return [one.ids for one in pages]


def in_pages(*sizes: int) -> list[list[str]]:
    left = iter(one["Id"] for one in RECORDS)
    return [[next(left) for _ in range(size)] for size in sizes]


def test_a_list_is_read_on_from_its_last_record(vendor, make_hook):
    vendor.reply(serve_list(RECORDS))
    assert ids(make_hook().pages("IssuedInvoices", page_size=3)) == in_pages(3, 3, 1)
    assert [seen.query for seen in vendor.seen] == [
        {"PageSize": "3", "PageNumber": "1"},
        {"PageSize": "3", "PageNumber": "1", "After": ID.format(3)},
        {"PageSize": "3", "PageNumber": "1", "After": ID.format(6)},
    ]


@pytest.mark.parametrize(
    ("name", "paging"), [("Currencies", "auto"), ("IssuedInvoices", "number"), ("IssuedInvoices", "auto")]
)
def test_changes_are_read_by_numbers(vendor, make_hook, name, paging):
    vendor.reply(serve_list(RECORDS))
    pages = make_hook().pages(name, page_size=3, paging=paging, modified_since="2026-11-01T00:00:00Z")
    assert ids(pages) == in_pages(3, 3, 1)
    since = {"ModifiedSince": "2026-11-01T00:00:00Z"}
    assert [seen.query for seen in vendor.seen] == [
        {"PageSize": "3", "PageNumber": number, **since} for number in ("1", "2", "3")
    ]


@pytest.mark.parametrize("paging", ["after", "number"])
@pytest.mark.parametrize(("size", "requests"), [(7, 2), (8, 1), (3, 3), (1, 8), (100, 1)])
def test_a_list_costs_its_pages_and_one_more_where_they_divide_it(vendor, make_hook, paging, size, requests):
    vendor.reply(serve_list(RECORDS))
    pages = list(make_hook().pages("IssuedInvoices", page_size=size, paging=paging))
    assert sum(map(len, pages)) == 7
    assert all(len(one) for one in pages)
    assert len(vendor.seen) == requests


@pytest.mark.parametrize("paging", ["after", "number"])
def test_a_size_that_is_reduced_without_a_word_loses_no_record(vendor, make_hook, paging):
    vendor.reply(serve_list(RECORDS, largest=2))
    assert ids(make_hook().pages("IssuedInvoices", page_size=5, paging=paging)) == in_pages(2, 2, 2, 1)


def test_a_list_that_ends_before_what_it_announces_is_worth_a_warning(vendor, make_hook, caplog):
    vendor.reply(answer(page(RECORDS[:2], 7)), answer(page([], 7)))
    assert ids(make_hook().pages("IssuedInvoices", page_size=5)) == in_pages(2)
    assert 'speaks of 7 records of "IssuedInvoices", and 2 came' in caplog.text


@pytest.mark.parametrize("paging", ["after", "number"])
def test_pages_that_become_smaller_without_a_word_are_read_to_the_number_of_records(
    vendor, make_hook, paging, caplog
):
    vendor.reply(serve_list(RECORDS, largest=2, tells=False))
    assert ids(make_hook().pages("IssuedInvoices", page_size=5, paging=paging)) == in_pages(2, 2, 2, 1)
    assert "speaks of" not in caplog.text


@pytest.mark.parametrize(
    "refusal",
    [
        problem(404, "Not Found"),
        problem(422, "Unprocessable Entity", errors={"PageNumber": ["out of range"]}),
    ],
)
def test_a_page_beyond_the_last_may_be_refused_where_all_have_come(vendor, make_hook, refusal):
    vendor.reply(answer(page(RECORDS[:2], 2)), refusal)
    assert ids(make_hook().pages("Currencies", page_size=2)) == in_pages(2)
    vendor.reply(answer(page(RECORDS[:2], 3)), refusal)
    with pytest.raises(VendorError):
        list(make_hook().pages("Currencies", page_size=2))


def test_the_last_page_may_come_again_after_a_short_one(vendor, make_hook):
    vendor.reply(answer(page(RECORDS[:2], 7)))
    assert ids(make_hook().pages("IssuedInvoices", page_size=5, paging="number")) == in_pages(2)


def test_an_empty_list_has_one_page_without_records(vendor, make_hook):
    assert ids(make_hook().pages("Centres")) == [[]]


def test_a_size_that_is_refused_is_halved(vendor, make_hook):
    refusal = problem(422, "Unprocessable Entity", errors={"PageSize": ["too large"]})
    vendor.reply(refusal, refusal, serve_list(RECORDS))
    assert ids(make_hook().pages("Centres", page_size=14)) == in_pages(3, 3, 1)
    assert [seen.query["PageSize"] for seen in vendor.seen] == ["14", "7", "3", "3", "3"]


@pytest.mark.parametrize(("size", "field"), [(1, "PageSize"), (4, "PageNumber")])
def test_another_refusal_is_an_error(vendor, make_hook, size, field):
    vendor.reply(problem(422, "Unprocessable Entity", errors={field: ["no"]}))
    with pytest.raises(VendorError, match=field):
        list(make_hook().pages("Centres", page_size=size))
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("paging", ["after", "number"])
def test_a_page_that_comes_again_ends_the_reading(vendor, make_hook, paging):
    vendor.reply(answer(page(RECORDS[:2], 100, PageSize=2)))
    with pytest.raises(VendorProtocolError, match="came before"):
        list(make_hook().pages("IssuedInvoices", page_size=2, paging=paging))
    assert len(vendor.seen) == 2


def test_pages_that_turn_in_a_circle_end_the_reading(vendor, make_hook):
    first, second = (answer(page(one, 100, PageSize=2)) for one in (RECORDS[:2], RECORDS[2:4]))
    vendor.reply(first, second, first)
    with pytest.raises(VendorProtocolError, match="page 3"):
        list(make_hook().pages("IssuedInvoices", page_size=2))


def test_the_list_of_a_parent_is_read(vendor, make_hook):
    vendor.reply(serve_list(RECORDS))
    pages = make_hook().pages("PriceListItems/RegistrationNumbers", parent_id=ID.format(9), page_size=9)
    assert ids(pages) == in_pages(7)
    assert vendor.seen[0].path == f"/v1/PriceListItems/{ID.format(9)}/RegistrationNumbers"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Nothing", {}),
        ("Banks", {"paging": "after"}),
        ("Banks", {"paging": "cursor"}),
        ("Banks", {"page_size": 0}),
        ("Banks", {"modified_since": "today"}),
        ("Banks", {"parent_id": ID.format(1)}),
    ],
)
def test_what_cannot_be_asked_for_is_said_before_the_first_page(vendor, make_hook, name, more):
    with pytest.raises(InvalidInput):
        make_hook().pages(name, **more)
    assert vendor.seen == []


def test_the_records_are_the_vendors_objects(vendor, make_hook):
    vendor.reply(serve_list(RECORDS[:2]))
    [found] = make_hook().pages("Centres")
    assert (found.items, found.total, found.page_size) == (RECORDS[:2], 2, 100)


# The quota


def options(**extra: Any) -> Any:
    hook = MpohodaHook()
    hook.use(
        Connection(conn_id="mpohoda_default", conn_type="mpohoda", password="k", extra=json.dumps(extra))
    )
    return hook, hook.options


@pytest.mark.parametrize(("extensions", "limit"), [(0, 8000), (3, 32000)])
def test_the_grant_is_8000_requests_and_as_many_for_each_extension(extensions, limit):
    hook, read = options(mcal_extensions=extensions)
    assert hook.grant(read) == Grant(limit)
    assert hook.quota_call() is None
    assert hook.metered


def remaining(hook: MpohodaHook) -> Any:
    from airflow_provider.quota.opening import open_database

    database = open_database("mpohoda_default")
    assert database is not None
    store = hook.quota_store(database)
    try:
        return store.look().estimate
    finally:
        store.close()


@driver
def test_without_headers_our_own_requests_are_counted(vendor, make_hook, send):
    hook = make_hook("client", mcal_extensions=1)
    send(hook, CENTRES, CENTRES)
    hook.close()
    found = remaining(hook)
    # The token endpoint is another server: its requests count for nothing.
    assert (found.limit, found.remaining, found.source) == (16000, 15998, "count")
    assert found.resets_at.day == 1


@pytest.mark.parametrize(
    ("headers", "names", "expected"),
    [
        ({"X-RateLimit-Limit": "8000", "X-RateLimit-Remaining": "7990"}, {}, (8000, 7990)),
        ({"x-quota-remaining": "12"}, {}, (None, 12)),
        (
            {"Mpohoda-Total": "8000", "Mpohoda-Spent": "8"},
            {"limit": "mpohoda-total", "used": "MPOHODA-SPENT"},
            (8000, 7992),
        ),
    ],
)
@driver
def test_headers_tell_the_quota_by_their_usual_names_or_by_those_of_the_connection(
    vendor, make_hook, send, headers, names, expected
):
    vendor.reply(answer(page([]), 200, headers))
    hook = make_hook(quota_headers=names or None)
    send(hook, CENTRES)
    hook.close()
    found = remaining(hook)
    assert (found.limit, found.remaining, found.source) == (*expected, "header")


def test_the_day_of_the_reset_may_be_told(vendor, make_hook):
    headers = {"X-Quota-Remaining": "5", "When": "2030-01-01T00:00:00Z"}
    vendor.reply(answer(page([]), 200, headers))
    hook = make_hook(quota_headers='{"reset": "When"}')
    hook.run(CENTRES)
    hook.close()
    assert remaining(hook).resets_at == datetime(2030, 1, 1, tzinfo=UTC)


# The Test button


@pytest.mark.parametrize(
    ("mode", "said"), [("key", "The API key works"), ("client", "Client Id and Client Secret work")]
)
def test_the_test_button_says_what_works_and_what_it_cost(vendor, make_hook, mode, said):
    vendor.reply(answer(page([record(1)], 34, PageSize=1)))
    works, message = make_hook(mode).test_connection()
    assert works
    assert said in message
    assert "34 currencies" in message
    assert message.endswith("This test spent 1 request of the month.")
    assert [(seen.path, seen.query) for seen in vendor.seen] == [
        ("/v1/Currencies", {"PageSize": "1", "PageNumber": "1"})
    ]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (problem(403, "Forbidden"), "rights of the user"),
        (problem(429, "Too Many Requests"), "used up"),
        (answer(b"<html>"), "not JSON"),
    ],
)
def test_a_test_that_fails_says_why_and_what_it_cost(vendor, make_hook, reply, said):
    vendor.reply(reply)
    works, message = make_hook().test_connection()
    assert not works
    assert said in message
    assert message.endswith("This test spent 1 request of the month.")


def test_a_test_that_gets_no_token_has_cost_nothing(vendor, make_hook):
    vendor.token_reply = answer({"error": "invalid_client"}, 400)
    works, message = make_hook("client").test_connection()
    assert not works
    assert "invalid_client" in message
    assert message.endswith("This test spent no request of the month.")


def test_a_missing_right_is_no_refusal_of_the_credentials(vendor, make_hook):
    vendor.reply(problem(403, "Forbidden"), answer(page([])))
    hook = make_hook()
    with pytest.raises(VendorForbidden):
        hook.run(CENTRES)
    assert hook.run(calls.list_page("Banks")).items == []
