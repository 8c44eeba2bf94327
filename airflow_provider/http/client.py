"""What the blocking and the non-blocking driver share: what is sent, and how an error is finished."""

from __future__ import annotations

import json
import platform
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider import __version__
from airflow_provider.exceptions import RateLimited, VendorError
from airflow_provider.http.call import Call, Response
from airflow_provider.http.metrics import RequestCounts, outcome_of
from airflow_provider.http.retry import Outcome, RateLimiter, RequestPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.http.observer import Observer
    from airflow_provider.http.options import VendorOptions

ANOTHER_TRY = 60.0
"""Seconds after which a task that has used up its reservation may try again."""

WRONG_HOST = "Check the host of the connection and the network of the worker."
CERTIFICATE = (
    "Check the host of the connection; for a private certificate authority set "
    '"Verify TLS certificate" to the path of its file.'
)


# json.dumps would make one for each body.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def user_agent() -> str:
    """Name this provider, Airflow and Python, for the vendor's own logs."""
    from airflow import __version__ as airflow_version

    return (
        f"airflow-provider-vendor-apis/{__version__} "
        f"airflow/{airflow_version} python/{platform.python_version()}"
    )


@dataclass
class ClientSetup:
    """All that a client needs to know about a connection.

    :param options: the connection's fields
    :param headers: headers of every request, credentials among them
    :param policy: how hard a call tries
    :param observer: is told of each request
    :param allowance: how many requests may be sent; None for any number
    """

    options: VendorOptions
    headers: Mapping[str, str] = field(repr=False)
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    observer: Observer | None = None
    allowance: int | None = None
    requests: int = 0
    """How many requests have been sent, repeats included."""

    def __post_init__(self) -> None:
        self.rate_limiter = RateLimiter(self.options.requests_per_second)
        self.counts = RequestCounts(self.options.conn_type, self.options.conn_id)
        self._secrets = self.options.secrets()

    def url(self, call: Call[Any]) -> str:
        """Return the full URL of a call, without its query."""
        return f"{self.options.base_url}/{call.path}"

    def headers_of(self, call: Call[Any]) -> Mapping[str, str]:
        """Return the connection's headers and the call's own."""
        headers = {} if call.anonymous else self.headers
        return {**headers, **call.headers} if call.headers else headers

    def count(self) -> None:
        """Count a request that is about to leave.

        :raises RateLimited: no more may be sent; this one must not be
        """
        if self.allowance is not None and self.requests >= self.allowance:
            raise RateLimited(
                f"the {self.allowance} requests that were reserved are used up, by repeats",
                retry_after=ANOTHER_TRY,
                remedy="Another try of the task reserves anew.",
            )
        self.requests += 1
        if self.observer is not None:
            self.observer.before_request()

    def on_attempt(self, call: Call[Any], outcome: Outcome, result: Any) -> None:
        """Take notice of how an attempt ended.

        :param call: the call
        :param outcome: what came back
        :param result: the value or the error that it stands for
        """
        failed = isinstance(result, VendorError)
        self.counts.add(outcome_of(result) if failed else "success")
        if self.observer is None:
            return
        if failed:
            # The observer may keep it: nothing secret may be in it.
            self.locate(result, call)
        self.observer.after_request(call, outcome if isinstance(outcome, Response) else None, result)

    def content(self, call: Call[Any]) -> tuple[bytes | None, Mapping[str, str]]:
        """Return the body of a call and its headers."""
        headers = self.headers_of(call)
        if call.form is None:
            return encode(call.json), headers
        body, kind = encode_form(call.form)
        kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return body, {**kept, "Content-Type": kind}

    def locate(self, error: VendorError, call: Call[Any]) -> None:
        """Say where an error happened, and clear it of secrets.

        :param error: the error
        :param call: the call that it ended
        """
        error.locate(
            vendor=self.options.conn_type,
            conn_id=self.options.conn_id,
            method=call.method,
            path=call.path,
        )
        error.redact([*self._secrets, *call.headers.values()])


def encode(document: Any) -> bytes | None:
    """Encode a JSON body; None for no body."""
    if document is None:
        return None
    return _ENCODER.encode(document).encode()


def encode_form(form: Mapping[str, str]) -> tuple[bytes, str]:
    """Encode a form as ``multipart/form-data`` (RFC 7578), and name its content type.

    :param form: the values by field; names are the vendor's, and plain
    """
    # Random, so that no value can hold it.
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), f"multipart/form-data; boundary={boundary}"
