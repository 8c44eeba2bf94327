"""A real Airflow for a test: API server, scheduler, Dag processor and triggerer, each a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import psutil
from requests import RequestException, Session

from tests.support.environment import isolate
from tests.support.ports import free_port
from tests.support.sandbox import ROOT

T = TypeVar("T")

COMPONENTS = {
    "api-server": "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}
"""The processes, and the part of the health report that tells of each."""
PATIENCE = 120.0
"""Seconds after which something is waited for in vain."""

TAIL = 40
"""Lines of each log that are printed when something has gone wrong."""


class Scheduler:
    """
    Airflow with the LocalExecutor, in a folder with a database (SQLite) and a ledger of its own.

    ``with`` starts it and goes on when it is healthy and has parsed the Dags; at the end nothing is left of it.

    :param dags: the text of a Dag file
    :param dag_ids: the Dags in it
    :param variables: environment variables for its processes, such as connections
    :param address: where its API server listens
    """

    components = tuple(COMPONENTS)
    """The processes that are started."""

    def __init__(
        self, dags: str, dag_ids: Iterable[str], variables: Mapping[str, str], address: str = "127.0.0.1"
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="airflow-scheduler-", ignore_cleanup_errors=True)
        self.home = Path(self._folder.name)
        self.variables = {
            "AIRFLOW__VENDOR_APIS__LEDGER_PATH": str(self.home / "vendor_apis.db"),
            **variables,
        }
        self._dag_ids = set(dag_ids)
        self._url = f"http://{address}:{free_port()}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._http = Session()
        # A proxy of the surrounding environment must not come between the tests and this machine.
        self._http.trust_env = False
        self._environment = dict(os.environ)
        isolate(self._environment, self.home)
        self._environment.update(
            {
                **_settings(self._url),
                "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])),
                **self.variables,
            }
        )
        (self.home / "dags" / "dags.py").write_text(dags, encoding="utf-8")

    def __enter__(self) -> Self:
        try:
            with self.explained():
                self._migrate()
                for name in self.components:
                    self._start(name)
                self.wait_for("a healthy Airflow", self._healthy)
                answer = self._http.get(f"{self._url}/auth/token", timeout=30)
                self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
                self.wait_for("the Dags", self._parsed)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all of its processes, those of tasks included, and remove the folder."""
        self._http.close()
        sessions = {process.pid for process in self._processes.values()}
        # Until one look finds none: a process may start another while it is being killed.
        while alive := [pid for pid in psutil.pids() if _session(pid) in sessions]:
            for pid in alive:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self._processes.values():
                process.wait()
        self._folder.cleanup()

    def trigger(self, dag_id: str, run_id: str, **conf: Any) -> None:
        """Start a run of a Dag."""
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self._api("POST", f"dags/{dag_id}/dagRuns", body)

    def pause(self, dag_id: str) -> None:
        """Let nothing more of a Dag be scheduled."""
        self._api("PATCH", f"dags/{dag_id}", {"is_paused": True})

    def state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self._api("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the task instances of a run by task id, as the API shows them."""
        found = self._api("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {one["task_id"]: one for one in found}

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Return the result of a task."""
        task = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        return self._api("GET", f"{task}/xcomEntries/return_value?deserialize=true")["value"]

    def is_over(self, dag_id: str, run_id: str, task_id: str) -> bool:
        """
        Say whether the scheduler has heard that the process of a task has ended.

        A task that waits for somebody is not to go on before: Airflow 3.3.2 then takes its second process for
        the first, and fails it.
        """
        ended = "Received executor event with state success for task instance TaskInstanceKey"
        key = f"(dag_id='{dag_id}', task_id='{task_id}', run_id='{run_id}'"
        return f"{ended}{key}" in (self.home / "scheduler.log").read_text(encoding="utf-8")

    def question(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any] | None:
        """Return what a task asks a person, once it does."""
        asked = self._api("GET", f"dags/{dag_id}/dagRuns/{run_id}/hitlDetails")["hitl_details"]
        return next((one for one in asked if one["task_instance"]["task_id"] == task_id), None)

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer a task as a person does in the web UI."""
        task = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1"
        self._api("PATCH", f"{task}/hitlDetails", {"chosen_options": [option], "params_input": {}})

    def wait_for(self, what: str, look: Callable[[], T], seconds: float = PATIENCE) -> T:
        """
        Look until there is something to be seen, and return it.

        :param what: what is waited for, for the failure
        :param look: returns something true as soon as it is there
        """
        until = time.monotonic() + seconds
        while not (found := look()):
            for name, process in self._processes.items():
                assert process.poll() is None, f"Airflow's {name} ended with {process.returncode}"
            assert time.monotonic() < until, f"waited {seconds} seconds for {what}"
            time.sleep(0.1)
        return found

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Print the end of each log where something fails inside."""
        try:
            yield
        except BaseException:
            for log in sorted([*self.home.glob("*.log"), *self.home.glob("logs/dag_id=*/**/*.log")]):
                print(f"--- the end of {log.relative_to(self.home)}")
                for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]:
                    print(line[:400])
            raise

    def _migrate(self) -> None:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        with (self.home / "migrate.log").open("wb") as log:
            subprocess.run(
                command, env=self._environment, stdout=log, stderr=log, check=True, timeout=PATIENCE
            )

    def _start(self, name: str) -> None:
        with (self.home / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", name],
                cwd=self.home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _healthy(self) -> bool:
        try:
            health = self._http.get(f"{self._url}/api/v2/monitor/health", timeout=10).json()
            return all(health[COMPONENTS[name]]["status"] == "healthy" for name in self.components)
        except (RequestException, ValueError, KeyError):
            return False

    def _parsed(self) -> bool:
        errors = self._api("GET", "importErrors")["import_errors"]
        assert not errors, errors[0]["stack_trace"]
        return self._dag_ids <= {one["dag_id"] for one in self._api("GET", "dags")["dags"]}

    def _api(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self._url}/api/v2/{path}", json=body, timeout=30)
        assert answer.ok, f"{method} {path} answered {answer.status_code}: {answer.text}"
        return answer.json()


def _settings(url: str) -> dict[str, str]:
    """Return what makes four processes one Airflow, and lets it lose no time."""
    return {
        "AIRFLOW__API__HOST": str(urlsplit(url).hostname),
        "AIRFLOW__API__PORT": str(urlsplit(url).port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _session(pid: int) -> int | None:
    """Return the session of a process that lives: a task's has a process group of its own, but no session."""
    try:
        return os.getsid(pid) if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE else None
    except (OSError, psutil.Error):
        return None
