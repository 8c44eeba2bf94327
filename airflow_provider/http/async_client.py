"""The non-blocking driver of the rules in ``retry.py``, on ``aiohttp``."""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Self, TypeVar

import aiohttp

from airflow_provider.exceptions import QuotaExhausted, VendorError
from airflow_provider.http.body import SinkReader, goes_to_sink
from airflow_provider.http.call import Call, Headers, Response
from airflow_provider.http.client import CERTIFICATE, ClientSetup, authorities, common_headers
from airflow_provider.http.content import BodyReader, TooLarge, UnknownEncoding
from airflow_provider.http.masking import amask
from airflow_provider.http.sinks import NotSaved
from airflow_provider.http.steps import (
    WRONG_HOST,
    Mask,
    Reload,
    Send,
    TransportFailure,
    Wait,
    WaitFor,
    WriteFailure,
    broken,
    too_large,
    unknown_encoding,
)

if TYPE_CHECKING:
    from types import TracebackType

    from aiohttp.connector import Connection

    from airflow_provider.http.retry import Outcome

T = TypeVar("T")

HEADER = 64 * 1024
"""Bytes that a line of a response's head may have, as with the blocking driver."""


_sent: ContextVar[bool] = ContextVar("sent")


class _Request(aiohttp.ClientRequest):
    """A request that tells when it begins to leave: then there is a connection, with TLS if need be."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        _sent.set(True)
        return await super().send(conn)


class AsyncClient:
    """Sends many calls at once through one pooled session; ``async with`` owns the session.

    :param setup: what the client knows about the connection
    :param limited: keep to the connection's "Maximum connections"; False where the caller does that by itself
    """

    def __init__(self, setup: ClientSetup, *, limited: bool = True) -> None:
        self.setup = setup
        # aiohttp's own limit would count the wait for a free connection as time of the request.
        self._slots = asyncio.Semaphore(setup.options.max_connections) if limited else None

    async def __aenter__(self) -> Self:
        options = self.setup.options
        verified = self.setup.encrypted and options.verify is not False
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                # Reading the certificate authorities takes long enough to stall an event loop.
                ssl=await asyncio.to_thread(tls_context, options.verify) if verified else False,
            ),
            # A cookie set for one user's request must not travel with another's.
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=common_headers(),
            request_class=_Request,
            # aiohttp would invent one for a request without a body.
            skip_auto_headers=("Content-Type",),
            # Neither driver leaves it to its library: the limit and the encodings are the same in both.
            auto_decompress=False,
            max_line_size=HEADER,
            max_field_size=HEADER,
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
        :raises OSError: the call's sink could not take the response
        """
        setup = self.setup
        call = setup.prepared(call)
        steps = setup.exchange(call)
        outcome: Outcome = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as done:
                    value: T = done.value
                    return value
                if isinstance(step, Send):
                    # A slot is for the vendor; a token's request has none to wait for.
                    if self._slots is None or step.url is not None:
                        outcome = await self._send(step)
                    else:
                        async with self._slots:
                            outcome = await self._send(step)
                elif isinstance(step, Reload):
                    outcome = await step.aread()
                else:
                    outcome = None
                    await self._do(step)
        except VendorError as error:
            setup.locate(error, call)
            if setup.observer is not None and isinstance(error, QuotaExhausted):
                await asyncio.to_thread(setup.observer.complete, error)
            raise
        finally:
            # Whoever waits for what was being done here must hear of its end.
            steps.close()
            if setup.observer is not None and setup.observer.due:
                await self.report()

    async def _do(self, step: Wait | WaitFor | Mask) -> None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Mask):
            await amask([step.secret])
        else:
            await _wait_for(step)

    async def _send(self, step: Send) -> Outcome:
        setup = self.setup
        request = setup.request(step)
        query = {**request.query, **request.secret_query} if request.secret_query else request.query
        if step.url is None:
            setup.count()
        _sent.set(False)
        try:
            async with self._http.request(
                request.method,
                request.url,
                params=query or None,
                data=request.body,
                headers=request.headers,
                timeout=_timeout(step.timeout),
                allow_redirects=False,
                proxy=setup.proxy(step),
            ) as response:
                return await _read(response, step)
        except (aiohttp.ClientError, TimeoutError, OSError, zlib.error) as error:
            return _failure(error, _sent.get())


async def _read(response: aiohttp.ClientResponse, step: Send) -> Outcome:
    status, headers, limit = response.status, response.headers, step.limit
    encoding = headers.get("Content-Encoding", "")
    sink = goes_to_sink(step.call, status)
    if not sink and not encoding and (response.content_length or limit + 1) <= limit:
        return Response(status, Headers(headers.items()), await response.read())
    try:
        if sink:
            return await _save(response, SinkReader(step.call, status, Headers(headers.items()), limit))
        reader = BodyReader(encoding, limit)
        async for piece in response.content.iter_any():
            reader.feed(piece)
    except TooLarge:
        return too_large(status, limit)
    except UnknownEncoding:
        return unknown_encoding(status)
    except NotSaved as failure:
        return WriteFailure(failure.error)
    return Response(status, Headers(headers.items()), reader.finish())


async def _save(response: aiohttp.ClientResponse, reader: SinkReader) -> Response:
    try:
        async for piece in response.content.iter_any():
            if reader.feed(piece):
                await asyncio.to_thread(reader.save)
        return await asyncio.to_thread(reader.end)
    except BaseException:
        # It waits for a thread that still writes, where the task was cancelled meanwhile.
        await asyncio.shield(asyncio.to_thread(reader.abandon))
        raise


async def _wait_for(step: WaitFor) -> None:
    """Wait for a future that another thread or event loop may set."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: object) -> None:
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    step.future.add_done_callback(wake)
    with suppress(TimeoutError):
        # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the result.
        async with asyncio.timeout(step.seconds):
            await done.wait()


@lru_cache(16)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    # A connection that takes the whole time is told apart from an answer that does not come.
    return aiohttp.ClientTimeout(total=seconds, sock_connect=0.9 * seconds)


def tls_context(verify: bool | str) -> ssl.SSLContext:
    """Return what checks the certificates of servers.

    :param verify: a file or folder of certificate authorities, or True for the usual ones
    """
    path = verify if isinstance(verify, str) else authorities()
    if path and os.path.isdir(path):
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _failure(error: Exception, sent: bool) -> TransportFailure:
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
    return broken(type(error).__name__, timed_out=isinstance(error, TimeoutError), sent=sent)
