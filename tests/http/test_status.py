from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider.exceptions import (
    RateLimited,
    VendorAuthError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Headers, Response
from airflow_provider.http.status import error_for_status, retry_after

# Wed, 21 Oct 2026 07:28:00 GMT
NOW = 1792567680.0


def read(value: str | None) -> float | None:
    headers = {} if value is None else {"retry-after": value}
    return retry_after(Response(503, headers), now=NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("-30", 0.0),
        ("Wed, 21 Oct 2026 07:29:00 GMT", 60.0),
        ("Wed, 21 Oct 2026 07:29:00 +0000", 60.0),
        ("Wed, 21 Oct 2026 09:29:00 +0200", 60.0),
        ("Wednesday, 21-Oct-26 07:29:00 GMT", 60.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(header, seconds):
    assert read(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "  ",
        "soon",
        "inf",
        "-inf",
        "nan",
        "1e999",
        "Wed, 99 Xyz 2026 07:28:00 GMT",
        "12 seconds",
        ",",
    ],
)
def test_a_retry_after_that_says_nothing_counts_as_absent(header):
    assert read(header) is None


# RFC 9110 wants the obsolete form of asctime to be read as well: always GMT, without saying so.
@pytest.mark.parametrize(
    "header", ["Wed Oct 21 07:29:00 2026", "Wed, 21 Oct 2026 07:29:00", "Wed, 21 Oct 2026 07:29:00 -0000"]
)
def test_a_date_without_a_zone_is_gmt_wherever_the_worker_stands(monkeypatch, header):
    monkeypatch.setenv("TZ", "America/Bogota")
    time.tzset()
    try:
        assert read(header) == 60.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_date_is_held_against_the_date_of_the_response():
    headers = {"date": "Wed, 21 Oct 2015 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2015 07:29:00 GMT"}
    assert retry_after(Response(503, headers)) == 60.0
    assert retry_after(Response(503, headers), now=NOW) == 60.0
    assert retry_after(Response(503, {**headers, "retry-after": "7"})) == 7.0


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Xyz 2026 07:28:00 GMT"])
def test_a_date_of_the_response_that_cannot_be_read_is_left_out(date):
    headers = {"date": date, "retry-after": "Wed, 21 Oct 2026 07:29:00 GMT"}
    assert retry_after(Response(503, headers), now=NOW) == 60.0


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["5", "7"], 7.0),
        (["7", "5"], 7.0),
        (["soon", "5"], 5.0),
        (["5", "Wed, 21 Oct 2026 07:29:00 GMT"], 60.0),
        (["soon", "later"], None),
    ],
)
def test_of_several_values_the_longest_counts(values, seconds):
    headers = Headers([("Retry-After", value) for value in values])
    assert retry_after(Response(503, headers), now=NOW) == seconds


def test_a_403_may_speak_of_the_resource():
    error = error_for_status(Response(403), "no right", rights_per_resource=True)
    assert type(error) is VendorForbidden
    assert not isinstance(error, VendorAuthError)
    assert error.status == 403
    assert type(error_for_status(Response(401), rights_per_resource=True)) is VendorAuthError


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (403, VendorAuthError),
        (404, VendorRejected),
        (405, VendorRejected),
        (407, VendorAuthError),
        (408, VendorUnavailable),
        (422, VendorRejected),
        (425, VendorUnavailable),
        (429, RateLimited),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
        (599, VendorUnavailable),
        (301, VendorProtocolError),
        (304, VendorProtocolError),
        (101, VendorProtocolError),
    ],
)
def test_each_status_has_its_error(status, kind):
    error = error_for_status(Response(status), "why", code=4)
    assert type(error) is kind
    assert (error.status, error.code) == (status, 4)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_error(status):
    assert error_for_status(Response(status)) is None


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_vendor_asks_for_is_in_the_error(status):
    error: Any = error_for_status(Response(status, {"retry-after": "5"}))
    assert error.retry_after == 5.0


def test_the_vendors_own_status_may_be_judged_while_the_real_one_is_reported():
    error = error_for_status(Response(200), "no", status=429)
    assert (type(error), error.status) == (RateLimited, 200)


def test_without_a_message_the_reply_is_described_and_not_shown():
    error = error_for_status(
        Response(500, {"content-type": "text/html; charset=utf-8"}, b"<html>s3cret</html>")
    )
    assert "HTML, 19 bytes" in str(error)
    assert "s3cret" not in str(error)
