"""A ledger that cannot be used, is not shared, or is sealed with another key: nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.imbee.operators import ImbeeCreateChatsOperator
from airflow_provider.store.engine import Database
from airflow_provider.store.migrations import VERSION_TABLE
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import BATCHES, mails, people, received, tokens, users
from tests.support.postgres import MISSING, postgres

pytestmark = pytest.mark.usefixtures("quick")


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
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))
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
    kept = tmp_path / "out.jsonl.partial"
    kept.write_text("of the try before\n")
    damage(ledger, monkeypatch)
    with pytest.raises(error) as raised:
        execute(batch(people(5), output=str(output)))
    assert said in str(raised.value)
    assert received(sandbox) == 0
    assert output.read_text() == "yesterday\n"
    assert kept.read_text() == "of the try before\n"


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
    assert outcomes(execute(users(people(2)))) == {"created": 2}


@pytest.mark.parametrize("executor", ["LocalExecutor", "airflow.executors.local_executor.LocalExecutor"])
def test_workers_of_one_machine_share_its_file(sandbox, monkeypatch, executor):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert outcomes(execute(tokens(people(2)))) == {"created": 2}


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
        assert outcomes(execute(tokens(people(20)))) == {"created": 20}
        assert outcomes(execute(tokens(people(20)), "run-2")) == {"replayed": 20}
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
    assert outcomes(chats("run-1")) == {"created": 3}
    before = received(sandbox)
    use_keys(monkeypatch, new)
    with pytest.raises(InvalidInput, match="cannot open any of the 3 sealed values") as raised:
        chats("run-2")
    assert raised.value.field == "[core] fernet_key"
    assert "add the key" in str(raised.value)
    assert received(sandbox) == before
    # So does what is to be shown in clear and cannot be opened.
    with pytest.raises(InvalidInput, match="cannot open any of the 6 sealed values"):
        execute(users(people(6), reveal=["apikey"], on_error="continue"), try_number=2)
    # What the ledger has is handed on as it is: sealed.
    assert outcomes(execute(users(people(6)), try_number=2)) == {"replayed": 6}
