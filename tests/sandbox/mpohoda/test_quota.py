"""The requests of a month."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.clients import HangingRequest
from tests.sandbox.mpohoda.client import ABSENT, KEY, document
from tests.sandbox.mpohoda.test_auth import bearer, read, token

LIST = "Currencies?PageSize=1&PageNumber=1"


def use(api, used):
    return api.sandbox.control("POST", "mpohoda/quota", {"used": used})


def one(api):
    return api.call("GET", LIST)


def test_a_month_has_8000_requests_and_as_many_for_each_extension(api):
    assert api.quota() == {
        "limit": 8000,
        "used": 0,
        "remaining": 8000,
        # Midnight in Prague.
        "resets_at": "2026-11-30T23:00:00Z",
    }
    api.switch(mcal_extensions=2)
    assert api.quota()["limit"] == 24_000
    api.switch(quota=10, mcal_extensions=0)
    assert one(api).status_code == 200
    assert api.quota()["remaining"] == 9


def test_a_month_used_up_gets_429_until_the_next(api):
    use(api, 7999)
    assert one(api).status_code == 200
    response = one(api)
    assert response.status_code == 429
    assert response.json()["title"] == "Too Many Requests"
    assert "Retry-After" not in response.headers
    assert api.post("IssuedInvoices", document()).status_code == 429
    assert api.sandbox.state()["mpohoda"]["records"].get("IssuedInvoices") is None
    api.sandbox.clock(now="2026-11-30T22:59:59Z")
    assert one(api).status_code == 429
    api.sandbox.clock(now="2026-11-30T23:00:00Z")
    assert one(api).status_code == 200
    assert api.quota()["used"] == 1


def test_the_month_has_a_time_zone_or_thirty_days(api):
    api.switch(quota_timezone="UTC")
    assert api.quota()["resets_at"] == "2026-12-01T00:00:00Z"
    api.switch(quota_period="30 days")
    assert api.quota()["resets_at"] == "2026-12-16T12:00:00Z"
    one(api)
    api.sandbox.clock(advance=86_400)
    api.switch(quota=10)
    assert (api.quota()["used"], api.quota()["resets_at"]) == (1, "2026-12-16T12:00:00Z")
    api.sandbox.clock(advance=30 * 86_400)
    api.switch(quota=20)
    assert api.quota()["used"] == 0


@pytest.mark.parametrize(("scope", "status"), [("company", 429), ("credential", 200)])
def test_the_quota_is_the_companys_or_the_credentials(api, scope, status):
    api.switch(quota_scope=scope, quota=1)
    assert one(api).status_code == 200
    assert read(api, bearer(token(api))).status_code == status
    if scope == "credential":
        assert api.quota()["credentials"] == {"key": 1, "sandbox-client": 1}


@pytest.mark.parametrize(
    ("trait", "default", "call"),
    [
        ("count_unauthorized", False, lambda api: read(api, {})),
        ("count_forbidden", True, lambda api: api.page("Centres")),
        ("count_errors", True, lambda api: api.page("Banks", 0)),
        ("count_errors", True, lambda api: api.call("GET", f"Banks/{ABSENT}")),
        ("count_errors", True, lambda api: api.call("DELETE", "Banks")),
        ("count_token_requests", False, token),
    ],
)
def test_what_counts_is_a_switch(api, trait, default, call):
    api.switch(forbidden_resources="Centres")
    for counts, used in ((default, int(default)), (not default, 1)):
        use(api, 0)
        api.switch(**{trait: counts})
        call(api)
        assert api.quota()["used"] == int(counts), used


@pytest.mark.parametrize(("counts", "used"), [(True, 11), (False, 10)])
def test_a_refusal_for_want_of_requests_may_count(api, counts, used):
    api.switch(quota=10, count_exhausted=counts)
    use(api, 10)
    one(api)
    assert api.quota()["used"] == used


@pytest.mark.parametrize(("counts", "used"), [(True, 3), (False, 1)])
def test_files_may_count(api, counts, used):
    api.switch(count_files=counts)
    id_ = api.create("IssuedInvoices", document())["Id"]
    api.call("GET", f"IssuedInvoices/{id_}/pdf?Language=Current")
    api.call("GET", f"IssuedInvoices/{id_}/isdoc")
    assert api.quota()["used"] == used


def test_the_headers_have_invented_names_by_default(api):
    headers = one(api).headers
    assert (headers["X-Quota-Limit"], headers["X-Quota-Remaining"]) == ("8000", "7999")


def test_the_headers_names_are_switches(api):
    api.switch(limit_header="", remaining_header="", used_header="A-Used", reset_header="A-Reset")
    headers = one(api).headers
    assert (headers["A-Used"], headers["A-Reset"]) == ("1", str(14 * 86400 + 11 * 3600))
    assert not [name for name in headers if "Quota" in name]


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("seconds", "1249200"),
        ("epoch", "1796079600"),
        ("iso", "2026-11-30T23:00:00Z"),
        ("http date", "Mon, 30 Nov 2026 23:00:00 GMT"),
    ],
)
def test_the_reset_is_told_in_some_form(api, form, value):
    api.switch(reset_header="Reset", reset_format=form)
    assert one(api).headers["Reset"] == value


@pytest.mark.parametrize(
    ("when", "success", "refusal"),
    [("every answer", True, True), ("successes", True, False), ("none", False, False)],
)
def test_some_answers_have_the_headers(api, when, success, refusal):
    api.switch(quota_headers=when)
    assert ("X-Quota-Limit" in one(api).headers) is success
    assert ("X-Quota-Limit" in api.page("Banks", 0).headers) is refusal
    assert "X-Quota-Limit" not in read(api, {}).headers


def test_retry_after_of_a_used_up_month_is_a_switch(api):
    use(api, 8000)
    api.switch(retry_after="seconds")
    assert one(api).headers["Retry-After"] == "1249200"
    api.switch(retry_after="date")
    assert parsedate_to_datetime(one(api).headers["Retry-After"]).isoformat() == "2026-11-30T23:00:00+00:00"


@pytest.mark.parametrize("told", [True, False])
def test_a_throttle_is_passed_after_a_minute(api, told):
    api.switch(throttle_per_minute=2, throttle_retry_after=told)
    assert [one(api).status_code for _ in range(3)] == [200, 200, 429]
    assert one(api).headers.get("Retry-After") == ("60" if told else None)
    assert api.quota()["used"] == 2
    api.sandbox.clock(advance=60)
    assert one(api).status_code == 200


def test_too_many_requests_at_a_time_are_turned_away(api):
    api.switch(concurrency_limit=1)
    api.sandbox.fault(vendor="mpohoda", action="hang")
    with HangingRequest(api.sandbox, "GET", f"/mpohoda/v1/{LIST}", {"Api-Key": KEY}):
        assert one(api).status_code == 429


def test_requests_are_counted_by_operation(api):
    one(api)
    one(api)
    api.call("GET", f"Banks/{ABSENT}")
    assert api.sandbox.state()["mpohoda"]["calls"] == {"GET Currencies": 2, "GET Banks/{id}": 1}


@pytest.mark.parametrize("body", [{}, {"used": -1}, {"used": "1"}, {"used": 1, "x": 1}], ids=str)
def test_a_bad_count_is_refused(api, body):
    assert api.sandbox.post("/_sandbox/mpohoda/quota", body).status_code == 400
