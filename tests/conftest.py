"""An Airflow of its own for the tests: made before anything imports Airflow, removed at the end."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import isolate

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
isolate(os.environ, AIRFLOW_HOME)

from tests.support.connections import SetConnection, connection_setter  # noqa: E402
from tests.support.databases import database, postgres_server  # noqa: E402
from tests.support.sandbox import SandboxProcess  # noqa: E402

__all__ = ["database", "postgres_server"]


def pytest_configure(config: pytest.Config) -> None:
    """Draw the same examples each time; ``--hypothesis-profile=new`` draws new ones."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import HealthCheck, settings

        # A machine that is slow for a moment is no fault of what is tested.
        unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.register_profile("repeatable", unhurried, derandomize=True)
        settings.register_profile("new", unhurried, derandomize=False, database=None)
        settings.load_profile(config.getoption("--hypothesis-profile") or "repeatable")


def pytest_unconfigure() -> None:
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The folder of Airflow's configuration, database and logs."""
    return AIRFLOW_HOME


@pytest.fixture(scope="session")
def airflow_db(airflow_home: Path) -> None:
    """Airflow's database, empty but for what Airflow itself puts there."""
    from airflow.utils.db import initdb

    from tests.support.dags import keep_one_api_server

    initdb()
    keep_one_api_server()


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    with SandboxProcess() as running:
        yield running
        # An error inside the sandbox answers 500 and prints a traceback; neither may pass unnoticed.
        assert "Traceback" not in running.output()


@pytest.fixture(scope="session", autouse=True)
def tables_at_once() -> Iterator[None]:
    """Give new SQLite files their tables at once; ``tests/store`` has them migrated."""
    from airflow_provider.store.engine import Database
    from tests.support import new_files

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "prepare", new_files.prepare)
        yield


@pytest.fixture(scope="session")
def ledger_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New folders, one for each test. pytest's own numbering looks at all that are there for each new one."""
    base = tmp_path_factory.mktemp("ledgers")
    return (base / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def ledger_path(monkeypatch: pytest.MonkeyPatch, ledger_folders: Iterator[Path]) -> Path:
    """Give each test a ledger of its own: what one has sent must not count as sent in the next."""
    folder = next(ledger_folders)
    folder.mkdir()
    path = folder / "vendor_apis.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxProcess]:
    """The vendors, as new; ``imbee_default`` and ``wolkvox_default`` lead to them.

    Whatever the package has sent to mPOHODA and Mobadoo is held against the vendor's contract at the end.
    """
    sandbox_process.reset()
    # Far from midnight, when quotas are reset: a test must not depend on the time of day.
    sandbox_process.clock(now="2026-01-01T12:00:00Z")
    for name, value in sandbox_process.connections.items():
        monkeypatch.setenv(name, value)
    yield sandbox_process
    if sent := sandbox_process.requests("mpohoda"):
        from tests.mpohoda.contract import faults_of_ours

        assert faults_of_ours(sent, sandbox_process.switch()["mpohoda.country"]) == []
    if sent := sandbox_process.requests("mobadoo"):
        from tests.mobadoo.contract import faults_of_ours as mobadoo_faults

        assert mobadoo_faults(sent, sandbox_process.switch()) == []


@pytest.fixture
def set_connection(monkeypatch: pytest.MonkeyPatch) -> SetConnection:
    """A function that sets or changes a connection for one test, see ``connection_setter``."""
    return connection_setter(monkeypatch)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the clients' waits pass at once; the list has what they would have waited, in seconds."""
    from tests.support.waiting import skip_waits

    return skip_waits(monkeypatch)
