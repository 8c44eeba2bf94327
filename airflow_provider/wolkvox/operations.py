"""What the wolkvox CRM batches do with each record."""

from __future__ import annotations

from airflow_provider.batch.known import Known
from airflow_provider.batch.operation import Late, Operation
from airflow_provider.wolkvox.read_back import MARKS, case_values_not_again, is_read_only


def _late(name: str) -> Late:
    return Late("airflow_provider.wolkvox.calls", name)


INSERT_RECORDS = Operation(
    name="wolkvox.insert_record",
    call=_late("insert_record"),
    result_key="record",
    combine=_late("combine_inserts"),
    rest="fields",
    files=True,
)

UPDATE_RECORDS = Operation(
    name="wolkvox.update_record",
    call=_late("update_record"),
    result_key="record",
    existing=True,
    takes={"wolkvox_id": "record.wolkvox_id"},
    changes=True,
    done="updated",
    combine=_late("combine_updates"),
    rest="fields",
    known=Known(marks=MARKS, read_only=is_read_only),
    files=True,
)

DELETE_RECORDS = Operation(
    name="wolkvox.delete_record",
    call=_late("delete_record"),
    result_key="record",
    existing=True,
    takes={"wolkvox_id": "record.wolkvox_id"},
    done="deleted",
    combine=_late("combine_deletions"),
)

UPSERT_COLLECTIONS = Operation(
    name="wolkvox.upsert_collection",
    call=_late("upsert_collection"),
    result_key="collection",
    changes=True,
    done="inserted or updated",
    combine=_late("combine_upserts"),
    rest="fields",
)

INSERT_GESTIONES = Operation(
    name="wolkvox.insert_gestion",
    call=_late("insert_gestion"),
    result_key="gestion",
    rest="fields",
)

# The key of a result is no parameter of the call: an update takes "obligation" from it.
INSERT_OBLIGATIONS = Operation(
    name="wolkvox.insert_obligation",
    call=_late("insert_obligation"),
    result_key="obligation_insert",
    takes={"wolkvox_id": "record.wolkvox_id"},
    rest="fields",
)

UPDATE_OBLIGATIONS = Operation(
    name="wolkvox.update_obligation",
    call=_late("update_obligation"),
    result_key="obligation_update",
    existing=True,
    takes={"wolkvox_id": "obligation_insert.wolkvox_id", "obligation": "obligation_insert.id"},
    changes=True,
    done="updated",
    rest="fields",
)

INSERT_CASES = Operation(name="wolkvox.insert_case", call=_late("insert_case"), result_key="case", files=True)

INSERT_ACTIVITIES = Operation(
    name="wolkvox.insert_activity",
    call=_late("insert_activity"),
    result_key="activity",
    rest="fields",
    files=True,
)

UPDATE_CASES = Operation(
    name="wolkvox.update_case",
    call=_late("update_case"),
    result_key="case_update",
    existing=True,
    takes={"wolkvox_id": "case.wolkvox_id"},
    changes=True,
    done="updated",
    known=Known(marks=(*MARKS, "case_update.wolkvox_id"), not_again=case_values_not_again),
    files=True,
)
