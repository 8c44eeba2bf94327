"""A real triggerer, tasks that are deferred to it, and what it holds and does meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import heartbeat
import psutil
import sqlalchemy as sa
import waiting
from airflow.sdk.exceptions import TaskDeferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from tests.support.sandbox import SandboxProcess

COUNT = 1000
NEEDED = 1000
LEFT = 100
RESET_MARGIN = 36
"""Seconds from the first answer to the wake: in that time all have to be deferred, and to sleep."""

JITTER = 60
"""Seconds, the default of the sensor."""

SETTLE = 3.0
QUIET = 3.0
"""Seconds before the wake in which the pulse shows what is not ours."""


@dataclass
class Waiting:
    """A triggerer with many that wait.

    :param empty: memory of the process that runs the triggers with none, in bytes
    :param one: with one
    :param full: with all
    """

    empty: int = 0
    one: int = 0
    full: int = 0

    @property
    def each(self) -> float:
        """Return KiB of each trigger."""
        return (self.full - self.empty) / COUNT / 1024

    @property
    def further(self) -> float:
        """Return KiB of each trigger beside the first, which brings the imports."""
        return (self.full - self.one) / (COUNT - 1) / 1024


@dataclass
class Woken:
    """What happened when they woke.

    :param requests: requests that reached the vendor, before and after the reset
    :param fired: tasks that go on
    :param seconds: from the moment at which the last wakes until the last task goes on
    :param quiet: longest delay of the pulse while they slept, in seconds
    :param stall: longest delay while they woke
    """

    requests: tuple[int, int] = (0, 0)
    fired: int = 0
    seconds: float = 0.0
    quiet: float = 0.0
    stall: float = 0.0


def create_dag() -> list[UUID]:
    """Put a Dag run into Airflow's database, and return the ids of its tasks, the heartbeat's first."""
    import pendulum
    from airflow.sdk import DAG, timezone
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
    from tests.support.dags import register

    initdb()
    with DAG("waiting", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        WolkvoxQuotaSensor.partial(task_id="wait", deferrable=True).expand(min_remaining=[NEEDED] * COUNT)
        WolkvoxQuotaSensor(task_id="heartbeat")
    register(dag)
    now = timezone.utcnow()
    with create_session() as session:
        run = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).create_dagrun(
            run_id="manual__waiting",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
            session=session,
        )
        instances = run.get_task_instances(session=session)
        return [instance.id for instance in sorted(instances, key=lambda instance: instance.map_index)]


def defer(instances: list[UUID], pauses: list[TaskDeferred]) -> None:
    """Store that tasks wait for triggers, in the words of Airflow's execution API."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.sdk import timezone
    from airflow.sdk.serde import serialize
    from airflow.utils.session import create_session
    from airflow.utils.state import TaskInstanceState

    with create_session() as session:
        for instance, pause in zip(instances, pauses, strict=True):
            classpath, values = pause.trigger.serialize()
            row = Trigger(classpath=classpath, kwargs={})
            row.encrypted_kwargs = json.dumps(serialize(values))
            session.add(row)
            session.flush()
            session.execute(
                sa.update(TaskInstance)
                .where(TaskInstance.id == instance)
                .values(
                    state=TaskInstanceState.DEFERRED,
                    trigger_id=row.id,
                    next_method=pause.method_name,
                    next_kwargs=serialize(pause.kwargs or {}),
                    trigger_timeout=timezone.utcnow() + pause.timeout if pause.timeout else None,
                )
            )


def forget() -> None:
    """Take back what was deferred."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    with create_session() as session:
        session.execute(sa.update(TaskInstance).values(state=None, trigger_id=None))
        session.execute(sa.delete(Trigger))


def deferred() -> int:
    """Count the tasks that wait, and check that no trigger has failed."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        failed = sa.select(sa.func.count()).where(TaskInstance.next_method == "__fail__")
        if count := session.scalar(failed):
            raise RuntimeError(f"{count} triggers have failed")
        waits = sa.select(sa.func.count()).where(
            TaskInstance.state == "deferred", TaskInstance.task_id == "wait"
        )
        return int(session.scalar(waits) or 0)


def trigger_rows() -> int:
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    with create_session() as session:
        return int(session.scalar(sa.select(sa.func.count()).select_from(Trigger)) or 0)


def until(done: Callable[[], bool], what: str, *, seconds: float = 120.0, pause: float = 0.1) -> float:
    """Wait for something, and return when it had come."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(f"it took longer than {seconds:.0f} s: {what}")
        time.sleep(pause)
    return time.time()


class Triggerer:
    """``airflow triggerer`` as a process of its own, with a heartbeat among its triggers.

    :param home: AIRFLOW_HOME
    :param name: names its files
    :param pulse: the task that the heartbeat belongs to
    """

    def __init__(self, home: Path, name: str, pulse: UUID) -> None:
        self.home = home
        self.logs = home / f"logs-{name}"
        self.stop_file = home / f"{name}.stop"
        self.beats_file = home / f"{name}.json"
        self.output = home / f"{name}.txt"
        self._pulse = pulse

    @contextmanager
    def running(self) -> Iterator[Triggerer]:
        environment = {
            **os.environ,
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.logs),
            # By default Airflow hands a triggerer 50 triggers a second.
            "AIRFLOW__TRIGGERER__MAX_TRIGGER_TO_SELECT_PER_LOOP": str(2 * COUNT),
        }
        command = [sys.executable, "-m", "airflow", "triggerer", "--capacity", str(2 * COUNT)]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--skip-serve-logs"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            beat = heartbeat.HeartbeatTrigger(str(self.stop_file), str(self.beats_file))
            defer([self._pulse], [TaskDeferred(trigger=beat, method_name="execute_complete")])
            self.wait_for(1)
            yield self
        except Exception:
            print(self._words()[-5000:], file=sys.stderr)
            raise
        finally:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                forget()

    def wait_for(self, count: int) -> None:
        """Wait until so many triggers have started, and the memory has settled."""

        def started() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError("the triggerer has ended")
            # Each has a log file from its first line on.
            return sum(1 for path in self.logs.rglob("*.log") if path.is_file()) >= count

        until(started, f"{count} triggers start", pause=0.3)
        time.sleep(SETTLE)

    def memory(self) -> int:
        """Return the resident memory of the process that runs the triggers."""
        [runner] = psutil.Process(self.process.pid).children()
        return int(runner.memory_info().rss)

    def _words(self) -> str:
        """Return what the triggerer has said, and the first error in the logs of its triggers."""
        logs = (path.read_text(errors="replace") for path in self.logs.rglob("*.log") if path.is_file())
        failed = next((text for text in logs if '"error"' in text), "")
        return self.output.read_text(errors="replace")[-2500:] + failed[-2500:]

    def beats(self) -> list[tuple[float, float]]:
        """End the heartbeat, and return what it has seen."""
        self.stop_file.touch()
        until(self.beats_file.exists, "the heartbeat ends")
        return [(moment, delay) for moment, delay in json.loads(self.beats_file.read_text())]


def load(triggerer: Triggerer, instances: list[UUID], pauses: list[TaskDeferred]) -> Waiting:
    """Let a triggerer run first none, then one, then all."""
    memory = Waiting(empty=triggerer.memory())
    defer(instances[:1], pauses[:1])
    triggerer.wait_for(2)
    memory.one = triggerer.memory()
    defer(instances[1:], pauses[1:])
    triggerer.wait_for(COUNT + 1)
    memory.full = triggerer.memory()
    return memory


def sleepers(home: Path, instances: list[UUID]) -> tuple[Waiting, Woken]:
    """Measure triggers that only sleep: what Airflow itself takes."""
    pulse, *tasks = instances
    with Triggerer(home, "sleep", pulse).running() as triggerer:
        wake = datetime.now(UTC) + timedelta(seconds=0.7 * RESET_MARGIN)
        trigger = heartbeat.SleepTrigger(wake.isoformat())
        memory = load(
            triggerer, tasks, [TaskDeferred(trigger=trigger, method_name="execute_complete")] * COUNT
        )
        return memory, wake_up(triggerer, [wake.timestamp()])


def pokers(home: Path, instances: list[UUID], sandbox: SandboxProcess) -> Waiting:
    """Measure the http provider's deferred sensors, which wait for another answer than 404."""
    from airflow.providers.http.triggers.http import HttpSensorTrigger

    pulse, *tasks = instances
    sandbox.reset()
    connection = waiting.wolkvox_connection()
    trigger = HttpSensorTrigger(
        http_conn_id=waiting.HTTP_CONNECTION,
        endpoint="server/API/v2/not-there.php",
        headers={"Wolkvox-Token": connection["password"]},
        poke_interval=60,
    )
    with Triggerer(home, "http", pulse).running() as triggerer:
        return load(triggerer, tasks, [TaskDeferred(trigger=trigger, method_name="execute_complete")] * COUNT)


def quotas(
    home: Path, instances: list[UUID], sandbox: SandboxProcess, *, jitter: float
) -> tuple[Waiting, Woken]:
    """Measure deferred sensors of ours across a reset."""
    pulse, *tasks = instances
    name = f"quota-{jitter:.0f}"
    with (
        patch.dict(os.environ, AIRFLOW__VENDOR_APIS__LEDGER_PATH=str(home / f"{name}.db")),
        Triggerer(home, name, pulse).running() as triggerer,
    ):
        spend(sandbox)
        pauses = [pause_of(number, RESET_MARGIN, jitter) for number in range(COUNT)]
        wakes = sorted(
            datetime.fromisoformat(pause.trigger.serialize()[1]["wake_at"]).timestamp() for pause in pauses
        )
        asked = len(sandbox.requests("wolkvox"))
        memory = load(triggerer, tasks, pauses)
        woken = wake_up(triggerer, wakes)
        # Those that go on do not ask again.
        for number in range(3):
            execute_complete(number, tasks[number])
    woken.requests = (asked, len(sandbox.requests("wolkvox")) - asked)
    return memory, woken


def spend(sandbox: SandboxProcess, *, seconds: float = 10.0) -> None:
    """Leave too little of the vendor's quota, some seconds before its reset."""
    sandbox.reset()
    sandbox.clock(now=(waiting.RESET - timedelta(seconds=seconds)).isoformat())
    connection = waiting.wolkvox_connection()
    sandbox.token(
        token=connection["password"],
        operation=connection["login"],
        limit=waiting.LIMIT,
        used=waiting.LIMIT - LEFT,
    )


def sensor_of(number: int, reset_margin: float, jitter: float) -> Any:
    from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

    return WolkvoxQuotaSensor(
        task_id=f"wait_{number}",
        min_remaining=NEEDED,
        deferrable=True,
        # The vendor says "0 hours".
        reset_margin=timedelta(seconds=reset_margin),
        jitter=jitter,
    )


def pause_of(number: int, reset_margin: float, jitter: float) -> TaskDeferred:
    """Execute a sensor as a worker does, and return what it defers to."""
    from airflow_provider.quota import decision, monitor

    # Nobody sleeps for less than some minutes otherwise, and this waits for it.
    none = timedelta(0)
    with patch.object(monitor, "SHORTEST_SLEEP", none), patch.object(decision, "ANSWER_HOLDS", none):
        try:
            sensor_of(number, reset_margin, jitter).execute({})
        except TaskDeferred as pause:
            return pause
    raise RuntimeError("the sensor did not defer")


def execute_complete(number: int, instance: UUID) -> None:
    """Go on with a sensor whose trigger has fired."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.serde import deserialize
    from airflow.utils.session import create_session

    with create_session() as session:
        stored = session.get(TaskInstance, instance)
        assert stored is not None
        values: Any = deserialize(stored.next_kwargs)
        getattr(sensor_of(number, RESET_MARGIN, 0), stored.next_method)({}, **values)


def wake_up(triggerer: Triggerer, wakes: list[float]) -> Woken:
    """Wait until all have woken.

    :param triggerer: where they sleep
    :param wakes: when they wake, the first one first
    """
    if time.time() > wakes[0] - QUIET:
        raise RuntimeError("they would have woken before all of them slept: raise RESET_MARGIN")
    waits = deferred()
    assert waits == COUNT, waits
    time.sleep(wakes[-1] - time.time())
    ended = until(lambda: not deferred(), "all tasks go on", pause=0.25)
    until(lambda: trigger_rows() <= 1, "the triggers' rows are removed")
    beats = triggerer.beats()
    return Woken(
        fired=waits - deferred(),
        seconds=ended - wakes[-1],
        quiet=heartbeat.longest(beats, wakes[0] - QUIET, wakes[0]),
        stall=heartbeat.longest(beats, wakes[0], ended),
    )


def alone(home: Path, sandbox: SandboxProcess, rounds: int) -> list[Woken]:
    """Measure our triggers in an event loop of their own, each time in a fresh process."""
    results = []
    for number in range(rounds):
        path = str(home / f"alone-{number}.db")
        with patch.dict(os.environ, AIRFLOW__VENDOR_APIS__LEDGER_PATH=path):
            spend(sandbox, seconds=1.0)
            _, values = pause_of(number, 1.0, 0).trigger.serialize()
            asked = len(sandbox.requests("wolkvox"))
            done = subprocess.run(
                [sys.executable, str(Path(__file__).with_name("waking.py")), json.dumps(values), str(COUNT)],
                capture_output=True,
                text=True,
            )
        if done.returncode:
            raise RuntimeError(f"waking.py failed:\n{done.stderr[-4000:]}")
        after = len(sandbox.requests("wolkvox")) - asked
        results.append(Woken(requests=(asked, after), **json.loads(done.stdout)))
    return results
