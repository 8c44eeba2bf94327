"""A parameter that cannot be right is refused when the Dag is parsed, by name, and its value is not shown."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator
from airflow_provider.quota.operators import ReleaseQuotaOperator, ReserveQuotaOperator
from airflow_provider.wolkvox.operators import (
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
    WolkvoxTokenInformationOperator,
    WolkvoxUpsertCollectionsOperator,
)
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.batches import execute

NEEDED: dict[type[BaseOperator], dict[str, Any]] = {
    ImbeeCreateUsersOperator: {"records": []},
    ImbeeCreateAccessTokensOperator: {"records": []},
    WolkvoxInsertRecordsOperator: {"records": [], "module": "contacts"},
    WolkvoxUpsertCollectionsOperator: {"records": []},
    WolkvoxQueryOperator: {"module": "contacts"},
    WolkvoxQueryCasesOperator: {"field": "status", "value": "open"},
    ReserveQuotaOperator: {"conn_id": "wolkvox_default", "amount": 1},
    ReleaseQuotaOperator: {"conn_id": "wolkvox_default"},
}


NUMBERS = count()


def make(kind: type[BaseOperator], **options: Any) -> BaseOperator:
    return kind(task_id=f"task-{next(NUMBERS)}", **{**NEEDED.get(kind, {}), **options})


def refused(kind: type[BaseOperator], name: str, value: Any, more: dict[str, Any] | None = None) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be ") as raised:
        make(kind, **(more or {}), **{name: value})
    if isinstance(value, str):
        assert str(raised.value).endswith((f"not {len(value)} characters of text", "not a str"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("records", None),
        ("records", 5),
        ("records", b"in.csv"),
        ("records", " "),
        ("output", 5),
        ("output", ""),
        ("fields", ["a"]),
        ("fields", {"a": 1}),
        ("fields", {1: "a"}),
        ("fields", {"a": ""}),
        ("defaults", ["a"]),
        ("defaults", {1: "a"}),
        ("max_concurrency", 0),
        ("max_concurrency", True),
        ("max_concurrency", "10"),
        ("on_error", "ignore"),
        ("on_error", ["fail"]),
        ("max_failures", -1),
        ("max_failures", "10"),
        ("ordered", "yes"),
        ("ordered", None),
        ("ledger_scope", ""),
        ("ledger_scope", "day"),
        ("redo", "some"),
        ("resend_unknown", "false"),
        ("resend_unknown", 0),
        ("reveal", 5),
        ("reveal", None),
        ("reveal", [["apikey"]]),
        ("delimiter", ";;"),
        ("delimiter", ""),
        ("delimiter", "\n"),
        ("delimiter", 5),
        ("encoding", "nope"),
        ("encoding", "base64"),
        ("encoding", None),
        ("missing_values", "ignore"),
        ("missing_values", None),
        ("progress_interval", 0),
        ("progress_interval", "10"),
        ("progress_interval", float("inf")),
        ("reserve", True),
        ("request_policy", {}),
        ("request_policy", RequestPolicy),
        ("retry_policy", {"retries": 3}),
        ("retry_policy", VendorRetryPolicy),
        ("imbee_conn_id", None),
        ("imbee_conn_id", " "),
    ],
    ids=str,
)
def test_of_a_batch(name, value):
    more = {"on_error": "continue"} if name == "max_failures" else {}
    refused(ImbeeCreateUsersOperator, name, value, more)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (ImbeeCreateAccessTokensOperator, "virtual_user_from", "email"),
        (WolkvoxTokenInformationOperator, "wolkvox_conn_id", None),
        (WolkvoxTokenInformationOperator, "request_policy", 3),
        (WolkvoxInsertRecordsOperator, "wolkvox_conn_id", ""),
        (WolkvoxInsertRecordsOperator, "module", None),
        (WolkvoxInsertRecordsOperator, "module", ["contacts"]),
        (WolkvoxInsertRecordsOperator, "chunk_size", "10"),
        (WolkvoxInsertRecordsOperator, "include", 5),
        (WolkvoxInsertRecordsOperator, "exclude", [1]),
        (WolkvoxInsertRecordsOperator, "record_key", "id"),
        (WolkvoxUpsertCollectionsOperator, "chunk_size", 501),
        (WolkvoxUpsertCollectionsOperator, "required", "id"),
    ],
    ids=str,
)
def test_of_a_vendors_own_operator(kind, name, value):
    refused(kind, name, value)


@pytest.mark.parametrize(
    ("kind", "name", "value", "more"),
    [
        (WolkvoxQueryOperator, "field", 5, {"value": "v"}),
        (WolkvoxQueryOperator, "date_from", 5, {"date_to": date(2026, 1, 1)}),
        (WolkvoxQueryOperator, "date_to", [1], {"date_from": "2026-01-01 00:00"}),
        (WolkvoxQueryOperator, "module", "", {"field": "f", "value": "v"}),
        (WolkvoxQueryCasesOperator, "field", None, {}),
        (WolkvoxQueryCasesOperator, "output", ["a.jsonl"], {}),
        (WolkvoxQueryCasesOperator, "page_size", 0, {}),
        (WolkvoxQueryCasesOperator, "page_size", 251, {}),
        (WolkvoxQueryCasesOperator, "max_pages", True, {}),
        (WolkvoxQueryCasesOperator, "wolkvox_conn_id", 5, {}),
    ],
    ids=str,
)
def test_of_a_query(kind, name, value, more):
    refused(kind, name, value, more)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (WolkvoxQuotaSensor, "wolkvox_conn_id", None),
        (WolkvoxQuotaSensor, "min_remaining", -1),
        (WolkvoxQuotaSensor, "min_remaining", 1.5),
        (WolkvoxQuotaSensor, "margin", True),
        (WolkvoxQuotaSensor, "deferrable", "yes"),
        (WolkvoxQuotaSensor, "retry_policy", VendorRetryPolicy),
        (ReserveQuotaOperator, "conn_id", ""),
        (ReserveQuotaOperator, "amount", 0),
        (ReserveQuotaOperator, "expires_in", timedelta(seconds=1)),
        (ReleaseQuotaOperator, "conn_id", None),
        (ReleaseQuotaOperator, "reservation", 5),
    ],
    ids=str,
)
def test_of_quotas(kind, name, value):
    refused(kind, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempts", 0),
        ("attempts", "4"),
        ("attempts", True),
        ("deadline", 0),
        ("deadline", -1),
        ("deadline", float("nan")),
        ("backoff", -0.1),
        ("backoff_limit", "20"),
        ("retry_after_limit", -1),
        ("retry_after_limit", timedelta(1)),
        ("max_response_bytes", 0),
        ("max_response_bytes", 1.5),
    ],
    ids=str,
)
def test_of_a_request_policy(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be "):
        RequestPolicy(**{name: value})
    assert RequestPolicy(backoff=0, backoff_limit=0, retry_after_limit=0).attempts == 4


def test_what_a_task_before_or_a_template_makes_is_looked_at_when_it_is_there():
    with DAG("dag"):
        before: Any = WolkvoxTokenInformationOperator(task_id="before").output
        for value in (before, before["remaining"], "{{ params.x }}"):
            templated: dict[str, Any] = dict.fromkeys(
                (
                    "records",
                    "output",
                    "fields",
                    "defaults",
                    "wolkvox_conn_id",
                    "module",
                    "include",
                    "exclude",
                    "types",
                ),
                value,
            )
            make(WolkvoxInsertRecordsOperator, **templated)
            make(WolkvoxQueryOperator, date_from=value, date_to=value, module=value)
            make(WolkvoxQueryOperator, field=value, value=value, output=value)
            make(WolkvoxQuotaSensor, min_remaining=value, wolkvox_conn_id=value)
            make(ReserveQuotaOperator, conn_id=value, amount=value)
            make(ReleaseQuotaOperator, conn_id=value, reservation=value)
        make(ImbeeCreateUsersOperator, fields={"unique_id_sha": before}, defaults={"platform": before})


def test_what_may_be_given_is_taken():
    make(
        ImbeeCreateUsersOperator,
        records=Path("in.csv"),
        output=Path("out.csv"),
        delimiter="\t",
        encoding="cp1252",
        missing_values="empty",
    )
    make(ImbeeCreateUsersOperator, records={"output": "in.csv"}, fields={}, defaults={}, reveal=("apikey",))
    make(ImbeeCreateUsersOperator, request_policy=RequestPolicy(attempts=1), retry_policy=VendorRetryPolicy())
    make(ImbeeCreateUsersOperator, on_error="continue", max_failures=0, progress_interval=0.5)
    make(WolkvoxQueryOperator, date_from=date(2026, 1, 1), date_to="2026-01-02 00:00")


@pytest.mark.parametrize("name", ["fields", "defaults"])
def test_a_template_that_makes_a_text_of_a_dict_sends_nothing(sandbox, name):
    task = make(ImbeeCreateUsersOperator, records=[{"unique_id_sha": "a"}], **{name: "{{ params.x }}"})
    setattr(task, name, "{'platform': 'x'}")
    with pytest.raises(InvalidInput, match=f"^{name} must be a dict"):
        execute(task)
    assert sandbox.requests() == []
