"""Read a WebSocket for ever: open it, open it again when it is lost, and say what may have been missed.

Nothing here knows a vendor, Airflow, or a database.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.events.decoding import Unusable, decode
from airflow_provider.events.pacing import Pacing
from airflow_provider.exceptions import VendorError
from airflow_provider.http.metrics import increase

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

log = logging.getLogger(__name__)

HARD_LIMIT = 16 * 1024 * 1024
"""Bytes of a message above which the socket is given up, instead of passing over the message."""

LONG = 128 * 1024
"""Characters above which a message is decoded in a thread: one of a megabyte would hold up the event loop for
50 ms or more."""

TURN = 20
"""Messages after which other coroutines have their turn: those that have arrived already cost no wait."""

REFUSED_STATUSES = frozenset({401, 403})
REFUSED_CODES = frozenset({1008, 3000, 3003, 4001, 4003, 4401, 4403})
"""How servers say that they do not accept the credentials: at the handshake, and when they close after it."""

SHOWN_EVERY = 60.0
"""Seconds between two lines of the log about messages that were passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a socket is opened, and how. Nothing that could be a secret is in its ``repr``.

    :param url: with ``ws`` or ``wss``, without a secret
    :param query: parameters that are added to the URL
    :param headers: headers of the handshake
    :param on_connect: what is sent when the socket is open: text as it is, everything else as JSON
    :param verify: whether, or by which authorities, the server's certificate is checked
    :param proxy: URL of a proxy
    :param timeout: seconds that the handshake may take
    :param place: what an error tells a person to check
    """

    url: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    on_connect: Sequence[Any] = field(default=(), repr=False)
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    place: str = "the connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a socket may do.

    :param heartbeat: seconds between two pings; the socket is lost if none is answered within half of that
    :param idle: seconds without a message after which the socket is opened again
    :param largest: bytes that a message may have; a larger one is passed over
    :param opens_per_minute: how often the socket is opened in a minute at most
    """

    heartbeat: float = 30.0
    idle: float = 3600.0
    largest: int = 1024 * 1024
    opens_per_minute: int = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """A message.

    :param body: what it says, decoded
    :param at: when it came
    :param size: bytes that it had
    """

    body: Any
    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A time from which messages may be missing.

    :param since: when everything was still heard; None where nothing is known of the time before
    :param until: when listening began again
    """

    since: datetime | None
    until: datetime


class Lost(Exception):
    """The socket is gone.

    :param reason: why, in words that have nothing of what was sent
    :param refused: the server does not accept the credentials
    """

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Stream:
    """The messages of a socket, and the gaps between them.

    :param name: whose socket it is, for logs
    :param target: says where to open it; asked before each attempt, so that new credentials are used
    :param limits: what the socket may do
    :param since: until when everything was heard before
    """

    def __init__(
        self,
        name: str,
        target: Callable[[], Awaitable[Target]],
        *,
        limits: Limits | None = None,
        since: datetime | None = None,
    ) -> None:
        self.name = name
        self.is_open = False
        self.heard_until = since
        self._target = target
        self._limits = limits or Limits()
        self._pacing = Pacing(self._limits.opens_per_minute)
        self._place = "the connection"
        self._passed_over = 0
        self._shown_at = float("-inf")

    async def read(self) -> AsyncGenerator[Heard | Gap, None]:
        """Listen. It ends only when it is cancelled or closed.

        A gap comes first, and again whenever the socket was opened again.
        """
        # In a thread: to import aiohttp takes long enough to stall an event loop.
        aiohttp = await asyncio.to_thread(importlib.import_module, "aiohttp")
        while True:
            await asyncio.sleep(self._pacing.wait(time.monotonic()))
            self._pacing.begin(time.monotonic())
            try:
                async with contextlib.aclosing(self._read_once(aiohttp)) as messages:
                    async for message in messages:
                        yield message
            except Lost as lost:
                self._pacing.failed(refused=lost.refused)
                self._tell(lost)
            finally:
                self.is_open = False

    async def _read_once(self, aiohttp: Any) -> AsyncGenerator[Heard | Gap, None]:
        target = await self._ask_target()
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=await _tls(target)),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    trace_configs=[_no_redirects(aiohttp)],
                ) as session,
                self._open(aiohttp, session, target) as socket,
            ):
                for message in target.on_connect:
                    await socket.send_str(message if isinstance(message, str) else json.dumps(message))
                self.is_open = True
                gap = Gap(self.heard_until, clock.now())
                # Also of a socket that is lost again before a message has come.
                self.heard_until = gap.until
                yield gap
                async with contextlib.aclosing(self._messages(aiohttp, socket)) as messages:
                    async for message in messages:
                        yield message
        except aiohttp.WSServerHandshakeError as error:
            # Its text has the URL, which may have the token.
            refused = error.status in REFUSED_STATUSES
            raise Lost(f"the handshake was answered with {error.status}", refused=refused) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Lost(f"{type(error).__name__}") from None

    @contextlib.asynccontextmanager
    async def _open(self, aiohttp: Any, session: Any, target: Target) -> AsyncIterator[Any]:
        from airflow_provider.http.urls import with_query

        url = with_query(target.url, target.query) if target.query else target.url
        async with asyncio.timeout(target.timeout):
            socket = await session.ws_connect(
                url,
                headers=dict(target.headers),
                proxy=target.proxy,
                heartbeat=self._limits.heartbeat,
                max_msg_size=max(HARD_LIMIT, self._limits.largest),
                timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
            )
        try:
            yield socket
        finally:
            await socket.close()

    async def _messages(self, aiohttp: Any, socket: Any) -> AsyncGenerator[Heard, None]:
        kinds, count = aiohttp.WSMsgType, 0
        while True:
            try:
                message = await socket.receive(timeout=self._limits.idle)
            except TimeoutError:
                raise Lost(f"no message for {self._limits.idle:g} seconds") from None
            if message.type not in (kinds.TEXT, kinds.BINARY):
                code = socket.close_code
                raise Lost(f"the socket was closed with {code}", refused=code in REFUSED_CODES)
            self._pacing.worked()
            is_text = message.type is kinds.TEXT
            if LONG < len(message.data) <= self._limits.largest:
                heard = await asyncio.to_thread(self._heard, message.data, is_text=is_text)
            else:
                heard = self._heard(message.data, is_text=is_text)
            self.heard_until = clock.now()
            if heard is not None:
                yield heard
            count += 1
            if count % TURN == 0:
                await asyncio.sleep(0)

    def _heard(self, data: Any, *, is_text: bool) -> Heard | None:
        """Return the message; None for one that cannot be used."""
        try:
            if not is_text:
                raise Unusable("binary")
            if len(data) > self._limits.largest:
                raise Unusable("too_large")
            return Heard(decode(data), clock.now(), len(data))
        except Unusable as unusable:
            self.pass_over(unusable.reason, len(data))
            return None

    def pass_over(self, reason: str, size: int) -> None:
        """Count a message that cannot be used, and say so in the log, without its content.

        :param reason: why, in a word
        :param size: bytes that it has
        """
        increase("stream.passed_over", reason=reason)
        self._passed_over += 1
        if time.monotonic() - self._shown_at >= SHOWN_EVERY:
            log.warning(
                "%s: a message of %d bytes cannot be used (%s) and was passed over; %d so far.",
                self.name,
                size,
                reason.replace("_", " "),
                self._passed_over,
            )
            self._shown_at = time.monotonic()

    async def _ask_target(self) -> Target:
        try:
            target = await self._target()
            self._place = target.place
            return target
        except VendorError as error:
            raise Lost(str(error)) from None
        except Exception as error:
            # Whatever a secrets backend raises; its text may have anything.
            raise Lost(f"the connection cannot be read ({type(error).__name__})") from None

    def _tell(self, lost: Lost) -> None:
        increase("stream.lost", refused=str(lost.refused).lower())
        if lost.refused:
            log.error(
                "%s: the server does not accept the credentials: %s. Check %s; the connection is read again "
                "before each attempt.",
                self.name,
                lost,
                self._place,
            )
        else:
            log.warning("%s: the WebSocket is not open: %s. It will be opened again.", self.name, lost)


async def _tls(target: Target) -> Any:
    if not target.url.startswith("wss:") or target.verify is False:
        return False
    module = await asyncio.to_thread(importlib.import_module, "airflow_provider.http.async_client")
    # Reading the certificate authorities takes long enough to stall an event loop.
    return await asyncio.to_thread(module.tls_context, target.verify)


def _no_redirects(aiohttp: Any) -> Any:
    """Return what ends a handshake that is redirected: it would take the token to another place."""

    async def refuse(*_: Any) -> None:
        raise aiohttp.ClientConnectionError("redirected")

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config
