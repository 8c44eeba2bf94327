"""Tickets from a list or a file: each is a bet, so each is sent once, and what is not certain is not repeated."""

from __future__ import annotations

import base64
import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, OutcomePending, OutcomeUnknown, VendorError
from airflow_provider.mobadoo.operators import (
    MobadooCancelTicketsOperator,
    MobadooConfirmTicketsOperator,
    MobadooCreateTicketsOperator,
    MobadooResolveTicketsOperator,
)
from airflow_provider.secrets import is_sealed, open_sealed
from tests.support.batches import counts, execute, lines
from tests.support.connections import SetConnection
from tests.support.sandbox import SandboxProcess

pytestmark = pytest.mark.usefixtures("sandbox", "no_waiting")

CREATE = "api/v1/wallet/ticket/create"
HASH = "SessionOfAdaCanary-0123456789"
LOST = {"vendor": "mobadoo", "path": CREATE, "action": "reset", "after": True}
UNSENT = {**LOST, "after": False}


def ticket(transaction_id: Any = "TX-1", **fields: Any) -> dict[str, Any]:
    bet = {"uuid": "P-1", "hash": HASH, "tips": [{"product_type": "odds", "bet_amount": 10.5}], **fields}
    return {"transaction_id": transaction_id, "ticket": bet}


def create(records: Any, run_id: str = "run-1", try_number: int = 1, **options: Any) -> dict[str, Any]:
    operator = MobadooCreateTicketsOperator(task_id="create", records=records, **options)
    return execute(operator, run_id, try_number=try_number)


def made(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    return list(sandbox.control("GET", "mobadoo/tickets")["tickets"])


def sent(sandbox: SandboxProcess, name: str = "create") -> list[dict[str, Any]]:
    return [one["json"] for one in sandbox.requests("mobadoo", path=f"api/v1/wallet/ticket/{name}")]


def looks(sandbox: SandboxProcess) -> int:
    return sum(one["method"] == "GET" for one in sandbox.requests("mobadoo"))


def age(ledger: Path, seconds: float) -> None:
    connection = sqlite3.connect(ledger)
    with connection:
        change = "UPDATE vendor_apis_ledger SET created_at = created_at - ?, updated_at = updated_at - ?"
        connection.execute(change, (seconds, seconds))
    connection.close()


# --- what is sent and what comes back ---------------------------------------------------------------------


def test_a_ticket_is_created_and_its_answer_returned(sandbox):
    result = create([ticket("TX-1"), ticket(42, uuid=7)])
    assert counts(result) == {"total": 2, "created": 2}
    [first, second] = [record["created_ticket"] for record in result["records"]]
    tips = [{"product_type": "odds", "bet_amount": "10.5"}]
    assert first == {"id": 777, "uuid": "P-1", "transaction_id": "TX-1", "state": "CREATED", "tips": tips}
    assert (second["transaction_id"], second["uuid"]) == ("42", 7)
    assert [body["transaction_id"] for body in sent(sandbox)] == ["TX-1", "42"]


def test_an_amount_leaves_as_the_number_that_the_file_has(sandbox, tmp_path):
    source = tmp_path / "tickets.jsonl"
    source.write_text('{"transaction_id": "TX-1", "ticket": {"tips": [{"bet_amount": 0.10}]}}\n')
    create(str(source))
    assert sent(sandbox) == [{"transaction_id": "TX-1", "tips": [{"bet_amount": 0.1}]}]


def test_a_csv_file_has_the_ticket_as_json(sandbox, tmp_path):
    source, output = tmp_path / "tickets.csv", tmp_path / "created.csv"
    with source.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "bet"])
        rows.writerow(["TX-1", json.dumps(ticket()["ticket"])])
    result = create(str(source), output=str(output), fields={"transaction_id": "id", "ticket": "bet"})
    assert counts(result) == {"total": 1, "created": 1}
    assert sent(sandbox) == [{**ticket()["ticket"], "transaction_id": "TX-1"}]
    assert HASH not in output.read_text()


def test_a_session_is_sent_in_clear_and_found_nowhere_else(sandbox, tmp_path, ledger_path, capsys):
    output = tmp_path / "out.jsonl"
    sandbox.fault(
        vendor="mobadoo", path=CREATE, skip=1, status=200, json={"transaction_id": "TX-2", "hash": HASH}
    )
    bad = {**ticket("TX-3"), "transaction_id": "a/b"}
    records = [ticket("TX-1"), ticket("TX-2"), bad]
    create(records, output=str(output), on_error="continue", max_concurrency=1)
    assert [body["hash"] for body in sent(sandbox)] == [HASH, HASH]
    for line in lines(output):
        assert open_sealed(line["ticket"]["hash"]).get_secret_value() == HASH
        assert "hash" not in line["created_ticket"]
    [report] = lines(tmp_path / "out.failed.jsonl")
    assert is_sealed(report["record"]["ticket"]["hash"])
    places = [output, tmp_path / "out.failed.jsonl", ledger_path]
    assert all(HASH.encode() not in place.read_bytes() for place in places)
    assert HASH not in capsys.readouterr().out
    # The Dag author's own records stay as they are.
    assert records[0]["ticket"]["hash"] == HASH


def test_a_session_in_another_text_of_the_answer_is_found_nowhere_either(sandbox, tmp_path, ledger_path):
    url = f"https://games.example.com/?hash={HASH}&token=another"
    answer = {
        "transaction_id": "TX-1",
        "url": url,
        "player": {"Hash": "second-session"},
        "of": "second-session",
    }
    sandbox.fault(vendor="mobadoo", path=CREATE, status=200, json={**answer, "note": f"of {HASH}"})
    output = tmp_path / "out.jsonl"
    create([ticket("TX-1")], output=str(output))
    [line] = lines(output)
    assert line["created_ticket"] == {
        "transaction_id": "TX-1",
        "url": "https://games.example.com/?hash=***&token=***",
        "player": {},
        "of": "***",
        "note": "of ***",
    }
    assert HASH.encode() not in ledger_path.read_bytes()


@pytest.mark.parametrize("form", [HASH, HASH.upper(), base64.b64encode(f"hash:{HASH}".encode()).decode()])
def test_a_session_that_is_quoted_in_a_refusal_is_hidden_in_whatever_form(sandbox, tmp_path, form):
    sandbox.fault(vendor="mobadoo", path=CREATE, status=400, json={"detail": f"session {form} is over"})
    output = tmp_path / "out.jsonl"
    create([ticket("TX-1")], output=str(output), on_error="continue")
    [report] = lines(tmp_path / "out.failed.jsonl")
    assert "session " in report["reason"]
    assert report["reason"].endswith("*** is over")
    assert form[-20:] not in report["reason"]


def test_an_output_with_sealed_sessions_can_be_sent(sandbox, tmp_path):
    output = tmp_path / "out.jsonl"
    create([ticket()], output=str(output))
    sandbox.switch({"mobadoo.duplicate_transaction": "another"})
    create(str(output), redo="all")
    assert [body["hash"] for body in sent(sandbox)] == [HASH, HASH]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"transaction_id": "TX-1"}, '"ticket" is empty'),
        ({"ticket": {"tips": []}}, '"transaction_id" is empty'),
        ({"transaction_id": "TX-1", "ticket": "bet of ada"}, '"ticket" must be an object, or one as JSON'),
        ({"transaction_id": "TX-1", "ticket": "[1]"}, '"ticket" must be an object'),
        ({"transaction_id": "TX-1", "ticket": ["bet of ada"]}, '"ticket" must be an object'),
        ({"transaction_id": "a/b", "ticket": {"tips": []}}, '"transaction_id" must be a part of a path'),
        ({"transaction_id": True, "ticket": {"tips": []}}, '"transaction_id" must be a part of a path'),
        ({"transaction_id": "a", "ticket": {"transaction_id": "b"}}, "another transaction_id"),
        ({"transaction_id": "a", "ticket": {"tips": [{"bet_amount": float("nan")}]}}, "cannot be sent"),
    ],
)
def test_a_record_that_is_no_ticket_fails_with_its_row_and_nothing_of_it(sandbox, record, told):
    result = create([ticket("TX-0"), record], on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    [failure] = result["failures"]
    assert failure["row"] == 2
    assert told in failure["reason"]
    assert "bet of ada" not in failure["reason"]


@pytest.mark.parametrize("errors", ["fields", "codes"])
@pytest.mark.parametrize("status", [400, 200])
def test_a_refusal_is_a_failed_record_also_where_it_comes_as_a_success(sandbox, errors, status):
    sandbox.switch({"mobadoo.wallet_errors": errors, "mobadoo.wallet_error_status": status})
    create([ticket("TX-1")], "run-1")
    result = create([ticket("TX-1"), ticket("TX-2")], "run-2", redo="all", on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "A ticket with this id exists" in result["failures"][0]["reason"]


@pytest.mark.parametrize(
    "answer", [{}, {"state": "OK", "transaction_id": "OP-55"}, {"transaction_id": 7}, [], "OK"]
)
def test_any_other_success_counts_as_created(sandbox, answer):
    sandbox.fault(vendor="mobadoo", path=CREATE, status=200, json=answer)
    result = create([ticket()])
    assert counts(result) == {"total": 1, "created": 1}
    assert result["records"][0]["created_ticket"] == answer


def test_the_connection_may_name_another_verb_and_path(sandbox, set_connection: SetConnection):
    set_connection("mobadoo_default", extra={"calls": {"create_ticket": "PUT tickets/{transaction_id}"}})
    sandbox.fault(vendor="mobadoo", path="api/v1/tickets/TX-1", status=200, json={})
    assert counts(create([ticket()])) == {"total": 1, "created": 1}
    [request] = sandbox.requests("mobadoo")
    assert (request["method"], request["path"]) == ("PUT", "api/v1/tickets/TX-1")
    # What this test sends on purpose is not printed anywhere.
    sandbox.reset()


# --- once ---------------------------------------------------------------------------------------------------


def test_a_ticket_is_sent_once_for_ever_and_another_bet_under_its_id_is_told(sandbox):
    create([ticket()])
    again = create([ticket()], "run-2")
    assert counts(again) == {"total": 1, "replayed": 1}
    assert again["records"][0]["created_ticket"]["id"] == 777
    assert "changed" not in again
    other = create([ticket(tips=[{"bet_amount": 99}])], "run-3")
    assert counts(other) == {"total": 1, "replayed": 1}
    assert other["changed"] == {"records": 1, "rows": [{"row": 1}]}
    assert len(made(sandbox)) == 1


def test_without_reconcile_a_lost_answer_waits_for_a_person(sandbox):
    sandbox.fault(**LOST)
    for number in (1, 2):
        with pytest.raises(OutcomeUnknown):
            create([ticket()], try_number=number)
    assert len(sent(sandbox)) == 1
    assert looks(sandbox) == 0


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_again(sandbox):
    sandbox.fault(**LOST)
    with pytest.raises(OutcomePending, match="next try looks for it"):
        create([ticket("TX-1")], reconcile=True)
    result = create([ticket("TX-1"), ticket("TX-2")], try_number=2, reconcile=True)
    assert counts(result) == {"total": 2, "created": 1, "replayed": 1}
    assert result["reconciled"] == {"found": 1, "resent": 0, "unknown": 0}
    assert result["records"][0]["created_ticket"]["tips"][0]["bet_amount"] == "10.5"
    assert looks(sandbox) == 1
    assert [one["transaction_id"] for one in made(sandbox)] == ["TX-1", "TX-2"]


def test_what_is_not_there_is_sent_again_when_mobadoo_can_no_longer_work_on_it(sandbox, ledger_path):
    sandbox.fault(**UNSENT)
    options: dict[str, Any] = {"reconcile": True, "on_error": "continue"}
    assert counts(create([ticket()], **options)) == {"total": 1, "unknown": 1}
    early = create([ticket()], try_number=2, **options)
    assert counts(early) == {"total": 1, "unknown": 1}
    assert "may still be working on it" in early["failures"][0]["reason"]
    age(ledger_path, 901)
    late = create([ticket()], try_number=3, **options)
    assert counts(late) == {"total": 1, "created": 1}
    assert late["reconciled"] == {"found": 0, "resent": 1, "unknown": 0}
    assert len(made(sandbox)) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": 404, "body": "<h1>Not Found</h1>"}, "may mean that get_ticket has another path"),
        ({"status": 404, "json": []}, "may mean that get_ticket has another path"),
        ({"status": 405, "json": {"detail": "no"}}, "refused to say (HTTP 405)"),
        ({"status": 200, "json": {}}, "no ticket with this transaction_id"),
        ({"status": 200, "json": []}, "no ticket with this transaction_id"),
        ({"status": 200, "json": None}, "no ticket with this transaction_id"),
        ({"status": 200, "json": {"transaction_id": "TX-2"}}, "no ticket with this transaction_id"),
        (
            {"status": 200, "json": {"transaction_id": "", "code": 1, "state": "none"}},
            "no ticket with this transaction_id",
        ),
    ],
)
def test_an_answer_that_does_not_say_it_leads_to_no_second_bet(sandbox, ledger_path, answer, told):
    sandbox.fault(**LOST)
    options: dict[str, Any] = {"reconcile": True, "on_error": "continue"}
    create([ticket()], **options)
    age(ledger_path, 3000)
    sandbox.fault(vendor="mobadoo", path="api/v1/wallet/ticket/TX-1", **answer)
    result = create([ticket()], try_number=2, **options)
    assert counts(result) == {"total": 1, "unknown": 1}
    assert told in result["failures"][0]["reason"]
    assert len(sent(sandbox)) == 1


def test_an_outage_while_looking_sends_nothing(sandbox):
    sandbox.fault(**LOST)
    create([ticket()], reconcile=True, on_error="continue")
    sandbox.fault(vendor="mobadoo", method="GET", status=503, times=None)
    with pytest.raises(VendorError, match="503"):
        create([ticket("TX-1"), ticket("TX-2")], try_number=2, reconcile=True)
    assert len(sent(sandbox)) == 1


@pytest.mark.parametrize("option", [{"resend_unknown": True}, {"redo": "all"}])
def test_looking_and_sending_without_a_look_exclude_each_other(option):
    with pytest.raises(InvalidInput, match="reconcile=True looks for what may be there"):
        create([], reconcile=True, **option)


# --- the ends of a ticket -----------------------------------------------------------------------------------


def test_a_ticket_is_confirmed_and_resolved_with_what_its_creation_left(sandbox):
    created = create([ticket("TX-1")])["records"]
    confirmed = execute(MobadooConfirmTicketsOperator(task_id="confirm", records=created))
    assert counts(confirmed) == {"total": 1, "created": 1}
    details = [{"transaction_id": "TX-1", "details": {"won_amount": 18.5}}]
    resolved = execute(MobadooResolveTicketsOperator(task_id="resolve", records=details))
    assert resolved["records"][0]["resolved_ticket"]["state"] == "RESOLVED"
    assert sent(sandbox, "confirm") == [{"transaction_id": "TX-1"}]
    assert sent(sandbox, "resolve") == [{"transaction_id": "TX-1", "won_amount": 18.5}]
    assert made(sandbox)[0]["tips"][0]["won_amount"] == 18.5


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MobadooConfirmTicketsOperator, "confirm"),
        (MobadooCancelTicketsOperator, "cancel"),
        (MobadooResolveTicketsOperator, "resolve"),
    ],
)
def test_each_end_is_sent_once_for_ever_and_a_lost_answer_is_not_repeated(sandbox, kind, name):
    create([ticket("TX-1"), ticket("TX-2")])
    if name == "resolve":
        execute(MobadooConfirmTicketsOperator(task_id="c", records=[ticket("TX-1"), ticket("TX-2")]))
    sandbox.fault(**{**LOST, "path": f"api/v1/wallet/ticket/{name}"})
    records = [{"transaction_id": "TX-1"}, {"transaction_id": "TX-2"}]
    options: dict[str, Any] = {"on_error": "continue", "max_concurrency": 1}
    first = execute(kind(task_id="t", records=records, **options))
    assert counts(first) == {"total": 2, "created": 1, "unknown": 1}
    second = execute(kind(task_id="t", records=records, **options), "run-2")
    assert counts(second) == {"total": 2, "replayed": 1, "unknown": 1}
    assert [body["transaction_id"] for body in sent(sandbox, name)] == ["TX-1", "TX-2"]
