"""Read two reports of wolkvox CRM into files: one of a module, and one of collections and gestiones.

Both have to be made in the CRM first, by these names.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import WolkvoxReportOperator

with DAG(
    "example_wolkvox_reports",
    # In production a timetable with data intervals, like CronDataIntervalTimetable.
    schedule=None,
    # The zone of the CRM's clock: wolkvox takes no zone with a time.
    user_defined_filters={"crm_time": lambda time: time.astimezone(ZoneInfo("America/Bogota"))},
    params={"folder": "/data/wolkvox_reports"},
    tags=["wolkvox", "example"],
):
    # [START howto_operator_wolkvox_reports]
    # A run that is started by hand has no interval, or one without length: it reads the day before.
    until = "(dag_run.data_interval_end or dag_run.run_after)"
    since = (
        "(dag_run.data_interval_start if dag_run.data_interval_start != dag_run.data_interval_end "
        f"else {until} - macros.timedelta(days=1))"
    )
    # `crm_time` is a filter of this Dag.
    interval = {"date_from": f"{{{{ {since} | crm_time }}}}", "date_to": f"{{{{ {until} | crm_time }}}}"}

    contacts = WolkvoxReportOperator(
        task_id="contacts",
        name="contacts",
        **interval,
        output="{{ params.folder }}/contacts-{{ dag_run.run_after | ts_nodash }}.csv",
    )

    collections = WolkvoxReportOperator(
        task_id="collections",
        name="collections",
        collections=True,
        **interval,
        output="{{ params.folder }}/collections-{{ dag_run.run_after | ts_nodash }}.jsonl",
    )
    # [END howto_operator_wolkvox_reports]
