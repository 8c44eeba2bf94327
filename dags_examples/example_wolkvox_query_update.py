"""Change the leads and the cases that wolkvox CRM has: read them, and write a constant into each.

The leads are those of the run's day, as the CRM's clock shows it.
"""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_provider.wolkvox.operators import (
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateCasesOperator,
    WolkvoxUpdateRecordsOperator,
)

with DAG("example_wolkvox_query_update", schedule=None, tags=["wolkvox", "example"]):
    # [START howto_wolkvox_query_update]
    find_leads = WolkvoxQueryOperator(
        task_id="find_leads",
        module="leads",
        date_from="{{ dag_run.run_after | ds }}",
        date_to="{{ macros.ds_add(dag_run.run_after | ds, 1) }}",
        # It is midnight, which belongs to the next day.
        exclude_last_minute=True,
    )

    update_leads = WolkvoxUpdateRecordsOperator(
        task_id="update_leads",
        module="leads",
        # Each record comes with its wolkvox_id and with all its other fields.
        records=find_leads.output,
        # Nothing else is written: somebody may have changed it since the query.
        include=["status"],
        # It comes before the status that the record came with.
        defaults={"status": "contacted"},
        chunk_size=100,
    )

    find_cases = WolkvoxQueryCasesOperator(task_id="find_cases", field="status", value="Open")

    close_cases = WolkvoxUpdateCasesOperator(
        task_id="close_cases",
        records=find_cases.output,
        # The responsible user comes from the case. Where your CRM calls it otherwise, name that in "fields".
        defaults={"status": "Closed", "solution": "Nobody wrote for 30 days."},
    )
    # [END howto_wolkvox_query_update]
