"""What the tests of mPOHODA's sensors share: orders and invoices of the sandbox, Dags and triggers that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.quota import QuickTriggers

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_provider.mpohoda.sensors import MpohodaSensor
    from airflow_provider.mpohoda.triggers import MpohodaTrigger
    from tests.support.quota import MovingClock
    from tests.support.sandbox import SandboxProcess

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
ORDERS, INVOICES = "ReceivedOrders", "IssuedInvoices"
NOBODY = "99999999-9999-4999-8999-999999999999"


class World:
    """
    A company in the sandbox, whose clock stands still and moves with the sensors'.

    :param sandbox: the sandbox
    :param clock: the sensors' clock
    """

    def __init__(self, sandbox: SandboxProcess, clock: MovingClock) -> None:
        self.sandbox = sandbox
        self.clock = clock
        sandbox.clock(now=NOW.isoformat(), freeze=True)
        # What was sent before counts no more.
        self.before = 0

    def pass_(self, time: timedelta) -> None:
        self.sandbox.clock(advance=time.total_seconds())
        self.clock.advance(time)

    def add(self, resource: str, count: int = 1, **fields: Any) -> list[str]:
        records = [dict(fields) for _ in range(count)]
        return list(self._control("records", resource=resource, records=records)["ids"])

    def order(self, id_: str, status: str = "Finished", resource: str = ORDERS) -> None:
        self._control("orders", resource=resource, id=id_, status=status)

    def pay(self, id_: str, resource: str = INVOICES, **payment: Any) -> None:
        self._control("payments", resource=resource, id=id_, **payment)

    def use_up(self) -> None:
        self._control("quota", used=8000)

    def sent(self) -> list[str]:
        """Return the paths of the requests since the last call."""
        found = [one["path"].removeprefix("v1/") for one in self.sandbox.requests("mpohoda")]
        found = [path for path in found if not path.startswith("connect")]
        new, self.before = found[self.before :], len(found)
        return new

    def _control(self, what: str, **values: Any) -> Any:
        return self.sandbox.control("POST", f"mpohoda/{what}", values)


def waiting(kind: str, **options: Any) -> DAG:
    """A sensor of a kind, alone in a Dag; it wakes on time unless it is told otherwise."""
    from airflow.sdk import DAG

    with DAG("waiting") as dag:
        sensor(kind, **options)
    return dag


def sensor(kind: str, **options: Any) -> MpohodaSensor:
    from airflow_provider.mpohoda import sensors

    made: MpohodaSensor = getattr(sensors, f"Mpohoda{kind}Sensor")(
        task_id="waiting", **{"jitter": 0, **options}
    )
    return made


def trigger(
    kind: str, wake_at: datetime, *, deadline: datetime | None = None, **options: Any
) -> MpohodaTrigger:
    """The trigger that a sensor would defer to."""
    one = sensor(kind, **options)
    condition = one.condition(wake_at)
    return one.trigger(
        condition=type(condition).__name__,
        values=condition.values(),
        interval=one.poke_interval,
        jitter=one.jitter.total_seconds(),
        wake_at=wake_at.isoformat(),
        deadline=(deadline or wake_at + timedelta(days=7)).isoformat(),
    )


class Watched(QuickTriggers):
    """Triggers on a quick clock; a test says what happens when."""

    def __init__(self, monkeypatch: Any, world: World) -> None:
        super().__init__(monkeypatch, world.clock, world.sandbox)
        self.plan: list[tuple[datetime, Any]] = []
        advance = world.clock.advance

        def move(time: timedelta | float) -> None:
            advance(time)
            for at, act in [one for one in self.plan if one[0] <= world.clock.now()]:
                self.plan.remove((at, act))
                act()

        world.clock.advance = move  # type: ignore[method-assign]

    def at(self, moment: datetime, act: Any) -> None:
        self.plan.append((moment, act))
