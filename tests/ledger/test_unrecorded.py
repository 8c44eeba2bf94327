"""Ends that could not be recorded are kept in files, and what may go wrong with these."""

from __future__ import annotations

import json
import os
import time

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.ledger.ledger import Completion
from airflow_provider.ledger.unrecorded import FOLDER, Unrecorded, record_earlier
from airflow_provider.processes import retire
from airflow_provider.store.engine import Database
from airflow_provider.store.location import home
from airflow_provider.store.tables import ledger as table
from tests.support.ledger import away, ledger_of, states_in

pytestmark = pytest.mark.usefixtures("own_home")


def test_what_was_kept_of_another_database_stays(database, tmp_path):
    other = Database(sa.URL.create("sqlite", database=str(tmp_path / "other.db")), shared=False)
    ledger = ledger_of(once=True)
    Unrecorded(other, ledger.owner).keep([Completion("1", "done")])
    retire(ledger.owner)
    assert record_earlier(database, ledger_of()) == 0
    assert len(os.listdir(os.path.join(home(), FOLDER))) == 1


def test_an_end_that_was_kept_does_not_undo_what_another_run_has_done_since(database):
    mine, others = ledger_of(once=True), ledger_of(once=True)
    with database.begin() as connection:
        mine.claim(connection, [("a",), ("b",)])
        connection.execute(sa.update(table).values(owner=others.owner))
    kept = [Completion(mine.id_of(("a",)), "failed", error="no"), Completion(mine.id_of(("b",)), "released")]
    Unrecorded(database, mine.owner).keep(kept)
    retire(mine.owner)
    assert record_earlier(database, ledger_of()) == 1
    assert states_in(database) == {"sent": 2}


def test_what_another_machine_has_kept_is_recorded_when_nobody_can_be_waiting(database):
    ledger = ledger_of(once=True, owner="elsewhere/1/2/3")
    with database.begin() as connection:
        ledger.claim(connection, [("a",), ("b",)])
    kept = Unrecorded(database, ledger.owner)
    kept.keep([Completion(ledger.id_of(("a",)), "done"), Completion(ledger.id_of(("b",)), "released")])
    assert record_earlier(database, ledger_of()) == 0
    old = time.time() - 1000
    os.utime(kept.path, (old, old))
    assert record_earlier(database, ledger_of()) == 1
    # Its process may be there all the same, and have claimed it again.
    assert states_in(database) == {"done": 1, "sent": 1}
    assert not os.path.exists(kept.path)


def test_a_folder_that_cannot_be_written_is_told_once(database, caplog, monkeypatch, tmp_path):
    (tmp_path / FOLDER).write_text("a file")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    kept = Unrecorded(database, "me")
    kept.keep([Completion("1", "done")])
    kept.keep([Completion("2", "done")])
    assert len(caplog.records) == 1
    assert not kept.is_kept


OWNER = json.dumps("elsewhere/1/2/3")

DAMAGES = {
    "empty": "",
    "no JSON": OWNER + "\n[",
    "an owner that is none": '{"a": 1}\n["1", "done", null, null, null]',
    "an end that is a text": OWNER + '\n"done!"',
    "a state that is none": OWNER + '\n["1", "gone", null, null, null]',
    "an id that is none": OWNER + '\n[1, "done", null, null, null]',
    "an error that is no text": OWNER + '\n["1", "failed", null, {"a": 1}, null]',
    "an end that was cut": OWNER + '\n["1"]',
}


@pytest.mark.parametrize("text", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_left_and_told_and_holds_up_nothing(database, caplog, text):
    damaged, good = Unrecorded(database, "elsewhere/1/2/3"), ledger_of(once=True)
    with database.begin() as connection:
        good.claim(connection, [("a",)])
    for kept, owner in [(damaged, None), (Unrecorded(database, good.owner), good)]:
        kept.keep([Completion(good.id_of(("a",)), "done")])
        if owner is None:
            with open(kept.path, "w") as file:
                file.write(text)
            os.utime(kept.path, (1, 1))
    retire(good.owner)
    assert record_earlier(database, ledger_of()) == 1
    assert states_in(database) == {"done": 1}
    assert os.path.exists(damaged.path)
    assert any(damaged.path in record.message for record in caplog.records)
    assert "elsewhere" not in caplog.text


def test_a_file_that_the_database_refuses_holds_up_nothing(database, caplog, monkeypatch):
    ledger = ledger_of(once=True)
    with database.begin() as connection:
        ledger.claim(connection, [("a",)])
    kept = Unrecorded(database, ledger.owner)
    kept.keep([Completion(ledger.id_of(("a",)), "done")])
    retire(ledger.owner)
    with away(database):
        assert record_earlier(database, ledger_of()) == 0
    assert kept.path in caplog.text
    with away(database, temporary=True), pytest.raises(StoreUnavailable):
        record_earlier(database, ledger_of())
    assert record_earlier(database, ledger_of()) == 1


def test_a_disk_that_is_full_leaves_no_half_of_a_file(database, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    kept = Unrecorded(database, "me")
    kept.keep([Completion("1", "done")])
    monkeypatch.setattr(os, "fsync", full)
    kept.keep([Completion("1", "done"), Completion("2", "done")])
    assert os.listdir(os.path.dirname(kept.path)) == [os.path.basename(kept.path)]
    # What was kept before is still true.
    assert kept.is_kept
