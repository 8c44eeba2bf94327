"""Lists of mPOHODA in a real Airflow: tries, states, quotas and assets of runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mpohoda.reading import QUICK, Company, ids
from tests.support.dags import results, run, states


@pytest.fixture
def company(airflow_db, sandbox):
    return Company(sandbox)


def nightly(output: str, **options: Any) -> Any:
    from airflow.sdk import DAG

    from airflow_provider.mpohoda.operators import MpohodaListOperator

    with DAG("mpohoda_nightly", schedule=None) as dag:
        MpohodaListOperator(
            task_id="invoices",
            resource="IssuedInvoices",
            incremental=True,
            request_policy=QUICK,
            output=output,
            **options,
        )
    return dag


def result_of(found: Any) -> dict[str, Any]:
    result: dict[str, Any] = results(found)["invoices"]
    return result


def test_a_try_goes_on_where_the_one_before_was_interrupted_and_the_next_run_reads_the_changes(
    company, tmp_path
):
    from datetime import timedelta

    company.generate(250)
    company.sandbox.fault(vendor="mpohoda", status=503, skip=1)
    first = run(nightly(f"{tmp_path}/1.jsonl", retries=1, retry_delay=timedelta(0)))
    assert states(first) == {"invoices": "success"}
    found = result_of(first)
    assert (found["total"], found["resumed_at"], found["requests"]) == (250, 2, 2)
    company.generate(3, first="2026-01-02T00:00:00Z")
    second = result_of(run(nightly(f"{tmp_path}/2.jsonl", overlap=timedelta(0))))
    assert (second["total"], second["since"]) == (4, "2026-01-01T00:04:09Z")
    assert set(ids(tmp_path / "2.jsonl")) & set(ids(tmp_path / "1.jsonl")) == {ids(tmp_path / "1.jsonl")[-1]}


def test_a_run_without_the_right_fails_and_leaves_the_state(company, tmp_path):
    company.generate(3)
    company.switch(forbidden_resources="IssuedInvoices")
    assert states(run(nightly(f"{tmp_path}/1.jsonl", retries=1))) == {"invoices": "failed"}
    assert len(company.queries()) == 1, "a retry cannot help"
    company.switch(forbidden_resources="")
    found = result_of(run(nightly(f"{tmp_path}/1.jsonl")))
    assert (found["since"], found["total"]) == (None, 3)


def test_an_output_has_an_asset_event_with_its_rows_and_requests(company, tmp_path):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    company.generate(3)
    dag = nightly(f"{tmp_path}/1.jsonl", lines_output=f"{tmp_path}/lines.jsonl")
    done = run(dag)
    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_run_id == done.run_id)).all()
        extras = sorted((event.extra["rows"], event.extra["requests"]) for event in events)
    assert extras == [(3, 1), (3, 1)]
