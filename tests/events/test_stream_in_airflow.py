"""A WebSocket in a real Airflow: from the sandbox's message to the run, also across a triggerer that is killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.plugin import plugin_path
from tests.support.sandbox import SandboxProcess
from tests.support.scheduler import Scheduler

MATCHES = "stream/matches"
DESYNC = "mobadoo/mobadoo_default/_desync"
MATCH = {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": {"id": 7}}
BURST = 400
DAGS = f'''
from airflow.sdk import DAG, Asset, AssetWatcher, task
from airflow_provider.mobadoo.assets import mobadoo_desync
from airflow_provider.mobadoo.triggers import MobadooEventTrigger

trigger = MobadooEventTrigger("mobadoo_default", where={{"videogame": "lol"}}, tells="messages")
matches = Asset("{MATCHES}", watchers=[AssetWatcher(name="matches", trigger=trigger)])

for dag_id, schedule in (("on_match", matches), ("on_desync", mobadoo_desync("mobadoo_default"))):
    with DAG(dag_id, schedule=schedule, catchup=False):

        @task
        def count(triggering_asset_events=None):
            return sum(len(events) for events in triggering_asset_events.values())

        count()
'''


class WithStream(Scheduler):
    """Airflow with a triggerer that can be killed and started again."""

    def kill_triggerer(self) -> None:
        process = self._processes.pop("triggerer")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start_triggerer(self) -> None:
        self._start("triggerer")

    def rows(self, database: str, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.home / database, timeout=60)) as connection:
            return connection.execute(query).fetchall()

    def told(self, name: str = MATCHES) -> list[dict[str, Any]]:
        """Return the extras of an asset's events."""
        query = f"SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = '{name}'"
        return [json.loads(extra) for (extra,) in self.rows("airflow.db", query)]

    def deliveries(self) -> set[str]:
        """Return the ids of what the asset has been told."""
        return {event["payload"]["delivery"] for event in self.told()}

    def numbers(self) -> list[int]:
        """Return which of the messages of a burst the asset has been told."""
        return [event["payload"]["payload"].get("sequence", 0) for event in self.told()]

    def spooled(self) -> tuple[int, int]:
        """Return how many messages wait, and how many have ever come."""
        [(waiting,)] = self.rows("vendor_apis.db", "SELECT count(*) FROM vendor_apis_spool")
        came = self.rows("vendor_apis.db", "SELECT seq FROM sqlite_sequence WHERE name = 'vendor_apis_spool'")
        return waiting, came[0][0] if came else 0

    def successes(self, dag_id: str) -> int:
        runs = self._api("GET", f"dags/{dag_id}/dagRuns")["dag_runs"]
        return sum(run["state"] == "success" for run in runs)


@pytest.fixture(scope="module")
def sandbox_of_streams() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running


@pytest.fixture(scope="module")
def airflow(
    tmp_path_factory: pytest.TempPathFactory, sandbox_of_streams: SandboxProcess
) -> Iterator[WithStream]:
    variables = {
        **sandbox_of_streams.connections,
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    }
    path = [*plugin_path(tmp_path_factory.mktemp("plugin")), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
        running = WithStream(DAGS, ["on_match", "on_desync"], variables)
    with running:
        running.wait_for("the socket", lambda: sandbox_of_streams.control("GET", "mobadoo/ws")["open"] == 1)
        yield running


def push(sandbox: SandboxProcess, burst: int) -> None:
    sandbox.switch({"mobadoo.ws_burst": burst})
    sandbox.control("POST", "mobadoo/ws/push", {"message": MATCH})


def test_a_message_starts_a_run_and_the_opening_of_the_socket_a_resynchronisation(
    airflow, sandbox_of_streams
):
    with airflow.explained():
        push(sandbox_of_streams, 1)
        airflow.wait_for("the run of the message", lambda: airflow.successes("on_match"))
        [event] = airflow.told()
        assert event["payload"]["payload"] == MATCH
        # The watcher wants messages alone, and the asset of desynchronisations has no watcher.
        airflow.wait_for("the run of the gap", lambda: airflow.successes("on_desync"))
        [gap] = airflow.told(DESYNC)
        assert (gap["family"], gap["source"], gap["gap"]["since"]) == ("DESYNC", "websocket", None)


@pytest.mark.skipif(
    not find_spec("airflow.triggers.shared_stream"), reason="Airflow 3.2 has no shared streams"
)
def test_what_a_killed_triggerer_has_received_is_told_by_the_next_and_the_time_between_is_a_gap(
    airflow, sandbox_of_streams
):
    with airflow.explained():
        airflow.wait_for("the gap of the first socket", lambda: len(airflow.told(DESYNC)) == 1)
        airflow.wait_for("an empty spool", lambda: airflow.spooled()[0] == 0)
        earlier = airflow.deliveries()
        _, before = airflow.spooled()
        push(sandbox_of_streams, BURST)
        airflow.wait_for("all messages in the spool", lambda: airflow.spooled()[1] == before + BURST)
        airflow.kill_triggerer()
        waiting, _ = airflow.spooled()
        assert waiting > 50, "The triggerer was faster than the test"
        assert len(set(airflow.numbers())) < BURST
        airflow.start_triggerer()
        airflow.wait_for("all messages", lambda: set(airflow.numbers()) >= {*range(1, BURST + 1)})
        airflow.wait_for("an empty spool", lambda: airflow.spooled()[0] == 0)
        # Those that were told before the kill and not yet confirmed are told again, with the same ids.
        assert len(airflow.deliveries() - earlier) == BURST
        airflow.wait_for("the gap", lambda: len(airflow.told(DESYNC)) == 2)
        gap = airflow.told(DESYNC)[1]["gap"]
        assert gap["since"] is not None
        assert gap["since"] < gap["until"]
