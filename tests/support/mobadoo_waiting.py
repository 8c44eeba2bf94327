"""What the tests of Mobadoo's sensor share: matches of the sandbox, Dags and triggers that wait for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_provider.mobadoo.sensors import MobadooMatchSensor
    from airflow_provider.mobadoo.triggers import MobadooMatchTrigger
    from tests.support.quota import MovingClock
    from tests.support.sandbox import SandboxProcess

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


class World:
    """
    Matches in the sandbox, whose clock stands still and moves with the sensors'.

    :param sandbox: the sandbox
    :param clock: the sensors' clock
    """

    def __init__(self, sandbox: SandboxProcess, clock: MovingClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        sandbox.clock(now=NOW.isoformat(), freeze=True)
        sandbox.control("DELETE", "mobadoo/matches")
        self.before = 0

    def pass_(self, time: timedelta) -> None:
        self.sandbox.clock(advance=time.total_seconds())
        self.clock.advance(time)

    def add(self, count: int = 1, *, videogame: str = "lol", **more: Any) -> list[int]:
        values = {"videogame": videogame, "count": count, "games": 1, "first": NOW.isoformat(), **more}
        made = self.sandbox.control("POST", "mobadoo/matches", values)
        return list(range(made["first"], made["last"] + 1))

    def change(self, id_: int, status: str) -> None:
        self.sandbox.control("POST", "mobadoo/matches/change", {"id": id_, "status": status, "force": True})

    def remove(self, id_: int) -> None:
        self.sandbox.control("DELETE", f"mobadoo/matches/{id_}")

    def sent(self) -> list[dict[str, Any]]:
        """Return the requests since the last call."""
        found = self.sandbox.requests("mobadoo")
        new, self.before = found[self.before :], len(found)
        return new


def sensor(**options: Any) -> MobadooMatchSensor:
    from airflow_provider.mobadoo.sensors import MobadooMatchSensor

    return MobadooMatchSensor(**{"task_id": "waiting", "videogame": "lol", "jitter": 0, **options})


def waiting(**options: Any) -> DAG:
    """A sensor, alone in a Dag; it wakes on time unless it is told otherwise."""
    from airflow.sdk import DAG

    with DAG("waiting") as dag:
        sensor(**options)
    return dag


def trigger(wake_at: datetime, *, deadline: datetime | None = None, **options: Any) -> MobadooMatchTrigger:
    """The trigger that a sensor would defer to."""
    one = sensor(**options)
    condition = one.condition(wake_at)
    return one.trigger(
        condition=type(condition).__name__,
        values=condition.values(),
        interval=one.poke_interval,
        jitter=one.jitter.total_seconds(),
        wake_at=wake_at.isoformat(),
        deadline=(deadline or wake_at + timedelta(days=7)).isoformat(),
    )
