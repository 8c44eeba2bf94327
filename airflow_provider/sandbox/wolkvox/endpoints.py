"""What the endpoints of the CRM share: how a record is found, and when it counts as a duplicate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.answers import Answers
from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.records import SECONDS, Record, Records, having, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the CRM.

    :param answer: makes the answer of an operation and the body
    :param keys: what the body may hold, beside the operation
    :param paged: whether it may hold ``limit`` and ``page`` too
    :param form: whether the body is a form
    :param token: the type of token that it takes
    """

    answer: Callable[[str, Body], Any]
    keys: tuple[str, ...]
    paged: bool = False
    form: bool = False
    token: str = "internal"  # noqa: S105 - a type of tokens, no token

    def knows(self, names: Iterable[str]) -> bool:
        """Return whether a body may hold these keys."""
        return set(names) <= {"operation", *self.keys, *(("limit", "page") if self.paged else ())}


class Endpoints:
    """Base of the groups of endpoints.

    :param records: the records of all modules
    :param switch: returns the value of one of wolkvox's switches
    """

    def __init__(self, records: Records, switch: Callable[[str], Any]) -> None:
        self.records = records
        self.switch = switch
        self.answers = Answers(switch)

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        raise NotImplementedError

    def module(self, body: Body) -> str:
        """Return the module that a body names."""
        module = body.text("module")
        known = self.names("modules")
        if known and module not in known:
            raise Refusal("unknown_module")
        return module

    def names(self, trait: str) -> list[str]:
        """Return the names that a switch lists."""
        return [name.strip() for name in self.switch(trait).split(",") if name.strip()]

    def known(self, operation: str, module: str, wolkvox_id: str) -> Record:
        """Return a record that must exist."""
        record = self.records.module(operation, module).get(wolkvox_id)
        if record is None:
            raise Refusal("unknown_id")
        return record

    def new(self, operation: str, module: str, fields: Record, rule: str = "duplicates") -> Record:
        """Create a record, unless it counts as a duplicate.

        :param rule: the switch that says what happens to duplicates
        """
        existing = self.existing(operation, module, fields, rule)
        if existing is None:
            return self.records.create(operation, module, fields)
        if self.switch(rule) == "refuse":
            raise Refusal("duplicate")
        return existing

    def existing(
        self, operation: str, module: str, fields: Record, rule: str = "duplicates"
    ) -> Record | None:
        """Return the record of which another one would be a duplicate, or None."""
        if self.switch(rule) == "create":
            return None
        records = self.records.module(operation, module).values()
        key = self.switch("duplicate_key") if rule == "duplicates" else ""
        if key:
            found = having(records, key, plain(fields[key])) if key in fields else []
            return found[0] if found else None
        for record in records:
            if all(record.get(name) == value for name, value in fields.items()):
                return record
        return None

    def matching(self, body: Body, records: Iterable[Record], name: str) -> list[Record]:
        """Return the records whose field has the value that a body asks for."""
        value = body.sought("value")
        name = "wolkvox_id" if name == "wolkvox-id" else name
        ignore_case = self.switch("query_match") == "ignore case"
        return having(records, name, value, ignore_case)


def created(records: Iterable[Record], first: datetime, last: datetime) -> list[Record]:
    """Return the records created in a range of time, its ends included."""
    # The form of these dates sorts as the dates do.
    begin, end = first.strftime(SECONDS), last.strftime(SECONDS)
    return [one for one in records if begin <= one["wolkvox_fecha_creacion"] <= end]
