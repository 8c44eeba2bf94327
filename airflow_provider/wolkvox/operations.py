"""What the wolkvox CRM batches do with each record."""

from __future__ import annotations

from airflow_provider.batch.operation import Operation
from airflow_provider.wolkvox import calls

INSERT_RECORDS = Operation(
    name="wolkvox.insert_record",
    call=calls.insert_record,
    result_key="record",
    combine=calls.combine_inserts,
    rest="fields",
    files=True,
)

UPDATE_RECORDS = Operation(
    name="wolkvox.update_record",
    call=calls.update_record,
    result_key="record",
    existing=True,
    takes={"wolkvox_id": "record.wolkvox_id"},
    changes=True,
    done="updated",
    combine=calls.combine_updates,
    rest="fields",
    files=True,
)

DELETE_RECORDS = Operation(
    name="wolkvox.delete_record",
    call=calls.delete_record,
    result_key="record",
    existing=True,
    takes={"wolkvox_id": "record.wolkvox_id"},
    done="deleted",
    combine=calls.combine_deletions,
)

UPSERT_COLLECTIONS = Operation(
    name="wolkvox.upsert_collection",
    call=calls.upsert_collection,
    result_key="collection",
    changes=True,
    done="inserted or updated",
    combine=calls.combine_upserts,
    rest="fields",
)

INSERT_CASES = Operation(name="wolkvox.insert_case", call=calls.insert_case, result_key="case", files=True)

INSERT_ACTIVITIES = Operation(
    name="wolkvox.insert_activity",
    call=calls.insert_activity,
    result_key="activity",
    rest="fields",
    files=True,
)

UPDATE_CASES = Operation(
    name="wolkvox.update_case",
    call=calls.update_case,
    result_key="case_update",
    existing=True,
    takes={"wolkvox_id": "case.wolkvox_id"},
    changes=True,
    done="updated",
    files=True,
)
