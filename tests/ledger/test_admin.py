from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.ledger import admin as ledger_admin
from airflow_provider.ledger.admin import Choice
from airflow_provider.ledger.ledger import Completion, Ledger
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger as table

DAY = 86400


@pytest.fixture
def database(tmp_path):
    database = Database(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), shared=False)
    database.prepare()
    yield database
    database.close()


def ledger(**options: Any) -> Ledger:
    known = {"conn_id": "imbee_default", "operation": "imbee.create_access_token", "scope": "", "once": True}
    return Ledger(**{**known, "task": "dag/run/tokens", "owner": "me", "lease": 60.0, **options})


@pytest.fixture
def add(database) -> Callable[..., str]:
    """A function that adds a row and returns its id."""

    def add(key: str, state: Any = "done", *, age: float = 0, **options: Any) -> str:
        book = ledger(**options)
        id_ = book.id_of([key])
        with database.begin() as connection:
            book.claim(connection, [[key]])
            if state != "sent":
                result = {"url": "sealed:v1:x"} if state == "done" else None
                error = None if state == "done" else "why"
                book.settle(connection, [Completion(id_, state, result=result, error=error)])
            moment = time.time() - age
            times = {"updated_at": moment, "lease_until": moment + book.lease}
            connection.execute(sa.update(table).where(table.c.id == id_).values(times))
        return id_

    return add


def states(database: Database) -> dict[str, str]:
    return {row["key"][0]: row["state"] for row in ledger_admin.rows(database, Choice())}


def test_rows_come_newest_first_and_legible(database, add):
    add("old", age=100)
    add("new", "failed")
    new, old = ledger_admin.rows(database, Choice())
    assert (new["key"], old["key"]) == (["new"], ["old"])
    assert (old["result"], old["error"]) == ({"url": "sealed:v1:x"}, None)
    assert (new["result"], new["error"]) == (None, "why")
    assert old["updated_at"] < new["updated_at"]
    assert new["created_at"].endswith("Z")
    assert set(new) == {column.name for column in table.columns}
    assert len(ledger_admin.rows(database, Choice(), limit=1)) == 1


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ({"states": ["unknown"]}, {"b"}),
        ({"states": ["unknown", "failed"]}, {"b", "c"}),
        ({"conn_id": "other"}, {"d"}),
        ({"operation": "imbee.create_user"}, {"e"}),
        ({"task": "dag_2"}, {"e"}),
        ({"task": "dag"}, {"a", "b", "c", "d", "e"}),
        ({"task": "dag%"}, set()),
        ({"task": "dag_"}, {"e"}),
        ({"before": time.time() - DAY}, {"c"}),
        ({"conn_id": "other", "states": ["failed"]}, set()),
    ],
)
def test_a_choice_says_which_rows(choice, found, database, add):
    add("a")
    add("b", "unknown")
    add("c", "failed", age=2 * DAY)
    add("d", conn_id="other")
    add("e", operation="imbee.create_user", task="dag_2/run/users")
    rows = ledger_admin.rows(database, Choice(**choice))
    assert {row["key"][0] for row in rows} == found
    assert ledger_admin.count(database, Choice(**choice)) == len(found)


def test_one_row_by_its_id(database, add):
    assert ledger_admin.row(database, add("a"))["key"] == ["a"]
    with pytest.raises(InvalidInput, match="no row nonsense"):
        ledger_admin.row(database, "nonsense")


def test_stats_count_by_connection_operation_and_state(database, add):
    add("a", age=100)
    add("b")
    add("c", "unknown")
    add("d", conn_id="other")
    found = [(row["conn_id"], row["state"], row["rows"]) for row in ledger_admin.stats(database)]
    assert found == [("imbee_default", "done", 2), ("imbee_default", "unknown", 1), ("other", "done", 1)]
    first = ledger_admin.stats(database)[0]
    assert first["oldest"] < first["newest"]


def test_only_unknown_rows_are_looked_for(database, add):
    add("a")
    b = add("b", "unknown")
    assert [row["id"] for row in ledger_admin.resolvable(database, Choice(conn_id="imbee_default"))] == [b]
    with pytest.raises(InvalidInput, match="no unknown rows"):
        ledger_admin.resolvable(database, Choice(conn_id="other"))


def test_an_id_that_is_wrong_is_named(database, add):
    a, b, c = add("a"), add("b", "unknown"), add("c", "sent")
    assert len(ledger_admin.resolvable(database, Choice(ids=[b]))) == 1
    with pytest.raises(InvalidInput, match=f"{a} is done"):
        ledger_admin.resolvable(database, Choice(ids=[a, b]))
    with pytest.raises(InvalidInput, match="under way"):
        ledger_admin.resolvable(database, Choice(ids=[b, c]))
    with pytest.raises(InvalidInput, match="no row x"):
        ledger_admin.resolvable(database, Choice(ids=[b, "x"]))


def test_a_row_marked_as_done_is_replayed_with_the_result_given(database, add):
    id_ = add("a", "unknown", owner="before")
    assert ledger_admin.mark_done(database, [(id_, {"url": None})]) == 1
    with database.begin() as connection:
        claim = ledger().claim(connection, [["a"]])[id_]
    assert (claim.status.value, claim.result) == ("done", {"url": None})
    assert ledger_admin.row(database, id_)["error"] == "marked as done by hand"


def test_a_row_that_is_forgotten_is_sent_again(database, add):
    id_ = add("a", "unknown", owner="before")
    assert ledger_admin.forget(database, [id_]) == 1
    with database.begin() as connection:
        assert ledger().claim(connection, [["a"]])[id_].status.value == "taken"


def test_what_changed_meanwhile_is_not_touched(database, add):
    ids = [add("a"), add("b", "sent")]
    assert ledger_admin.forget(database, ids) == 0
    assert ledger_admin.mark_done(database, [(id_, {}) for id_ in ids]) == 0
    assert states(database) == {"a": "done", "b": "sent"}


def test_purging_keeps_what_is_new_or_not_settled(database, add):
    add("new")
    add("done", age=2 * DAY)
    add("failed", "failed", age=2 * DAY, scope="dag/run/task")
    add("unknown", "unknown", age=2 * DAY)
    add("sent", "sent", age=2 * DAY)
    choice = Choice(before=time.time() - DAY)
    assert ledger_admin.purgeable(database, choice) == {"done": 1, "failed": 1, "forever": 1}
    assert ledger_admin.purge(database, choice) == 2
    assert states(database) == {"new": "done", "unknown": "unknown", "sent": "sent"}


def test_purging_what_is_not_settled_spares_what_is_under_way(database, add):
    add("unknown", "unknown", age=2 * DAY)
    add("interrupted", "sent", age=2 * DAY)
    add("under way", "sent", age=2 * DAY, lease=3.0 * DAY)
    choice = Choice(before=time.time() - DAY)
    counts = ledger_admin.purgeable(database, choice, unsettled=True)
    assert counts == {"unknown": 1, "sent": 1, "forever": 2}
    assert ledger_admin.purge(database, choice, unsettled=True) == 2
    assert states(database) == {"under way": "sent"}


def test_purging_goes_in_groups(database, add, monkeypatch):
    monkeypatch.setattr(ledger_admin, "PURGE_GROUP", 3)
    for number in range(10):
        add(str(number), age=2 * DAY)
    assert ledger_admin.purge(database, Choice(before=time.time() - DAY)) == 10
    assert states(database) == {}


def test_looking_does_not_wait_for_a_batch_that_writes(database, add):
    add("a")
    with database.begin() as connection:
        ledger(owner="other").claim(connection, [["b"]])
        started = time.monotonic()
        assert states(database) == {"a": "done"}
        assert ledger_admin.stats(database)[0]["rows"] == 1
        assert time.monotonic() - started < 5


def _use(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"AIRFLOW__VENDOR_APIS__{name.upper()}", value)


def no_connection(conn_id: str) -> Any:
    raise AssertionError(conn_id)


def test_no_ledger_is_made_by_looking_for_one(tmp_path, monkeypatch):
    path = tmp_path / "none.db"
    _use(monkeypatch, ledger_path=str(path))
    with pytest.raises(InvalidInput, match="there is no ledger yet"):
        ledger_admin.open_ledger(no_connection)
    assert not path.exists()


def test_a_file_without_tables_is_no_ledger(tmp_path, monkeypatch):
    path = tmp_path / "empty.db"
    path.touch()
    _use(monkeypatch, ledger_path=str(path))
    with pytest.raises(InvalidInput, match="there is no ledger yet"):
        ledger_admin.open_ledger(no_connection)


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "damaged.db"
    path.write_bytes(b"no database at all" * 100)
    _use(monkeypatch, ledger_path=str(path))
    with pytest.raises(StoreUnavailable, match=r"damaged\.db"):
        ledger_admin.open_ledger(no_connection)


def test_a_ledger_of_a_newer_version_is_left_alone(database, monkeypatch):
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE vendor_apis_schema_version SET version_num = '0099'")
    _use(monkeypatch, ledger_path=database.place)
    with pytest.raises(InvalidInput, match="version 0099"):
        ledger_admin.open_ledger(no_connection)


def test_the_ledger_is_found_through_the_connection(database, monkeypatch):
    _use(monkeypatch, ledger_conn_id="books")
    asked = []

    def get_connection(conn_id: str) -> Any:
        asked.append(conn_id)
        return SimpleNamespace(conn_id=conn_id, conn_type="sqlite", host=database.place)

    opened = ledger_admin.open_ledger(get_connection)
    assert (opened.place, asked) == (database.place, ["books"])
    opened.close()
