"""The error of an unknown outcome names the row and the commands that resolve it; they do what they say."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from airflow_provider.exceptions import OutcomeUnknown
from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import LOST, mails, people, tokens

pytestmark = pytest.mark.usefixtures("path")

COMMAND = re.compile(r"airflow (vendor-apis ledger resolve [0-9a-f]{32} --as (done|resend))(?=;|$)")


@pytest.fixture
def once(sandbox, set_connection):
    """One lost answer: the vendor has the message, and nobody knows."""
    set_connection("imbee_default", extra={"timeout": 5})
    sandbox.fault(vendor="imbee", times=1, **LOST)
    return sandbox


def commands(text: str) -> dict[str, list[str]]:
    """Copy the commands out of a text, as words after ``airflow vendor-apis ledger``."""
    found = {decision: shlex.split(command)[2:] for command, decision in COMMAND.findall(text)}
    assert set(found) == {"done", "resend"}, text
    return found


@pytest.mark.parametrize(
    ("decision", "later", "messages"), [("done", {"replayed": 1}, 1), ("resend", {"existing": 1}, 2)]
)
def test_a_command_that_is_copied_from_the_report_resolves_the_record(
    once, cli, tmp_path, decision, later, messages
):
    output = tmp_path / "out.jsonl"
    result = execute(tokens(people(1), output=str(output)))
    assert outcomes(result) == {"unknown": 1}
    [failure] = result["failures"]
    [line] = lines(tmp_path / "out.failed.jsonl")
    assert {name: line[name] for name in failure} == failure
    words = commands(failure["reason"])[decision]
    assert words[1] == failure["ledger_id"]
    # Before that, nothing is sent, and the replay names the same row and commands.
    replayed = execute(tokens(people(1)), "run-2")
    assert outcomes(replayed) == {"unknown": 1}
    assert "not sent again" in replayed["failures"][0]["reason"]
    assert commands(replayed["failures"][0]["reason"])[decision] == words
    assert replayed["failures"][0]["ledger_id"] == failure["ledger_id"]
    status, printed, error = cli(*words, answer="y")
    assert (status, error) == (0, "")
    assert "1 row" in printed
    assert outcomes(execute(tokens(people(1)), "run-3")) == later
    assert set(mails(once).values()) == {messages}


@pytest.mark.parametrize("earlier", [False, True])
def test_the_error_of_the_task_has_them_too(once, cli, earlier):
    if earlier:
        execute(tokens(people(1)))
    with pytest.raises(OutcomeUnknown) as raised:
        execute(tokens(people(1), on_error="fail"))
    words = commands(str(raised.value))["done"]
    assert raised.value.ledger_id == words[1]
    assert cli(*words, "--yes")[0] == 0
    assert outcomes(execute(tokens(people(1), on_error="fail"))) == {"replayed": 1}


def test_too_many_failures_quote_them(once, cli):
    with pytest.raises(Exception, match="max_failures=0") as raised:
        execute(tokens(people(1), max_failures=0))
    assert cli(*commands(str(raised.value))["resend"], "--yes")[0] == 0


def test_each_record_of_a_request_has_its_own_row(sandbox, cli):
    sandbox.fault(vendor="wolkvox", times=1, **LOST)

    def insert(run: str) -> dict[str, Any]:
        records = [{"idcontact": str(number), "namecontact": f"Jana {number}"} for number in range(3)]
        operator = WolkvoxInsertRecordsOperator(
            task_id="insert",
            module="contacts",
            records=records,
            chunk_size=3,
            on_error="continue",
            ledger_scope="forever",
        )
        return execute(operator, run)

    failures = insert("run")["failures"]
    assert len({failure["ledger_id"] for failure in failures}) == 3
    for failure, decision in zip(failures, ["done", "done", "resend"], strict=True):
        found = commands(failure["reason"])
        assert found["done"][1] == found["resend"][1] == failure["ledger_id"]
        assert "Jana" not in failure["reason"]
        assert cli(*found[decision], "--yes")[0] == 0
    assert outcomes(insert("run-2")) == {"replayed": 2, "created": 1}


def test_a_record_that_failed_has_no_row_to_decide_about(sandbox):
    failures = execute(tokens([{"virtual_user": ""}]))["failures"]
    assert [failure["ledger_id"] for failure in failures] == [None]
    assert "ledger resolve" not in failures[0]["reason"]


def test_rows_are_named_by_digests_alone(once):
    failure = execute(tokens(people(1)))["failures"][0]
    assert "u0" not in failure["reason"]
    assert "example.com" not in failure["reason"]
