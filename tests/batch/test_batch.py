"""A batch against the sandbox: every record is counted, sent once and passed on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.imbee.operators import ImbeeCreateChatsOperator, ImbeeCreateUsersOperator
from airflow_provider.records.formats import XCOM_RECORDS
from airflow_provider.secrets import is_sealed, open_sealed
from tests.support.batches import COUNTS, counts, lines
from tests.support.imbee_runs import addressees, chats, people, tokens, users
from tests.support.processes import environment

pytestmark = pytest.mark.usefixtures("quick")


# Every record is accounted for


@pytest.mark.parametrize("to_file", [False, True])
def test_each_record_is_created_existing_or_failed_and_the_sandbox_agrees(sandbox, tmp_path, to_file):
    users(people(30))
    records = [*people(50), {"unique_id_sha": ""}, {"name": "nobody"}, "no record"]
    output = str(tmp_path / "out.jsonl") if to_file else None
    before = sandbox.state()["requests"]["imbee"]
    result = users(records, output=output, on_error="continue")
    assert counts(result) == {"total": 53, "created": 20, "existing": 30, "failed": 3}
    assert sum(result[name] for name in COUNTS) == result["total"]
    assert result["requests"] == sandbox.state()["requests"]["imbee"] - before == 50
    assert sandbox.state()["imbee"]["users"] == 50
    assert result["output"] == output
    found = lines(output) if to_file else result["records"]
    assert {record["unique_id_sha"] for record in found} == {record["unique_id_sha"] for record in people(50)}
    assert ("records" in result) is not to_file


def test_a_result_has_the_record_and_the_answer_with_its_secrets_sealed(sandbox):
    [record] = users([{"unique_id_sha": "ada", "city": "Bogotá"}])["records"]
    user = record.pop("user")
    assert record == {"unique_id_sha": "ada", "city": "Bogotá"}
    assert set(user) == {"unique_id_sha", "virtual_user", "password", "apikey", "previously_registered"}
    assert is_sealed(user["password"])
    assert open_sealed(user["apikey"]).get_secret_value() in sandbox.secrets()
    assert not any(secret in json.dumps(user) for secret in sandbox.secrets())


def test_a_batch_of_no_records_succeeds_and_sends_nothing(sandbox, tmp_path):
    (tmp_path / "in.csv").write_text("unique_id_sha\n")
    none: list[Any] = [[], str(tmp_path / "in.csv"), {"records": [], "output": None}]
    for records in none:
        assert counts(users(records)) == {}
    assert sandbox.requests() == []


def test_repeats_of_one_request_are_counted_as_requests(sandbox):
    sandbox.fault(vendor="imbee", status=503, times=2)
    result = users(people(3), max_concurrency=1)
    assert counts(result) == {"total": 3, "created": 3}
    assert result["requests"] == sandbox.state()["requests"]["imbee"] == 5


def test_fields_and_defaults_reach_the_vendor(sandbox):
    users(
        [{"customer": {"id": "ada"}, "os": "15"}],
        fields={"unique_id_sha": "customer.id", "os_version": "os"},
        defaults={"platform": "ios", "os_version": "1"},
    )
    [request] = sandbox.requests("imbee")
    assert request["json"]["uniqueIdSha"] == "ada"
    assert (request["json"]["platform"], request["json"]["osVersion"]) == ("ios", "15")


# Chains


@pytest.mark.parametrize("through", ["files", "xcom"])
def test_users_chats_and_tokens_follow_each_other_without_mapping(sandbox, tmp_path, through):
    def output(name: str) -> dict[str, Any]:
        return {"output": str(tmp_path / f"{name}.jsonl")} if through == "files" else {}

    [agent] = users([{"unique_id_sha": "agent"}])["records"]
    source = [{**person, "mail": f"{person['unique_id_sha']}@example.com"} for person in people(40)]
    first = users(source, **output("users"))
    second = chats(first, defaults={"contacts": agent["user"]["virtual_user"]}, **output("chats"))
    third = tokens(second, **output("tokens"))
    assert [counts(result) for result in (first, second, third)] == [{"total": 40, "created": 40}] * 3
    state = sandbox.state()["imbee"]
    assert state == {"users": 41, "chats": 40, "tokens": 40, "messages": 40}
    for record in lines(third["output"]) if through == "files" else third["records"]:
        assert set(record) == {"unique_id_sha", "mail", "user", "chat", "token"}
        assert is_sealed(record["token"]["url"])
    assert {message["virtual_user"] for message in sandbox.messages()} == {
        p["unique_id_sha"] for p in people(40)
    }


def test_a_token_may_take_the_vendors_identifier_of_the_user(sandbox):
    sandbox.switch({"imbee.token_virtual_user": "virtualUser"})
    first = users(people(2, mail="a@example.com"))
    result = tokens(first, virtual_user_from="virtual_user")
    assert counts(result) == {"total": 2, "created": 2}


def test_a_key_in_clear_is_used_and_passed_on_sealed(sandbox, tmp_path):
    found = users([{"unique_id_sha": "ada"}, {"unique_id_sha": "bob"}])["records"]
    ada, bob = sorted(found, key=lambda record: record["unique_id_sha"])
    clear = open_sealed(ada["user"]["apikey"]).get_secret_value()
    source = tmp_path / "in.csv"
    source.write_text(f"apikey,contacts\n{clear},{bob['user']['virtual_user']}\n")
    result = chats(str(source), output=str(tmp_path / "out.jsonl"))
    assert counts(result) == {"total": 1, "created": 1}
    assert clear not in (tmp_path / "out.jsonl").read_text()


# Results through XCom have a limit


def test_more_records_than_xcom_takes_are_refused_before_anything_is_sent(sandbox, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("unique_id_sha\n" + "".join(f"u{n}\n" for n in range(XCOM_RECORDS + 1)))
    for records in (people(XCOM_RECORDS + 1), str(source)):
        with pytest.raises(InvalidInput, match="more than 1,000 records") as raised:
            users(records)
        assert raised.value.field == "output"
        assert 'Set "output"' in raised.value.remedy
    assert sandbox.requests() == []


def test_as_many_records_as_xcom_takes_come_back(sandbox):
    assert len(users(people(XCOM_RECORDS))["records"]) == XCOM_RECORDS


# Messages go out once


def test_records_that_repeat_each_other_are_sent_once(sandbox):
    records = [*addressees(20), *addressees(20), {"virtual_user": "user-1", "mail": "other@example.com"}]
    result = tokens(records, on_error="continue")
    assert counts(result) == {"total": 41, "created": 20, "existing": 1, "replayed": 20}
    sent = Counter(message["to"] for message in sandbox.messages())
    assert len(sent) == 21
    assert set(sent.values()) == {1}


def test_a_message_that_may_have_gone_out_is_counted_as_unknown_and_not_sent_again(sandbox, tmp_path):
    sandbox.fault(vendor="imbee", action="reset", after=True, skip=2, times=3)
    result = tokens(
        addressees(10), output=str(tmp_path / "out.jsonl"), on_error="continue", max_concurrency=1
    )
    assert counts(result) == {"total": 10, "created": 7, "unknown": 3}
    assert len(sandbox.messages()) == sandbox.state()["requests"]["imbee"] == result["requests"] == 10
    report = lines(result["failures_output"])
    assert {failure["error"] for failure in report} == {"OutcomeUnknown"}
    assert [failure["row"] for failure in report] == [3, 4, 5]


def test_a_second_try_sends_nothing_again(sandbox):
    assert counts(tokens(addressees(3))) == {"total": 3, "created": 3}
    assert counts(tokens(addressees(3), try_number=2)) == {"total": 3, "replayed": 3}
    assert len(sandbox.messages()) == 3


@pytest.mark.parametrize("operator", [ImbeeCreateUsersOperator, ImbeeCreateChatsOperator])
def test_what_may_be_repeated_may_be_tried_again(sandbox, operator):
    task = operator(task_id="again", records=[])
    assert task.execute({"ti": SimpleNamespace(try_number=2)})["total"] == 0


# Files


@pytest.mark.parametrize(
    "output",
    ["{folder}/in.jsonl", "{folder}/./in.jsonl", "{folder}/x/../in.jsonl", "file://{folder}/in.jsonl"],
)
def test_an_output_that_is_the_input_is_refused_and_the_input_unharmed(sandbox, tmp_path, output):
    source = tmp_path / "in.jsonl"
    source.write_text('{"unique_id_sha": "ada"}\n')
    with pytest.raises(InvalidInput, match="would replace the file") as raised:
        users(str(source), output=output.format(folder=tmp_path))
    assert raised.value.field == "output"
    assert source.read_text() == '{"unique_id_sha": "ada"}\n'
    assert sandbox.requests() == []


def test_a_report_that_is_the_input_is_refused_and_the_input_unharmed(sandbox, tmp_path):
    source = tmp_path / "out.failed.jsonl"
    source.write_text('{"unique_id_sha": "ada"}\n')
    with pytest.raises(InvalidInput, match="would replace the file"):
        users(str(source), output=str(tmp_path / "out.jsonl"))
    assert source.exists()


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_sent(sandbox, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=r'"output": .* cannot be written'):
        users(people(2), output=str(tmp_path / "file" / "out.jsonl"))
    assert sandbox.requests() == []


def test_a_missing_key_for_sealing_is_found_before_anything_is_sent(sandbox, monkeypatch):
    from airflow.sdk.crypto import get_fernet

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    get_fernet.cache_clear()
    try:
        with pytest.raises(InvalidInput, match="no usable Fernet key"):
            users(people(1))
    finally:
        monkeypatch.undo()
        get_fernet.cache_clear()
    assert sandbox.requests() == []


# Progress and memory


def test_progress_is_logged_while_the_batch_runs(sandbox, caplog):
    sandbox.latency(0.02)
    with caplog.at_level("INFO"):
        users(people(30), max_concurrency=2, progress_interval=0.05)
    assert "a second" in caplog.text
    assert "created" in caplog.text


def test_memory_does_not_grow_with_the_number_of_rows():
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.memory_probe", str(rows)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rows in (10_000, 100_000)
    ]
    peaks = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        peaks.append(int(out.split()[-1]) / 1024)
    # Measured: 2 MB. Kept in memory, the 90,000 rows more would take over 50.
    assert peaks[1] - peaks[0] < 15
