"""The non-blocking driver of the rules in ``retry.py``, on ``aiohttp``."""

from __future__ import annotations

import asyncio
import os
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

import aiohttp
from pydantic import SecretStr

from airflow_provider.exceptions import QuotaExhausted, VendorError
from airflow_provider.http.call import Call, Response
from airflow_provider.http.client import CERTIFICATE, WRONG_HOST, ClientSetup, user_agent
from airflow_provider.http.retry import Outcome, TransportFailure, Wait, exchange

if TYPE_CHECKING:
    from types import TracebackType

T = TypeVar("T")


class AsyncClient:
    """Sends many calls at once through one pooled session; ``async with`` owns the session.

    :param setup: what the client knows about the connection
    """

    def __init__(self, setup: ClientSetup) -> None:
        self.setup = setup
        # aiohttp's own limit would count the wait for a free connection as time of the request.
        self._slots = asyncio.Semaphore(setup.options.max_connections)

    async def __aenter__(self) -> Self:
        options = self.setup.options
        proxy = options.effective_proxy
        self._proxy = SecretStr(proxy) if proxy else None
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                # Reading the certificate authorities takes long enough to stall an event loop.
                ssl=await asyncio.to_thread(_ssl, options.verify, options.base_url),
            ),
            # A cookie set for one user's request must not travel with another's.
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": user_agent(), "Content-Type": "application/json"},
        )
        # aiohttp would repeat GET, PUT and DELETE by itself on a pooled connection; what is repeated is
        # decided in retry.py alone. There is no public switch, so a test counts the requests.
        self._http._retry_connection = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()
        self.setup.counts.emit()
        await self.report()

    async def report(self) -> None:
        """Let the observer write down what it has seen, without blocking the event loop."""
        if self.setup.observer is not None:
            await asyncio.to_thread(self.setup.observer.flush)

    async def run(self, call: Call[T]) -> T:
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
                    await asyncio.sleep(step.seconds)
                    outcome = None
                else:
                    async with self._slots:
                        outcome = await self._send(call, step.timeout)
        except VendorError as error:
            setup.locate(error, call)
            if setup.observer is not None and isinstance(error, QuotaExhausted):
                await asyncio.to_thread(setup.observer.complete, error)
            raise
        finally:
            if setup.observer is not None and setup.observer.due:
                await self.report()

    async def _send(self, call: Call[Any], seconds: float) -> Response | TransportFailure:
        body, headers = self.setup.content(call)
        self.setup.count()
        try:
            async with self._http.request(
                call.method,
                self.setup.url(call),
                params=call.query or None,
                data=body,
                headers=headers,
                timeout=_timeout(seconds),
                allow_redirects=False,
                proxy=self._proxy.get_secret_value() if self._proxy else None,
            ) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _failure(error)
        names = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status, names, answer)


@lru_cache(16)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    # A connection that takes the whole time is told apart from an answer that does not come.
    return aiohttp.ClientTimeout(total=seconds, sock_connect=0.9 * seconds)


def _ssl(verify: bool | str, base_url: str) -> ssl.SSLContext | bool:
    if base_url.startswith("http://") or verify is False:
        return False
    # The variable that requests honours, so that both drivers trust the same authorities.
    path = (
        verify
        if isinstance(verify, str)
        else (os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"))
    )
    if path and os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _failure(error: Exception) -> TransportFailure:
    """Say what is known of a failed sending: above all whether anything had left."""
    if isinstance(error, aiohttp.ClientConnectorSSLError | aiohttp.ClientConnectorCertificateError):
        return TransportFailure(
            "TLS failed: the server's certificate or protocol was refused",
            sent=False,
            permanent=True,
            remedy=CERTIFICATE,
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return TransportFailure("the proxy could not be used", sent=False, remedy="Check the proxy.")
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TransportFailure("no connection within the timeout", sent=False, remedy=WRONG_HOST)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return TransportFailure(
            "no connection: the host is unknown or refuses", sent=False, remedy=WRONG_HOST
        )
    if isinstance(error, TimeoutError):
        return TransportFailure("no answer within the timeout", sent=True)
    return TransportFailure(f"the connection broke ({type(error).__name__})", sent=True)
