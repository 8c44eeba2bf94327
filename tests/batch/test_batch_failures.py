"""Failed records of a batch, and what ends it."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.batch.failures import OUTAGE, REPORTED
from airflow_provider.batch.runner import STOP_GRACE
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
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator
from airflow_provider.records.writers import FileOutput
from tests.support.batches import counts, lines
from tests.support.imbee_runs import addressees, chats, people, tokens, users

pytestmark = pytest.mark.usefixtures("quick")


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


def test_an_error_of_ours_is_not_hidden_among_the_failed_records(sandbox, monkeypatch):
    def broken(*args: Any) -> bool:
        raise RuntimeError("a mistake in the code")

    monkeypatch.setattr("airflow_provider.batch.runner.seal_fields", broken)
    with pytest.raises(RuntimeError, match="a mistake in the code"):
        users(people(3), on_error="continue")


def test_a_rejected_record_is_of_its_own_type_and_fails_the_task_at_once(sandbox):
    sandbox.switch({"imbee.platforms": "ios"})
    with pytest.raises(VendorRejected) as raised:
        users([{"unique_id_sha": "ada", "platform": "web"}])
    assert isinstance(raised.value, AirflowFailException)
    assert isinstance(raised.value, VendorError)
    assert (raised.value.row, raised.value.code, raised.value.conn_id) == (1, 1, "imbee_default")


def test_what_is_under_way_when_the_disk_is_full_gets_its_answer(
    sandbox, set_connection, tmp_path, monkeypatch
):
    set_connection("imbee_default", extra={"timeout": 60})
    # Longer than a task that is told to end would wait for it.
    sandbox.latency(STOP_GRACE + 1)
    write, fault = FileOutput.write, [OSError(errno.ENOSPC, "no space left")]

    def fill_the_disk(self: FileOutput, record: dict[str, Any]) -> None:
        if fault:
            raise fault.pop()
        write(self, record)

    monkeypatch.setattr(FileOutput, "write", fill_the_disk)
    output, number = str(tmp_path / "out.jsonl"), 40
    with pytest.raises(OSError, match="no space left"):
        tokens(addressees(number), output=output, max_concurrency=8)
    sent = len(sandbox.messages())
    sandbox.latency(0.0)
    result = tokens(addressees(number), output=output, try_number=2)
    assert 0 < sent < number
    assert counts(result) == {"total": number, "created": number - sent, "replayed": sent}
