"""Read again what changed in mPOHODA in past days, one run for each day: ``airflow backfill create``.

The window neither reads nor moves the state of the nightly extract. mPOHODA knows only the latest change of a
record: what has changed again since is in the window of that later change.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.mpohoda.operators import MpohodaListOperator

with DAG(
    "example_mpohoda_backfill",
    # In production a timetable with data intervals, like CronDataIntervalTimetable.
    schedule=None,
    params={"folder": "/data/mpohoda"},
    max_active_runs=1,
    tags=["mpohoda", "example"],
):
    # [START howto_mpohoda_backfill]
    # A run that is started by hand has no interval, or one without length: it reads the day before.
    until = "(dag_run.data_interval_end or dag_run.run_after)"
    since = (
        "(dag_run.data_interval_start if dag_run.data_interval_start != dag_run.data_interval_end "
        f"else {until} - macros.timedelta(days=1))"
    )

    MpohodaListOperator(
        task_id="invoices",
        resource="IssuedInvoices",
        modified_since=f"{{{{ {since} }}}}",
        modified_before=f"{{{{ {until} }}}}",
        # mPOHODA has no end of a window: each run reads the pages from its day to the present.
        reserve="auto",
        output=f"{{{{ params.folder }}}}/invoices-{{{{ {since} | ds_nodash }}}}.parquet",
    )
    # [END howto_mpohoda_backfill]
