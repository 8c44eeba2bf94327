from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider import exceptions
from airflow_provider.exceptions import (
    MESSAGE_LIMIT,
    InvalidInput,
    QuotaExhausted,
    RateLimited,
    VendorError,
    VendorRejected,
    VendorUnavailable,
)


def test_the_text_says_row_place_numbers_message_and_remedy_in_this_order():
    error = VendorRejected(
        "no such bot.",
        status=200,
        code=1,
        remedy="Check the bot.",
        vendor="imbee",
        conn_id="imbee_default",
        method="POST",
        path="token/new",
        row=12,
    )
    assert str(error) == (
        "row 12: imbee (imbee_default) POST token/new: HTTP 200, code 1: no such bot. Check the bot."
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (VendorError("gone"), "gone"),
        (VendorError("gone", remedy="Look."), "gone. Look."),
        (VendorError("gone", vendor="imbee"), "imbee: gone"),
        (VendorError("gone", conn_id="c"), "(c): gone"),
        (VendorError("gone", code="E7"), "code E7: gone"),
        (VendorError("gone", status=0), "HTTP 0: gone"),
        (InvalidInput("empty", field="mail", row=3), "row 3: empty"),
    ],
)
def test_the_text_leaves_out_what_is_not_known(error, text):
    assert str(error) == text


def test_locate_fills_in_and_never_overwrites():
    error = VendorError("x", vendor="imbee")
    error.locate(vendor="other", conn_id="c", method="GET", path="p")
    assert error.where == "imbee (c) GET p"


def test_redacting_replaces_the_longest_secret_first():
    error = VendorError("token abcdef was refused", code="abcdef")
    error.redact(["abc", "abcdef", ""])
    assert error.message == "token *** was refused"
    assert error.code == "***"
    assert error.args == ("token *** was refused",)
    assert "def" not in repr(error)


@pytest.mark.parametrize(
    ("quoted", "shown"),
    [
        ("a8k3j7f2a8k3j7f2a8k3", "*** is no token"),
        ("A8K3J7F2A8K3J7F2A8K3J7F2", "*** is no token"),
        ("a8k3j7f2a8k3j7f2…", "***… is no token"),
        ("a8k3j7f2", "a8k3j7f2 is no token"),
    ],
)
def test_the_beginning_of_a_long_secret_is_no_less_secret(quoted, shown):
    error = VendorError(f"{quoted} is no token", code=quoted)
    error.redact(["a8k3j7f2a8k3j7f2a8k3j7f2"])
    assert error.message == shown
    assert error.code == shown.partition(" ")[0]


def test_a_number_code_is_left_as_it_is():
    error = VendorError("x", code=123)
    error.redact(["123"])
    assert error.code == 123


def test_what_a_vendor_writes_at_great_length_is_shortened():
    error = VendorError("x" * 10_000)
    error.redact([])
    assert len(error.message) == MESSAGE_LIMIT
    assert error.message.endswith("…")


def test_a_code_of_great_length_is_shortened_too():
    error = VendorError("x", code="y" * 10_000)
    error.redact([])
    assert len(str(error.code)) == MESSAGE_LIMIT


def test_a_secret_at_the_cut_is_not_shown_in_part():
    error = VendorError("x" * (MESSAGE_LIMIT - 4) + "s3cr3t-value")
    error.redact(["s3cr3t-value"])
    assert "s3" not in error.message


def test_bad_input_is_a_value_error_too():
    assert isinstance(InvalidInput("x"), ValueError)


@pytest.mark.parametrize(
    "name",
    [
        "InvalidInput",
        "VendorAuthError",
        "VendorForbidden",
        "VendorRejected",
        "QuotaExhausted",
        "RateLimited",
        "VendorUnavailable",
        "OutcomeUnknown",
        "OutcomePending",
        "VendorProtocolError",
        "BatchFailed",
    ],
)
def test_each_error_is_a_vendor_error(name):
    assert issubclass(getattr(exceptions, name), VendorError)


@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize(
    "error",
    [
        RateLimited("slow down", retry_after=3.0, status=429),
        VendorUnavailable("away", processed=False),
        QuotaExhausted("used up"),
        InvalidInput("empty", field="mail", row=3),
    ],
)
def test_an_error_survives_being_copied_and_pickled(error, copied):
    again = copied(error)
    assert type(again) is type(error)
    assert again.__dict__ == error.__dict__
    assert str(again) == str(error)
