"""What an HTTP status means where a vendor does not say otherwise."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_provider.exceptions import (
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)

if TYPE_CHECKING:
    from airflow_provider.http.call import Response


LONGEST_WAIT = 366 * 86400.0
"""Seconds."""


def retry_after(response: Response, *, now: float | None = None) -> float | None:
    """Read ``Retry-After``, given in seconds or as an HTTP date (RFC 9110, 10.2.3).

    A date is compared with the response's own ``Date``, so that a wrong clock on either side does no harm. Of
    several values the longest counts.

    :param response: the response
    :param now: the time as seconds since the epoch, where the response has no date; the clock's by default
    :return: seconds to wait, never negative; None if the header is absent or cannot be read
    """
    values = response.all("retry-after")
    if not values:
        return None
    date = http_date(response.headers.get("date", ""))
    if date is not None:
        now = date.timestamp()
    found = [_seconds(value.strip(), time.time() if now is None else now) for value in values]
    return max((seconds for seconds in found if seconds is not None), default=None)


def _seconds(text: str, now: float) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        date = http_date(text)
        if date is None:
            return None
        seconds = date.timestamp() - now
    # More than a year cannot be meant.
    return max(0.0, seconds) if math.isfinite(seconds) and seconds <= LONGEST_WAIT else None


def http_date(text: str) -> datetime | None:
    """Read an HTTP date.

    :param text: the date
    :return: the moment; None if it cannot be read
    """
    try:
        date = parsedate_to_datetime(text)
        # An HTTP date is GMT, whether it says so or not.
        moment = date if date.tzinfo else date.replace(tzinfo=UTC)
        moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return moment


def error_for_status(
    response: Response,
    message: str | None = None,
    *,
    status: int | None = None,
    code: int | str | None = None,
    rights_per_resource: bool = False,
) -> VendorError | None:
    """Return the error that a status means.

    :param response: the response
    :param message: what the vendor wrote; a description of the response by default
    :param status: the status to judge by, where the vendor's envelope carries its own
    :param code: the vendor's own code
    :param rights_per_resource: whether the vendor's 403 speaks of the resource and not of the credentials
    :return: the error, not raised; None for 2xx
    """
    judged = response.status if status is None else status
    if 200 <= judged < 300:
        return None
    text = message or f"the vendor answered without a readable message ({response.shape})"
    error: VendorError
    if judged == 403 and rights_per_resource:
        error = VendorForbidden(text, remedy="Ask for the right, or use credentials that have it.")
    elif judged in (401, 403, 407):
        error = VendorAuthError(text, remedy="Check the secrets of the connection.")
    elif judged == 429:
        error = RateLimited(text, retry_after=retry_after(response))
    elif judged in (408, 425) or judged >= 500:
        error = VendorUnavailable(text, retry_after=retry_after(response))
    elif 300 <= judged < 400:
        error = VendorProtocolError(
            "the server redirects, which is not followed: the credentials would go to another place",
            remedy="Put the final address into the host of the connection.",
        )
    elif judged >= 400:
        error = VendorRejected(text)
    else:
        error = VendorProtocolError(f"status {judged} is not one that a vendor should send")
    error.status, error.code = response.status, code
    return error
