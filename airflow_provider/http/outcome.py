"""Tell Airflow where no retry can help."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    BatchFailed,
    InvalidInput,
    OutcomeUnknown,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PERMANENT = (
    BatchFailed,
    InvalidInput,
    VendorAuthError,
    VendorForbidden,
    VendorRejected,
    OutcomeUnknown,
    VendorProtocolError,
)


def _twin(kind: type[VendorError]) -> type[VendorError]:
    """Derive the same error, under the same name, as one that Airflow fails at once."""
    return type(kind.__name__, (kind, AirflowFailException), {"__module__": kind.__module__})


@contextmanager
def fail_without_retry() -> Iterator[None]:
    """Let a permanent error fail the task without retries; it stays an instance of its own type.

    Everything else passes unchanged, and Airflow's ``retries`` apply.
    """
    try:
        yield
    except PERMANENT as error:
        raise failing(error) from None


def failing(error: VendorError) -> VendorError:
    """Return the same error as one that Airflow fails at once.

    :param error: the error
    """
    if isinstance(error, AirflowFailException):
        return error
    twin = _twin(type(error))
    failure = twin.__new__(twin, *error.args)
    failure.__dict__.update(error.__dict__)
    return failure.with_traceback(error.__traceback__)
