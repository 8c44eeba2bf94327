"""Dags of this provider in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    OutcomeUnknown,
)
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.secrets import is_sealed, unseal
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from tests.support import dags
from tests.support.connections import SetConnection
from tests.support.dags import Attempt
from tests.support.quota import HOUR, Within, leave

pytestmark = pytest.mark.usefixtures("airflow_db")

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


def chain(tmp_path: Any = None) -> DAG:
    """Users, then a chat of each with an agent, then a mail to each."""
    people = [{"unique_id_sha": name, "email": f"{name}@example.com"} for name in ("ada", "bob", "zoë")]

    def output(name: str) -> dict[str, Any]:
        return {"output": str(tmp_path / f"{name}.jsonl")} if tmp_path else {}

    with DAG("chain") as dag:
        agent = ImbeeCreateUsersOperator(task_id="agent", records=[{"unique_id_sha": "agent"}])
        users = ImbeeCreateUsersOperator(task_id="users", records=people, **output("users"))
        chats = ImbeeCreateChatsOperator(
            task_id="chats",
            records=users.output,
            defaults={"contacts": "{{ ti.xcom_pull('agent')['records'][0]['user']['virtual_user'] }}"},
            **output("chats"),
        )
        tokens = ImbeeCreateAccessTokensOperator(
            task_id="tokens",
            records=chats.output,
            fields={"mail": "email"},
            defaults={"bot_idsha": "bot-1"},
            **output("tokens"),
        )
        agent >> chats >> tokens
    return dag


def users(**options: Any) -> DAG:
    with DAG("users") as dag:
        ImbeeCreateUsersOperator(
            task_id="users", **{"records": [{"unique_id_sha": "ada"}], **RETRIES, **options}
        )
    return dag


def tokens(**options: Any) -> DAG:
    record = {"virtual_user": "ada", "bot_idsha": "bot-1", "mail": "ada@example.com"}
    with DAG("tokens") as dag:
        ImbeeCreateAccessTokensOperator(task_id="tokens", **{"records": [record], **RETRIES, **options})
    return dag


# --- batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_files", [False, True], ids=["xcom", "files"])
def test_users_chats_and_tokens_follow_one_another(sandbox, tmp_path, with_files):
    run = dags.run(chain(tmp_path if with_files else None))
    assert dags.states(run) == dict.fromkeys(["agent", "users", "chats", "tokens"], "success")
    assert sandbox.state()["imbee"] == {"users": 4, "chats": 3, "tokens": 3, "messages": 3}
    assert sorted(message["to"] for message in sandbox.messages()) == [
        "ada@example.com",
        "bob@example.com",
        "zoë@example.com",
    ]
    result = dags.results(run)["tokens"]
    counts = ("total", "created", "existing", "failed", "unknown", "requests")
    assert [result[name] for name in counts] == [3, 3, 0, 0, 0, 3]
    if with_files:
        assert result["output"] == str(tmp_path / "tokens.jsonl")
        records = [json.loads(line) for line in (tmp_path / "tokens.jsonl").read_text().splitlines()]
    else:
        records = result["records"]
    assert {record["unique_id_sha"] for record in records} == {"ada", "bob", "zoë"}
    assert all(set(record) >= {"email", "user", "chat", "token"} for record in records)


def test_a_second_run_finds_everything_already_there(sandbox):
    dags.run(chain())
    second = dags.results(dags.run(chain()))
    assert [second[name]["existing"] for name in ("users", "chats", "tokens")] == [3, 3, 0]
    assert second["tokens"]["replayed"] == len(sandbox.messages()) == 3


def test_stored_results_are_plain_json_with_sealed_secrets(sandbox):
    run = dags.run(chain())
    stored = dags.stored_results(run)
    minted = sandbox.secrets()
    assert not [secret for secret in minted for text in stored.values() if secret in text]
    for text in stored.values():
        assert "__classname__" not in text
        assert "__type" not in text
    for record in dags.results(run)["tokens"]["records"]:
        sealed = [record["user"]["password"], record["user"]["apikey"], record["token"]["url"]]
        assert all(is_sealed(value) for value in sealed)
        assert all(unseal(value) in minted for value in sealed)


def test_the_token_information_is_stored_as_a_plain_reading(sandbox):
    leave(sandbox, 40)
    with DAG("information") as dag:
        WolkvoxTokenInformationOperator(task_id="ask")
    with Within() as now:
        result = dags.results(dags.run(dag))["ask"]
    assert now.plus(3 * HOUR, datetime.fromisoformat(result.pop("resets_at")))
    assert now.plus(timedelta(0), datetime.fromisoformat(result.pop("observed_at")))
    assert result == {
        "limit": 100,
        "used": 60,
        "remaining": 40,
        "source": "probe",
        # The sandbox describes a token that was replaced by its default.
        "description": result["description"],
    }


# --- retries ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 404}, {"action": "garbage"}], ids=str)
def test_a_permanent_error_ends_the_task_without_a_second_try(sandbox, fault):
    sandbox.fault(vendor="imbee", times=None, **fault)
    run = dags.run(users())
    assert dags.states(run) == {"users": "failed"}
    assert dags.tasks(run)["users"].try_number == 1
    assert len(sandbox.requests("imbee")) == 1


def test_an_unavailable_vendor_is_tried_again_by_airflow(sandbox, no_waiting):
    sandbox.fault(vendor="imbee", status=503, times=None)
    run = dags.run(users())
    assert dags.states(run) == {"users": "failed"}
    assert dags.tasks(run)["users"].try_number == 3
    assert len(sandbox.requests("imbee")) == 3 * 4


def test_a_try_after_an_outage_succeeds(sandbox, no_waiting):
    sandbox.fault(vendor="imbee", status=503, times=4)
    run = dags.run(users())
    assert dags.states(run) == {"users": "success"}
    assert dags.tasks(run)["users"].try_number == 2
    assert len(sandbox.requests("imbee")) == 5


@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "reset"}, {"action": "close"}], ids=str)
def test_a_message_of_unknown_outcome_is_neither_repeated_nor_retried(sandbox, no_waiting, fault):
    sandbox.fault(vendor="imbee", after=True, times=None, **fault)
    attempt = Attempt(tokens())
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, OutcomeUnknown)
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert len(sandbox.requests("imbee")) == len(sandbox.messages()) == 1


def test_a_retried_batch_of_messages_sends_only_what_is_left(sandbox):
    sandbox.fault(vendor="imbee", status=429, headers={"Retry-After": "3600"}, skip=1)
    records = [
        {"virtual_user": name, "bot_idsha": "bot-1", "mail": f"{name}@example.com"} for name in ("a", "b")
    ]
    run = dags.run(tokens(records=records, max_concurrency=1))
    assert dags.states(run) == {"tokens": "success"}
    assert dags.tasks(run)["tokens"].try_number == 2
    assert len(sandbox.requests("imbee")) == 3
    assert sorted(message["to"] for message in sandbox.messages()) == ["a@example.com", "b@example.com"]


# --- connections -----------------------------------------------------------------------------------------


def test_a_connection_without_a_field_fails_at_once_and_names_it(sandbox, set_connection: SetConnection):
    set_connection("imbee_default", extra={"corporate_token": None})
    attempt = Attempt(users())
    assert attempt.outcome.state == "failed"
    assert "Corporate token (myCorporateToken)" in str(attempt.outcome.error)
    assert sandbox.requests() == []
