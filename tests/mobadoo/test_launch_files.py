"""Batches of launch URLs from file to file: formats, retries, two runs at once, what is seen where."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from airflow_provider.exceptions import InvalidInput, StoreUnavailable, VendorError
from airflow_provider.mobadoo import launches
from airflow_provider.records.readers import Records
from airflow_provider.store import sessions
from airflow_provider.store.location import configured
from airflow_provider.store.sessions import Sessions, player_of
from airflow_provider.store.tables import session as table
from tests.mobadoo.launches import CONN, HASH, TOKEN, connect, execute, opened
from tests.support import canary
from tests.support.batches import lines
from tests.support.sandbox import ROOT


@pytest.fixture(autouse=True)
def connection(set_connection) -> None:
    connect(set_connection)


def players(count: int) -> list[dict[str, Any]]:
    return [{"player": f"p{number}"} for number in range(count)]


def hashes(path: Any) -> dict[str, str]:
    """Return the hash of each player in an output."""
    with Records(str(path)) as records:
        rows = [row.record for row in records]
    found = {}
    for row in rows:
        url = row["launch.url"] if "launch.url" in row else row["launch"]["url"]
        found[str(row["player"])] = parse_qs(urlsplit(opened(url)).query)["hash"][0]
    return found


def stored() -> dict[str, str]:
    """Return the digest of each player in the provider's database."""
    database = configured()
    with database.read() as connection:
        found = {row.player: row.digest for row in connection.execute(sa.select(table))}
    database.close()
    return found


def every_url_leads_to_its_player(path: Any) -> bool:
    database = configured()
    known = Sessions(database, CONN)
    found = {player: known.player_of(hash) for player, hash in hashes(path).items()}
    database.close()
    return bool(found) and all(player == answer for player, answer in found.items())


# --- formats ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "jsonl.gz", "csv.gz", "parquet"])
def test_each_format_has_a_url_for_each_player(tmp_path, ending):
    output = tmp_path / f"out.{ending}"
    result = execute([{"player": "ada", "hash": HASH}, {"player": "bob"}], output=str(output))
    assert (result["created"], result["output"]) == (2, str(output))
    assert "records" not in result
    assert hashes(output)["ada"] == HASH
    assert every_url_leads_to_its_player(output)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_output_of_a_batch_is_read_by_the_next(tmp_path, ending):
    first, second = tmp_path / f"first.{ending}", tmp_path / "second.jsonl"
    result = execute(players(3), output=str(first))
    again = execute(result, output=str(second))
    assert again["created"] == 3
    assert every_url_leads_to_its_player(second)
    assert {"player", "launch"} == set(lines(second)[0])
    assert set(hashes(first).values()) & set(hashes(second).values()) == set()


def test_a_sealed_hash_of_an_earlier_file_is_the_same_session(tmp_path):
    execute([{"player": "ada", "hash": HASH}], output=str(tmp_path / "first.csv"))
    execute(str(tmp_path / "first.csv"), output=str(tmp_path / "second.jsonl"))
    [record] = lines(tmp_path / "second.jsonl")
    assert opened(record["hash"]) == HASH
    assert HASH in opened(record["launch"]["url"])


def test_a_file_without_records_makes_a_file_with_a_header(tmp_path):
    (tmp_path / "in.csv").write_text("player,name\n")
    execute(str(tmp_path / "in.csv"), output=str(tmp_path / "out.csv"))
    assert next(csv.reader((tmp_path / "out.csv").open()))[:2] == ["player", "name"]


def test_rows_that_cannot_be_read_fail_alone_and_their_text_stays_out_of_the_report(tmp_path):
    (tmp_path / "in.csv").write_text(f"player,hash\nada,{HASH}\nbob,{'b' * 30},more,{'c' * 30}\neve,\n")
    result = execute(str(tmp_path / "in.csv"), output=str(tmp_path / "out.jsonl"), on_error="continue")
    assert (result["created"], result["failed"], result["failures"][0]["row"]) == (2, 1, 2)
    assert "b" * 30 not in (tmp_path / "out.failed.jsonl").read_text()


def test_the_output_must_not_replace_what_is_read(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"player": "ada"}\n')
    with pytest.raises(InvalidInput, match='"output" would replace'):
        execute(str(tmp_path / "in.jsonl"), output=str(tmp_path / "in.jsonl"))
    assert stored() == {}


# --- sessions first, then the output ----------------------------------------------------------------------


def test_a_retry_makes_new_urls_and_replaces_the_output(tmp_path):
    output = tmp_path / "out.jsonl"
    execute(players(5), output=str(output))
    first = hashes(output)
    execute(players(5), output=str(output))
    assert set(first.values()) & set(hashes(output).values()) == set()
    assert every_url_leads_to_its_player(output)
    assert len(stored()) == 5


def test_without_the_database_nothing_is_published(tmp_path, monkeypatch):
    output = tmp_path / "out.jsonl"
    execute(players(3), output=str(output))
    before = output.read_bytes()

    def away(*arguments: Any) -> None:
        raise StoreUnavailable("the ledger cannot be used")

    monkeypatch.setattr(Sessions, "replace", away)
    with pytest.raises(StoreUnavailable):
        execute(players(3), output=str(output))
    assert output.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl"]


def test_no_session_changes_where_another_task_has_written_the_output(tmp_path, monkeypatch):
    output = tmp_path / "out.jsonl"
    execute([{"player": "p1", "hash": HASH}])
    run = launches.LaunchBatch.run

    def meanwhile(self: Any, rows: Any) -> None:
        run(self, rows)
        output.write_text('{"of": "another"}\n')

    monkeypatch.setattr(launches.LaunchBatch, "run", meanwhile)
    with pytest.raises(InvalidInput, match=r"another task has written .* No session was changed"):
        execute(players(3), output=str(output))
    assert player_of(CONN, HASH) == "p1"
    assert output.read_text() == '{"of": "another"}\n'


def test_a_full_disk_leaves_sessions_and_output_as_they_were(tmp_path, monkeypatch):
    output = tmp_path / "out.jsonl"
    execute([{"player": "p1", "hash": HASH}], output=str(output))
    before = output.read_bytes()
    monkeypatch.setattr(
        launches.PendingSessions, "add", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(VendorError, match="cannot be written"):
        execute(players(3), output=str(output))
    assert player_of(CONN, HASH) == "p1"
    assert output.read_bytes() == before


KILLED = """
import os, signal, sys
from tests.mobadoo.launches import execute
from airflow_provider.mobadoo import launches
from airflow_provider.store import sessions
from airflow_provider.records.writers import FileOutput

moment, output = sys.argv[1:]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "made":
    launches.LaunchBatch.remember = die
if moment == "half":
    sessions.GROUP = 10
    write = sessions.Sessions._replace
    def some(self, group, count=[]):
        count.append(1)
        write(self, group) if len(count) < 3 else die()
    sessions.Sessions._replace = some
if moment == "remembered":
    FileOutput.publish = die
execute([{"player": f"p{number}"} for number in range(50)], output=output)
"""


@pytest.mark.parametrize(("moment", "replaced"), [("made", 0), ("half", 20), ("remembered", 50)])
def test_a_task_that_is_killed_publishes_nothing_and_its_retry_everything(tmp_path, moment, replaced):
    output = tmp_path / "out.jsonl"
    execute(players(50), output=str(output))
    before, digests = output.read_bytes(), stored()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, moment, str(output)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert output.read_bytes() == before
    after = stored()
    assert sum(after[player] != digests[player] for player in digests) == replaced
    execute(players(50), output=str(output))
    assert every_url_leads_to_its_player(output)
    # The report that was open when the task was killed is empty, and goes when there is another report.
    assert [path.name for path in tmp_path.iterdir() if path.stat().st_size] == ["out.jsonl"]


def test_runs_at_the_same_time_all_succeed_and_one_of_them_has_the_session_of_each_player(tmp_path):
    outputs = [tmp_path / f"out{number}.jsonl" for number in range(4)]
    failures: list[BaseException] = []

    def run(output: Path) -> None:
        try:
            execute(players(600), output=str(output))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(output,)) for output in outputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    found = [hashes(output) for output in outputs]
    for player, digest in stored().items():
        assert digest in {sessions.digest_of(CONN, one[player]) for one in found}


# --- what is seen where -----------------------------------------------------------------------------------


def test_no_hash_and_no_url_is_in_a_file_a_database_or_the_log(tmp_path, capfd, caplog, ledger_path):
    caplog.set_level("DEBUG")
    given = "CanaryHashOfAda-90817263544fedcba"
    source = tmp_path / "in.csv"
    source.write_text(f"customer,key\nada,{given}\nbob,\n,{given[::-1]}\n,x\n")
    folder = tmp_path / "out"
    options = {"fields": {"player": "customer", "hash": "key"}, "on_error": "continue"}
    results = [
        execute(str(source), output=f"{folder}/{name}", **options)
        for name in ("out.jsonl", "out.csv", "out.parquet")
    ]
    results.append(execute(str(source), **options))
    with pytest.raises(VendorError) as caught:
        execute(str(source), **{**options, "on_error": "fail"})
    with Records(f"{folder}/out.jsonl") as records:
        made = [opened(row.record["launch"]["url"]) for row in records]
    secrets = [given, given[::-1], TOKEN]
    for url in made:
        secrets += [url, parse_qs(urlsplit(url).query)["hash"][0]]
    assert len(made) == 2
    assert canary.in_files(folder, secrets) == []
    for part in ledger_path.parent.iterdir():
        assert canary.in_text(part.read_bytes().decode("latin-1"), secrets) == []
    printed = capfd.readouterr()
    for text in (json.dumps(results), printed.out, printed.err, caplog.text, *canary.texts_of(caught.value)):
        assert canary.in_text(text, secrets) == []
    for text in (printed.out, printed.err, caplog.text, *canary.texts_of(caught.value)):
        assert "ada" not in text.replace("readable", "").replace("metadata", "").lower().split()
