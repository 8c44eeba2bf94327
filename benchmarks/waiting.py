"""Fifteen hours of waiting for a quota, on a clock that is moved: what was sent, and what it cost."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.sandbox import SandboxProcess

RESET = datetime(2026, 3, 3, tzinfo=UTC)
START = RESET - timedelta(hours=15)
LIMIT = 4800
ENDPOINT = "server/API/v2/token/tokenInformation.php"
HTTP_CONNECTION = "bench_http"


@dataclass(frozen=True)
class Case:
    """What is left when the waiting begins.

    :param left: uses left
    :param needed: uses waited for
    :param earlier: uses that were left half an hour before, when another task asked; None if none has asked
    :param reset_known: whether the vendor has said, to anybody, when the reset comes
    """

    title: str
    left: int
    needed: int
    earlier: int | None = None
    reset_known: bool = True


CASES = (
    Case("2,000 of 4,800 uses left, 3,000 needed", 2000, 3000),
    Case("500 left, 3,000 needed", 500, 3000),
    Case("none left, 1,000 needed; asked half an hour before, when 2,000 were left", 0, 1000, 2000),
    Case(
        "none left, 1,000 needed; nobody has asked, and a refusal does not say until when",
        0,
        1000,
        reset_known=False,
    ),
)


@dataclass(frozen=True)
class Result:
    """How a wait ended."""

    sensor: str
    requests: int
    burnt: int
    end: str


class Simulation:
    """The clocks of both sides, which move together, and the meter of the vendor's side.

    :param sandbox: the vendor
    :param case: what is left
    """

    def __init__(self, sandbox: SandboxProcess, case: Case) -> None:
        self.sandbox = sandbox
        self.now = START
        sandbox.reset()
        sandbox.clock(now=START.isoformat(), freeze=True)
        self._token(case.left)
        self._burnt = 0
        self._used = LIMIT - case.left

    def before(self, left: int) -> None:
        """Let another task ask half an hour before the start."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        case_left = LIMIT - self._used
        self.now = START - timedelta(minutes=30)
        self.sandbox.clock(now=self.now.isoformat())
        self._token(left)
        hook = WolkvoxHook()
        hook.token_reading()
        hook.close()
        self.now = START
        self.sandbox.clock(now=START.isoformat())
        self._token(case_left)
        self.sandbox.control("DELETE", "requests")

    def move_to(self, moment: datetime) -> None:
        self._read()
        self.now = max(self.now, moment)
        self.sandbox.clock(now=self.now.isoformat())

    def move(self, seconds: float) -> None:
        self.move_to(self.now + timedelta(seconds=seconds))

    @property
    def waited(self) -> str:
        minutes = round((self.now - START).total_seconds() / 60)
        return f"{minutes // 60} h {minutes % 60:02} min"

    def result(self, sensor: str, end: str) -> Result:
        self._read()
        return Result(sensor, len(self.sandbox.requests("wolkvox")), self._burnt, f"{end} {self.waited}")

    def _token(self, left: int) -> None:
        connection = wolkvox_connection()
        self.sandbox.token(
            token=connection["password"], operation=connection["login"], limit=LIMIT, used=LIMIT - left
        )

    def _read(self) -> None:
        [token] = self.sandbox.state()["wolkvox"]["tokens"]
        # Counting starts again at the reset.
        self._burnt += token["used"] - (self._used if token["used"] >= self._used else 0)
        self._used = token["used"]


def wolkvox_connection() -> dict[str, Any]:
    return dict(json.loads(os.environ["AIRFLOW_CONN_WOLKVOX_DEFAULT"]))


def http_connection() -> str:
    return json.dumps({"conn_type": "http", "host": wolkvox_connection()["host"]})


def http_sensor(simulation: Simulation, case: Case, *, allow_403: bool) -> Result:
    """Wait with the http provider's sensor, which pokes every minute."""
    from airflow.providers.http.sensors.http import HttpSensor
    from airflow.sdk.bases import sensor as base

    connection = wolkvox_connection()

    def enough(response: Any) -> bool:
        return int(response.json()["data"]["available_consumition_options"]) >= case.needed

    sensor = HttpSensor(
        task_id="http",
        http_conn_id=HTTP_CONNECTION,
        endpoint=ENDPOINT,
        request_params={"operation": connection["login"]},
        headers={"Wolkvox-Token": connection["password"]},
        response_check=enough,
        response_error_codes_allowlist=["403"] if allow_403 else None,
        poke_interval=60,
    )
    time = SimpleNamespace(sleep=simulation.move, monotonic=lambda: simulation.now.timestamp())
    name = "HttpSensor every 60 s" + (", 403 allowed" if allow_403 else "")
    with patch.object(base, "time", time):
        try:
            sensor.execute({})
        except Exception as error:
            return simulation.result(name, f"fails ({str(error).partition(':')[0]}) after")
    return simulation.result(name, "enough after")


def quota_sensor(simulation: Simulation, case: Case, *, deferrable: bool) -> Result:
    """Wait with ours: each time it gives up its worker, the clocks move to the moment that it names."""
    from airflow_provider.quota import triggers
    from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor

    sensor = WolkvoxQuotaSensor(
        task_id="ours",
        min_remaining=case.needed,
        deferrable=deferrable,
        mode="poke" if deferrable else "reschedule",
    )
    context: Any = {"ti": SimpleNamespace(get_first_reschedule_date=lambda context: START)}
    work: Callable[[], Any] = lambda: sensor.execute(context)  # noqa: E731

    async def sleep(seconds: float) -> None:
        simulation.move(seconds)

    async def event(trigger: triggers.QuotaTrigger) -> dict[str, Any]:
        _, values = trigger.serialize()
        async for fired in triggers.QuotaTrigger(**values).run():
            return dict(fired.payload)
        raise RuntimeError("the trigger ended without an event")

    name = f"WolkvoxQuotaSensor, {'deferrable' if deferrable else 'reschedule'}"
    while True:
        try:
            work()
        except AirflowRescheduleException as pause:
            simulation.move_to(pause.reschedule_date)
        except TaskDeferred as pause:
            with patch.object(triggers, "asyncio", SimpleNamespace(sleep=sleep)):
                fired = asyncio.run(event(pause.trigger))  # type: ignore[arg-type]
            method, values = getattr(sensor, pause.method_name), pause.kwargs or {}
            work = lambda method=method, values=values, fired=fired: method(context, fired, **values)  # noqa: E731
        else:
            return simulation.result(name, "enough after")


def waiting(sandbox: SandboxProcess, home: Path) -> Iterator[tuple[Case, list[Result]]]:
    """Wait with each sensor in each case."""
    from airflow_provider import clock

    contestants: dict[str, Callable[[Simulation, Case], Result]] = {
        "http": lambda simulation, case: http_sensor(simulation, case, allow_403=False),
        "http-403": lambda simulation, case: http_sensor(simulation, case, allow_403=True),
        "reschedule": lambda simulation, case: quota_sensor(simulation, case, deferrable=False),
        "deferrable": lambda simulation, case: quota_sensor(simulation, case, deferrable=True),
    }
    for number, case in enumerate(CASES):
        results: list[Result] = []
        for name, contestant in contestants.items():
            if name == "http-403" and results[-1].end.startswith("enough"):
                continue
            with ExitStack() as stack:
                path = str(home / f"waiting-{number}-{name}.db")
                stack.enter_context(patch.dict(os.environ, AIRFLOW__VENDOR_APIS__LEDGER_PATH=path))
                simulation = Simulation(sandbox, case)
                stack.enter_context(patch.object(clock, "now", partial(getattr, simulation, "now")))
                if case.earlier is not None:
                    simulation.before(case.earlier)
                results.append(contestant(simulation, case))
        yield case, results
