"""The requests that vendors send: let in, read, stored, answered."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from airflow_provider.events import answers
from airflow_provider.events.answers import LATER
from airflow_provider.events.body import SECONDS, Refused, read_body, read_object
from airflow_provider.events.counts import Counts
from airflow_provider.events.credentials import shown
from airflow_provider.events.outcome import Busy, Outcome
from airflow_provider.events.rate_limit import RateLimit
from airflow_provider.events.served import Connections, LookupFailed

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Protocol

    from starlette.requests import Request
    from starlette.responses import Response

    from airflow_provider.events.message import Message
    from airflow_provider.events.served import Served
    from airflow_provider.events.settings import Settings

    class Intake(Protocol):
        """What stores deliveries, see :class:`~airflow_provider.events.intake.Writer`."""

        def submit(self, conn_id: str, vendor: str, source: str, message: Message) -> Future[Outcome]: ...


log = logging.getLogger(__name__)

STATUS = {Outcome.ACCEPTED: 202, Outcome.NO_SUBSCRIBERS: 202, Outcome.REPEATED: 200}

STORED_WITHIN = 30.0
"""Seconds that a sender waits for its delivery to be stored; then it has to send it again."""


class Receiver:
    """Answers what vendors send.

    :param settings: the configuration
    :param intake: stores deliveries
    :param connections: the connections that are served; by default those that the configuration lists
    :param body_seconds: how long a body may take to come
    """

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        connections: Connections | None = None,
        body_seconds: float = SECONDS,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self.connections = connections or Connections(settings.webhook_connections)
        self._body_seconds = body_seconds
        self._rate = RateLimit(settings.webhook_rate_limit)
        self.counts = Counts()

    async def webhook(self, request: Request) -> Response:
        """Answer a delivery: it is stored, and told, before it is answered with success.

        :param request: the request
        """
        conn_id = request.path_params["conn_id"]
        try:
            served = await self.connections.admit(conn_id, shown(request.scope))
        except LookupFailed:
            return self._later(request, LATER, "lookup_failed")
        if served is None:
            self.counts.add("refused")
            return answers.unauthorized(request)
        if wait := self._rate.take(conn_id):
            self.counts.add("rate_limited", served)
            return answers.error(request, 429, "Too many deliveries.", {"Retry-After": str(wait)})
        return await self._delivery(request, served)

    async def _delivery(self, request: Request, served: Served) -> Response:
        try:
            body = await self.body(request)
            outcome = await self.stored(served, served.read(read_object(body)))
        except Refused as refused:
            self.counts.add("invalid", served)
            return answers.error(request, refused.status, refused.reason)
        except ClientDisconnect:
            self.counts.add("disconnected", served)
            return answers.gone()
        except Busy as busy:
            return self._later(request, busy.retry_after, "busy", served)
        except Exception as error:
            # Without its text, which may quote the delivery.
            log.error(
                "A delivery of connection %s could not be stored: %s.", served.conn_id, type(error).__name__
            )
            return self._later(request, LATER, "failed", served)
        self.counts.add(outcome.value, served)
        return JSONResponse({"outcome": outcome.value}, status_code=STATUS[outcome])

    async def body(self, request: Request) -> bytes:
        """Read a request's body within the limits of the configuration.

        :param request: the request
        :raises Refused: it is too long, too slow, or encoded
        """
        return await read_body(request, self._settings.webhook_max_body_bytes, self._body_seconds)

    async def stored(self, served: Served, message: Message) -> Outcome:
        """Store a message as a delivery, with its asset events.

        :param served: the connection that it came by
        :param message: what it says
        :raises Busy: it could not be stored
        """
        future = self._intake.submit(served.conn_id, served.vendor, "webhook", message)
        try:
            # Cancelled when it takes too long: what still waits then is not stored, as its sender is told.
            return await asyncio.wait_for(asyncio.wrap_future(future), STORED_WITHIN)
        except TimeoutError:
            raise Busy("It took too long to be stored.", retry_after=LATER) from None

    def _later(self, request: Request, seconds: int, why: str, served: Served | None = None) -> Response:
        self.counts.add(why, served)
        return answers.later(request, seconds)
