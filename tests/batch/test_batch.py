from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.batch.operator import XCOM_RECORDS
from airflow_provider.batch.runner import OUTAGE, REPORTED
from airflow_provider.exceptions import (
    BatchFailed,
    InvalidInput,
    OutcomeUnknown,
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.imbee import calls
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.secrets import is_sealed, open_sealed

ROOT = Path(__file__).resolve().parents[2]
COUNTS = ("created", "existing", "replayed", "failed", "unknown")


def users(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateUsersOperator(task_id="users", records=records, **options).execute({})


def chats(records: Any, **options: Any) -> dict[str, Any]:
    return ImbeeCreateChatsOperator(task_id="chats", records=records, **options).execute({})


def tokens(records: Any, *, try_number: int = 1, **options: Any) -> dict[str, Any]:
    options.setdefault("defaults", {"bot_idsha": "bot"})
    task = ImbeeCreateAccessTokensOperator(task_id="tokens", records=records, **options)
    return task.execute({"ti": SimpleNamespace(try_number=try_number)})


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"unique_id_sha": f"user-{n}", **more} for n in range(1, count + 1)]


def addressees(count: int) -> list[dict[str, Any]]:
    return [{"virtual_user": f"user-{n}", "mail": f"user-{n}@example.com"} for n in range(1, count + 1)]


def counts(result: dict[str, Any]) -> dict[str, int]:
    return {name: result[name] for name in ("total", *COUNTS) if result[name]}


def lines(path: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def quick(sandbox, set_connection, no_waiting):
    set_connection("imbee_default", extra={"timeout": 5})


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
    for records in ([], str(tmp_path / "in.csv"), {"records": [], "output": None}):
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
    def output(name: str) -> dict[str, str]:
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


# Failed records


def test_the_first_failure_ends_the_batch_by_default_and_what_was_done_is_kept(sandbox, tmp_path):
    (tmp_path / "out.jsonl").write_text("of before\n")
    records = [*people(3), {"unique_id_sha": ""}, *people(90)]
    with pytest.raises(InvalidInput, match=r'^row 4: .*"unique_id_sha" is empty') as raised:
        users(records, output=str(tmp_path / "out.jsonl"), max_concurrency=1)
    assert isinstance(raised.value, AirflowFailException)
    assert raised.value.row == 4
    assert len(sandbox.requests("imbee")) == 3
    assert (tmp_path / "out.jsonl").read_text() == "of before\n"
    assert len(lines(tmp_path / "out.jsonl.partial")) == 3
    [failure] = lines(tmp_path / "out.failed.jsonl")
    assert failure["row"] == 4


def test_what_is_under_way_when_a_batch_ends_is_finished_and_kept(sandbox, tmp_path):
    sandbox.latency(0.05)
    records = [{"unique_id_sha": ""}, *people(50)]
    with pytest.raises(InvalidInput):
        users([*people(10), *records], output=str(tmp_path / "out.jsonl"), max_concurrency=8)
    kept = {record["unique_id_sha"] for record in lines(tmp_path / "out.jsonl.partial")}
    assert kept == {request["json"]["uniqueIdSha"] for request in sandbox.requests("imbee")}


def test_the_report_has_every_failed_record_with_row_reason_and_record(sandbox, tmp_path):
    sandbox.switch({"imbee.platforms": "ios"})
    bad = {7: "android", 100: "web"}
    records = [{"unique_id_sha": f"u{n}", "platform": bad.get(n, "ios")} for n in range(1, 151)]
    records[49] = {"unique_id_sha": None, "platform": "ios"}
    result = users(records, output=str(tmp_path / "out.jsonl"), on_error="continue")
    assert counts(result) == {"total": 150, "created": 147, "failed": 3}
    assert result["failures_output"] == str(tmp_path / "out.failed.jsonl")
    report = {failure["row"]: failure for failure in lines(result["failures_output"])}
    assert set(report) == {7, 50, 100}
    assert report[7]["error"] == "VendorRejected"
    assert "platform is not valid" in report[7]["reason"]
    assert report[7]["reason"].startswith("row 7: imbee (imbee_default) POST third_parties/user/new:")
    assert report[7]["record"] == {"unique_id_sha": "u7", "platform": "android"}
    assert (report[50]["error"], report[50]["field"]) == ("InvalidInput", "unique_id_sha")
    assert {failure["row"] for failure in result["failures"]} == {7, 50, 100}


def test_the_result_names_some_failures_and_the_report_all(sandbox, tmp_path):
    result = users([{"unique_id_sha": ""}] * 200, output=str(tmp_path / "out.jsonl"), on_error="continue")
    assert result["failed"] == 200
    assert len(result["failures"]) == REPORTED
    assert sorted(failure["row"] for failure in lines(result["failures_output"])) == list(range(1, 201))


def test_a_batch_without_failures_leaves_no_report_not_even_one_of_before(sandbox, tmp_path):
    (tmp_path / "out.failed.jsonl").write_text("of before\n")
    assert (
        users(people(2), output=str(tmp_path / "out.jsonl"), on_error="continue")["failures_output"] is None
    )
    assert os.listdir(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize(("limit", "ends"), [(0, True), (4, True), (5, False), (None, False)])
def test_more_failures_than_max_failures_end_the_batch(sandbox, limit, ends):
    records = [{"unique_id_sha": ""}] * 5 + people(3)
    if ends:
        with pytest.raises(
            BatchFailed, match=f"{limit + 1} of .* more than max_failures={limit}; the first: row 1:"
        ):
            users(records, on_error="continue", max_failures=limit, max_concurrency=1)
        assert sandbox.requests() == []
    else:
        assert counts(users(records, on_error="continue", max_failures=limit)) == {
            "total": 8,
            "created": 3,
            "failed": 5,
        }


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": "ignore"},
        {"max_concurrency": 0},
        {"max_failures": 3},
        {"max_failures": 3, "on_error": "fail"},
    ],
)
def test_options_that_make_no_sense_are_refused_when_the_dag_is_parsed(options):
    with pytest.raises(ValueError, match=r"must be|needs"):
        ImbeeCreateUsersOperator(task_id="users", records=[], **options)


@pytest.mark.parametrize("again", [{"resend_unknown": True}, {"redo": "all"}])
def test_messages_are_not_sent_again_by_each_retry(again):
    for retries in (1, 3):
        with pytest.raises(ValueError, match="need retries=0"):
            ImbeeCreateAccessTokensOperator(task_id="tokens", records=[], retries=retries, **again)
    ImbeeCreateAccessTokensOperator(task_id="tokens", records=[], retries=0, **again)
    ImbeeCreateAccessTokensOperator(task_id="tokens", records=[], retries=3)
    ImbeeCreateUsersOperator(task_id="users", records=[], retries=3, **again)


# What ends a batch


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 401, "json": {"code": 1, "message": "who?"}}, VendorAuthError),
        ({"status": 403, "json": {"code": 1, "message": "no"}}, VendorAuthError),
        ({"status": 429, "headers": {"Retry-After": "3600"}}, RateLimited),
    ],
)
@pytest.mark.parametrize("batch", [users, tokens])
def test_what_would_refuse_every_record_ends_the_batch_at_once(sandbox, batch, on_error, fault, error):
    sandbox.fault(vendor="imbee", times=None, **fault)
    records = people(200) if batch is users else addressees(200)
    with pytest.raises(error) as raised:
        batch(records, on_error=on_error, max_concurrency=4)
    assert 1 <= len(sandbox.requests("imbee")) <= 4
    assert raised.value.row in (1, 2, 3, 4)


def test_a_refused_key_of_one_user_does_not_end_the_batch(sandbox):
    found = users(people(3))["records"]
    other = found[0]["user"]["virtual_user"]
    records = [
        {**found[1], "contacts": other},
        {"apikey": "wrong", "contacts": other},
        {**found[2], "contacts": other},
    ]
    result = chats(records, on_error="continue")
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    assert result["failures"][0]["error"] == "VendorAuthError"


def test_a_batch_of_chats_whose_credentials_are_all_refused_ends_before_its_last_record(
    sandbox, set_connection
):
    other = users(people(1))["records"][0]["user"]
    set_connection("imbee_default", password="wrong-authorization")
    records = [{"apikey": other["apikey"], "contacts": f"user-{n}"} for n in range(200)]
    with pytest.raises(VendorAuthError):
        chats(records, on_error="continue", max_concurrency=4)
    assert len(sandbox.requests("imbee", path="chat/create")) < 100


def test_an_outage_ends_the_batch_even_if_failures_are_tolerated(sandbox, tmp_path):
    sandbox.fault(vendor="imbee", skip=5, times=None, status=500)
    with pytest.raises(VendorUnavailable):
        users(people(500), output=str(tmp_path / "out.jsonl"), on_error="continue", max_concurrency=1)
    assert len(lines(tmp_path / "out.jsonl.partial")) == 5
    assert len(lines(tmp_path / "out.failed.jsonl")) == OUTAGE
    # Each is sent as often as a call may be.
    assert sandbox.state()["requests"]["imbee"] == 5 + 4 * OUTAGE


def test_failures_with_successes_between_are_no_outage(sandbox):
    # Requests meet the faults in turn: one fails, the next gets its true answer.
    for _ in range(2 * OUTAGE):
        sandbox.fault(vendor="imbee", path="token/new", status=500)
        sandbox.fault(vendor="imbee", path="token/new", delay=0.0, headers={"X-True": "answer"})
    result = tokens(addressees(4 * OUTAGE), on_error="continue", max_concurrency=1)
    assert counts(result) == {"total": 4 * OUTAGE, "created": 2 * OUTAGE, "unknown": 2 * OUTAGE}


def test_unknown_outcomes_in_a_row_are_an_outage_too(sandbox):
    sandbox.fault(vendor="imbee", times=None, action="reset")
    with pytest.raises(OutcomeUnknown) as raised:
        tokens(addressees(200), on_error="continue", max_concurrency=1)
    assert isinstance(raised.value, AirflowFailException)
    assert sandbox.state()["requests"]["imbee"] == OUTAGE


def test_a_used_up_quota_ends_the_batch(sandbox, monkeypatch):
    def exhausted(response: Any) -> None:
        raise QuotaExhausted("used up")

    monkeypatch.setattr(calls, "_body", exhausted)
    with pytest.raises(QuotaExhausted) as raised:
        users(people(100), on_error="continue", max_concurrency=3)
    assert not isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("imbee")) <= 3


@pytest.mark.parametrize("error", [VendorUnavailable, RateLimited])
def test_what_time_may_mend_is_left_to_the_retries_of_the_task(sandbox, error):
    status = {VendorUnavailable: 500, RateLimited: 429}[error]
    sandbox.fault(vendor="imbee", times=None, status=status)
    with pytest.raises(error) as raised:
        users(people(1))
    assert not isinstance(raised.value, AirflowFailException)


@pytest.mark.parametrize(("own", "connection", "most"), [(3, 20, 3), (20, 3, 3), (1, 20, 1)])
def test_no_more_requests_are_under_way_than_either_limit_allows(
    sandbox, set_connection, monkeypatch, own, connection, most
):
    from airflow_provider.http.async_client import AsyncClient

    under_way = 0
    peak = 0
    real = AsyncClient._send

    async def counting(*args: Any) -> Any:
        nonlocal under_way, peak
        under_way += 1
        peak = max(peak, under_way)
        try:
            return await real(*args)
        finally:
            under_way -= 1

    monkeypatch.setattr(AsyncClient, "_send", counting)
    sandbox.latency(0.01)
    set_connection("imbee_default", extra={"max_connections": connection})
    users(people(30), max_concurrency=own)
    assert peak == most


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
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
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


def test_an_error_of_ours_is_not_hidden_among_the_failed_records(sandbox, monkeypatch):
    def broken(*args: Any) -> bool:
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr(ImbeeCreateUsersOperator, "finish", broken)
    with pytest.raises(RuntimeError, match="a mistake in the code"):
        users(people(3), on_error="continue")


def test_a_rejected_record_is_of_its_own_type_and_fails_the_task_at_once(sandbox):
    sandbox.switch({"imbee.platforms": "ios"})
    with pytest.raises(VendorRejected) as raised:
        users([{"unique_id_sha": "ada", "platform": "web"}])
    assert isinstance(raised.value, AirflowFailException)
    assert isinstance(raised.value, VendorError)
    assert (raised.value.row, raised.value.code, raised.value.conn_id) == (1, 1, "imbee_default")
