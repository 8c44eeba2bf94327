"""``airflow vendor-apis ledger reseal``: after it, the old Fernet key is of no use to anybody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet

from airflow_provider.exceptions import InvalidInput
from airflow_provider.ledger import reseal as module
from airflow_provider.ledger.ledger import Completion
from airflow_provider.ledger.reseal import reseal_results
from airflow_provider.secrets import V1, V2, open_sealed, seal
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger as table
from tests.support.ledger import ledger_of
from tests.support.sandbox import ROOT

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def use_keys(monkeypatch) -> Iterator[Callable[..., None]]:
    def use(*keys: str) -> None:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", ",".join(keys))
        getattr(get_fernet, "cache_clear", lambda: None)()

    yield use
    monkeypatch.undo()
    getattr(get_fernet, "cache_clear", lambda: None)()


@pytest.fixture
def few(monkeypatch) -> None:
    """Groups of three rows."""
    monkeypatch.setattr(module, "GROUP", 3)


def result_of(number: int) -> dict[str, Any]:
    nested = [{"apikey": seal(f"apikey {number}")}, None, 1.5]
    return {"password": seal(f"secret {number}"), "name": f"sealed? {number}", "keys": nested}


def fill(database: Database, count: int, first: int = 0, **changes: Any) -> list[str]:
    """Add rows that are done, and return their ids."""
    ledger = ledger_of()
    keys = {ledger.id_of([str(number)]): [str(number)] for number in range(first, first + count)}
    ends = [
        Completion(id_, "done", {**result_of(int(key[0])), **changes}) for id_, key in sorted(keys.items())
    ]
    with database.begin() as connection:
        ledger.claim_rows(connection, keys)
        ledger.settle(connection, ends)
    return sorted(keys)


def results(database: Database) -> dict[str, Any]:
    with database.read() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.key, table.c.result, table.c.updated_at))
        return {
            row.id: (json.loads(row.key)[0], row.result and json.loads(row.result), row.updated_at)
            for row in rows
        }


def opens_all(database: Database) -> int:
    """Open every stored secret with the keys of now, and return how many rows there are."""
    found = results(database)
    for number, result, _ in found.values():
        assert result["name"] == f"sealed? {number}"
        assert open_sealed(result["password"]).get_secret_value() == f"secret {number}"
        assert open_sealed(result["keys"][0]["apikey"]).get_secret_value() == f"apikey {number}"
        assert result["keys"][1:] == [None, 1.5]
    return len(found)


def test_every_result_can_be_opened_with_the_new_key_alone(database, use_keys, few):
    use_keys(OLD)
    fill(database, 7)
    use_keys(NEW, OLD)
    fill(database, 4, 7)
    before = results(database)
    found = reseal_results(database)
    assert (found.changed, found.current, found.unopened, found.busy) == (7, 4, [], [])
    after = results(database)
    assert {id_: row[2] for id_, row in after.items()} == {id_: row[2] for id_, row in before.items()}
    use_keys(NEW)
    assert opens_all(database) == 11
    again = reseal_results(database)
    assert (again.changed, again.current) == (0, 11)
    use_keys(OLD)
    with pytest.raises(InvalidInput):
        opens_all(database)


def test_values_of_the_first_form_are_sealed_in_the_present_one(database, use_keys):
    use_keys(OLD)
    v1 = V1 + Fernet(OLD).encrypt(b"secret 0").decode()
    fill(database, 1, password=v1)
    assert reseal_results(database).changed == 1
    [(_, result, _)] = results(database).values()
    assert result["password"].startswith(V2)
    assert opens_all(database) == 1


def test_rows_without_a_secret_are_left_alone(database, use_keys):
    use_keys(OLD)
    ledger = ledger_of()
    with database.begin() as connection:
        ledger.claim(connection, [["sent"], ["failed"], ["done"]])
        ledger.settle(connection, [Completion(ledger.id_of(["failed"]), "failed", error="sealed:v2:x")])
        ledger.settle(connection, [Completion(ledger.id_of(["done"]), "done", {"note": "sealed:vx"})])
    before = results(database)
    use_keys(NEW, OLD)
    found = reseal_results(database)
    assert (found.changed, found.unopened) == (0, [])
    assert results(database) == before


def test_what_no_key_opens_is_named_and_stays_and_the_rest_is_sealed_again(database, use_keys, few):
    use_keys(LOST)
    lost = fill(database, 2)
    use_keys(OLD)
    fill(database, 5, 2)
    partly = fill(database, 1, 7, password=V2 + "bm90aGluZw==")
    use_keys(NEW, OLD)
    before = results(database)
    for dry_run, changed in ((True, 6), (False, 6), (False, 0)):
        found = reseal_results(database, dry_run=dry_run)
        assert (found.changed, sorted(found.unopened)) == (changed, sorted([*lost, *partly]))
        assert (results(database) == before) is dry_run or changed == 0
    after = results(database)
    assert all(after[id_] == before[id_] for id_ in lost)
    use_keys(NEW)
    [id_] = partly
    assert open_sealed(after[id_][1]["keys"][0]["apikey"]).get_secret_value() == "apikey 7"
    # With the key they are done.
    use_keys(NEW, LOST)
    assert reseal_results(database).changed == 2


def test_a_dry_run_changes_nothing(database, use_keys):
    use_keys(OLD)
    fill(database, 3)
    use_keys(NEW, OLD)
    before = results(database)
    assert reseal_results(database, dry_run=True).changed == 3
    assert results(database) == before


def test_a_row_that_a_batch_has_changed_meanwhile_keeps_the_newer_result(
    database, use_keys, few, monkeypatch
):
    use_keys(OLD)
    ids = fill(database, 5)
    use_keys(NEW, OLD)
    write = module._write
    newer = json.dumps({**result_of(99), "name": "newer"})
    overtaken: list[str] = []

    def late(connection: sa.Connection, changes: dict[str, Any]) -> list[str]:
        if not overtaken:
            overtaken.append(ids[1])
            connection.execute(sa.update(table).where(table.c.id == ids[1]).values(result=newer))
        return write(connection, changes)

    monkeypatch.setattr(module, "_write", late)
    found = reseal_results(database)
    assert (found.changed, found.current, found.busy) == (4, 1, [])
    assert results(database)[ids[1]][1]["name"] == "newer"


def test_a_row_that_changes_all_the_time_is_named(database, use_keys, monkeypatch):
    use_keys(OLD)
    [id_] = fill(database, 1)
    use_keys(NEW, OLD)
    monkeypatch.setattr(module, "_write", lambda connection, changes: list(changes))
    assert reseal_results(database).busy == [id_]


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from airflow_provider.ledger import reseal
from airflow_provider.store.engine import Database

write, groups = reseal._write, []

def killed(connection, changes):
    overtaken = write(connection, changes)
    groups.append(changes)
    if len(groups) == 3:
        # In the middle of a transaction.
        os.kill(os.getpid(), signal.SIGKILL)
    return overtaken

reseal._write, reseal.GROUP = killed, 3
reseal.reseal_results(Database(sa.make_url(sys.argv[1]), shared=False))
"""


def test_one_that_was_killed_half_way_is_run_again(database, use_keys, few):
    use_keys(OLD)
    fill(database, 20)
    use_keys(NEW, OLD)
    url = database.url.render_as_string(hide_password=False)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, url], env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert opens_all(database) == 20
    found = reseal_results(database)
    assert (found.changed, found.current) == (14, 6)
    use_keys(NEW)
    assert opens_all(database) == 20


def test_without_a_key_nothing_is_begun(database, use_keys):
    use_keys(OLD)
    fill(database, 1)
    use_keys("")
    with pytest.raises(InvalidInput, match="no usable Fernet key"):
        reseal_results(database)


# The command


@pytest.fixture
def ledger(path) -> Iterator[Database]:
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    database.prepare()
    yield database
    database.close()


def test_the_command_counts(ledger, cli, use_keys):
    use_keys(OLD)
    fill(ledger, 3)
    use_keys(NEW, OLD)
    assert cli("reseal", "--dry-run") == (
        0,
        "3 rows would be sealed again; 0 rows had the current key already.\n",
        "",
    )
    assert cli("reseal") == (0, "3 rows sealed again; 0 rows had the current key already.\n", "")
    assert cli("reseal") == (0, "0 rows sealed again; 3 rows had the current key already.\n", "")


def test_the_command_ends_with_1_and_names_what_no_key_opens(ledger, cli, use_keys):
    use_keys(LOST)
    lost = fill(ledger, 2)
    use_keys(OLD)
    fill(ledger, 1, 2)
    use_keys(NEW, OLD)
    for words in (["reseal", "--dry-run"], ["reseal"], ["reseal"]):
        status, _, error = cli(*words)
        assert status == 1
        assert error.splitlines()[0].startswith("2 rows with a value that no key opens: ")
        assert error.splitlines()[1:] == lost


def test_the_command_says_in_one_line_that_there_is_no_key_or_no_ledger(ledger, path, cli, use_keys):
    use_keys("")
    status, printed, error = cli("reseal")
    assert (status, printed) == (1, "")
    assert "Fernet key" in error
    path.unlink()
    status, printed, error = cli("reseal")
    assert (status, printed) == (1, "")
    assert "no ledger yet" in error


@pytest.mark.parametrize("words", [["show", "\udcff"], ["list", "--conn-id", "\udcff"]])
def test_an_id_that_is_no_text_is_refused(ledger, cli, words):
    status, printed, error = cli(*words)
    assert (status, printed) == (2, "")
    assert "it is not UTF-8 text" in error


@pytest.mark.parametrize("id_", ["", "'; DROP TABLE", "%", "1" * 5000, "ü", "[red]x"])
def test_an_unusual_id_is_not_there(ledger, cli, id_):
    status, printed, error = cli("show", id_)
    assert (status, printed) == (1, "")
    assert "the ledger has no row" in error


def test_an_id_may_be_copied_with_blanks_around_it(ledger, cli, use_keys):
    use_keys(OLD)
    [id_] = fill(ledger, 1)
    assert cli("show", f" {id_} ")[0] == 0
