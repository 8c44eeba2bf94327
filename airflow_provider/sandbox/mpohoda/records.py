"""The records of each list. Those made by the thousand are written from one template, when needed."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.resources import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider.sandbox.mpohoda.wire import Format

Record = dict[str, Any]

# In a template's texts: the number of the record, its id, the id without its first part, and its times.
MARKS = {"{n}": "%(n)d", "{id}": "%(id)s", "{tail}": "%(tail)s"}
DAY_SECONDS = 86_400.0
CREATED, MODIFIED, DAY = "{created}", "{modified}", "{day}"


@dataclass(slots=True)
class Payment:
    """One payment of a document.

    :param id: the liquidation's id
    :param record: the liquidation
    :param moment: when it was made, in seconds since 1970
    """

    id: str
    record: Record
    moment: float


class Batch:
    """Records that differ by their number, id and times only.

    :param template: the record, with marks in its texts
    """

    def __init__(self, template: Record) -> None:
        self.template = template
        self.written: tuple[Format | None, str] = (None, "")
        # The last day written: from, until, its text. Neighbours are of the same day.
        self.day = (0.0, 0.0, "")

    def text(self, entry: Entry, form: Format) -> str:
        """Write one of its records."""
        if self.written[0] is not form:
            text = form.text(self.template).replace("%", "%%")
            for mark, place in MARKS.items():
                text = text.replace(mark, place)
            for mark in (CREATED, MODIFIED, DAY):
                text = text.replace(mark, f"%({mark[1:-1]})s")
            self.written = (form, text)
            self.day = (0.0, 0.0, "")
        created = entry.created
        if created >= self.day[1] or created < self.day[0]:
            start = created // DAY_SECONDS * DAY_SECONDS
            self.day = (start, start + DAY_SECONDS, form.date(day_of(created)))
        text = form.date(datetime.fromtimestamp(created, UTC))
        same = created == entry.modified
        values = {
            "n": entry.number,
            "id": entry.id,
            "tail": entry.id[8:],
            "day": self.day[2],
            "created": text,
            "modified": text if same else form.date(datetime.fromtimestamp(entry.modified, UTC)),
        }
        return self.written[1] % values


@dataclass(slots=True, eq=False)
class Entry:
    """One record and what is known of it besides its fields.

    :param id: its id
    :param created: seconds since 1970
    :param modified: seconds since 1970
    :param number: its place in the order of creation
    :param fields: the record; None for one of a batch until it is needed
    :param batch: the batch that it comes from
    :param payments: the payments of a document
    """

    id: str
    created: float
    modified: float
    number: int
    fields: Record | None = None
    batch: Batch | None = None
    payments: list[Payment] = field(default_factory=list)
    written: bytes | None = None
    state_written: bytes | None = None

    @property
    def record(self) -> Record:
        """The record; one of a batch becomes one of its own."""
        if self.fields is None:
            self.fields = filled(deepcopy(self.peek()), self)
            self.batch = None
        return self.fields

    def peek(self) -> Record:
        """Return the record to look at, which may be the template of its batch."""
        return self.fields if self.fields is not None else self.batch.template  # type: ignore[union-attr]

    def encoded(self, form: Format) -> bytes:
        """Return the record as JSON, written once."""
        if self.written is None:
            text = self.batch.text(self, form) if self.batch else form.text(self.record)
            self.written = text.encode()
        return self.written

    def touch(self, seconds: float | None = None) -> None:
        """Forget what was written, and note a change.

        :param seconds: the time of the change; None when it does not count as one
        """
        if seconds is not None:
            self.modified = seconds
            modification = self.record["ModificationInfo"]
            modification["ModifiedDate"] = datetime.fromtimestamp(seconds, UTC)
        self.written = self.state_written = None


class Table:
    """The records of one list in the order of their creation.

    :param name: the resource
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Entry] = []
        self.by_id: dict[str, Entry] = {}
        self.gone: dict[str, Entry] = {}
        self.made = 0
        self.version = 0

    def add(self, entry: Entry) -> Entry:
        """Add a record, or replace the one with its id where it stands."""
        old = self.by_id.get(entry.id)
        if old is not None:
            entry.number = old.number
            self.entries[self.entries.index(old)] = entry
        else:
            self.entries.append(entry)
        self.by_id[entry.id] = entry
        self.version += 1
        return entry

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove records; their places stay known."""
        gone = {entry.id: entry for entry in entries}
        self.gone |= gone
        self.entries = [entry for entry in self.entries if entry.id not in gone]
        for id_ in gone:
            del self.by_id[id_]
        self.version += 1

    def next_number(self) -> int:
        """Return the number of the next record, from 1."""
        self.made += 1
        return self.made


class Records:
    """All tables, and the ids of everything."""

    def __init__(self) -> None:
        self.tables = {name: Table(name) for name in RESOURCES}
        self.ids = 0

    def find(self, resource: str, id_: str | None) -> Entry | None:
        """Return a record; GUIDs are compared without regard to capitals."""
        return self.tables[resource].by_id.get((id_ or "").lower())

    def new_id(self) -> str:
        """Return a new GUID, whose order says nothing."""
        self.ids += 1
        return guid(self.ids)

    def make(self, resource: str, record: Record, seconds: float, modified: float | None = None) -> Entry:
        """Keep a record, which gets an id if it has none.

        :param resource: the list
        :param record: all its fields
        :param seconds: when it was created, in seconds since 1970
        :param modified: when it was changed; None: when it was created
        """
        table = self.tables[resource]
        record["Id"] = (record.get("Id") or self.new_id()).lower()
        entry = Entry(record["Id"], seconds, seconds if modified is None else modified, table.next_number())
        entry.fields = record
        return table.add(entry)

    def make_many(
        self, resource: str, template: Record, count: int, first: float, step: float
    ) -> list[Entry]:
        """Keep records made from a template.

        :param resource: the list
        :param template: all fields, with marks in the texts
        :param count: how many
        :param first: when the first was created and changed, in seconds since 1970
        :param step: how many seconds later each of the following was
        """
        table, batch = self.tables[resource], Batch(template)
        start = table.made + 1
        made = []
        for number in range(count):
            at = first + number * step
            made.append(Entry(guid(self.ids + number + 1), at, at, start + number, batch=batch))
        self.ids += count
        table.made += count
        table.entries += made
        table.by_id |= {entry.id: entry for entry in made}
        table.version += 1
        return made

    def rewrite(self) -> None:
        """Forget what was written, because it would be written otherwise now."""
        for table in self.tables.values():
            for entry in table.entries:
                entry.written = entry.state_written = None

    def counts(self) -> dict[str, int]:
        """Return how many records each list has that has any."""
        return {name: len(table.entries) for name, table in self.tables.items() if table.entries}


class View:
    """The records of a list that a reader asks for, in their order, and the place of each.

    :param entries: the records in order
    :param order: gives the place of a record that is gone
    """

    def __init__(self, entries: list[Entry], order: Callable[[Entry], Any], descending: bool) -> None:
        self.entries = sorted(entries, key=order, reverse=descending)
        self.places = {entry.id: place for place, entry in enumerate(self.entries)}
        self.order = order
        self.descending = descending

    def place_after(self, entry: Entry) -> int:
        """Return the place of what follows a record, which may have gone."""
        place = self.places.get(entry.id)
        if place is not None:
            return place + 1
        key = self.order(entry)
        keys = map(self.order, self.entries)
        return sum(1 for one in keys if (one > key if self.descending else one < key))


def guid(number: int) -> str:
    """Return the GUID of a number; different numbers have different ones."""
    # Odd factors: no two products are the same within the digits kept.
    head = (number * 0x9E3779B1) & 0xFFFFFFFF
    return f"{head:08x}-5a4d-4b0c-8f0d-{(number * 0x9E3779B97F4B) & 0xFFFFFFFFFFFF:012x}"


def day_of(seconds: float) -> datetime:
    """Return the day of a time as documents have it: midnight, without an offset."""
    return datetime.fromtimestamp(seconds, UTC).replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None
    )


_ANY_MARK = re.compile(r"\{(n|id|tail)\}")


def filled(value: Any, entry: Entry) -> Any:
    """Return a template's value with the marks replaced by what an entry has.

    :param value: the value
    :param entry: the entry
    """
    if isinstance(value, dict):
        return {name: filled(one, entry) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, entry) for one in value]
    if not isinstance(value, str):
        return value
    times = {CREATED: entry.created, MODIFIED: entry.modified}
    if value == DAY:
        return day_of(entry.created)
    if value in times:
        return datetime.fromtimestamp(times[value], UTC)
    marks = {"n": str(entry.number), "id": entry.id, "tail": entry.id[8:]}
    return _ANY_MARK.sub(lambda mark: marks.get(mark[1], mark[0]), value)
