"""The rules of one request, written once: what is sent, what is repeated, how long to wait.

:func:`exchange` is a generator. It yields what to do next (see ``steps.py``) and receives the result. Two
small drivers carry out these steps: ``sync_client.py`` blocks, ``async_client.py`` does not. A test can carry
them out without a network and without a clock. Getting credentials is a part of it (see ``auth.py``), with
steps of its own.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider.exceptions import (
    OutcomeUnknown,
    RateLimited,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.auth import Auth, Terms
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.steps import (
    ANONYMOUS,
    Credentials,
    Send,
    Step,
    TransportFailure,
    Wait,
    WriteFailure,
)
from airflow_provider.http.urls import turned_slash
from airflow_provider.values import seconds, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """How hard one call tries before its error is raised.

    :param attempts: how often a request is sent at most
    :param deadline: seconds that one call may take in all, waits included
    :param backoff: seconds that the first wait is at most; each further one is at most twice as long
    :param backoff_limit: seconds that a wait is at most
    :param retry_after_limit: the longest ``Retry-After``, in seconds, that is waited for inside the call; for
        a longer one the error is raised, so that Airflow can wait without holding a worker
    :param max_response_bytes: how large an answer may be, decompressed; a :class:`Call` may say otherwise
    :raises InvalidInput: a value cannot be right
    """

    attempts: int = 4
    deadline: float = 120.0
    backoff: float = 0.5
    backoff_limit: float = 20.0
    retry_after_limit: float = 60.0
    max_response_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        whole_number("attempts", self.attempts, 1)
        whole_number("max_response_bytes", self.max_response_bytes, 1)
        seconds("deadline", self.deadline)
        for name in ("backoff", "backoff_limit", "retry_after_limit"):
            seconds(name, getattr(self, name), none=True)

    def wait(self, attempt: int, asked: float | None, draw: float) -> float | None:
        """Say how long to wait after a failed attempt.

        :param attempt: how many attempts have failed, from 1
        :param asked: seconds that the vendor asked for, if it did
        :param draw: a random number from 0 to 1
        :return: seconds; None if the vendor asks for more than the policy grants
        """
        if asked is not None:
            # A little more, so that callers who got the same moment do not all come back in it.
            return asked + draw * self.backoff if asked <= self.retry_after_limit else None
        return draw * min(self.backoff_limit, self.backoff * 2.0 ** (attempt - 1))


class RateLimiter:
    """The pace at which one client may send: a steady rate, and pauses that the vendor asks for.

    :param rate: requests per second; None for no limit
    """

    def __init__(self, rate: float | None = None) -> None:
        self._interval = 1.0 / rate if rate else 0.0
        self._next = 0.0
        self._held_until = 0.0

    def reserve(self, now: float) -> float:
        """Take the next free slot of the rate.

        :param now: the time on a monotonic clock
        :return: seconds until the slot
        """
        if not self._interval:
            return 0.0
        slot = max(now, self._next)
        self._next = slot + self._interval
        return slot - now

    def hold(self, until: float) -> None:
        """Let no request leave before the given time on the monotonic clock."""
        self._held_until = max(self._held_until, until)

    def held(self, now: float) -> float:
        """Say for how many more seconds no request may leave."""
        return max(0.0, self._held_until - now)


Outcome = Response | TransportFailure | WriteFailure | None
NO_AUTH = Auth()


def exchange(
    call: Call[T],
    *,
    policy: RequestPolicy,
    timeout: float,
    rate_limiter: RateLimiter,
    auth: Auth = NO_AUTH,
    url: str | None = None,
    base_url: str = "",
    on_attempt: Callable[[Call[Any], Outcome, Any], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
) -> Generator[Step, Outcome, T]:
    """Carry out one call by the rules.

    :param call: the call
    :param policy: how hard to try
    :param timeout: seconds that one attempt may take
    :param rate_limiter: the pace of the client
    :param auth: what authenticates the call, unless it is anonymous
    :param url: where the call is sent, if not to the vendor
    :param base_url: where the vendor's API begins
    :param on_attempt: is told of each attempt: the call, what came back, and the value or the error it means
    :param clock: a monotonic clock
    :param draw: a source of random numbers from 0 to 1
    :return: what the call decodes to
    :raises VendorError: the call failed for good
    :raises OSError: the sink of the call could not take the response
    """
    attempts = min(policy.attempts, call.attempts or policy.attempts)
    deadline: float | None = None
    attempt = 0
    failure: VendorError | None = None
    renewed = turned = False
    limit = call.max_response_bytes or policy.max_response_bytes
    while True:
        if pause := rate_limiter.reserve(clock()):
            yield Wait(pause)
        while pause := rate_limiter.held(clock()):
            yield Wait(pause)
        now = clock()
        if deadline is None:
            # Time spent in the queue of the rate limiter is not the vendor's: it does not count.
            deadline = now + policy.deadline
        if failure is not None and now >= deadline:
            # Another request may have got a Retry-After in the meantime.
            raise failure
        credentials = ANONYMOUS if call.anonymous else auth.current(now)
        if credentials is None:
            credentials = yield from auth.obtain(Terms(policy, timeout, deadline, clock, draw))
            now = clock()
            if now >= deadline:
                raise VendorUnavailable("no time was left when the access token came", processed=False)
        attempt += 1
        outcome = yield Send(call, min(timeout, max(deadline - now, 0.001)), limit, credentials, url)
        try:
            value = _value(call, outcome)
        except VendorError as error:
            failure = error
        else:
            if on_attempt:
                on_attempt(call, outcome, value)
            return value
        if on_attempt:
            on_attempt(call, outcome, failure)
        if isinstance(outcome, WriteFailure):
            # Ours, not the vendor's: neither another attempt nor another record would fare better.
            raise outcome.error
        if _turns_slash(call, outcome, base_url, credentials):
            there = call.path[:-1] if call.path.endswith("/") else f"{call.path}/"
            if turned:
                raise _circle(call.path, there, failure)
            turned = True
            attempt -= 1
            call = replace(call, path=there)
            continue
        if not renewed and _refused(call, outcome, auth):
            # Once, for every call: a request that is refused was not processed.
            renewed = True
            if (yield from auth.renew(credentials, Terms(policy, timeout, deadline, clock, draw))):
                attempt -= 1
                continue
        asked: float | None = getattr(failure, "retry_after", None)
        delay = policy.wait(attempt, asked, draw())
        if asked is not None and delay is not None:
            # What the vendor tells one request holds for all of this client's.
            rate_limiter.hold(clock() + asked)
        if (
            not _repeatable(call, failure, outcome)
            or attempt >= attempts
            or delay is None
            or clock() + delay >= deadline
        ):
            # 'from None': the first error may quote a secret that only the last one is cleared of.
            raise _final(call, failure, outcome) from None
        yield Wait(delay)


def _refused(call: Call[T], outcome: Outcome, auth: Auth) -> bool:
    """Say whether a response is a refusal of the connection's credentials."""
    return (
        isinstance(outcome, Response)
        and outcome.status in auth.refusals
        and not call.anonymous
        and "authorization" not in map(str.lower, call.headers)
    )


def _turns_slash(call: Call[T], outcome: Outcome, base_url: str, credentials: Credentials) -> bool:
    """Say whether a response leads to the same path with or without its final slash, and may be followed."""
    if not call.turns_slash or call.method != "GET" or not isinstance(outcome, Response):
        return False
    # 302 and 303 speak of another document.
    location = outcome.headers.get("location", "") if outcome.status in (301, 307, 308) else ""
    sent = {**call.query, **credentials.query}
    return bool(location) and turned_slash(f"{base_url}/{call.path}", sent, location)


def _circle(here: str, there: str, failure: VendorError) -> VendorProtocolError:
    return VendorProtocolError(
        f'the server redirects in a circle: "{there}" leads to "{here}", and that leads to "{there}"',
        status=failure.status,
        remedy="Ask the vendor which of the two it serves; a proxy on the way may be at fault, too.",
    )


def _value(call: Call[T], outcome: Outcome) -> T:
    if isinstance(outcome, Response):
        try:
            return call.decode(outcome)
        except VendorError:
            raise
        except Exception as error:
            # An error of a decoder may quote the response: keep only its type.
            raise VendorProtocolError(
                f"the response has an unexpected shape ({type(error).__name__}; {outcome.shape})",
                status=outcome.status,
            ) from None
    if outcome is None:
        raise TypeError("a Send must be answered with a Response or a TransportFailure")
    if isinstance(outcome, WriteFailure):
        raise VendorError("the response could not be written")
    if outcome.unusable is not None:
        raise VendorProtocolError(outcome.reason, status=outcome.unusable, remedy=outcome.remedy)
    raise VendorUnavailable(outcome.reason, processed=None if outcome.sent else False, remedy=outcome.remedy)


def _repeatable(call: Call[T], failure: VendorError, outcome: Outcome) -> bool:
    if isinstance(outcome, TransportFailure) and outcome.permanent:
        return False
    if isinstance(failure, RateLimited):
        return True
    if isinstance(failure, VendorUnavailable):
        return failure.processed is False or call.repeat is not Repeat.ONCE
    return False


def _says_undone(status: int) -> bool:
    """Say whether a status says by itself that nothing was done; 303 leads to what was done."""
    return 300 <= status < 500 and status != 303


def _final(call: Call[T], failure: VendorError, outcome: Outcome) -> VendorError:
    if call.repeat is not Repeat.ONCE:
        return failure
    remedy = "It is not repeated by itself. Look it up at the vendor before it is sent again."
    if isinstance(outcome, TransportFailure) and outcome.unusable is not None:
        lost = not _says_undone(outcome.unusable)
        remedy = " ".join(filter(None, (remedy, failure.remedy)))
    elif isinstance(failure, VendorProtocolError):
        lost = isinstance(outcome, Response) and not _says_undone(outcome.status)
    else:
        lost = isinstance(failure, VendorUnavailable | VendorRejected) and failure.processed is not False
    if not lost:
        return failure
    return OutcomeUnknown(
        f"{failure.message}; the request had left and may have taken effect",
        status=failure.status,
        code=failure.code,
        remedy=remedy,
    )
