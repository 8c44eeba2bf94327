"""Tickets read from Mobadoo: all of them, each once, with all digits, and without a session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.mobadoo.operators import MobadooListTicketsOperator
from tests.support.batches import lines
from tests.support.mobadoo import work
from tests.support.sandbox import SandboxProcess

LIST = "api/v1/wallet/ticket"


def read(**options: Any) -> dict[str, Any]:
    return work(MobadooListTicketsOperator, **options)


def bet(sandbox: SandboxProcess, count: int) -> None:
    from airflow_provider.mobadoo import calls
    from airflow_provider.mobadoo.hooks import MobadooHook

    hook = MobadooHook()
    for number in range(count):
        body = {"uuid": "P-1", "hash": "session", "tips": [{"bet_amount": 10.5}]}
        hook.run(calls.create_ticket(f"TX-{number}", body))


@pytest.mark.parametrize("envelope", ["drf", "list", "results", "next relative", "next with token"])
def test_all_tickets_come_whatever_a_page_looks_like(sandbox, tmp_path, envelope):
    bet(sandbox, 60)
    sandbox.switch({"mobadoo.page_envelope": envelope})
    result = read(output=f"{tmp_path}/tickets.jsonl")
    assert (result["total"], result["complete"]) == (60, True)
    found = [line["transaction_id"] for line in lines(result["output"])]
    assert found == [f"TX-{number}" for number in range(60)]


def test_what_is_asked_is_sent_with_each_page(sandbox):
    bet(sandbox, 3)
    sandbox.fault(vendor="mobadoo", path=LIST, status=200, json={"results": [{"id": 1}], "count": 1})
    assert read(query={"state": "RESOLVED"})["total"] == 1
    [request] = sandbox.requests("mobadoo", path=LIST)
    assert {name: request["query"][name] for name in ("state", "limit")} == {
        "state": "RESOLVED",
        "limit": "25",
    }
    # Which parameters there are is not published: the checker knows paging alone.
    sandbox.reset()


def test_a_session_is_left_out_and_digits_stay(sandbox, tmp_path):
    rows = b'[{"id": 1, "Hash": "secret", "tips": [{"bet_amount": 10.50}]}, {"id": 2, "token": "secret"}]'
    sandbox.fault(vendor="mobadoo", path=LIST, status=200, body=rows.decode())
    result = read(output=f"{tmp_path}/tickets.jsonl")
    written = (tmp_path / "tickets.jsonl").read_text()
    assert result["total"] == 2
    assert '"bet_amount":10.50' in written.replace(" ", "")
    assert "secret" not in written


@pytest.mark.parametrize(
    "row",
    [
        {"player": {"uuid": "P-1", "hash": "SessionOfP1-99"}, "url": "https://x.example.com/SessionOfP1-99"},
        {"url": "https://x.example.com/?a=1&hash=SessionOfP1-99&b=2"},
        {"Token": ["SessionOfP1-99"], "note": "of SessionOfP1-99"},
        {"a": [{"HASH": {"value": "SessionOfP1-99"}}]},
    ],
)
def test_a_session_is_left_out_at_every_depth_and_of_other_texts(sandbox, tmp_path, row):
    body = json.dumps([{"id": 1, **row, "amount": 0}]).replace('"amount": 0', '"amount": 10.50')
    sandbox.fault(vendor="mobadoo", path=LIST, status=200, body=body.replace("hash", r"h\u0061sh"))
    read(output=f"{tmp_path}/tickets.jsonl")
    written = (tmp_path / "tickets.jsonl").read_text()
    assert "SessionOfP1" not in written
    assert '"amount":10.50' in written.replace(" ", "")


def test_an_address_without_a_list_is_an_error_and_no_empty_list(sandbox):
    sandbox.fault(vendor="mobadoo", path=LIST, status=404, json={"detail": "Not found."})
    with pytest.raises(VendorRejected, match="404"):
        read()
    sandbox.fault(vendor="mobadoo", path=LIST, status=200, json={"tickets": []})
    with pytest.raises(VendorProtocolError, match="it has tickets"):
        read()


def test_a_question_that_cannot_be_right_is_refused(sandbox):
    with pytest.raises(ValueError, match="query must be a dict"):
        MobadooListTicketsOperator(task_id="read", query="state=RESOLVED")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="must not have the token"):
        read(query={"token": "x"})
