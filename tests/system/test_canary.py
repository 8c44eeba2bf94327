"""Whole Dags with distinctive secrets; afterwards none of them in any file or database."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import canary
from tests.support.canary_secrets import (
    AUTHORIZATION,
    CONFIGURED,
    CORPORATE,
    INVOICE,
    MOBADOO_HASH,
    MPOHODA_KEY,
    MPOHODA_SECRET,
    PERSON,
    SWITCHES,
    TRACES,
    WOLKVOX,
    all_secrets,
    apikey,
    connections,
)
from tests.support.environment import isolate
from tests.support.sandbox import ROOT, SandboxProcess

ID = "55555555-5555-4555-8555-000000000001"
AIRFLOWS_OWN = re.compile(r"\[debug +\] Sending request .*msg=MaskSecret\(")


class Run:
    """What a worker left behind, and what it must not have left."""

    def __init__(self, home: Path, secrets: list[str], states: list[dict[str, str]], fernet_key: str) -> None:
        self.home, self.secrets, self.states, self.fernet_key = home, secrets, states, fernet_key


@pytest.fixture(scope="module")
def run(sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Run:
    sandbox = sandbox_process
    sandbox.reset()
    sandbox.switch(SWITCHES)
    sandbox.clock(now="2026-01-01T20:30:00Z", freeze=True)
    sandbox.token(token=WOLKVOX, operation="demo_operation", limit=4800, used=4000)
    home = tmp_path_factory.mktemp("canary")
    environment = dict(os.environ)
    isolate(environment, home)
    (home / "temporary").mkdir()
    shutil.copy(ROOT / "tests/support/canary_dags.py", home / "dags")
    (home / "output.people.csv").write_text(f"{','.join(PERSON)}\n{','.join(PERSON.values())}\n")
    (home / "output.invoices.csv").write_text(
        f"row,{','.join(INVOICE)}\n1,{','.join(INVOICE.values())}\n", encoding="utf-8"
    )
    (home / "output.documents.csv").write_text("Id,DocumentNumber,Text\n")
    environment |= connections(sandbox)
    # The only file that has a secret in clear, and so not among those that are searched.
    players = tmp_path_factory.mktemp("players") / "players.csv"
    players.write_text(f"player,hash\nada,{MOBADOO_HASH}\nbob,\n,{MOBADOO_HASH}\n")
    environment |= {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        "AIRFLOW__LOGGING__CELERY_LOGGING_LEVEL": "DEBUG",
        "CANARY_OUTPUT": str(home / "output"),
        "CANARY_PLAYERS": str(players),
        "CANARY_SANDBOX": sandbox.url,
        "TMPDIR": str(home / "temporary"),
    }

    def quoting(*secrets: str, status: int = 200) -> dict[str, Any]:
        return {
            "status": status,
            "times": None,
            "json": {"code": 1, "message": f"not {' or '.join(secrets)}"},
        }

    def step(dag_id: str, *faults: dict[str, Any], **options: Any) -> dict[str, Any]:
        return {"dag_id": dag_id, "faults": faults, **options}

    key = apikey(sandbox)
    person = f"{', '.join(PERSON.values())} {PERSON['name'].upper()} +421905771209"
    answers = [{"path": path, **quoting(person)} for path in ("user/new", "token/new")]
    refused = {"code": "400", "error": person, "msg": person, "data": None}
    token_refused = {"code": "403", "msg": f"TOKEN {WOLKVOX} IS NOT VALID", "data": None}
    documents = f"{', '.join(INVOICE.values())} {PERSON['name'].upper()} +421905771209"
    unkind = {"title": documents, "detail": documents, "errors": {"Items": [documents]}}
    remark = {"Data": {"Id": ID}, "Warnings": [{"Code": "Unspecified", "Message": documents}]}
    no_key = {"title": f"not {MPOHODA_KEY}", "status": 401}
    no_client = {"error": "invalid_client", "error_description": f"not {MPOHODA_SECRET}"}
    plan = [
        step("imbee_files"),
        step("imbee_xcom", in_process=True),
        step("wolkvox"),
        step("imbee_xcom", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE, status=401)}),
        step("imbee_continue", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE)}),
        step("imbee_continue", {"path": "chat/create", **quoting(AUTHORIZATION, key)}),
        step("imbee_xcom", {"path": "chat/create", **quoting(key, status=401)}, in_process=True),
        step("imbee_files", {"path": "token/new", **quoting(AUTHORIZATION, CORPORATE)}),
        step("imbee_files", {"path": "user/new", "action": "truncate", "times": None}),
        step("imbee_continue", {"path": "token/new", "action": "truncate", "times": None}),
        step("imbee_xcom", {"path": "user/new", **quoting(AUTHORIZATION, CORPORATE, status=503)}),
        step("imbee_proxy"),
        step("wolkvox_proxy"),
        step("wolkvox_refused_1", {"status": 403, "json": token_refused, "times": None}),
        step("wolkvox_refused_2", {"status": 200, "json": token_refused, "times": None}, in_process=True),
        step("wolkvox_refused_3", {"status": 403, "body": f"<p>{WOLKVOX}: token refused", "times": None}),
        step("mpohoda_key"),
        step("mpohoda_oauth"),
        step("mpohoda_basic"),
        step("mpohoda_key", {"path": "IssuedInvoices", "status": 401, "json": no_key, "times": None}),
        step("mpohoda_oauth", {"path": "connect/token", "status": 400, "json": no_client, "times": None}),
        step("mpohoda_basic", {"path": "connect/token", "status": 401, "json": no_client, "times": None}),
        step(
            "mpohoda_people",
            {"path": "IssuedInvoices", "status": 422, "json": unkind},
            {"path": "ReceivedOrders", "status": 201, "json": remark},
            {"path": "ToIssuedInvoice/Fully", "status": 400, "json": unkind},
        ),
        step("launch_xcom"),
        step("launch_files"),
        step("people", *answers, {"path": "insert.php", "status": 200, "json": refused, "times": None}),
    ]
    with (home / "stdout.txt").open("wb") as out, (home / "stderr.txt").open("wb") as err:
        command = [sys.executable, "-m", "tests.support.canary_worker", json.dumps(plan)]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=out, stderr=err, timeout=300)
    assert done.returncode == 0, (home / "stderr.txt").read_text()[-4000:]
    # Where a task runs in the process of dag.test(), Airflow at DEBUG prints what it is asked to mask, the
    # fields of every connection that it reads among them. On a worker it does not.
    printed = (home / "stdout.txt").read_text()
    lines = [line for line in printed.splitlines() if not AIRFLOWS_OWN.search(line)]
    (home / "stdout.txt").write_text("\n".join(lines))
    states = json.loads(next(line for line in reversed(lines) if line.startswith("[{")))
    return Run(home, all_secrets(sandbox), states, environment["AIRFLOW__CORE__FERNET_KEY"])


def test_the_dags_met_success_and_each_failure(run: Run) -> None:
    refused = {"users": "failed"}
    good = {"users": "success", "chats": "success"}
    documents = ["invoices", "orders", "transfers", "payments"]
    assert [
        {task: state for task, state in states.items() if state != "upstream_failed"} for states in run.states
    ] == [
        {**good, "tokens": "success"},
        {**good, "tokens": "success"},
        {
            "information": "success",
            "poke": "success",
            "deferred": "deferred",
            "rescheduled": "up_for_reschedule",
        },
        refused,
        {"users": "success", "chats": "success", "tokens": "success"},
        {**good, "tokens": "success"},
        {"users": "success", "chats": "failed"},
        {**good, "tokens": "success"},
        refused,
        {**good, "tokens": "success"},
        refused,
        {**good, "tokens": "success"},
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(["information", "poke", "deferred", "rescheduled"], "failed"),
        dict.fromkeys(documents, "success"),
        dict.fromkeys(documents, "success"),
        dict.fromkeys(documents, "success"),
        {"invoices": "failed"},
        {"invoices": "failed"},
        {"invoices": "failed"},
        dict.fromkeys(documents, "success"),
        dict.fromkeys(["launch", "send"], "success"),
        dict.fromkeys(["launch", "send"], "success"),
        {"users": "success", "tokens": "success", "inserts": "success", "first": "failed"},
    ]


def test_the_search_has_logs_results_and_debug_lines_to_look_at(run: Run) -> None:
    logs = sorted(run.home.glob("logs/**/attempt=*.log"))
    assert any(path.name == "attempt=2.log" for path in logs)
    assert any('"level":"debug"' in path.read_text() for path in logs)
    assert list(run.home.glob("output/*.failed.jsonl"))
    assert list(run.home.glob("output/*-tokens.jsonl"))
    columns = {column for column, _ in canary.values(run.home / "airflow.db")}
    assert {"xcom.value", "rendered_task_instance_fields.rendered_fields", "trigger.kwargs"} <= columns
    rows = list(canary.values(run.home / "vendor_apis.db"))
    assert any("sealed:v2:" in value for column, value in rows if column == "vendor_apis_ledger.result")
    assert any(value for column, value in rows if column == "vendor_apis_ledger.error")
    told = [
        text for column, text in canary.values(run.home / "vendor_apis.db") if column.endswith("refusal_text")
    ]
    # Of the quota of each connection that was refused, and of the dead proxy's.
    assert len(told) == 4
    assert sum("IS NOT VALID" in text for text in told) == 2
    # Apikeys, access URLs and the tokens of two of mPOHODA's connections.
    assert len(run.secrets) > len(CONFIGURED) + 5


def test_the_search_finds_what_is_planted(run: Run, tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    home = tmp_path / "home"
    shutil.copytree(run.home, home)
    for number, secret in enumerate(run.secrets):
        planted = home / f"planted-{number}.bin"
        planted.write_bytes(b"\xff\x00 " + secret.encode() + b" \xfe")
        assert {name for name, _ in canary.in_files(home, [secret])} >= {planted.name}
        planted.unlink()
    sealed = Fernet(run.fernet_key).encrypt(CORPORATE.encode()).decode()
    for value in (json.dumps({"a": CORPORATE}), sealed):
        with sqlite3.connect(home / "airflow.db") as database:
            database.execute("INSERT INTO variable (key, val, is_encrypted) VALUES (?, ?, 0)", (value, value))
        database.close()
        found = canary.in_database(home / "airflow.db", [CORPORATE], run.fernet_key)
        assert ("variable.val", CORPORATE[: canary.LENGTH]) in found
        with sqlite3.connect(home / "airflow.db") as database:
            database.execute("DELETE FROM variable")
        database.close()


def test_no_file_shows_a_secret(run: Run) -> None:
    assert canary.in_files(run.home, run.secrets) == []


@pytest.mark.parametrize("name", ["airflow.db", "vendor_apis.db"])
def test_no_row_of_the_database_shows_a_secret(run: Run, name: str) -> None:
    assert canary.in_database(run.home / name, run.secrets, run.fernet_key) == []


def test_no_log_and_no_error_shows_the_data_of_a_record(run: Run) -> None:
    logs = [*run.home.glob("logs/**/*.log"), run.home / "stdout.txt", run.home / "stderr.txt"]
    texts = {str(path.relative_to(run.home)): path.read_text() for path in logs}
    texts |= {f"{column} {n}": str(v) for n, (column, v) in enumerate(canary.values(run.home / "airflow.db"))}
    texts |= {
        f"{column} {number}": str(value)
        for number, (column, value) in enumerate(canary.values(run.home / "vendor_apis.db"))
        # What was sent is told apart by its key.
        if column != "vendor_apis_ledger.key"
    }
    assert {name: trace for name, text in texts.items() for trace in TRACES if trace in text} == {}
    # It was quoted each time, and is in the reports beside the outputs.
    quoted = [
        text
        for text in texts.values()
        if any(mark in text for mark in ("[mail]", "[uniqueIdSha]", "[unique_id_sha]"))
    ]
    assert len(quoted) >= 4
    for task in ("users", "tokens", "inserts"):
        report = (run.home / f"output/people-{task}.failed.jsonl").read_text()
        assert json.loads(report)["record"] == PERSON
    report = json.loads((run.home / "output/mpohoda_people-invoices.failed.jsonl").read_text())
    assert report["record"]["Items"][0] == {
        name.removeprefix("Items."): INVOICE[name] for name in INVOICE if name.startswith("Items.")
    }
    assert "[Name]" in report["reason"]
    order = json.loads((run.home / "output/mpohoda_people-orders.jsonl").read_text())
    # It would be in the ledger and in XCom as well.
    assert "[Name]" in order["received_order"]["warnings"][0]["message"]
