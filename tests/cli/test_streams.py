"""``airflow vendor-apis streams``."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from airflow_provider.events.spool import Spool, Waiting
from airflow_provider.store.location import configured


@pytest.fixture
def left(airflow_db: None, path: Path) -> None:
    """A socket that nobody listens to any more, with a message."""
    database = configured()
    spool = Spool(database, "a" * 32, "feed")
    spool.begin()
    spool.add([Waiting({"number": 1}, time.time())])
    spool.end(5.0)
    database.close()


def test_the_list_says_what_waits(cli, left):
    status, out, _ = cli("streams", "list", "-o", "json")
    assert (status, json.loads(out)) == (
        0,
        [
            {
                "conn_id": "feed",
                "stream": "a" * 32,
                "listeners": 0,
                "heard_at": "1970-01-01T00:00:05+00:00",
                "waiting": 1,
            }
        ],
    )
    assert "feed" in cli("streams", "list")[1]


def test_what_is_left_is_deleted_when_it_is_old_and_somebody_says_yes(cli, left):
    status, out, _ = cli("streams", "purge", "--older-than", "1d", "--yes")
    assert (status, out) == (0, "0 messages and 0 notices of gaps deleted.\n")
    status, _, err = cli("streams", "purge", "--older-than", "0s", answer="n")
    assert (status, err) == (1, "Nothing was changed.")


def test_without_a_database_there_is_nothing(cli, airflow_db, path):
    assert json.loads(cli("streams", "list", "-o", "json")[1]) == []
    assert cli("streams", "purge", "--older-than", "1d", "--yes")[0] == 0
    assert not path.exists()
