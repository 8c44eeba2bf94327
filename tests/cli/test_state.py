"""``airflow vendor-apis state``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider.extract.watermarks import Watermark
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.location import configured


@pytest.fixture
def known(airflow_db: None, path: Path) -> Watermark:
    """A state that a run has moved."""
    state = Watermark(
        configured(),
        conn_id="acme_default",
        base_url="https://acme.test",
        listing="acme.things",
        path="things",
        state_key="dag/read",
    )
    state.move("2026-11-01T10:00:00Z", RunIdentity("dag", "run-1", "read"))
    return state


def test_states_are_listed(cli, known):
    status, out, _ = cli("state", "list", "-o", "json")
    assert status == 0
    [row] = json.loads(out)
    assert (row["id"], row["watermark"], row["task"]) == (
        known.id,
        "2026-11-01T10:00:00Z",
        "dag/run-1/read/-1",
    )
    assert cli("state", "list")[1].count("acme.things") == 1
    assert json.loads(cli("state", "list", "--conn-id", "other", "-o", "json")[1]) == []


def test_a_state_is_set_and_forgotten(cli, known):
    assert cli("state", "set", known.id, "2026-10-01T00:00:00Z", "--yes")[0] == 0
    assert known.start(RunIdentity("", "", "x")) == "2026-10-01T00:00:00Z"
    assert cli("state", "forget", known.id, "--yes")[0] == 0
    assert known.start(RunIdentity("", "", "x")) is None


def test_what_is_no_state_or_no_time_is_one_line(cli, known):
    for arguments in (("set", "x", "2026-10-01"), ("set", known.id, "soon"), ("forget", "x")):
        status, _, err = cli("state", *arguments, "--yes")
        assert status != 0
        assert len(str(err).strip().splitlines()) <= 1


def test_without_a_database_there_are_none(cli, airflow_db, path):
    assert json.loads(cli("state", "list", "-o", "json")[1]) == []
    assert not path.exists()
