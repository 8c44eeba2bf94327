"""A worker with another Fernet key ends a batch; one damaged value among good ones is a failed record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet

from airflow_provider.exceptions import InvalidInput
from airflow_provider.imbee.operators import ImbeeCreateChatsOperator
from airflow_provider.secrets import open_sealed, seal
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import people, received, users

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def use_key(monkeypatch) -> Iterator[Callable[[str], None]]:
    def use(key: str) -> None:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
        getattr(get_fernet, "cache_clear", lambda: None)()

    yield use
    monkeypatch.undo()
    getattr(get_fernet, "cache_clear", lambda: None)()


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


KEYS = [Fernet.generate_key().decode() for _ in range(2)]


def made(sandbox: Any, count: int) -> list[dict[str, Any]]:
    """Make users, and return the records of their chats."""
    made = execute(users(people(2 * count)), "before")["records"]
    return [
        {**one, "contacts": other["user"]["virtual_user"]}
        for one, other in zip(made[:count], made[count:], strict=True)
    ]


def chats(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(ImbeeCreateChatsOperator(task_id="chats", records=records, **options), run_id)


def damaged(record: dict[str, Any], by: Callable[[str], str]) -> dict[str, Any]:
    return {**record, "user": {**record["user"], "apikey": by(record["user"]["apikey"])}}


DAMAGES = {
    "cut": lambda sealed: sealed[:-9],
    "changed": lambda sealed: sealed[:-9] + ("A" if sealed[-9] != "A" else "B") + sealed[-8:],
    "of-no-form": lambda sealed: sealed[:20],
}


@pytest.mark.parametrize("on_error", ["continue", "fail"])
@pytest.mark.parametrize("count", [1, 300])
def test_a_worker_with_another_key_ends_the_batch_before_the_first_request(
    sandbox, ledger, use_key, tmp_path, on_error, count
):
    use_key(KEYS[0])
    records = made(sandbox, count)
    before = received(sandbox)
    use_key(KEYS[1])
    with pytest.raises(InvalidInput) as raised:
        chats(records, on_error=on_error, output=str(tmp_path / "chats.jsonl"))
    assert raised.value.field == "[core] fernet_key"
    assert "Check that fernet_key is the same on all workers" in str(raised.value)
    assert received(sandbox) == before
    assert not (tmp_path / "chats.jsonl").exists()
    # With the right key nothing stands in the way of the next try.
    use_key(",".join(reversed(KEYS)))
    assert outcomes(chats(records)) == {"created": count}


@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_damaged_value_among_good_ones_is_a_failed_record(sandbox, ledger, use_key, place, damage):
    use_key(KEYS[0])
    records = made(sandbox, 5)
    records[place] = damaged(records[place], damage)
    result = chats(records)
    assert outcomes(result) == {"created": 4, "failed": 1}
    assert result["failures"][0]["row"] == place + 1


@pytest.mark.parametrize("place", [0, 4])
def test_one_damaged_value_among_secrets_in_clear_is_a_failed_record(sandbox, ledger, use_key, place):
    """One value says nothing of the key: all other records can be sent."""
    use_key(KEYS[0])
    records = [
        damaged(one, lambda sealed: open_sealed(sealed).get_secret_value()) for one in made(sandbox, 5)
    ]
    records[place] = damaged(records[place], lambda sealed: DAMAGES["changed"](seal(sealed)))
    result = chats(records)
    assert outcomes(result) == {"created": 4, "failed": 1}
    assert result["failures"][0]["field"] == "[core] fernet_key"


def test_values_of_a_key_that_was_retired_among_others_are_failed_records(sandbox, ledger, use_key):
    use_key(KEYS[0])
    records = made(sandbox, 6)
    use_key(KEYS[1])
    records[3] = damaged(records[3], lambda sealed: seal("a key of this worker"))
    assert outcomes(chats(records))["failed"] >= 5


def test_stored_results_that_cannot_be_shown_end_the_batch(sandbox, ledger, use_key):
    use_key(KEYS[0])
    execute(users(people(100)))
    before = received(sandbox)
    use_key(KEYS[1])
    with pytest.raises(InvalidInput) as raised:
        execute(users(people(100), reveal=["apikey"]), try_number=2)
    assert raised.value.field == "[core] fernet_key"
    assert received(sandbox) == before


def test_a_batch_without_sealed_values_needs_no_other_key(sandbox, ledger, use_key, tmp_path):
    use_key(KEYS[0])
    execute(users(people(3)))
    use_key(KEYS[1])
    result = execute(users(people(3), output=str(tmp_path / "out.jsonl")), try_number=2)
    assert outcomes(result) == {"replayed": 3}
    assert len(lines(tmp_path / "out.jsonl")) == 3
