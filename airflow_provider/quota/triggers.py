"""The trigger that waits for quota: it sleeps, and probes once for all that wait with it."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider.exceptions import VendorError
from airflow_provider.quota import clock
from airflow_provider.quota.decision import Enough, Requirement, WaitPolicy
from airflow_provider.quota.monitor import shared_monitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider.quota.decision import Sleep

LONGEST_SLEEP = 3600.0
"""Seconds after which the clock is read again: it may have been set."""

SPACING = 0.001
"""Seconds between two triggers that go on: a thousand in one turn of the event loop would hold it up."""

_next_turn = 0.0


class QuotaTrigger(BaseTrigger):
    """Sleep until a quota has been reset, and see whether there is enough then.

    The triggers of a triggerer share one look at the store, and all triggers of all triggerers share one
    probe: the answer is kept in the store, so a trigger that is run again does not probe again. Nothing else
    is written.

    :param hook: path of the hook's class
    :param conn_id: id of the connection
    :param amount: requests that must remain
    :param margin: requests that must remain on top of that
    :param run: the run of a Dag that requires them
    :param field: the parameter that says how many, for the error
    :param max_age: seconds for which a reading is believed
    :param reset_margin: seconds to wait beyond the announced reset
    :param recheck_interval: seconds to wait where the vendor does not say until when
    :param jitter: seconds that it may wake later, at random
    :param wake_at: when to wake first, in ISO 8601
    :param deadline: when to give up, in ISO 8601
    """

    def __init__(
        self,
        *,
        hook: str,
        conn_id: str,
        amount: int,
        margin: int,
        run: str,
        field: str,
        max_age: float,
        reset_margin: float,
        recheck_interval: float,
        jitter: float,
        wake_at: str,
        deadline: str,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values: dict[str, Any] = {
            "hook": hook,
            "conn_id": conn_id,
            "amount": amount,
            "margin": margin,
            "run": run,
            "field": field,
            "max_age": max_age,
            "reset_margin": reset_margin,
            "recheck_interval": recheck_interval,
            "jitter": jitter,
            "wake_at": wake_at,
            "deadline": deadline,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the path of the class and its parameters."""
        return f"{__name__}.{type(self).__name__}", dict(self._values)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait; the event says ``enough`` with a reading, ``late`` with a reason, or an ``error``."""
        wake_at = datetime.fromisoformat(self._values["wake_at"])
        deadline = datetime.fromisoformat(self._values["deadline"])
        while True:
            await sleep_until(wake_at)
            await next_place()
            event: dict[str, Any]
            try:
                found = await self._check()
            except VendorError as error:
                # Its name is its type: the task raises it again.
                event = {"error": type(error).__name__, "message": str(error)}
                break
            if isinstance(found, Enough):
                event = {"enough": found.quota.as_dict()}
                break
            if found.until > deadline:
                event = {"late": found.reason, "wake_at": found.until.isoformat()}
                break
            later = timedelta(seconds=random.random() * self._values["jitter"])  # noqa: S311 - no secret
            wake_at = min(found.until + later, deadline)
            self.log.info("%s. Looking again at %s.", found.reason, wake_at.isoformat())
        await next_place()
        yield TriggerEvent(event)

    async def _check(self) -> Enough | Sleep:
        values = self._values
        monitor = await shared_monitor(values["hook"], values["conn_id"])
        return await monitor.check(
            Requirement(values["amount"], values["margin"], values["run"], values["field"]),
            WaitPolicy(
                max_age=timedelta(seconds=values["max_age"]),
                reset_margin=timedelta(seconds=values["reset_margin"]),
                recheck_interval=timedelta(seconds=values["recheck_interval"]),
            ),
        )


async def next_place() -> None:
    """Wait for a place of one's own among the triggers of the process."""
    global _next_turn
    now = time.monotonic()
    _next_turn = max(now, _next_turn + SPACING)
    await asyncio.sleep(_next_turn - now)


async def sleep_until(moment: datetime) -> None:
    """Sleep until a moment of the clock, which may be set meanwhile.

    :param moment: the moment
    """
    while (seconds := (moment - clock.now()).total_seconds()) > 0:  # noqa: ASYNC110 - it is a time
        await asyncio.sleep(min(seconds, LONGEST_SLEEP))
