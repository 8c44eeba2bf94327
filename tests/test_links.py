"""Where the links of tasks lead; that Airflow shows them is in ``system/test_seen_in_airflow.py``."""

from __future__ import annotations

import importlib
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.bases.operatorlink import BaseOperatorLink

from airflow_provider import links
from airflow_provider.get_provider_info import LINKS, get_provider_info
from airflow_provider.mpohoda.operators import MpohodaListOperator
from airflow_provider.quota.hook import metered_types
from airflow_provider.quota.operators import ReleaseQuotaOperator
from airflow_provider.records.outcome import TaskOutcome
from airflow_provider.vendors import VENDORS
from tests.support.imbee import users

TASK: Any = SimpleNamespace(
    dag_id="d/1", run_id="manual__2026-11-26T05:00:00+00:00", task_id="t", map_index=-1
)
XCOM = "/dags/d%2F1/runs/manual__2026-11-26T05%3A00%3A00%2B00%3A00/tasks/t/xcom"
QUERY = "dag_id=d%2F1&run_id=manual__2026-11-26T05%3A00%3A00%2B00%3A00&task_id=t"


def modules() -> list[Any]:
    info = get_provider_info()
    names = [
        name for kind in ("operators", "sensors") for row in info[kind] for name in row["python-modules"]
    ]
    return [importlib.import_module(name) for name in names]


def test_each_operator_and_sensor_has_links():
    kinds = {
        kind
        for one in modules()
        for kind in vars(one).values()
        if inspect.isclass(kind) and issubclass(kind, BaseOperator) and "airflow_provider" in kind.__module__
    }
    assert len(kinds) > 30
    for kind in kinds:
        names = [link.name for link in kind.operator_extra_links]
        assert {"Quota", "Vendor"} <= set(names), kind
        assert hasattr(kind, "outcome") == ("Output" in names), kind


def test_the_metadata_names_every_link():
    own = {
        name
        for name, one in vars(links).items()
        if inspect.isclass(one) and issubclass(one, BaseOperatorLink) and one is not BaseOperatorLink
    }
    assert own == set(LINKS)
    for path in get_provider_info()["extra-links"]:
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name)


def test_the_rows_know_which_vendors_have_a_quota():
    assert sorted(vendor.conn_type for vendor in VENDORS if vendor.quota) == metered_types()


@pytest.mark.parametrize(
    ("base_url", "path", "absolute"),
    [
        ("", "", ""),
        ("http://localhost:8080", "", "http://localhost:8080"),
        ("https://person:canary@host.example.com/team/", "/team", "https://host.example.com/team"),
        ("/team", "/team", "/team"),
    ],
)
def test_a_link_has_the_path_of_airflow_and_no_host_unless_it_is_read_elsewhere(
    monkeypatch, base_url, path, absolute
):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert links.RecordsLink().get_link(users([]), ti_key=TASK) == f"{path}/vendor-apis/records?{QUERY}"
    assert (
        links.page("quotas", absolute=True, conn_id="a&b") == f"{absolute}/vendor-apis/quotas?conn_id=a%26b"
    )


CONSOLES = {
    "s3://bucket/a b/c.csv": "https://console.aws.amazon.com/s3/object/bucket?prefix=a%20b/c.csv",
    "s3://plain@bucket/c.csv": "https://console.aws.amazon.com/s3/object/bucket?prefix=c.csv",
    "s3://minio@bucket/c.csv": None,
    "s3://missing@bucket/c.csv": None,
    "gs://conn@bucket/a/c.csv": "https://console.cloud.google.com/storage/browser/_details/bucket/a/c.csv",
    "abfs://conn@container/c.csv": None,
    "/data/c.csv": None,
    "file:///data/c.csv": None,
    "s3://bucket": None,
}


@pytest.mark.parametrize(("place", "console"), CONSOLES.items())
def test_a_console_is_known_where_the_uri_says_which(monkeypatch, place, console):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_PLAIN", json.dumps({"conn_type": "aws", "password": "canary"}))
    monkeypatch.setenv(
        "AIRFLOW_CONN_MINIO", json.dumps({"conn_type": "aws", "extra": {"endpoint_url": "http://minio:9000"}})
    )
    assert links.console_of(place) == console


def test_another_endpoint_for_all_has_no_known_console(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio:9000")
    assert links.console_of("s3://bucket/c.csv") is None


def outcome(**fields: Any) -> TaskOutcome:
    return TaskOutcome(conn_id="c", vendor="imbee", host="h", operation="imbee.create_user", **fields)


class Counts:
    """Counts of a batch that stand."""

    def __init__(self, **counts: int) -> None:
        self._counts = counts

    def as_dict(self) -> dict[str, int]:
        return self._counts


@pytest.mark.parametrize(
    ("did", "link"),
    [
        (None, ""),
        (outcome(counted=Counts(created=1, failed=0, unknown=0)), ""),
        (outcome(counted=Counts(failed=1, unknown=1)), f"/vendor-apis/records?{QUERY}&state=failed"),
        (outcome(counted=Counts(failed=0, unknown=1)), f"/vendor-apis/unknown?{QUERY}"),
        (
            outcome(counted=Counts(failed=1), report="gs://b/f.jsonl"),
            "https://console.cloud.google.com/storage/browser/_details/b/f.jsonl",
        ),
        (outcome(counted=Counts(failed=1), report="/f.jsonl"), f"/vendor-apis/records?{QUERY}&state=failed"),
        # The page knows nothing of a task that sends nothing.
        (outcome(counted=Counts(failed=1), direction="none"), XCOM),
    ],
)
def test_failed_records_are_linked_to_where_they_can_be_read(monkeypatch, did, link):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    task = users([])
    task.outcome = did
    assert links.FailedRecordsLink().get_link(task, ti_key=TASK) == link


def test_a_task_that_sends_nothing_is_not_looked_for_on_the_operations_page(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    task = users([])
    task.outcome = outcome(counted=Counts(failed=1), direction="none", rows={"/o.csv": 1})
    assert links.RecordsLink().get_link(task, ti_key=TASK) == ""
    assert links.OutputLink().get_link(task, ti_key=TASK) == XCOM


def test_an_output_that_was_not_published_is_not_linked(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    task = users([])
    task.outcome = outcome(rows={"gs://b/o.csv": None}, counted=Counts())
    assert links.OutputLink().get_link(task, ti_key=TASK) == f"/vendor-apis/batches?{QUERY}"
    task.outcome.rows["gs://b/o.csv"] = 3
    assert links.OutputLink().get_link(task, ti_key=TASK).endswith("/_details/b/o.csv")


def test_the_xcoms_of_an_instance_of_a_mapped_task_are_its_own(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    task = SimpleNamespace(**{**vars(TASK), "map_index": 3})
    run = "manual__2026-11-26T05%3A00%3A00%2B00%3A00"
    assert links.xcom_page(task) == f"/dags/d%2F1/runs/{run}/tasks/t/mapped/3/xcom"


def vendor_link(task: Any) -> str:
    return links.VendorLink().get_link(task, ti_key=TASK)


def test_the_vendors_application_is_that_of_the_country_and_of_the_connection(sandbox, set_connection):
    task = MpohodaListOperator(task_id="t", resource="Activities")
    assert vendor_link(task) == "https://app.mpohoda.cz"
    set_connection("mpohoda_default", extra={"country": "sk"})
    assert vendor_link(task) == "https://app.mpohoda.sk"
    set_connection("mpohoda_default", extra={"web_url": "https://books.example.com/x?a=1#b"})
    assert vendor_link(task) == "https://books.example.com/x?a=1#b"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://person:canary@example.com", "example.com"])
def test_an_address_that_is_none_is_not_linked(sandbox, set_connection, url):
    set_connection("imbee_default", extra={"web_url": url})
    assert vendor_link(users([])) == ""


def test_operators_of_several_vendors_find_theirs_by_the_connection(sandbox):
    task = ReleaseQuotaOperator(task_id="t", conn_id="wolkvox_default", reservation="r")
    assert vendor_link(task) == "https://crm.wolkvox.com/"
    assert (
        links.QuotaLink().get_link(task, ti_key=TASK).endswith("/vendor-apis/quotas?conn_id=wolkvox_default")
    )


def test_a_vendor_without_a_quota_or_an_address_has_no_link(sandbox):
    assert links.QuotaLink().get_link(users([]), ti_key=TASK) == ""
    assert vendor_link(users([])) == ""
    assert vendor_link(users([], imbee_conn_id="missing")) == ""


def test_the_link_to_the_records_is_there_when_a_batch_begins_and_cannot_fail_it(sandbox, set_connection):
    pushed: list[tuple[str, str]] = []

    def push(key: str, value: str) -> None:
        pushed.append((key, value))
        raise RuntimeError("no XCom today")

    instance = SimpleNamespace(**vars(TASK), try_number=1, xcom_push=push)
    task: Any = users([{"unique_id_sha": "u1"}])
    assert task.execute({"ti": instance})["created"] == 1
    [(key, link)] = pushed
    assert key == "_link_RecordsLink"
    assert QUERY in link
