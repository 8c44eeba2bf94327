"""Records of the CRM's modules: insert, update, delete and query, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection. Several records may go in one request, for one use
of the token: :func:`combine_inserts` and its like make it of the calls of single records.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider import dates
from airflow_provider.exceptions import InvalidInput, OutcomeUnknown, VendorProtocolError, VendorRejected
from airflow_provider.http.call import Call, idempotent, once, safe
from airflow_provider.http.model import parse
from airflow_provider.texts import scalar
from airflow_provider.values import is_empty, shape, visible
from airflow_provider.wolkvox.attachments import anchors, files_in, known_by
from airflow_provider.wolkvox.crm import WolkvoxPage, WolkvoxRecord, content, identity, required, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    from airflow_provider.wolkvox.attachments import File
    from airflow_provider.wolkvox.crm import Crm

T = TypeVar("T")

ACTIVITIES = "wolkvox_activities"
"""The module whose records have a type beside their fields."""

ACTIVITY_TYPES = ("call", "meet", "task")

PAGE_SIZE = 250
"""The most records that wolkvox returns at once."""

_MINUTES = "%Y-%m-%d %H:%M"

GONE = "If an earlier sending broke off, it may have deleted the record already: look it up in the CRM."


@once
def insert_record(
    crm: Crm, module: str, fields: Mapping[str, Any], *, record_key: Sequence[str] = ()
) -> Call[WolkvoxRecord]:
    """Insert a record: with files ``custom/insertAttach.php``, without ``custom/insert.php``.

    wolkvox knows no duplicates: a second request makes a second record, so the call is never repeated once
    any of it has left.

    :param crm: whose CRM
    :param module: name of the module, like ``contacts``
    :param fields: the values by the CRM's names of the fields. For an activity, in the module
        ``wolkvox_activities``, its ``type`` is one of them: it is sent beside the others
    :param record_key: the fields that make a record the same as another for the ledger; by default all
    :raises InvalidInput: a value is missing or has the wrong shape, or a file cannot be read
    """
    name, files = required("module", module), files_in(fields)
    values = _written(fields, files)
    # They identify the record; what the other fields are is not known here.
    values.update({key: visible(values[key]) for key in record_key if isinstance(values.get(key), str)})

    def read(document: dict[str, Any], status: int) -> WolkvoxRecord:
        record = parse(WolkvoxRecord, document.get("data"), status=status)
        if is_empty(record.wolkvox_id):
            raise VendorProtocolError("the response has no wolkvox_id", status=status)
        return record

    key = (name, *identity(_known(values, files), record_key))
    beside = {"type": activity_type(values.pop("type", None))} if name == ACTIVITIES else {}
    return crm.write(
        "custom/insertAttach.php" if files else "custom/insert.php",
        {"module": name, **beside, "fields": values},
        read,
        key=key,
        alone=bool(files or beside),
    )


@once
def insert_records(crm: Crm, module: str, records: Sequence[Mapping[str, Any]]) -> Call[list[WolkvoxRecord]]:
    """Insert several records at once (``custom/insertMany.php``), which returns no identifiers.

    Where the answer counts another number than was sent, it cannot be told which records are there.

    :param crm: whose CRM
    :param module: name of the module
    :param records: the fields of each
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    sent = len(records)

    def read(document: dict[str, Any], status: int) -> list[WolkvoxRecord]:
        if (told := _other_count(document, sent)) is not None:
            raise OutcomeUnknown(
                f"{sent} records were sent, and wolkvox speaks of {told}, without saying which",
                status=status,
                remedy="They are not sent again by themselves. Look them up in the CRM.",
            )
        return [WolkvoxRecord() for _ in range(sent)]

    return crm.write(
        "custom/insertMany.php",
        {"module": required("module", module), "fields": [written(fields) for fields in records]},
        read,
    )


def combine_inserts(crm: Crm, module: str, calls: Sequence[Call[Any]]) -> Call[list[WolkvoxRecord]]:
    """Put several calls of :func:`insert_record` into one of :func:`insert_records`.

    :param crm: whose CRM
    :param module: name of the module
    :param calls: the calls
    """
    return insert_records(crm, module, [call.json["fields"] for call in calls])


@idempotent
def update_record(crm: Crm, module: str, wolkvox_id: str, fields: Mapping[str, Any]) -> Call[WolkvoxRecord]:
    """Change fields of a record (``custom/update.php``).

    Files of a field ``attachments`` go beside the fields, as wolkvox has them there.

    :param crm: whose CRM
    :param module: name of the module
    :param wolkvox_id: the CRM's identifier of the record
    :param fields: the new values by the CRM's names of the fields
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    name, id_, files = required("module", module), required("wolkvox_id", wolkvox_id), files_in(fields)
    values = _written(fields, files)
    key = (name, id_, *content(_known(values, files)))
    beside = {"attachments": values.pop("attachments")} if "attachments" in files else {}
    if not values:
        raise InvalidInput(
            "the record has attachments alone, and wolkvox requires another field beside them.",
            field="fields",
            remedy="Send a field with them, if need be with the value that it has.",
        )
    return crm.write(
        "custom/update.php",
        {"module": name, "wolkvox-id": id_, "fields": values, **beside},
        lambda document, status: WolkvoxRecord(wolkvox_id=id_),
        key=key,
        alone=bool(files),
    )


@idempotent
def update_records(
    crm: Crm, module: str, records: Sequence[tuple[str, Mapping[str, Any]]]
) -> Call[list[WolkvoxRecord]]:
    """Change fields of several records at once (``custom/updateMany.php``).

    Where the answer counts other than was sent, all have failed: to send them again is harmless.

    :param crm: whose CRM
    :param module: name of the module
    :param records: identifier and new values of each
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    ids = [required("wolkvox_id", wolkvox_id) for wolkvox_id, _ in records]
    fields = [{**written(values), "wolkvox-id": id_} for id_, (_, values) in zip(ids, records, strict=True)]

    def read(document: dict[str, Any], status: int) -> list[WolkvoxRecord]:
        if (told := _other_count(document, len(ids))) is not None:
            raise VendorRejected(
                f"{len(ids)} records were sent, and wolkvox speaks of {told}, without saying which",
                status=status,
                remedy="To send them again is harmless; a smaller chunk_size narrows it down.",
            )
        return [WolkvoxRecord(wolkvox_id=id_) for id_ in ids]

    return crm.write(
        "custom/updateMany.php",
        {"module": required("module", module), "fields": fields},
        read,
    )


def combine_updates(crm: Crm, module: str, calls: Sequence[Call[Any]]) -> Call[list[WolkvoxRecord]]:
    """Put several calls of :func:`update_record` into one of :func:`update_records`.

    :param crm: whose CRM
    :param module: name of the module
    :param calls: the calls
    """
    return update_records(crm, module, [(call.json["wolkvox-id"], call.json["fields"]) for call in calls])


@idempotent
def delete_record(crm: Crm, module: str, wolkvox_id: str) -> Call[WolkvoxRecord]:
    """Delete a record (``custom/delete.php``).

    It is repeated where it is not known whether it took effect. What wolkvox answers where the record has
    gone by then is not documented; a refusal stays one, and its message says that this may be why.

    :param crm: whose CRM
    :param module: name of the module
    :param wolkvox_id: the CRM's identifier of the record
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    id_ = required("wolkvox_id", wolkvox_id)

    def read(document: dict[str, Any], status: int) -> WolkvoxRecord:
        [outcome] = _deleted(document, [id_], status)
        if isinstance(outcome, VendorRejected):
            raise outcome
        return outcome

    return _delete(crm, module, {"multiple": False, "wolkvox-id": id_}, read, key=(module, id_))


@idempotent
def delete_records(
    crm: Crm, module: str, wolkvox_ids: Sequence[str]
) -> Call[list[WolkvoxRecord | VendorRejected]]:
    """Delete several records at once (``custom/delete.php`` with ``multiple``).

    :param crm: whose CRM
    :param module: name of the module
    :param wolkvox_ids: the CRM's identifiers of the records
    :return: the call; for an identifier that the answer leaves out it returns an error in place of a record
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    ids = [required("wolkvox_id", wolkvox_id) for wolkvox_id in wolkvox_ids]

    return _delete(
        crm,
        module,
        {"multiple": True, "wolkvox-id": ids},
        lambda document, status: _deleted(document, ids, status),
    )


def combine_deletions(
    crm: Crm, module: str, calls: Sequence[Call[Any]]
) -> Call[list[WolkvoxRecord | VendorRejected]]:
    """Put several calls of :func:`delete_record` into one of :func:`delete_records`.

    :param crm: whose CRM
    :param module: name of the module
    :param calls: the calls
    """
    return delete_records(crm, module, [call.json["wolkvox-id"] for call in calls])


@safe
def query_records(
    crm: Crm, module: str, field: str, value: Any, *, page: int = 1, limit: int = PAGE_SIZE
) -> Call[WolkvoxPage]:
    """Ask for a page of the records whose field has a value (``custom/query.php``).

    :param crm: whose CRM
    :param module: name of the module
    :param field: name of the field in the CRM
    :param value: its value
    :param page: number of the page, from 1
    :param limit: records in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    asked = {"module": required("module", module), "field": required("field", field), "value": _asked(value)}
    return crm.read("custom/query.php", {**asked, "limit": limit, "page": page})


@safe
def query_dates(
    crm: Crm,
    module: str,
    date_from: datetime | date | str,
    date_to: datetime | date | str,
    *,
    date_format: str | None = None,
    exclude_last_minute: bool = False,
    page: int = 1,
    limit: int = PAGE_SIZE,
) -> Call[WolkvoxPage]:
    """Ask for a page of the records of a time (``custom/queryDates.php``).

    :param crm: whose CRM
    :param module: name of the module
    :param date_from: its beginning, to the minute, as the CRM's own clock shows it
    :param date_to: its end
    :param date_format: how the two are written where they are texts; None for any ISO 8601
    :param exclude_last_minute: whether ``to`` is sent as the minute before ``date_to``
    :param page: number of the page, from 1
    :param limit: records in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape, or nothing is left of the time
    """
    begin, end = _minute("date_from", date_from, date_format), _minute("date_to", date_to, date_format)
    first, last = begin.strftime(_MINUTES), end.strftime(_MINUTES)
    if first > last:
        raise InvalidInput(f'"date_from" ({first}) is after "date_to" ({last}).', field="date_from")
    if exclude_last_minute:
        if first == last:
            raise InvalidInput(
                f'"date_to" ({last}) is in the minute of "date_from", and its minute is left out.',
                field="date_to",
                remedy=(
                    "Give a time of a minute or more. In Airflow 3 data intervals of a schedule like @hourly "
                    "have no length: use CronDataIntervalTimetable. Or leave out exclude_last_minute."
                ),
            )
        last = (end.replace(tzinfo=None) - timedelta(minutes=1)).strftime(_MINUTES)
    asked = {"module": required("module", module), "date": True, "from": first, "to": last}
    return crm.read("custom/queryDates.php", {**asked, "limit": limit, "page": page})


def activity_type(value: Any) -> str:
    """Return the type of an activity as wolkvox calls it.

    :param value: the type; a meeting may be called so
    :raises InvalidInput: there is no such type
    """
    text = required("type", value).lower()
    found = "meet" if text == "meeting" else text
    if found not in ACTIVITY_TYPES:
        raise InvalidInput(
            f'"type" of the activity must be one of {", ".join(ACTIVITY_TYPES)}; it is {shape(value)}.',
            field="type",
            remedy="Correct the column, or map another with fields.",
        )
    return found


def _written(fields: Mapping[str, Any], files: Mapping[str, list[File]]) -> dict[str, Any]:
    others = {name: value for name, value in fields.items() if name not in files}
    values = written(others) if others or not files else {}
    return {name: anchors(files[name]) if name in files else values[name] for name in fields}


def _known(values: Mapping[str, Any], files: Mapping[str, list[File]]) -> dict[str, Any]:
    return {**values, **{name: known_by(found) for name, found in files.items()}}


def _other_count(document: Mapping[str, Any], sent: int) -> int | None:
    """Return a number in the answer's text that is not that of the records; its sample has an "x" there."""
    text = document.get("msg")
    counts = [int(found) for found in re.findall(r"\b[0-9]{1,9}\b", text)] if isinstance(text, str) else []
    return next((count for count in counts if count != sent), None)


def _delete(
    crm: Crm,
    module: str,
    body: Mapping[str, Any],
    read: Callable[[dict[str, Any], int], T],
    *,
    key: tuple[str, ...] = (),
) -> Call[T]:
    return crm.write(
        "custom/delete.php",
        {"module": required("module", module), **body},
        read,
        key=key,
        remedy=GONE,
    )


def _deleted(
    document: Mapping[str, Any], ids: Sequence[str], status: int
) -> list[WolkvoxRecord | VendorRejected]:
    data = document.get("data")
    named = data.get("wolkvox_id") if isinstance(data, dict) else None
    # An answer without a list speaks of all; an empty list says that none was deleted.
    deleted = {str(one) for one in named} if isinstance(named, list) else set(ids)
    return [
        WolkvoxRecord(wolkvox_id=id_)
        if id_ in deleted
        else VendorRejected(
            f"wolkvox names {len(deleted)} of {len(ids)} records as deleted, and not this one",
            status=status,
            remedy=GONE,
        )
        for id_ in ids
    ]


def _asked(value: Any) -> Any:
    required("value", value)
    return scalar(value, "value")


def _minute(name: str, value: Any, date_format: str | None) -> datetime:
    form = "YYYY-MM-DD HH:MM"
    found = dates.moment(name, value, form, date_format)
    if found is None:
        raise InvalidInput(f'"{name}" must be a time as {date_format or form}; it is empty.', field=name)
    return found
