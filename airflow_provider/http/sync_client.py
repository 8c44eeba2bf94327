"""The blocking driver of the rules in ``retry.py``, on ``requests``."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from airflow_provider.exceptions import QuotaExhausted, VendorError
from airflow_provider.http.call import Call, Response
from airflow_provider.http.client import CERTIFICATE, WRONG_HOST, ClientSetup, user_agent
from airflow_provider.http.retry import Outcome, TransportFailure, Wait, exchange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.cookiejar import Cookie

T = TypeVar("T")


class _ConnectionHeaders(AuthBase):
    """Put the connection's headers on requests to its own base URL, and on no other.

    As ``Session.auth`` they also keep ``~/.netrc`` from replacing ``Authorization``.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        url = request.url or ""
        if url == self._base_url or url.startswith((self._base_url + "/", self._base_url + "?")):
            for name, value in self._headers.items():
                request.headers.setdefault(name, value)
        return request


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class _TimedAdapter(HTTPAdapter):
    """An adapter that never waits for ever."""

    def __init__(self, timeout: float, **kwargs: Any) -> None:
        self._timeout = timeout
        super().__init__(**kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, *args, **kwargs)


class _NoCookies(requests.cookies.RequestsCookieJar):
    """A jar that stays empty: a cookie set for one user's request must not travel with another's."""

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        pass


class ConnectionSession(requests.Session):
    """A pooled session with the connection's credentials, timeout, proxy and certificate settings.

    It follows no redirect: ``requests`` would carry ``X-`` credential headers along to another host.

    :param setup: what the client knows about the connection
    """

    def __init__(self, setup: ClientSetup) -> None:
        super().__init__()
        options = setup.options
        adapter = _TimedAdapter(options.timeout, pool_maxsize=options.max_connections)
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.auth = _ConnectionHeaders(options.base_url, setup.headers)
        self.cookies = _NoCookies()
        self.verify = options.verify
        self.headers["User-Agent"] = user_agent()
        if options.proxy is not None:
            proxy = options.proxy.get_secret_value()
            self.proxies = {"http": proxy, "https": proxy}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        # requests lets REQUESTS_CA_BUNDLE and HTTP_PROXY win over the settings of a session.
        if verify is None and self.verify is not True:
            verify = self.verify
        proxies = {**self.proxies, **(proxies or {})}
        merged = super().merge_environment_settings(url, proxies, stream, verify, cert)
        if verify is not None:
            merged["verify"] = verify
        return merged

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


class SyncClient:
    """Sends calls one after another.

    :param setup: what the client knows about the connection
    """

    def __init__(self, setup: ClientSetup) -> None:
        self.setup = setup
        self.http = ConnectionSession(setup)

    def run(self, call: Call[T]) -> T:
        """Send a call and decode its response.

        :param call: the call
        :raises VendorError: the call failed for good
        """
        setup = self.setup
        steps = exchange(
            call,
            policy=setup.policy,
            timeout=setup.options.timeout,
            rate_limiter=setup.rate_limiter,
            on_attempt=setup.on_attempt,
        )
        outcome: Outcome = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as done:
                    value: T = done.value
                    return value
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                    outcome = None
                else:
                    outcome = self._send(call, step.timeout)
        except VendorError as error:
            setup.locate(error, call)
            if setup.observer is not None and isinstance(error, QuotaExhausted):
                setup.observer.complete(error)
            raise
        finally:
            setup.counts.emit()
            self._report()

    def _report(self) -> None:
        if self.setup.observer is not None:
            self.setup.observer.flush()

    def _send(self, call: Call[Any], timeout: float) -> Response | TransportFailure:
        body, given = self.setup.content(call)
        headers = dict(given)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        self.setup.count()
        # Before it leaves: a use that is counted too early is better than one that is never.
        self._report()
        try:
            response = self.http.request(
                call.method,
                self.setup.url(call),
                params=dict(call.query) or None,
                data=body,
                headers=headers,
                timeout=timeout,
                # The headers are complete; the session's own, for direct use, stay out.
                auth=_as_is,
            )
        except requests.RequestException as error:
            return _failure(error)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status_code, names, response.content)

    def close(self) -> None:
        """Close the pooled connections."""
        self.http.close()


def _failure(error: requests.RequestException) -> TransportFailure:
    """Say what is known of a failed sending: above all whether anything had left."""
    if isinstance(error, requests.exceptions.SSLError) and _is_certificate(error):
        return TransportFailure(
            "TLS failed: the server's certificate or protocol was refused",
            sent=False,
            permanent=True,
            remedy=CERTIFICATE,
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return TransportFailure("the proxy could not be used", sent=False, remedy="Check the proxy.")
    reason = error.args[0] if error.args else None
    cause = reason.reason if isinstance(reason, MaxRetryError) else reason
    if isinstance(cause, NewConnectionError):
        return TransportFailure(
            "no connection: the host is unknown or refuses", sent=False, remedy=WRONG_HOST
        )
    if isinstance(error, requests.ConnectTimeout) or isinstance(cause, ConnectTimeoutError):
        return TransportFailure("no connection within the timeout", sent=False, remedy=WRONG_HOST)
    if isinstance(error, requests.exceptions.SSLError):
        # A handshake that fails and a connection that breaks later look alike here.
        return TransportFailure("TLS failed", sent=True, remedy=CERTIFICATE)
    if isinstance(error, requests.Timeout):
        return TransportFailure("no answer within the timeout", sent=True)
    return TransportFailure(f"the connection broke ({type(error).__name__})", sent=True)


def _is_certificate(error: BaseException) -> bool:
    """Say whether a certificate was refused: that happens before anything is sent."""
    seen: list[BaseException] = [error]
    for cause in seen:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        further = [*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
        seen += [item for item in further if isinstance(item, BaseException) and item not in seen]
    return False
