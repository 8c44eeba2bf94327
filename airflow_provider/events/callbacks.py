"""The calls that ask for something: let in, read, answered by a wallet in a thread."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from airflow_provider.events import answers
from airflow_provider.events.body import Refused, as_floats
from airflow_provider.events.callback import Callback
from airflow_provider.events.credentials import digest, shown
from airflow_provider.events.outcome import Busy
from airflow_provider.events.served import LookupFailed
from airflow_provider.exceptions import VendorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from airflow_provider.events.callback import CallbackAnswer
    from airflow_provider.events.receiver import Receiver
    from airflow_provider.events.served import Served
    from airflow_provider.events.wallets import Wallets

log = logging.getLogger(__name__)

THREADS = 8
"""Calls of a process that are answered at the same time."""

WAITING = 200
"""Calls of a process that may wait for a thread. More are answered 503."""

ANSWERED_WITHIN = 30.0
"""Seconds that a vendor waits for an answer; then it has to ask again."""

RETRY_AFTER = 5
"""Seconds after which a vendor is asked to call again where the wallet cannot be asked."""


class Callbacks:
    """Answers calls that ask for something.

    What a wallet does takes a database, so it happens in threads, never on the event loop.

    :param receiver: reads bodies, stores deliveries, and knows the connections
    :param wallets: the wallets
    """

    def __init__(self, receiver: Receiver, wallets: Wallets) -> None:
        self._receiver = receiver
        self._wallets = wallets
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="vendor-apis-callback")
        self._open = 0

    def close(self) -> None:
        """Answer nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._wallets.close()

    def answering(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers the calls of a name.

        :param name: the last part of their address
        """

        async def answer(request: Request) -> Response:
            return await self._answer(name, request)

        return answer

    async def _answer(self, name: str, request: Request) -> Response:
        secret = request.path_params.get("secret", "")
        # As many digests for every request, so that how long it takes tells nothing.
        seen = (*shown(request.scope), digest(secret.encode("utf-8", "surrogateescape")))
        counts = self._receiver.counts
        try:
            served = await self._receiver.connections.admit(request.path_params["conn_id"], seen)
        except LookupFailed:
            counts.add("lookup_failed", kind="callback")
            return answers.later(request)
        if served is None:
            counts.add("unauthorized", kind="callback")
            return answers.unauthorized(request)
        outcome, answer = await self._called(name, request, served)
        counts.add(outcome, served, kind="callback")
        return answer

    async def _called(self, name: str, request: Request, served: Served) -> tuple[str, Response]:
        try:
            body = await self._receiver.body(request)
            called = Callback(name=name, query=dict(request.query_params), body=body)
            answer = await self._asked(served, called)
            if answer.told is not None:
                # The money has moved. If this fails, the vendor calls again, and it does not move again.
                await self._receiver.stored(served, served.read(as_floats(answer.told)))
        except Refused as refused:
            return "invalid", answers.error(request, refused.status, refused.reason)
        except ClientDisconnect:
            return "disconnected", answers.gone()
        except Busy as busy:
            return "busy", answers.later(request, busy.retry_after)
        except Exception as error:
            _log(served, error)
            return "failed", answers.later(request, RETRY_AFTER)
        return "refused" if answer.refused else "answered", _response(answer)

    async def _asked(self, served: Served, called: Callback) -> CallbackAnswer:
        if served.answer is None:
            raise Refused(404, "Not found.")
        if self._open >= THREADS + WAITING:
            raise Busy("too many calls wait", retry_after=RETRY_AFTER)
        work = partial(self._ask, served.answer, served.conn_id, called)
        self._open += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, work)
            # Cancelled when it takes too long. One that has begun may still succeed: asked again, the wallet
            # gives the same answer.
            return await asyncio.wait_for(future, ANSWERED_WITHIN)
        except TimeoutError:
            raise Busy("it took too long to be answered", retry_after=RETRY_AFTER) from None
        finally:
            self._open -= 1

    def _ask(
        self, answer: Callable[[Any, Callback], CallbackAnswer], conn_id: str, called: Callback
    ) -> CallbackAnswer:
        return answer(self._wallets.of(conn_id), called)


def _response(answer: CallbackAnswer) -> Response:
    headers = {"Cache-Control": "no-store"}
    if answer.json is None:
        return Response(headers=headers)
    return JSONResponse(answer.json, headers=headers)


def _log(served: Served, error: Exception) -> None:
    # Our own errors have no secret in them; others may quote what came.
    reason = str(error) if isinstance(error, VendorError) else type(error).__name__
    log.error("A call of connection %s could not be answered: %s", served.conn_id, reason)
