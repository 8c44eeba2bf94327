"""The blocking driver of the rules in ``retry.py``, on ``requests``."""

from __future__ import annotations

import random
import ssl
import time
import zlib
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)

from airflow_provider.exceptions import QuotaExhausted, VendorError
from airflow_provider.http.auth import Terms
from airflow_provider.http.body import SinkReader, goes_to_sink
from airflow_provider.http.call import Call, Headers, Response
from airflow_provider.http.client import CERTIFICATE, ClientSetup, authorities, common_headers
from airflow_provider.http.content import BodyReader, TooLarge, UnknownEncoding
from airflow_provider.http.masking import mask
from airflow_provider.http.sinks import NotSaved
from airflow_provider.http.steps import (
    WRONG_HOST,
    Credentials,
    Mask,
    Reload,
    Send,
    Step,
    TransportFailure,
    Wait,
    WriteFailure,
    broken,
    too_large,
    unknown_encoding,
)
from airflow_provider.http.wire import POOLS, Progress, secret_query, within

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from http.cookiejar import Cookie

    from airflow_provider.http.retry import Outcome

T = TypeVar("T")

PIECE = 64 * 1024
"""Bytes of a body that are read at once."""


class _ConnectionAuth(AuthBase):
    """Put the connection's credentials on requests to its own base URL, and on no other.

    As ``Session.auth`` they also keep ``~/.netrc`` from replacing ``Authorization``.
    """

    def __init__(self, setup: ClientSetup, obtain: Callable[[], Credentials]) -> None:
        self._setup = setup
        self._obtain = obtain

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url, base_url = request.url or "", self._setup.options.base_url
        if url == base_url or url.startswith((base_url + "/", base_url + "?")):
            credentials = self._obtain()
            for name, value in {**self._setup.headers, **credentials.headers}.items():
                request.headers.setdefault(name, value)
            _Query(credentials)(request)
            request.hooks["response"].append(self._take_notice(credentials))
        return request

    def _take_notice(self, credentials: Credentials) -> Callable[..., None]:
        def take_notice(response: requests.Response, **_: Any) -> None:
            if response.status_code in self._setup.auth.refusals:
                # The next request brings others, if there are any.
                self._setup.auth.refused(credentials)

        return take_notice


class _Query(AuthBase):
    """Give a request the secret part of its query, which its URL does not show."""

    def __init__(self, credentials: Credentials) -> None:
        self._query = urlencode(credentials.query)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.secret_query = self._query  # type: ignore[attr-defined]  # for our adapter
        return request


class _Adapter(HTTPAdapter):
    """An adapter that never waits for ever, and whose connections are those of ``wire.py``."""

    def __init__(self, timeout: float, **kwargs: Any) -> None:
        self._timeout = timeout
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        with secret_query(getattr(request, "secret_query", "")):
            return super().send(request, *args, **kwargs)


class _NoCookies(requests.cookies.RequestsCookieJar):
    """A jar that stays empty: a cookie set for one user's request must not travel with another's."""

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        pass


class ConnectionSession(requests.Session):
    """A pooled session with the connection's credentials, timeout, proxy and certificate settings.

    It follows no redirect: ``requests`` would carry ``X-`` credential headers along to another host.

    :param setup: what the client knows about the connection
    :param obtain: returns the credentials
    """

    def __init__(self, setup: ClientSetup, obtain: Callable[[], Credentials]) -> None:
        super().__init__()
        options = setup.options
        self._setup = setup
        adapter = _Adapter(options.timeout, pool_maxsize=options.max_connections)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.auth = _ConnectionAuth(setup, obtain)
        self.cookies = _NoCookies()
        self.verify = options.verify
        self.headers.update(common_headers())

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        # requests lets REQUESTS_CA_BUNDLE and HTTP_PROXY win over the settings of a session.
        if verify is None:
            verify = (self.verify is True and authorities()) or self.verify
        if not proxies:
            proxy = self._setup.proxy_for(url)
            proxies = {urlsplit(url).scheme: proxy} if proxy else {}
        return {"proxies": proxies, "stream": stream, "verify": verify, "cert": cert or self.cert}

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class SyncClient:
    """Sends calls one after another.

    :param setup: what the client knows about the connection
    """

    def __init__(self, setup: ClientSetup) -> None:
        self.setup = setup
        self.http = ConnectionSession(setup, self._credentials)

    def run(self, call: Call[T]) -> T:
        """Send a call and decode its response.

        :param call: the call
        :raises VendorError: the call failed for good
        :raises OSError: the call's sink could not take the response
        """
        setup = self.setup
        call = setup.prepared(call)
        steps = setup.exchange(call)
        try:
            return self._perform(steps)
        except VendorError as error:
            setup.locate(error, call)
            if setup.observer is not None and isinstance(error, QuotaExhausted):
                setup.observer.complete(error)
            raise
        finally:
            setup.counts.emit()
            self._report()

    def _perform(self, steps: Generator[Step, Outcome, T]) -> T:
        outcome: Outcome = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as done:
                    value: T = done.value
                    return value
                outcome = None
                if isinstance(step, Send):
                    outcome = self._send(step)
                elif isinstance(step, Wait):
                    time.sleep(step.seconds)
                elif isinstance(step, Mask):
                    mask([step.secret])
                elif isinstance(step, Reload):
                    outcome = step.read()
                else:
                    wait([step.future], step.seconds)
        finally:
            # Whoever waits for what was being done here must hear of its end.
            steps.close()

    def _credentials(self) -> Credentials:
        setup, clock = self.setup, time.monotonic
        if (found := setup.auth.current(clock())) is not None:
            return found
        deadline = clock() + setup.policy.deadline
        try:
            return self._perform(
                setup.auth.obtain(Terms(setup.policy, setup.options.timeout, deadline, clock, random.random))
            )
        except VendorError as error:
            setup.locate(error)
            raise

    def _report(self) -> None:
        if self.setup.observer is not None:
            self.setup.observer.flush()

    def _send(self, step: Send) -> Outcome:
        request = self.setup.request(step)
        if step.url is None:
            self.setup.count()
            # Before it leaves: a use that is counted too early is better than one that is never.
            self._report()
        progress = Progress()
        try:
            with within(step.timeout, progress):
                response = self.http.request(
                    request.method,
                    request.url,
                    params=dict(request.query) or None,
                    data=request.body,
                    headers=dict(request.headers),
                    # A connection that takes the whole time is told apart from an answer that does not come.
                    timeout=(0.9 * step.timeout, step.timeout),
                    # The headers are complete; the session's own, for direct use, stay out.
                    auth=_Query(step.credentials),
                    stream=True,
                )
                with response:
                    return _read(response, step)
        except requests.RequestException as error:
            return _failure(error, progress.sent)
        except (HTTPError, OSError, zlib.error) as error:
            return broken(type(error).__name__, timed_out=isinstance(error, ReadTimeoutError), sent=True)

    def close(self) -> None:
        """Close the pooled connections."""
        self.http.close()


def _read(response: requests.Response, step: Send) -> Outcome:
    status, headers = response.status_code, Headers(response.raw.headers.iteritems())
    try:
        if goes_to_sink(step.call, status):
            return _save(response, SinkReader(step.call, status, headers, step.limit))
        reader = BodyReader(headers.get("content-encoding", ""), step.limit)
        for piece in response.raw.stream(PIECE, decode_content=False):
            reader.feed(piece)
    except TooLarge:
        return too_large(status, step.limit)
    except UnknownEncoding:
        return unknown_encoding(status)
    except NotSaved as failure:
        return WriteFailure(failure.error)
    return Response(status, headers, reader.finish())


def _save(response: requests.Response, reader: SinkReader) -> Response:
    try:
        for piece in response.raw.stream(PIECE, decode_content=False):
            if reader.feed(piece):
                reader.save()
        return reader.end()
    finally:
        reader.abandon()


def _failure(error: requests.RequestException, sent: bool) -> TransportFailure:
    """Say what is known of a failed sending: above all whether anything had left."""
    if isinstance(error, requests.exceptions.SSLError) and _is_certificate(error):
        return TransportFailure(
            "TLS failed: the server's certificate or protocol was refused",
            sent=False,
            permanent=True,
            remedy=CERTIFICATE,
        )
    # urllib3 blames the proxy also where the connection breaks after the request has left.
    if isinstance(error, requests.exceptions.ProxyError) and not sent:
        return TransportFailure("the proxy could not be used", sent=False, remedy="Check the proxy.")
    reason = error.args[0] if error.args else None
    cause = reason.reason if isinstance(reason, MaxRetryError) else reason
    if isinstance(cause, NewConnectionError) and not sent:
        return TransportFailure(
            "no connection: the host is unknown or refuses", sent=False, remedy=WRONG_HOST
        )
    no_connection = isinstance(error, requests.ConnectTimeout) or isinstance(cause, ConnectTimeoutError)
    if no_connection and not sent:
        return TransportFailure("no connection within the timeout", sent=False, remedy=WRONG_HOST)
    if isinstance(error, requests.exceptions.SSLError) and not sent:
        return TransportFailure("TLS failed", sent=False, remedy=CERTIFICATE)
    return broken(type(error).__name__, timed_out=isinstance(error, requests.Timeout), sent=sent)


def _is_certificate(error: BaseException) -> bool:
    """Say whether a certificate was refused: that happens before anything is sent."""
    seen: list[BaseException] = [error]
    for cause in seen:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        further = [*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
        seen += [item for item in further if isinstance(item, BaseException) and item not in seen]
    return False
