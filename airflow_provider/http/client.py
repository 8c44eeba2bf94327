"""What the blocking and the non-blocking driver share: what is sent, and how an error is finished."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr

from airflow_provider import __version__
from airflow_provider.exceptions import InvalidInput, RateLimited, VendorError
from airflow_provider.http.auth import shown_forms
from airflow_provider.http.call import Call, Response
from airflow_provider.http.content import ENCODINGS
from airflow_provider.http.metrics import RequestCounts, outcome_of
from airflow_provider.http.personal import hide
from airflow_provider.http.proxy import proxy_for, proxy_secrets
from airflow_provider.http.retry import Outcome, RateLimiter, RequestPolicy, exchange
from airflow_provider.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from airflow_provider.http.auth import Auth
    from airflow_provider.http.observer import Observer
    from airflow_provider.http.options import VendorOptions
    from airflow_provider.http.steps import Send, Step

T = TypeVar("T")

ANOTHER_TRY = 60.0
"""Seconds after which a task that has used up its reservation may try again."""

CERTIFICATE = (
    "Check the host of the connection; for a private certificate authority set "
    '"Verify TLS certificate" to the path of its file.'
)


def common_headers() -> dict[str, str]:
    """Return the headers of every request."""
    return {"User-Agent": user_agent(), "Accept": "*/*", "Accept-Encoding": ENCODINGS}


def authorities() -> str | None:
    """Return the certificate authorities that the environment names; None where it names none."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")


def user_agent() -> str:
    """Name this provider, Airflow and Python, for the vendor's own logs."""
    from airflow import __version__ as airflow_version

    return (
        f"airflow-provider-vendor-apis/{__version__} "
        f"airflow/{airflow_version} python/{platform.python_version()}"
    )


@dataclass(slots=True, repr=False)
class Request:
    """What is sent; without a ``repr`` of its parts, since there are secrets among them."""

    method: str
    url: str
    query: Mapping[str, str]
    secret_query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None


@dataclass
class ClientSetup:
    """All that a client needs to know about a connection.

    :param options: the connection's fields
    :param auth: what authenticates its requests
    :param policy: how hard a call tries
    :param observer: is told of each request
    :param headers: headers of every request that are no credentials
    :param allowance: how many requests may be sent; None for any number
    :param prepare: returns a call as the connection wants it sent; None for calls that are sent as they are
    """

    options: VendorOptions
    auth: Auth
    policy: RequestPolicy = field(default_factory=RequestPolicy)
    observer: Observer | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    allowance: int | None = None
    prepare: Callable[[Call[Any]], Call[Any]] | None = None
    requests: int = 0
    """How many requests have been sent, repeats included."""

    def __post_init__(self) -> None:
        options = self.options
        self.rate_limiter = RateLimiter(options.requests_per_second)
        self.counts = RequestCounts(options.conn_type, options.conn_id)
        try:
            found = [self.proxy_for(url) for url in (options.base_url, *self.auth.urls)]
        except InvalidInput as error:
            error.locate(vendor=options.conn_type, conn_id=options.conn_id)
            raise
        self._proxy = SecretStr(found[0]) if found[0] else None
        secrets = [*options.secrets(), *(secret for proxy in found for secret in proxy_secrets(proxy))]
        self._secrets = [form for secret in secrets for form in shown_forms(secret)]
        self.encrypted = not all(
            url.startswith("http://") for url in (options.base_url, *self.auth.urls, *filter(None, found))
        )
        """Whether any of the requests goes through TLS."""

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy on the way to a URL.

        :param url: the URL
        :raises InvalidInput: the environment names a proxy that cannot be used
        """
        own = self.options.proxy
        return proxy_for(url, own.get_secret_value() if own is not None else None)

    def prepared(self, call: Call[T]) -> Call[T]:
        """Return a call as the connection wants it sent.

        :param call: the call
        """
        return call if self.prepare is None else self.prepare(call)

    def exchange(self, call: Call[T]) -> Generator[Step, Outcome, T]:
        """Return the steps of one call, for a driver to carry out.

        :param call: the prepared call
        :return: what the call decodes to
        """
        return exchange(
            call,
            policy=self.policy,
            timeout=self.options.timeout,
            rate_limiter=self.rate_limiter,
            auth=self.auth,
            base_url=self.options.base_url,
            on_attempt=self.on_attempt,
        )

    def request(self, step: Send) -> Request:
        """Return what is sent for a step.

        :param step: the step
        """
        call, credentials = step.call, step.credentials
        content = call.content
        if step.url is not None:
            return Request(call.method, step.url, {}, {}, {**content.headers, **call.headers}, content.body)
        headers = {**content.headers, **self.headers, **credentials.headers, **call.headers}
        if call.form is not None:
            # It has the boundary: no other value can be right.
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
            headers.update(content.headers)
        url = f"{self.options.base_url}/{call.path}"
        return Request(call.method, url, call.query, credentials.query, headers, content.body)

    def proxy(self, step: Send) -> str | None:
        """Return the proxy that the request of a step takes.

        :param step: the step
        """
        if step.url is not None:
            return self.proxy_for(step.url)
        return self._proxy.get_secret_value() if self._proxy is not None else None

    def count(self) -> None:
        """Count a request that is about to leave.

        :raises RateLimited: no more may be sent; this one must not be
        """
        if self.allowance is not None and self.requests >= self.allowance:
            raise RateLimited(
                f"the {self.allowance} requests that were reserved are used up, by repeats",
                retry_after=ANOTHER_TRY,
                remedy="Another try of the task reserves again.",
            )
        self.requests += 1
        if self.observer is not None:
            self.observer.before_request()

    def on_attempt(self, call: Call[Any], outcome: Outcome, result: Any) -> None:
        """Take notice of how an attempt ended.

        :param call: the call
        :param outcome: what came back
        :param result: the value or the error that it means
        """
        failed = isinstance(result, VendorError)
        self.counts.add(outcome_of(result) if failed else "success")
        if self.observer is None:
            return
        if failed:
            # The observer may keep it: nothing secret may be in it.
            self.locate(result, call)
        self.observer.after_request(call, outcome if isinstance(outcome, Response) else None, result)

    def locate(self, error: VendorError, call: Call[Any] | None = None) -> None:
        """Say where an error happened, and clear it of secrets and of what was sent.

        :param error: the error
        :param call: the call that it ended
        """
        error.locate(vendor=self.options.conn_type, conn_id=self.options.conn_id)
        if call is not None:
            error.locate(method=call.method, path=call.path)
        error.clean(partial(self.clean, call=call))

    def clean(self, text: str, call: Call[Any] | None = None) -> str:
        """Return a text of the vendor without secrets, and without the data of the record that was sent.

        :param text: the text
        :param call: the call that it answers; None where it answers none
        """
        own = () if call is None else (*call.headers.values(), *call.secrets)
        forms = [form for value in own for form in shown_forms(value)]
        # Secrets first: a name in the middle of one would hide that it is one.
        text = without_secrets(text, [*self._secrets, *self.auth.secrets(), *forms])
        return text if call is None else hide(text, call)
