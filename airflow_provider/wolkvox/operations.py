"""What the wolkvox CRM batches do with each record."""

from __future__ import annotations

from airflow_provider.batch.known import Known
from airflow_provider.batch.operation import Operation
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.read_back import MARKS, case_values_not_again, is_read_only

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
    known=Known(marks=MARKS, read_only=is_read_only),
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

INSERT_GESTIONES = Operation(
    name="wolkvox.insert_gestion",
    call=calls.insert_gestion,
    result_key="gestion",
    rest="fields",
)

# The key of a result is no parameter of the call: an update takes "obligation" from it.
INSERT_OBLIGATIONS = Operation(
    name="wolkvox.insert_obligation",
    call=calls.insert_obligation,
    result_key="obligation_insert",
    takes={"wolkvox_id": "record.wolkvox_id"},
    rest="fields",
)

UPDATE_OBLIGATIONS = Operation(
    name="wolkvox.update_obligation",
    call=calls.update_obligation,
    result_key="obligation_update",
    existing=True,
    takes={"wolkvox_id": "obligation_insert.wolkvox_id", "obligation": "obligation_insert.id"},
    changes=True,
    done="updated",
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
    known=Known(marks=(*MARKS, "case_update.wolkvox_id"), not_again=case_values_not_again),
    files=True,
)
