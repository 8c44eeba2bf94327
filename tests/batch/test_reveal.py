"""Secrets in clear, on request: ``reveal`` of a batch, and ``unseal`` in a template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_provider.imbee import operations
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.secrets import is_sealed, unseal
from tests.support import dags
from tests.support.sandbox import SandboxProcess

RECORD = {"virtual_user": "ada", "bot_idsha": "bot", "mail": "ada@example.com"}


@pytest.fixture(autouse=True)
def ledger_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


def send(**options: Any) -> dict[str, Any]:
    return ImbeeCreateAccessTokensOperator(task_id="tokens", records=[RECORD], **options).execute({})


def ledger_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_the_output_has_the_secret_in_clear_and_the_ledger_has_it_sealed(
    sandbox: SandboxProcess, tmp_path: Path, ledger_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tokens.jsonl"
    send(output=str(output), reveal=["url"])
    logged = capsys.readouterr().out
    url = json.loads(output.read_text())["token"]["url"]
    assert url.startswith("http")
    assert f"token.url will be in clear in {output}" in logged
    assert url not in logged
    assert b"sealed:v2:" in ledger_bytes(ledger_path)
    assert url.encode() not in ledger_bytes(ledger_path)


def test_a_replayed_record_is_revealed_and_sealed_as_each_run_asks(
    sandbox: SandboxProcess, ledger_path: Path
) -> None:
    first = send(reveal=["url"])["records"][0]["token"]["url"]
    again = send()
    assert again["replayed"] == 1
    assert is_sealed(again["records"][0]["token"]["url"])
    assert send(reveal=["url"])["records"][0]["token"]["url"] == first
    assert unseal(again["records"][0]["token"]["url"]) == first


def test_only_what_is_named_is_revealed(sandbox: SandboxProcess) -> None:
    batch = ImbeeCreateUsersOperator(task_id="users", records=[{"unique_id_sha": "ada"}], reveal=["password"])
    user = batch.execute({})["records"][0]["user"]
    assert not is_sealed(user["password"])
    assert is_sealed(user["apikey"])


@pytest.mark.parametrize(
    ("operator", "reveal", "known"),
    [
        (ImbeeCreateUsersOperator, ["url"], "password, apikey"),
        (ImbeeCreateUsersOperator, ["unique_id_sha"], "password, apikey"),
        (ImbeeCreateAccessTokensOperator, ["token.url"], "url"),
        (ImbeeCreateAccessTokensOperator, "url", "url"),
        (ImbeeCreateChatsOperator, ["apikey"], "none"),
    ],
)
def test_an_unknown_name_is_refused_when_the_dag_is_read(operator: Any, reveal: Any, known: str) -> None:
    with pytest.raises(ValueError, match=f"they are: {known}"):
        operator(task_id="batch", records=[RECORD], reveal=reveal)


def test_the_names_are_those_of_the_secrets_in_the_vendors_answers() -> None:
    assert operations.CREATE_USERS.secret_results == ("password", "apikey")
    assert operations.CREATE_ACCESS_TOKENS.secret_results == ("url",)
    assert operations.CREATE_CHATS.secret_results == ()


@pytest.mark.usefixtures("airflow_db")
def test_a_template_can_unseal_and_airflow_stores_it_masked(sandbox: SandboxProcess, tmp_path: Path) -> None:
    from airflow.utils.session import create_session
    from sqlalchemy import text

    with DAG("templates", user_defined_macros={"unseal": unseal}) as dag:
        tokens = ImbeeCreateAccessTokensOperator(task_id="tokens", records=[RECORD])

        @task
        def write(url: str) -> None:
            (tmp_path / "url.txt").write_text(url)

        call = write(url="{{ unseal(ti.xcom_pull('tokens')['records'][0]['token']['url']) }}")
        tokens >> call
    run = dags.run(dag)
    assert set(dags.states(run).values()) == {"success"}
    url = (tmp_path / "url.txt").read_text()
    assert url.startswith("http")
    with create_session() as session:
        rendered = session.execute(
            text("SELECT rendered_fields FROM rendered_task_instance_fields WHERE dag_id = 'templates'")
        ).scalars().all()  # fmt: skip
    assert "***" in "".join(map(str, rendered))
    assert url not in "".join(map(str, rendered))
