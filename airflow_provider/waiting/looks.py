"""A look that is shared: one for all tasks, processes and triggers that wait for the same at a connection."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider import clock, exceptions
from airflow_provider.exceptions import (
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    VendorAuthError,
    VendorError,
    VendorUnavailable,
)
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.quota.hook import MeteredHook, account_digest, load_hook
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.opening import aopen_database, open_database
from airflow_provider.quota.readings import Refusal
from airflow_provider.sleeping.shared import SharedByLoop
from airflow_provider.waiting.condition import Look, NotNow
from airflow_provider.waiting.store import Known, LookStore, OwnLooks, Place, SharedLooks

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.quota.readings import QuotaState
    from airflow_provider.store.engine import Database
    from airflow_provider.waiting.condition import Question

log = logging.getLogger(__name__)

T = TypeVar("T")

POLICY = RequestPolicy(attempts=2)
"""Who waits for hours need not insist: a request that fails twice is sent again at the next look."""

SHARED = timedelta(minutes=1)
"""For how long an error that waiting does not end holds for others, who have not asked themselves."""

SKEW = timedelta(minutes=5)
"""A time that is further in the future was written by a clock that is wrong."""

OUTAGE_HOLDS = timedelta(minutes=5)
"""For how long nobody asks again after a failure that may end by itself, unless the vendor says otherwise."""

RESET_MARGIN = timedelta(hours=1)
"""How long to wait beyond the reset of a quota that is used up: when it really comes is not certain."""

PAUSE = 0.5
"""Seconds between two looks at whether another one has the vendor's answer."""


class ConnectionLooks:
    """What a connection's vendor has said, and the way to ask it, for one task or all triggers of a process.

    :param hook: the hook, its connection read
    :param database: where looks are kept; None where it cannot be used
    :param shared: for how long an error of another one holds that waiting does not end
    """

    def __init__(
        self, hook: VendorHook[Any], database: Database | None, *, shared: timedelta = SHARED
    ) -> None:
        self.hook = hook
        hook.policy = POLICY
        self._database = database
        self._shared = shared
        self._store: LookStore = OwnLooks() if database is None else SharedLooks(database)
        self._account = account_digest(hook)
        self._me = uuid.uuid4().hex
        self._looks: dict[str, Look] = {}
        self._finding: dict[str, asyncio.Task[None]] = {}
        self._asking = asyncio.Lock()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    async def get(self, question: Question, max_age: timedelta) -> Look:
        """Return a look that is no older, which is taken now where nobody has.

        :param question: what to ask
        :param max_age: how old a look may be
        :raises NotNow: the vendor cannot be asked at present
        :raises VendorError: the vendor's answer is an error that waiting does not end
        """
        place, now = self._place(question), clock.now()
        while not (look := self._young(self._looks.get(place.id), max_age)):
            finding = self._finding.get(place.id)
            if finding is None or finding.done():
                finding = asyncio.create_task(self._find(question, place, max_age))
                self._finding[place.id] = finding
            await asyncio.shield(finding)
            # The answer to a question that was asked after the call is young enough, however long it took.
            found = self._looks.get(place.id)
            if found is not None and found.at >= now:
                return found
        return look

    async def read(self, work: Callable[[Database], T]) -> T:
        """Read something else of the provider's database.

        :param work: reads it
        :raises StoreUnavailable: the database cannot be used
        """
        database = self._database
        if database is None:
            raise StoreUnavailable(
                "the provider's database cannot be used",
                remedy="Check that it is up and that the worker may use it.",
            )
        return await asyncio.to_thread(work, database)

    async def _find(self, question: Question, place: Place, max_age: timedelta) -> None:
        while True:
            if await self._known(place, max_age) is None:
                return
            # One at a time: the first refusal spares the others, who see it when it is their turn.
            async with self._asking:
                known = await self._known(place, max_age)
                if known is None:
                    return
                turn = await self._look_in_turn(question, place, known)
            if turn is Turn.MINE:
                return
            if turn is Turn.ANOTHERS:
                await asyncio.sleep(PAUSE)

    async def _known(self, place: Place, max_age: timedelta) -> Known | None:
        """Keep what is known, if it is young enough; else return it.

        :raises NotNow: the vendor cannot be asked at present
        :raises VendorError: another one was refused just now
        """
        known = await self._use(lambda: self._store.look(place))
        if look := self._young(known.look, max_age):
            self._looks[place.id] = look
            return None
        self._obey(known)
        return known

    async def _look_in_turn(self, question: Question, place: Place, known: Known) -> Turn:
        """Look, unless it is another's turn."""
        await self._obey_quota()
        turn = await self._use(lambda: self._store.take_turn(place, self._me, self._longest, known))
        if turn is not Turn.MINE:
            return turn
        try:
            look, requests = await self._ask(question, place, known.look)
        except VendorError as error:
            await self._refused(place, error)
            raise
        except BaseException:
            await self._use(lambda: self._store.end_turn(place, self._me))
            raise
        self._looks[place.id] = look
        await self._use(lambda: self._store.save(place, self._me, look))
        log.info(
            "Asked %s for %s: %d request%s.",
            place.conn_id,
            question.about,
            requests,
            "" if requests == 1 else "s",
        )
        return turn

    async def _ask(self, question: Question, place: Place, before: Look | None) -> tuple[Look, int]:
        at = clock.now()
        async with self.hook.session() as client:
            asker = _Asker(self, client, place)
            answer = await question.ask(asker, before)
        return Look(answer, at), asker.requests

    async def keep_turn(self, place: Place) -> None:
        """Keep the turn for another request: a list may have many pages.

        :param place: where the look is kept
        """
        await self._use(lambda: self._store.take_turn(place, self._me, self._longest, Known()))

    async def _refused(self, place: Place, error: VendorError) -> None:
        """Keep a refusal for the others who wait; raise what tells to wait, where it ends by itself."""
        now, until = clock.now(), None
        if isinstance(error, QuotaExhausted):
            until = error.resets_at + RESET_MARGIN if error.resets_at else now + RESET_MARGIN
        elif isinstance(error, RateLimited | VendorUnavailable):
            until = now + max(OUTAGE_HOLDS, timedelta(seconds=error.retry_after or 0))
        refusal = Refusal(type(error).__name__, str(error), now, until)
        everything = until is not None or isinstance(error, VendorAuthError)
        await self._use(lambda: self._store.refuse(place, self._me, refusal, all_requests=everything))
        if until is not None:
            raise NotNow(until, str(error)) from None

    def _obey(self, known: Known) -> None:
        """Raise what was refused to others and holds for all."""
        now = clock.now()
        for refusal in known.refusals:
            if refusal.at > now + SKEW:
                continue
            if refusal.until is not None:
                if now < refusal.until:
                    raise NotNow(refusal.until, refusal.message)
            elif now - refusal.at < self._shared:
                raise getattr(exceptions, refusal.kind, VendorError)(refusal.message)

    async def _obey_quota(self) -> None:
        """Raise where the vendor has told any task of ours that the quota is used up."""
        database, hook = self._database, self.hook
        if database is None or not isinstance(hook, MeteredHook):
            return
        state: QuotaState | None = await self._use(lambda: hook.quota_store(database).look(), None)
        refusal = state.refusal if state else None
        if state is None or refusal is None or refusal.kind != QuotaExhausted.__name__:
            return
        reading, now = state.reading, clock.now()
        if refusal.at > now + SKEW or (reading and reading.observed_at > refusal.at):
            return
        until = refusal.until or (reading.resets_at if reading else None) or refusal.at
        if now < until + RESET_MARGIN:
            raise NotNow(until + RESET_MARGIN, refusal.message)

    def _young(self, look: Look | None, max_age: timedelta) -> Look | None:
        now = clock.now()
        return look if look is not None and now - max_age < look.at <= now + SKEW else None

    def _place(self, question: Question) -> Place:
        key = json.dumps([self._account, *question.key])
        return Place(_digest(key), _digest(self._account), self.hook.conn_id, question.about)

    @property
    def _longest(self) -> float:
        """Seconds after which another one may look: longer than one request takes, repeats included."""
        return float(self.hook.policy.deadline + self.hook.options.timeout)

    async def _use(self, work: Callable[[], T], *instead: T) -> T:
        """Use the database; without it, go on with what this process knows itself."""
        if not self._store.blocking and not instead:
            return work()
        try:
            return await asyncio.to_thread(work)
        except StoreUnavailable as error:
            if instead:
                return instead[0]
            log.warning("%s. Going on without it: this process asks the vendor itself.", error)
            if self._store.blocking:
                self._store = OwnLooks()
            return work()


class _Asker:
    """Sends the calls of a look, and keeps its turn meanwhile."""

    def __init__(self, looks: ConnectionLooks, client: AsyncClient, place: Place) -> None:
        self.requests = 0
        self._looks = looks
        self._client = client
        self._place = place

    async def run(self, call: Call[T]) -> T:
        """Send a call."""
        if self.requests:
            await self._looks.keep_turn(self._place)
        self.requests += 1
        return await self._client.run(call)


def open_looks(hook: VendorHook[Any], *, shared: timedelta = SHARED) -> ConnectionLooks:
    """Make the looks of one task.

    :param hook: the hook
    :param shared: for how long an error of another one holds that waiting does not end
    """
    # Outside of an event loop: inside it Airflow allows no blocking request to its supervisor.
    conn_id = hook.options.conn_id
    return ConnectionLooks(hook, open_database(conn_id), shared=shared)


async def _make_looks(path: str, conn_id: str) -> ConnectionLooks:
    # In a thread: imports take long enough to stall an event loop.
    hook = await asyncio.to_thread(load_hook, path, conn_id)
    await hook.load()
    return ConnectionLooks(hook, await aopen_database(conn_id))


_shared = SharedByLoop(_make_looks)


async def shared_looks(path: str, conn_id: str) -> ConnectionLooks:
    """Return the looks that the triggers of this process share.

    :param path: path of the hook's class
    :param conn_id: id of the connection
    """
    return await _shared.get(path, conn_id)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16, person=b"look").hexdigest()
