from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    BatchFailed,
    InvalidInput,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.outcome import fail_without_retry

PERMANENT = [BatchFailed, InvalidInput, VendorAuthError, VendorRejected, OutcomeUnknown, VendorProtocolError]
PASSING = [QuotaExhausted, RateLimited, VendorUnavailable, RuntimeError, KeyError]


def raised_by(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as raised, fail_without_retry():
        raise error
    return raised.value


@pytest.mark.parametrize("kind", PERMANENT)
def test_an_error_that_no_retry_can_mend_fails_the_task_at_once_as_its_own_type(kind):
    error = kind("why", remedy="Do this.", row=4)
    error.locate(vendor="imbee", conn_id="c", method="POST", path="p")
    failure = raised_by(error)
    assert isinstance(failure, AirflowFailException)
    assert isinstance(failure, kind)
    assert type(failure).__name__ == kind.__name__
    assert failure.__dict__ == error.__dict__
    assert str(failure) == str(error) == "row 4: imbee (c) POST p: why. Do this."


@pytest.mark.parametrize("kind", PASSING)
def test_every_other_error_passes_unchanged(kind):
    error = kind("why")
    assert raised_by(error) is error
    assert not isinstance(error, AirflowFailException)


def test_an_error_that_fails_at_once_already_passes_unchanged():
    first = raised_by(VendorRejected("why"))
    assert raised_by(first) is first


def test_somebodys_own_kind_of_a_permanent_error_fails_at_once_too():
    class NoSuchBot(VendorRejected):
        pass

    failure = raised_by(NoSuchBot("why"))
    assert isinstance(failure, AirflowFailException)


def test_the_original_error_is_not_shown_a_second_time():
    failure = raised_by(VendorRejected("why"))
    assert failure.__suppress_context__
    assert failure.__cause__ is None
    assert failure.__traceback__ is not None


def test_without_an_error_nothing_happens():
    with fail_without_retry():
        pass
