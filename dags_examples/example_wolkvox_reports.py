"""Read two reports of wolkvox CRM into files: one of a module, and one of collections and gestiones.

Both have to be made in the CRM first, by these names.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import WolkvoxReportOperator

with DAG(
    "example_wolkvox_reports",
    # In production a timetable with data intervals, like CronDataIntervalTimetable.
    schedule=None,
    params={"folder": "/data/wolkvox_reports"},
    tags=["wolkvox", "example"],
):
    # [START howto_operator_wolkvox_reports]
    # The zone of the CRM's clock: wolkvox takes no zone with a time.
    interval = {
        "date_from": "{{ data_interval_start.in_timezone('America/Bogota') }}",
        "date_to": "{{ data_interval_end.in_timezone('America/Bogota') }}",
    }

    contacts = WolkvoxReportOperator(
        task_id="contacts",
        name="contacts",
        **interval,
        output="{{ params.folder }}/contacts-{{ ts_nodash }}.csv",
    )

    collections = WolkvoxReportOperator(
        task_id="collections",
        name="collections",
        collections=True,
        **interval,
        output="{{ params.folder }}/collections-{{ ts_nodash }}.jsonl",
    )
    # [END howto_operator_wolkvox_reports]
