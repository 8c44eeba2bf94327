"""``airflow vendor-apis receive``: the receiver as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from requests import ConnectionError as NoConnection
from requests import Response, Session

from tests.support.patience import wait_until
from tests.support.ports import free_port
from tests.support.sandbox import ROOT

SECRET = "canary-secret"


class Process:
    """A running receiver.

    :param log: the file it writes to
    :param arguments: of the command
    :param options: of the configuration
    """

    def __init__(self, log: Path, *arguments: str, **options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/vendor-apis"
        self.log = log
        settings = {"receiver": "process", "webhook_connections": "stored_connection", **options}
        environment = {
            **os.environ,
            **{f"AIRFLOW__VENDOR_APIS__{name.upper()}": value for name, value in settings.items()},
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        # Set by a test that ran before in this process, it would hide that the command does not set it.
        environment.pop("_AIRFLOW_PROCESS_CONTEXT", None)
        command = [sys.executable, "-m", "airflow", "vendor-apis", "receive", "--port", str(self.port)]
        command += arguments
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        self.http = Session()
        self.http.trust_env = False

    def wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            try:
                assert self.http.get(f"{self.url}/health", timeout=5).json() == {"status": "ok"}
                return
            except NoConnection:
                time.sleep(0.05)

    def deliver(self, body: Any, conn_id: str = "stored_connection", secret: str = SECRET) -> Response:
        with Session() as http:
            http.trust_env = False
            url = f"{self.url}/webhooks/{conn_id}"
            return http.post(url, json=body, params={"secret": secret}, timeout=60)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(log: Path, *arguments: str, **options: str) -> Iterator[Process]:
    found = Process(log, *arguments, **options)
    try:
        found.wait()
        yield found
    finally:
        found.http.close()
        if found.process.poll() is None:
            found.process.terminate()
            try:
                found.process.wait(30)
            except subprocess.TimeoutExpired:
                found.process.kill()
                found.process.wait()


@pytest.fixture
def stored_connection(airflow_db: None) -> Iterator[None]:
    """A connection that is in Airflow's database alone."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    extra = json.dumps({"webhook_secret": SECRET})
    row = Connection(conn_id="stored_connection", conn_type="mobadoo", password="canary-token", extra=extra)
    with create_session() as session:
        session.add(row)
    yield
    with create_session() as session:
        session.query(Connection).filter_by(conn_id="stored_connection").delete()


def stored(airflow_home: Path, marker: str) -> int:
    with closing(sqlite3.connect(airflow_home / "airflow.db", timeout=30)) as database:
        query = "SELECT count(*) FROM vendor_apis_delivery WHERE payload LIKE ?"
        [(count,)] = database.execute(query, [f"%{marker}%"]).fetchall()
        return int(count)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_stores_what_comes_for_connections_of_airflows_database(
    stored_connection, airflow_home, tmp_path, workers
):
    marker = f"with-{workers}-workers"
    with running(tmp_path / "log", "--workers", workers) as receiver:
        answers = [receiver.deliver({"marker": marker, "number": number}) for number in range(6)]
        assert {answer.status_code for answer in answers} == {202}
        assert receiver.deliver({}, secret="canary-guess").status_code == 401
        assert receiver.deliver({}, conn_id="unknown").status_code == 401
        # What belongs to the API server is not here.
        assert receiver.http.get(f"{receiver.url}/api/deliveries", timeout=10).status_code == 404
        receiver.http.get(f"{receiver.url}/callbacks/stored_connection/canary-path/credit?hash=canary-hash")
        assert receiver.stop() in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert stored(airflow_home, marker) == 6
    log = receiver.log.read_text()
    assert "Uvicorn running on" in log
    assert [line for line in log.splitlines() if "canary" in line] == []


def test_it_ends_when_what_has_begun_is_stored(stored_connection, airflow_home, tmp_path):
    answers: list[Response] = []
    with running(tmp_path / "log") as receiver:
        receiver.deliver({"first": 1})
        with closing(sqlite3.connect(airflow_home / "airflow.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            sending = threading.Thread(
                target=lambda: answers.append(receiver.deliver({"marker": "at-the-end"}))
            )
            sending.start()
            # So that the delivery waits for the database when the signal comes.
            wait_until(lambda: _connections(receiver))
            time.sleep(0.5)
            receiver.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert receiver.process.poll() is None
            lock.execute("ROLLBACK")
        sending.join(30)
        receiver.process.wait(30)
    assert [answer.status_code for answer in answers] == [202]
    assert stored(airflow_home, "at-the-end") == 1


def _connections(receiver: Process) -> int:
    import psutil

    found = psutil.Process(receiver.process.pid).net_connections()
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == receiver.port for one in found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"receiver": "api-server"}, '[vendor_apis] receiver is "api-server"'),
        ({"receiver": "off"}, '[vendor_apis] receiver is "off"'),
        ({"webhook_connections": ""}, "[vendor_apis] webhook_connections is empty"),
        ({"webhook_queue": "x"}, "[vendor_apis] webhook_queue"),
    ],
    ids=str,
)
def test_it_says_why_it_does_not_start(airflow_db, tmp_path, options, told):
    process = Process(tmp_path / "log", **options)
    assert process.process.wait(60) == 1
    assert told in process.log.read_text()
