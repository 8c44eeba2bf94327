"""What a driver has to do next, and what it may answer: plain values, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Future

    from airflow_provider.http.call import Call


WRONG_HOST = "Check the host of the connection and the network of the worker."


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is added to a request to authenticate it.

    :param headers: headers by name
    :param query: query parameters by name; they join the URL when it is sent, and are in no other place
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


ANONYMOUS = Credentials()


@dataclass(slots=True)
class Send:
    """Send a request now, and give up on it after ``timeout`` seconds.

    :param call: the call
    :param timeout: seconds
    :param limit: how many bytes the answer may have, decompressed
    :param credentials: what is added to the call
    :param url: where it is sent, if not to the vendor: then it is no request that counts
    """

    call: Call[Any]
    timeout: float
    limit: int
    credentials: Credentials
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait until another task or thread has set a result, for so many seconds at most."""

    future: Future[Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Mask:
    """Keep a secret that has just been received out of Airflow's logs."""

    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the connection again; the answer to the step is what was read, see ``auth.py``.

    :param read: reads it
    :param aread: reads it without blocking the event loop
    """

    read: Callable[[], Any]
    aread: Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No usable response arrived.

    :param reason: what happened, without secrets
    :param sent: whether a byte of the request may have left
    :param permanent: whether another attempt in the same minute is pointless (a refused certificate)
    :param remedy: what the reader can do about it
    :param unusable: the status of a response that came but cannot be used; None where none came
    """

    reason: str
    sent: bool
    permanent: bool = False
    remedy: str | None = None
    unusable: int | None = None


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """A response arrived, and the call's sink could not take it.

    :param error: what the sink raised
    """

    error: OSError


Step = Send | Wait | WaitFor | Mask | Reload


def broken(kind: str, *, timed_out: bool, sent: bool) -> TransportFailure:
    """Say that no response came.

    :param kind: what the library calls the error
    :param timed_out: whether the time was over
    :param sent: whether a byte of the request may have left
    """
    if timed_out:
        reason = "no answer within the timeout" if sent else "no connection within the timeout"
    else:
        reason = f"the connection broke {'' if sent else 'before anything was sent '}({kind})"
    return TransportFailure(reason, sent, remedy=None if sent else WRONG_HOST)


def too_large(status: int, limit: int) -> TransportFailure:
    """Say that a response is larger than it may be.

    :param status: HTTP status of the response
    :param limit: how many bytes it may have
    """
    size = f"{limit / 2**20:,.0f} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    return TransportFailure(
        f"the response is larger than {size}, decompressed",
        sent=True,
        remedy="If that is right, raise max_response_bytes of the RequestPolicy.",
        unusable=status,
    )


def unknown_encoding(status: int) -> TransportFailure:
    """Say that a response is compressed in a way that was not asked for.

    :param status: HTTP status of the response
    """
    return TransportFailure(
        "the response is compressed in a way that was not asked for", sent=True, unusable=status
    )
