"""What an incremental reading tells: its result, and the events of its outlets."""

from __future__ import annotations

import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from tests.extract.test_extraction import files
from tests.support.acme_lists import AcmeListOperator, read
from tests.support.changes import Vendor
from tests.support.dags import run, states


def test_the_result_says_what_was_read(tmp_path):
    vendor = Vendor.of(5, largest=3, refuses=True)
    result = read(vendor, output=f"{tmp_path}/1.jsonl", lines_output=f"{tmp_path}/2.jsonl", page_size=4)
    result.pop("seconds")
    assert result == {
        "total": 5,
        "pages": 3,
        "requests": 4,
        "complete": True,
        "output": f"{tmp_path}/1.jsonl",
        "lines_output": f"{tmp_path}/2.jsonl",
        "repeated": 0,
        "since": None,
        "watermark": "2026-11-01T00:00:05Z",
        "page_size": 2,
    }


def test_outputs_are_outlets_whose_events_say_what_is_in_them(tmp_path):
    operator = AcmeListOperator(
        vendor=Vendor.of(0), output=f"{tmp_path}/1.jsonl", lines_output="s3://conn@b/2.csv"
    )
    assert [one.uri for one in operator.outlets if isinstance(one, Asset)] == [
        f"file://{tmp_path}/1.jsonl",
        "s3://b/2.csv",
    ]
    events = OutletEventAccessors()
    read(
        Vendor.of(5),
        output=f"{tmp_path}/1.jsonl",
        lines_output=f"{tmp_path}/2.jsonl",
        incremental=True,
        events=events,
    )
    extras = {asset.uri: events[asset].extra for asset in events if isinstance(asset, Asset)}
    told = {"requests": 3, "since": None, "watermark": "2026-11-01T00:00:05Z"}
    told |= {"operation": "acme.after", "conn_id": "acme_default"}
    assert extras == {
        f"file://{tmp_path}/1.jsonl": {"rows": 5, **told},
        f"file://{tmp_path}/2.jsonl": {"rows": 6, **told},
    }


def test_airflow_has_an_event_for_each_published_output(airflow_db, tmp_path):
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.sdk import DAG
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with DAG("acme_documents", schedule=None) as dag:
        AcmeListOperator(
            vendor=Vendor.of(5),
            output=f"{tmp_path}/1.jsonl",
            lines_output=f"{tmp_path}/2.jsonl",
            incremental=True,
        )
    assert states(run(dag)) == {"read": "success"}
    query = select(AssetModel.uri, AssetEvent.extra).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
    with create_session() as session:
        found = {row.uri: row.extra for row in session.execute(query) if str(tmp_path) in row.uri}
    told = {"requests": 3, "since": None, "watermark": "2026-11-01T00:00:05Z"}
    told |= {"operation": "acme.after", "conn_id": "acme_default"}
    assert found == {
        f"file://{tmp_path}/1.jsonl": {"rows": 5, **told},
        f"file://{tmp_path}/2.jsonl": {"rows": 6, **told},
    }


def test_mapped_instances_with_one_file_of_lines_are_refused(airflow_db, tmp_path):
    from airflow.sdk import DAG

    with DAG("acme_mapped", schedule=None) as dag:
        AcmeListOperator.partial(
            task_id="read", vendor=Vendor.of(5), lines_output=f"{tmp_path}/lines.jsonl"
        ).expand(output=[f"{tmp_path}/1.jsonl", f"{tmp_path}/2.jsonl"])
    run(dag)
    assert files(tmp_path) == set()


def test_the_author_s_outlets_stay_and_get_the_same(tmp_path):
    events = OutletEventAccessors()
    own, alias = Asset("documents"), AssetAlias("files")
    read(Vendor.of(5), output=f"{tmp_path}/1.jsonl", outlets=[own, alias], events=events)
    assert events[own].extra["rows"] == 5
    [event] = events[alias].asset_alias_events
    assert (event.dest_asset_key.uri, event.extra["requests"]) == (f"file://{tmp_path}/1.jsonl", 3)


@pytest.mark.parametrize("output", ["out.jsonl", "/data/{{ ds }}.jsonl", None])
def test_an_output_that_is_not_known_before_the_run_is_no_outlet(output):
    assert AcmeListOperator(vendor=Vendor.of(0), output=output).outlets == []
