"""Batches and what the ledger remembers of them, against the sandbox."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.crypto import get_fernet
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from cryptography.fernet import Fernet
from sqlalchemy import exc

from airflow_provider.batch import operator as operators
from airflow_provider.batch import runner
from airflow_provider.exceptions import InvalidInput, StoreUnavailable, VendorRejected
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.ledger.owner import new_owner
from airflow_provider.records.writers import FileOutput
from airflow_provider.store.engine import Database
from tests.support.postgres import MISSING, postgres

COUNTS = ("created", "existing", "replayed", "failed", "unknown")
REFUSED = {"status": 200, "json": {"code": 7, "message": "no", "time": 0, "body": {}}}
LOST = {"action": "reset", "after": True}


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


@pytest.fixture(autouse=True)
def quick(sandbox, ledger, set_connection):
    set_connection("imbee_default", extra={"timeout": 5})


def users(records: Any, **options: Any) -> ImbeeCreateUsersOperator:
    return ImbeeCreateUsersOperator(
        **{"task_id": "users", "records": records, "on_error": "continue", **options}
    )


def tokens(records: Any, **options: Any) -> ImbeeCreateAccessTokensOperator:
    defaults = {
        "task_id": "tokens",
        "records": records,
        "on_error": "continue",
        "defaults": {"bot_idsha": "bot"},
    }
    return ImbeeCreateAccessTokensOperator(**{**defaults, **options})


BATCHES = pytest.mark.parametrize("batch", [users, tokens])


def execute(task: Any, run_id: str = "run-1", **instance: Any) -> dict[str, Any]:
    fields = {"dag_id": "dag", "run_id": run_id, "task_id": task.task_id, "try_number": 1, "map_index": -1}
    return task.execute({"ti": SimpleNamespace(**{**fields, **instance})})


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"unique_id_sha": f"u{n}", "virtual_user": f"u{n}", "mail": f"u{n}@example.com"} for n in numbers]


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: result[name] for name in COUNTS if result[name]}


def received(sandbox: Any) -> int:
    return sandbox.state()["requests"]["imbee"]


def mails(sandbox: Any) -> Counter[str]:
    return Counter(message["virtual_user"] for message in sandbox.messages())


def states(path: Path) -> dict[str, str]:
    """Return what the ledger says by the first part of the key."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT key, state FROM vendor_apis_ledger"
        return {json.loads(key)[0]: state for key, state in connection.execute(query)}
    finally:
        connection.close()


def change(path: Path, assignment: str, *values: Any) -> None:
    """Change all rows of the ledger, behind everybody's back."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute(f"UPDATE vendor_apis_ledger SET {assignment}", values)
    finally:
        connection.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# The second time


@BATCHES
def test_a_second_try_sends_nothing_and_has_the_same_output(sandbox, tmp_path, batch):
    output = tmp_path / "out.jsonl"
    assert counts(execute(batch(people(30), output=str(output)))) == {"created": 30}
    first = sorted(output.read_text().splitlines())
    before = received(sandbox)
    result = execute(batch(people(30), output=str(output)), try_number=2)
    assert (counts(result), result["requests"]) == ({"replayed": 30}, 0)
    assert received(sandbox) == before
    assert sorted(output.read_text().splitlines()) == first


@BATCHES
def test_a_retry_after_a_partial_failure_sends_what_is_left(sandbox, batch):
    sandbox.fault(vendor="imbee", times=3, skip=7, **REFUSED)
    assert counts(execute(batch(people(20)))) == {"created": 17, "failed": 3}
    before = received(sandbox)
    assert counts(execute(batch(people(20)), try_number=2)) == {"created": 3, "replayed": 17}
    assert received(sandbox) - before == 3


@BATCHES
def test_a_retry_after_a_batch_that_ended_early_sends_what_is_left(sandbox, batch):
    sandbox.fault(vendor="imbee", skip=5, **REFUSED)
    with pytest.raises(VendorRejected):
        execute(batch(people(40), on_error="fail", max_concurrency=4))
    done = sum(
        state == "done" for state in states(Path(os.environ["AIRFLOW__VENDOR_APIS__LEDGER_PATH"])).values()
    )
    before = received(sandbox)
    assert 5 <= done == before - 1 < 40
    result = execute(batch(people(40), on_error="fail", max_concurrency=4), try_number=2)
    assert counts(result) == {"created": 40 - done, "replayed": done}
    assert received(sandbox) - before == 40 - done


@BATCHES
@pytest.mark.parametrize(
    ("redo", "sent", "found"),
    [
        ("never", 0, {"replayed": 8, "failed": 2}),
        ("failed", 2, {"replayed": 8}),
        ("all", 10, {}),
    ],
)
def test_redo(sandbox, batch, redo, sent, found):
    sandbox.fault(vendor="imbee", times=2, **REFUSED)
    assert counts(execute(batch(people(10)))) == {"created": 8, "failed": 2}
    before = received(sandbox)
    result = execute(batch(people(10), redo=redo), try_number=2)
    assert received(sandbox) - before == result["requests"] == sent
    assert {name: result[name] for name in ("replayed", "failed") if result[name]} == found
    assert result["total"] == 10


@BATCHES
def test_in_a_run_the_ledger_remembers_for_the_run(sandbox, batch):
    task = batch(people(3), ledger_scope="run")
    execute(task, "run-1")
    assert execute(task, "run-1", try_number=2)["requests"] == 0
    # The shards of a mapped task share it.
    assert execute(task, "run-1", map_index=4)["requests"] == 0
    for elsewhere in ({"run_id": "run-2"}, {"task_id": "other"}, {"dag_id": "other"}):
        assert execute(task, **elsewhere)["requests"] == 3


@BATCHES
def test_for_ever_the_ledger_remembers_for_ever(sandbox, batch):
    task = batch(people(3), ledger_scope="forever")
    execute(task, "run-1")
    for elsewhere in ({"run_id": "run-2"}, {"task_id": "other"}, {"dag_id": "other"}):
        assert execute(task, **elsewhere)["requests"] == 0


def test_messages_are_remembered_for_ever_and_users_for_a_run():
    assert tokens([]).ledger_scope == "forever"
    assert users([]).ledger_scope == "run"


@BATCHES
def test_two_rows_with_the_same_key_are_sent_once(sandbox, tmp_path, batch):
    source = tmp_path / "in.jsonl"
    rows = [{**row, "line": line} for line, row in enumerate([*people(5), *people(5)])]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = execute(batch(str(source), output=str(tmp_path / "out.jsonl")))
    assert counts(result) == {"created": 5, "replayed": 5}
    assert received(sandbox) == 5
    found = lines(tmp_path / "out.jsonl")
    assert sorted(row["line"] for row in found) == list(range(10))
    key = "token" if batch is tokens else "user"
    assert all(row[key] for row in found)


# What is not known


def test_what_may_have_gone_out_is_unknown_until_a_person_decides(sandbox, ledger):
    sandbox.fault(vendor="imbee", path="token/new", skip=1, **LOST)
    result = execute(tokens(people(3), max_concurrency=1))
    assert counts(result) == {"created": 2, "unknown": 1}
    assert set(mails(sandbox).values()) == {1}
    for redo in ("never", "failed"):
        again = execute(tokens(people(3), redo=redo), "run-2")
        assert (counts(again), again["requests"]) == ({"replayed": 2, "unknown": 1}, 0)
        assert again["failures"][0]["error"] == "OutcomeUnknown"
        assert "resend_unknown" in again["failures"][0]["reason"]
    decided = execute(tokens(people(3), resend_unknown=True), "run-3")
    assert (decided["requests"], decided["replayed"], decided["unknown"]) == (1, 2, 0)
    assert mails(sandbox) == {"u0": 1, "u1": 2, "u2": 1}
    assert set(states(ledger).values()) == {"done"}


def test_what_a_dead_process_left_is_sent_again_or_unknown(sandbox, ledger):
    host, pid, _, number = new_owner().rsplit("/", 3)
    for batch, found in ((users, {"existing": 4}), (tokens, {"unknown": 4})):
        execute(batch(people(4)))
        change(ledger, "state = 'sent', result = NULL, owner = ?", f"{host}/{pid}/1/{number}")
        before = received(sandbox)
        assert counts(execute(batch(people(4)), try_number=2)) == found
        assert received(sandbox) - before == found.get("existing", 0)
        change(ledger, "state = 'done', result = '{}'")


def test_another_tasks_unknown_records_do_not_keep_the_others_from_being_sent(sandbox):
    sandbox.fault(vendor="imbee", path="token/new", **LOST)
    execute(tokens(people(1)))
    with pytest.raises(AirflowException, match="not sent again"):
        execute(tokens(people(10), on_error="fail"))
    assert mails(sandbox) == {f"u{n}": 1 for n in range(10)}


@BATCHES
def test_an_error_of_ours_lets_what_is_under_way_finish(sandbox, ledger, tmp_path, monkeypatch, batch):
    write, written = FileOutput.write, []

    def fill_the_disk(self: FileOutput, record: dict[str, Any]) -> None:
        if written:
            raise OSError(errno.ENOSPC, "no space left")
        written.append(record)
        write(self, record)

    monkeypatch.setattr(FileOutput, "write", fill_the_disk)
    sandbox.latency(0.02)
    task = batch(people(300), max_concurrency=5, output=str(tmp_path / "out.jsonl"))
    with pytest.raises(OSError, match="no space left"):
        execute(task)
    sent = received(sandbox)
    assert 1 < sent < 300
    assert Counter(states(ledger).values()) == {"done": sent}


def test_an_answer_that_cannot_be_kept_is_unknown_and_nobody_waits_for_it(sandbox, ledger, monkeypatch):
    def lose(*arguments: Any) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(ImbeeCreateAccessTokensOperator, "finish", lose)
    result = execute(tokens(people(1) + people(1)))
    assert (counts(result), result["requests"]) == ({"unknown": 2}, 1)
    assert "could not be kept (RuntimeError)" in result["failures"][0]["reason"]
    assert states(ledger) == {"u0": "unknown"}
    assert mails(sandbox) == {"u0": 1}


# The output


def test_an_output_of_another_run_is_replaced_by_success_and_untouched_by_failure(sandbox, tmp_path):
    output = tmp_path / "out.jsonl"
    output.write_text('{"of": "yesterday"}\n')
    sandbox.fault(vendor="imbee", skip=3, **REFUSED)
    with pytest.raises(VendorRejected):
        execute(users(people(20), on_error="fail", output=str(output), max_concurrency=2))
    assert output.read_text() == '{"of": "yesterday"}\n'
    execute(users(people(20), on_error="fail", output=str(output)), try_number=2)
    assert sorted(row["unique_id_sha"] for row in lines(output)) == sorted(
        row["unique_id_sha"] for row in people(20)
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


def test_results_keep_the_order_of_the_records_whatever_the_answers_take(sandbox, tmp_path):
    output = tmp_path / "out.jsonl"
    for number in range(0, 60, 7):
        sandbox.fault(vendor="imbee", delay=0.02 * (1 + number % 5), skip=number)
    sandbox.fault(vendor="imbee", skip=20, **REFUSED)
    rows = people(80) + people(10)
    result = execute(users(rows, output=str(output)))
    assert result["total"] == 90
    failed = {failure["row"] for failure in result["failures"]}
    expected = [row["unique_id_sha"] for number, row in enumerate(rows, 1) if number not in failed]
    assert [row["unique_id_sha"] for row in lines(output)] == expected


@pytest.mark.parametrize("ordered", [False, True])
def test_few_records_are_in_memory_at_once(sandbox, tmp_path, monkeypatch, ordered):
    """Records are read as results leave, even if the first takes longest."""
    taken, most = 0, 0
    batches: list[Any] = []
    start, take = runner.Batch.__init__, runner._take

    def remember(self: Any, *arguments: Any) -> None:
        batches.append(self)
        start(self, *arguments)

    def count(rows: Any) -> Any:
        nonlocal taken, most
        found = take(rows)
        taken += len(found)
        most = max(most, taken - batches[0].counts.total)
        return found

    monkeypatch.setattr(runner.Batch, "__init__", remember)
    monkeypatch.setattr(runner, "_take", count)
    monkeypatch.setattr(runner, "ORDERED_WINDOW", 300)
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in people(2000)))
    sandbox.fault(vendor="imbee", delay=0.5)
    execute(users(str(source), output=str(tmp_path / "out.jsonl"), ordered=ordered))
    assert taken == 2000
    assert most <= 2 * runner.READ_AHEAD
    # As with the records that wait for the first.
    assert not ordered or len(batches[0]._waiting) == 0


# A ledger that cannot be used: nothing is sent


def not_writable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.mkdir()


def nowhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", "/proc/nowhere/ledger.db")


def damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"not at all" * 1000)


def newer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    database.prepare()
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE vendor_apis_schema_version SET version_num = '0099'")
    database.close()


def wrong_type(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", '{"conn_type": "http", "host": "db"}')


def no_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch)


@pytest.fixture
def keys(monkeypatch) -> Iterator[None]:
    """Forget the Fernet keys of the test at its end."""
    yield
    monkeypatch.undo()
    forget_keys()


def use_keys(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", ",".join(found))
    forget_keys()


def forget_keys() -> None:
    getattr(get_fernet, "cache_clear", lambda: None)()


@BATCHES
@pytest.mark.parametrize(
    ("damage", "error", "said"),
    [
        (not_writable, StoreUnavailable, "can be written"),
        (nowhere, StoreUnavailable, "can be written"),
        (damaged, StoreUnavailable, "SQLite file"),
        (newer, InvalidInput, "Update"),
        (wrong_type, InvalidInput, "postgres, mysql or sqlite"),
        (no_key, InvalidInput, "AIRFLOW__CORE__FERNET_KEY"),
    ],
)
def test_without_a_usable_ledger_nothing_is_sent(
    sandbox, ledger, tmp_path, monkeypatch, keys, batch, damage, error, said
):
    output = tmp_path / "out.jsonl"
    output.write_text("yesterday\n")
    damage(ledger, monkeypatch)
    with pytest.raises(error) as raised:
        execute(batch(people(5), output=str(output)))
    assert said in str(raised.value)
    assert received(sandbox) == 0
    assert output.read_text() == "yesterday\n"


@pytest.mark.parametrize(
    "executor",
    [
        "CeleryExecutor",
        "KubernetesExecutor",
        "a.b.EdgeExecutor",
        "LocalExecutor,CeleryExecutor",
        "airflow.providers.amazon.aws.executors.ecs.AwsEcsExecutor",
        "LocalExecutor,my_alias:some.module.CustomExecutor",
        "team=CeleryExecutor",
        "LocalExecutor;team=CeleryExecutor",
    ],
)
def test_workers_that_share_no_ledger_send_no_messages(sandbox, monkeypatch, executor):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    with pytest.raises(InvalidInput) as raised:
        execute(tokens(people(2)))
    assert raised.value.field == "[vendor_apis] ledger_conn_id"
    assert "AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID" in str(raised.value)
    assert received(sandbox) == 0
    # What may be repeated is sent all the same.
    assert counts(execute(users(people(2)))) == {"created": 2}


@pytest.mark.parametrize("executor", ["LocalExecutor", "airflow.executors.local_executor.LocalExecutor"])
def test_workers_of_one_machine_share_its_file(sandbox, monkeypatch, executor):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert counts(execute(tokens(people(2)))) == {"created": 2}


def test_a_file_is_not_shared_because_a_connection_names_it(sandbox, ledger, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "sqlite", "host": str(ledger)}))
    with pytest.raises(InvalidInput) as raised:
        execute(tokens(people(2)))
    assert raised.value.field == "[vendor_apis] ledger_conn_id"
    assert received(sandbox) == 0


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_workers_that_share_a_ledger_send(sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    with postgres() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert counts(execute(tokens(people(20)))) == {"created": 20}
        assert counts(execute(tokens(people(20)), "run-2")) == {"replayed": 20}
        assert server.execute("SELECT DISTINCT state FROM vendor_apis_ledger") == [("done",)]
    assert set(mails(sandbox).values()) == {1}


def test_a_key_that_was_rotated_still_opens_and_one_that_was_retired_does_not(
    sandbox, tmp_path, monkeypatch, keys
):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    use_keys(monkeypatch, old)
    execute(users(people(6), output=str(tmp_path / "users.jsonl")))
    others = lines(tmp_path / "users.jsonl")
    rows = [
        {**row, "contacts": other["user"]["virtual_user"]}
        for row, other in zip(others[:3], others[3:], strict=True)
    ]

    def chats(run_id: str) -> dict[str, Any]:
        return execute(ImbeeCreateChatsOperator(task_id="chats", records=rows, on_error="continue"), run_id)

    use_keys(monkeypatch, new, old)
    assert counts(chats("run-1")) == {"created": 3}
    before = received(sandbox)
    use_keys(monkeypatch, new)
    result = chats("run-2")
    assert counts(result) == {"failed": 3}
    assert result["failures"][0]["field"] == "[core] fernet_key"
    assert "Add the key" in result["failures"][0]["reason"]
    assert received(sandbox) == before
    # What the ledger has is handed on as it is: sealed.
    assert counts(execute(users(people(6)), try_number=2)) == {"replayed": 6}


# The database goes away in the middle


@contextmanager
def once_received(sandbox: Any, number: int, act: Callable[[], Any]) -> Iterator[None]:
    """Do something as soon as the vendor has received so many requests."""
    url, over = sandbox.url + "/_sandbox/state", threading.Event()
    problems: list[BaseException] = []

    def watch() -> None:
        import requests

        with requests.Session() as session:
            session.trust_env = False
            while not over.is_set():
                if session.get(url, timeout=30).json()["requests"]["imbee"] >= number:
                    try:
                        act()
                    except BaseException as error:
                        problems.append(error)
                    return
                time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not problems


@BATCHES
def test_a_database_that_fails_stops_the_batch_before_it_sends_what_it_cannot_record(sandbox, ledger, batch):
    begun = 0

    def fail(connection: sa.Connection) -> None:
        nonlocal begun
        begun += 1
        if begun > 8:
            raise exc.OperationalError("BEGIN", {}, sqlite3.OperationalError("disk I/O error"))

    sandbox.latency(0.01)
    sa.event.listen(sa.Engine, "begin", fail)
    try:
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            execute(batch(people(1000)[:1000], max_concurrency=4))
    finally:
        sa.event.remove(sa.Engine, "begin", fail)
    known = states(ledger)
    asked = [next(iter(request["json"].values())) for request in sandbox.requests("imbee")]
    assert 0 < len(asked) < 1000
    assert set(asked) <= set(known)
    assert max(Counter(asked).values()) == 1


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@BATCHES
def test_a_postgres_that_goes_away_stops_the_batch(sandbox, monkeypatch, tmp_path, batch):
    sandbox.latency(0.01)
    with postgres() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        task = batch(people(400), max_concurrency=4)
        with once_received(sandbox, 25, server.stop), pytest.raises(StoreUnavailable):
            execute(task)
        assert 25 <= received(sandbox) < 400
        server.start()
        known = {json.loads(key)[0] for (key,) in server.execute("SELECT key FROM vendor_apis_ledger")}
        asked = {next(iter(request["json"].values())) for request in sandbox.requests("imbee")}
        assert asked <= known
        # The retry is another process; here the process of the first try is still there, and would be waited for.
        server.execute(
            "UPDATE vendor_apis_ledger SET owner = regexp_replace(owner, '/[^/]*/([^/]*)$', '/1/\\1')"
        )
        result = execute(task, try_number=2)
    assert sum(counts(result).values()) == 400
    assert result["failed"] == 0
    if batch is tokens:
        assert set(mails(sandbox).values()) == {1}
        assert result["created"] + len(asked) <= 400
        assert len(mails(sandbox)) + result["unknown"] >= 400
    else:
        assert result["unknown"] == 0
        assert sandbox.state()["imbee"]["users"] == 400


# The task is told to end


def stopping(task: Any, how: str) -> Callable[[], Any]:
    if how == "kill":
        return task.on_kill
    return lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)


@pytest.fixture
def alarm() -> Iterator[None]:
    """Airflow's own way of ending a task whose ``execution_timeout`` is over."""

    def end(number: int, frame: Any) -> None:
        raise AirflowTaskTimeout("in the middle of anything")

    previous = signal.signal(signal.SIGALRM, end)
    yield
    signal.signal(signal.SIGALRM, previous)


@BATCHES
@pytest.mark.parametrize(("how", "error"), [("kill", AirflowException), ("timeout", AirflowTaskTimeout)])
def test_a_task_that_is_told_to_end_finishes_what_is_under_way(
    sandbox, ledger, alarm, tmp_path, batch, how, error
):
    sandbox.latency(0.02)
    task = batch(people(500), max_concurrency=5, output=str(tmp_path / "out.jsonl"))
    with once_received(sandbox, 20, stopping(task, how)), pytest.raises(error):
        execute(task)
    sent = received(sandbox)
    assert 20 <= sent < 500
    # Nothing is left open: what was sent is done, what was not is as if it had not been read.
    assert Counter(states(ledger).values()) == {"done": sent}
    assert len(lines(tmp_path / "out.jsonl.partial")) == sent
    assert not (tmp_path / "out.jsonl").exists()
    result = execute(task, try_number=2)
    assert counts(result) == {"created": 500 - sent, "replayed": sent}
    assert received(sandbox) == 500
    assert len(lines(tmp_path / "out.jsonl")) == 500


@pytest.mark.parametrize("how", ["kill", "timeout"])
@pytest.mark.parametrize(("batch", "left"), [(users, "created"), (tokens, "unknown")])
def test_what_does_not_end_in_time_is_recorded_as_what_it_is(
    sandbox, ledger, alarm, monkeypatch, set_connection, batch, left, how
):
    monkeypatch.setattr(runner, "STOP_GRACE", 0.3)
    set_connection("imbee_default", extra={"timeout": 60})
    sandbox.fault(vendor="imbee", skip=10, times=4, action="hang")
    task = batch(people(14), max_concurrency=4)
    with (
        once_received(sandbox, 14, stopping(task, how)),
        pytest.raises((AirflowException, AirflowTaskTimeout)),
    ):
        execute(task)
    found = Counter(states(ledger).values())
    assert found == ({"done": 10, "unknown": 4} if batch is tokens else {"done": 10})
    before = received(sandbox)
    assert counts(execute(task, try_number=2)) == {"replayed": 10, left: 4}
    assert received(sandbox) - before == (4 if batch is users else 0)


@BATCHES
def test_a_task_that_is_told_to_end_before_it_begins_sends_nothing(sandbox, ledger, monkeypatch, batch):
    task, drive = batch(people(20)), operators._drive

    async def end_before(*arguments: Any) -> int:
        task.on_kill()
        return await drive(*arguments)

    monkeypatch.setattr(operators, "_drive", end_before)
    with pytest.raises(AirflowException, match="told to end"):
        execute(task)
    assert received(sandbox) == 0
    assert states(ledger) == {}


@BATCHES
def test_a_task_that_has_ended_may_be_told_to_end(sandbox, batch):
    task = batch(people(3))
    task.on_kill()
    assert counts(execute(task)) == {"created": 3}
    task.on_kill()


def test_a_task_whose_time_is_over_says_so_though_airflow_tells_it_to_end_as_well(sandbox, alarm):
    sandbox.latency(0.02)
    task = users(people(500), max_concurrency=5)

    def run_as_airflow_does() -> None:
        try:
            execute(task)
        except AirflowTaskTimeout:
            task.on_kill()
            raise

    with (
        once_received(sandbox, 20, stopping(task, "timeout")),
        pytest.raises(AirflowTaskTimeout, match="execution_timeout"),
    ):
        run_as_airflow_does()
