"""Activities of the CRM: calls, meetings and tasks, as a plain function that returns a call.

Source: three requests of the folder "CRM" of wolkvox's Postman collection. An activity is a record of the
module ``wolkvox_activities`` whose type stands beside its fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider import dates
from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, once
from airflow_provider.values import is_empty, native, shape
from airflow_provider.wolkvox.crm import WolkvoxRecord, required
from airflow_provider.wolkvox.fields import participants
from airflow_provider.wolkvox.record_calls import ACTIVITIES, activity_type, insert_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.wolkvox.crm import Crm

MANDATORY = (
    "status",
    "name",
    "priority",
    "name_module",
    "completion_date",
    "remember",
    "reminder_date",
    "description",
    "id_record",
    "wolkvox_owner",
)
"""Fields that wolkvox requires of every activity."""

MANDATORY_OF_TYPE = {
    "call": ("location", "phone"),
    "meet": ("location", "start_date", "participants"),
    "task": (),
}
"""Fields that wolkvox requires beside them."""

PRIORITIES = ("high", "normal", "low")
_DATES = ("completion_date", "reminder_date", "start_date")
_FORM = "YYYY-MM-DD HH:MM:SS"
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@once
def insert_activity(
    crm: Crm, type: str, fields: Mapping[str, Any], *, record_key: Sequence[str] = ()
) -> Call[WolkvoxRecord]:
    """Insert an activity (``custom/insert.php`` with the module ``wolkvox_activities``).

    A second request makes a second activity, so the call is never repeated once any of it has left.

    :param crm: whose CRM
    :param type: ``call``, ``meet`` or ``task``
    :param fields: the values by the CRM's names of the fields. Dates are datetimes or ISO 8601 texts,
        ``remember`` is a boolean or a text like ``yes``, ``phone`` is made by
        :func:`~airflow_provider.wolkvox.fields.telephone`, and ``participants`` is a list of users, or a text
        with ``;`` between them
    :param record_key: the fields that make an activity the same as another for the ledger; by default all
    :raises InvalidInput: fields are missing, which are all named, or a value has the wrong shape
    """
    kind = activity_type(type)
    values: dict[str, Any] = {**fields}
    _check_mandatory(kind, values)
    values["priority"] = _priority(values["priority"])
    values["remember"] = _flag(values["remember"])
    for name in _DATES:
        if not is_empty(values.get(name)):
            moment = dates.moment(name, values[name], _FORM)
            values[name] = None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
    if kind == "call":
        _check_phone(values["phone"])
    if kind == "meet":
        values["participants"] = _participants(values["participants"])
    return insert_record(crm, ACTIVITIES, {**values, "type": kind}, record_key=record_key)


def _check_mandatory(kind: str, values: Mapping[str, Any]) -> None:
    missing = [name for name in (*MANDATORY, *MANDATORY_OF_TYPE[kind]) if is_empty(values.get(name))]
    if missing:
        names = ", ".join(f'"{name}"' for name in missing)
        raise InvalidInput(
            f"{names} {'is' if len(missing) == 1 else 'are'} empty, and wolkvox requires "
            f"{'it' if len(missing) == 1 else 'them'} of an activity of the type {kind}.",
            field=", ".join(missing),
            remedy='Fill them, map others with "fields", or give constants with "defaults".',
        )


def _priority(value: Any) -> str:
    priority = required("priority", value).lower()
    if priority not in PRIORITIES:
        raise InvalidInput(
            f'"priority" must be one of {", ".join(PRIORITIES)}; it is {shape(value)}.',
            field="priority",
            remedy="Correct the column, or give a constant with defaults.",
        )
    return priority


def _flag(value: Any) -> bool:
    own = native(value)
    if isinstance(own, bool):
        return own
    try:
        return _FLAGS[required("remember", own).lower()]
    except KeyError:
        raise InvalidInput(
            f'"remember" must be true or false; it is {shape(value)}.',
            field="remember",
            remedy="Write it as true or false, 1 or 0, yes or no.",
        ) from None


def _check_phone(phone: Any) -> None:
    if not isinstance(phone, dict) or phone.get("type") != "telephone":
        raise InvalidInput(
            f'"phone" of a call is a typed value; it is {shape(phone)}.',
            field="phone",
            remedy='Declare it: types={"phone": telephone(country="Colombia", code="57")}.',
        )


def _participants(value: Any) -> dict[str, Any]:
    typed = isinstance(value, dict) and value.get("type") == "participant"
    made = participants(value.get("value") if typed else value)
    if not made.get("value"):
        raise InvalidInput(
            '"participants" has nobody in it, and wolkvox requires them of a meeting.',
            field="participants",
            remedy="Give users like user@operation: a list, or a text with ; between them.",
        )
    return made
