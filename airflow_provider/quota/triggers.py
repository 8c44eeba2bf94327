"""The trigger that waits for quota: it sleeps, and probes once for all that wait with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.quota.decision import Enough, Requirement, WaitPolicy
from airflow_provider.quota.monitor import shared_monitor
from airflow_provider.sleeping.trigger import SleepingTrigger

if TYPE_CHECKING:
    from airflow_provider.sleeping.pause import Pause


class QuotaTrigger(SleepingTrigger):
    """Sleep until a quota has been reset, and see whether there is enough then.

    The triggers of a triggerer share one look at the store, and all triggers of all triggerers share one
    probe: the answer is kept in the store, so a trigger that is run again does not probe again. Nothing else
    is written. The event says ``enough`` with a reading.

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
        super().__init__(
            hook=hook,
            conn_id=conn_id,
            amount=amount,
            margin=margin,
            run=run,
            field=field,
            max_age=max_age,
            reset_margin=reset_margin,
            recheck_interval=recheck_interval,
            jitter=jitter,
            wake_at=wake_at,
            deadline=deadline,
        )

    async def look(self) -> dict[str, Any] | Pause:
        """Check the quota, and probe where nobody has."""
        values = self._values
        monitor = await shared_monitor(values["hook"], values["conn_id"])
        found = await monitor.check(
            Requirement(values["amount"], values["margin"], values["run"], values["field"]),
            WaitPolicy(
                max_age=timedelta(seconds=values["max_age"]),
                reset_margin=timedelta(seconds=values["reset_margin"]),
                recheck_interval=timedelta(seconds=values["recheck_interval"]),
            ),
        )
        return {"enough": found.quota.as_dict()} if isinstance(found, Enough) else found
