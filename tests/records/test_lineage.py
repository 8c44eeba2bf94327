"""What a task read and wrote, as OpenLineage names it; the events of a real run are in ``tests/system``."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import AssetAlias

from airflow_provider.batch.counts import BatchCounts
from airflow_provider.records.assets import asset_of, asset_uri, report
from airflow_provider.records.lineage import WithLineage, dataset_name, lineage
from airflow_provider.records.outcome import TaskOutcome, host_of

needs_openlineage = pytest.mark.usefixtures("openlineage")


@pytest.fixture
def openlineage() -> None:
    pytest.importorskip("airflow.providers.openlineage")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/data/users.csv", ("file", "/data/users.csv")),
        ("file:///data/users.csv", ("file", "/data/users.csv")),
        ("users.csv", ("file", f"{os.getcwd()}/users.csv")),
        ("s3://canary_conn@bucket/a/users.csv", ("s3://bucket", "a/users.csv")),
        ("gs://bucket/users.csv", ("gs://bucket", "users.csv")),
    ],
)
def test_a_file_has_the_name_that_openlineage_gives_it(place, name):
    assert dataset_name(place) == name


@pytest.mark.parametrize(
    ("output", "uri"),
    [
        ("/data/users.csv", "file:///data/users.csv"),
        ("s3://canary_conn@bucket/users.csv", "s3://bucket/users.csv"),
        ("users.csv", None),
        ("/data/{{ ds }}.csv", None),
        ("/data/zákazníci.csv", None),
        (None, None),
    ],
)
def test_an_output_is_an_asset_where_airflow_can_name_it(output, uri):
    assert asset_uri(output) == uri


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com", "api.example.com"),
        ("https://api.example.com/v1", "api.example.com"),
        ("http://127.0.0.1:8765/imbee", "127.0.0.1:8765"),
        ("http://[::1]:80", "[::1]:80"),
    ],
)
def test_the_vendor_is_named_by_its_host(url, host):
    assert host_of(url) == host


def outcome(**fields: Any) -> TaskOutcome:
    return TaskOutcome(conn_id="conn", vendor="acme", host="h", operation="acme.things", **fields)


def named(datasets: Any) -> list[tuple[str, str]]:
    return [(one.namespace, one.name) for one in datasets]


@needs_openlineage
def test_a_batch_that_reads_has_the_vendor_among_its_inputs():
    found = lineage(outcome(direction="from", source="/ids.csv", rows={"/things.jsonl": 2}))
    assert named(found.inputs) == [("file", "/ids.csv"), ("acme://h", "acme.things")]
    assert named(found.outputs) == [("file", "/things.jsonl")]


@needs_openlineage
def test_what_is_not_known_is_left_out():
    found = lineage(outcome(rows={"/things.jsonl": None}))
    assert found.inputs == []
    assert [one.outputFacets for one in found.outputs] == [{}, {}]
    found = lineage(outcome(counted=BatchCounts(created=3, failed=1)))
    [vendor] = found.outputs
    assert vendor.outputFacets["outputStatistics"].rowCount == 3


@needs_openlineage
def test_nested_columns_are_told_with_their_kinds():
    columns = {"Id": "text", "Lines": [{"Price": "number"}], "Tags": ["text"], "Owner": {"Name": "text"}}
    found = lineage(outcome(direction="from", rows={"/t.csv": 1}, schemas={"/t.csv": columns}))
    fields = found.outputs[0].facets["schema"].fields
    assert [(one.name, one.type, [inner.name for inner in one.fields]) for one in fields] == [
        ("Id", "text", []),
        ("Lines", "array<struct>", ["Price"]),
        ("Tags", "array<text>", []),
        ("Owner", "struct", ["Name"]),
    ]


def test_a_task_that_has_not_begun_has_no_lineage():
    assert WithLineage().get_openlineage_facets_on_complete(None) is None
    assert WithLineage().get_openlineage_facets_on_failure(None) is None


@pytest.mark.parametrize("output", ["/data/" + "x" * 1600 + ".csv", "airflow://x/y.csv", "s3://[b/x.csv"])
def test_an_output_that_is_none_to_airflow_neither_breaks_the_dag_nor_the_task(output):
    assert asset_of(output) is None
    alias = AssetAlias("outputs")
    context: Any = {"outlet_events": {alias: None}}
    report(context, [alias], {output: {"rows": 1}})


@pytest.mark.parametrize("output", ["/data/x?1.csv", "/data/x#1.csv", "s3://b/x#1.csv"])
def test_two_outputs_are_never_one_asset_because_airflow_cuts_their_names(output):
    assert asset_of(output) is None


def test_the_event_of_an_asset_has_the_numbers_of_its_own_output():
    uris = ["S3://bucket/first.csv", "S3://bucket/second.csv"]
    outlets = [asset_of(uri) for uri in uris]
    assert [one.uri for one in outlets if one] == ["s3://bucket/first.csv", "s3://bucket/second.csv"]
    events = {one: SimpleNamespace(extra={}) for one in outlets}
    context: Any = {"outlet_events": events}
    report(context, outlets, {uri: {"rows": rows} for rows, uri in enumerate(uris)})
    assert [events[one].extra for one in outlets] == [{"rows": 0}, {"rows": 1}]
