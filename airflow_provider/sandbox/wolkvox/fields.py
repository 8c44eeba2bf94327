"""What stands in the ``fields`` of a record: typed values, and those that an activity needs."""

from __future__ import annotations

from typing import Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.records import SECONDS

ACTIVITIES: dict[str, tuple[str, ...]] = {
    "call": ("location", "phone"),
    "meet": ("location", "start_date", "participants"),
    "task": (),
}
OF_ALL_ACTIVITIES = (
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
PRIORITIES = ("high", "normal", "low")
DATES = ("completion_date", "reminder_date", "start_date")
# The keys of each type of value, beside "type".
TYPED: dict[str, tuple[str, ...]] = {
    "address": ("value",),
    "currency": ("value", "symbol", "convert"),
    "participant": ("value",),
    "relationship": ("value",),
    "search": ("value", "value_id", "searchModuleName"),
    "table": ("value",),
    "telephone": ("value", "country", "code"),
}


def check_typed(fields: dict[str, Any]) -> None:
    """Refuse an object that is no typed value, and a list that is not one of texts."""
    for value in fields.values():
        if isinstance(value, dict):
            _check_type(value)
        elif isinstance(value, list):
            _check_list(value, str)


def _check_type(value: dict[str, Any]) -> None:
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in TYPED:
        raise Refusal("invalid_parameter")
    for name in TYPED[kind]:
        if name not in value:
            raise Refusal("missing_parameter")
    if kind in ("table", "participant"):
        _check_list(value["value"], dict if kind == "table" else str)


def _check_list(value: Any, kind: type) -> None:
    if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
        raise Refusal("invalid_parameter")


def check_activity(kind: str, fields: Body, strict: bool) -> None:
    """Refuse an activity that lacks something, or has it in another form.

    :param kind: the activity's type
    :param strict: whether all documented fields must be there
    """
    if kind not in ACTIVITIES:
        raise Refusal("invalid_parameter")
    documented = (*OF_ALL_ACTIVITIES, *ACTIVITIES[kind])
    if strict:
        for name in documented:
            fields.required(name)
    given = {name: value for name, value in fields.values.items() if value not in (None, "")}
    for name in given.keys() & set(DATES):
        fields.moment(name, SECONDS)
    if not isinstance(given.get("remember", True), bool) or given.get("priority", "low") not in PRIORITIES:
        raise Refusal("invalid_parameter")
    if "phone" in given:
        _typed(fields, "phone", "telephone").required("value")
        if strict:
            _check_type(given["phone"])
    if "participants" in given:
        people = _typed(fields, "participants", "participant").required("value")
        _check_list(people, str)
        if not all(one.strip() for one in people):
            raise Refusal("missing_parameter")
    texts = given.keys() & set(documented) - {"phone", "participants", "remember"}
    if not all(isinstance(given[name], str) for name in texts):
        raise Refusal("invalid_parameter")


def _typed(fields: Body, name: str, kind: str) -> Body:
    value = fields.within(name)
    if value.text("type") != kind:
        raise Refusal("invalid_parameter")
    return value
