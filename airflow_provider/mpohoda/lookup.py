"""What a batch looks up in mPOHODA's lists before it creates: ids of names, and what is there already."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from airflow_provider.exceptions import InvalidInput, InvalidRecord, Mistake, VendorUnavailable
from airflow_provider.extract.index import Digests, ListIndex
from airflow_provider.extract.shared import SharedReading
from airflow_provider.mpohoda.create_calls import MpohodaCreated, summary
from airflow_provider.mpohoda.links import PARTNERS, list_of, value_of, values_of
from airflow_provider.mpohoda.resources import GUID
from airflow_provider.secrets import digest_key
from airflow_provider.values import is_empty, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from airflow_provider.exceptions import RecordPath
    from airflow_provider.extract.index import Entry
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.mpohoda.pages import MpohodaPage
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait

MARGIN = 24 * 3600.0
"""Seconds before a request from which on the record is looked for that it may have created.

Clocks differ, and it is not known in which time zone mPOHODA reads a moment and with what it compares it.
What is not found is sent again: a few pages more cost less than a second invoice.
"""

NAMED = 5000
"""Names of a list that are compared with one that is not there."""

NOBODY = UUID("00000000-0000-4000-8000-000000000000")
"""Makes the ids that stand for those that a check without requests does not know: one for each name."""


class MpohodaLookup:
    """The lists that one batch needs, each read once a run.

    :param hook: the hook of the connection
    :param resource: what is created
    :param record_key: the fields that tell a record from all others
    :param resolve: the field of the list that a record has in place of an id, by field of the record
    :param existing: whether to look up what the list has already
    :param resend_after: see :class:`~airflow_provider.batch.lookup.Lookup`
    """

    blocking = False

    def __init__(
        self,
        hook: MpohodaHook,
        resource: str,
        record_key: Sequence[str],
        *,
        resolve: Mapping[str, str],
        existing: bool,
        resend_after: float | None,
    ) -> None:
        self.resend_after = resend_after
        self._hook = hook
        self._resource = resource
        self._record_key = record_key
        self._resolve = {field: (list_of(field) or "", by) for field, by in resolve.items()}
        self._existing = existing
        self._indexes: dict[tuple[str, ...], ListIndex] = {}
        self._names: dict[tuple[str, ...], list[str]] = {}
        self._unchecked: dict[str, int] = {}
        self._ready = False

    @property
    def requests(self) -> int:
        """How many requests it has sent."""
        return self._hook.requests

    def prepare(self, database: Database, *, run: str, retry: bool, wait: Wait) -> None:
        """Read the lists, or take what another task of the run has read.

        :param database: the provider's database
        :param run: the run of a Dag; empty outside of one
        :param retry: whether this is a later try of the task
        :param wait: waits for a database that is away
        :raises VendorError: a list cannot be read
        :raises VendorUnavailable: the list of what is there already was not read as a whole
        """
        wanted: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Any]] = {
            ("resolve", listing, by): _named(listing, by) for listing, by in self._resolve.values()
        }
        if self._existing:
            wanted["existing", self._resource, *self._record_key] = _summary
        secret = digest_key("list index")
        account = self._hook.account(self._hook.options).digest
        for terms, value in wanted.items():
            _, listing, *fields = terms
            index = self._indexes[terms] = ListIndex(Digests(secret))
            reading = SharedReading(
                database,
                conn_id=self._hook.conn_id,
                listing=listing,
                run=run,
                # Digests under another key are of no use.
                terms=[account, *terms, index.digests.digests([""])[0]],
                retry=retry,
                wait=wait,
            )
            pages = self._pages(listing, fields, value, index.digests, whole=terms[0] == "existing")
            reading.fill(index, pages)
        self._ready = True

    def _pages(
        self,
        listing: str,
        fields: Sequence[str],
        value: Callable[[Mapping[str, Any]], Any],
        digests: Digests,
        *,
        whole: bool,
    ) -> Callable[[], Iterator[list[Entry]]]:
        def read() -> Iterator[list[Entry]]:
            came = _Came()
            for page in self._hook.pages(listing):
                came.add(page)
                yield _entries(page.items, fields, value, digests)
            if whole and came.lacks:
                raise self._not_whole(listing, came)

        return read

    def _not_whole(self, listing: str, came: _Came) -> VendorUnavailable:
        """Return the error of a list whose missing part may have what would be created again."""
        error = VendorUnavailable(
            f"only {len(came.ids):,} of {came.announced[0]:,} records of {listing} came, so nobody can tell "
            "what is there already",
            processed=False,
            remedy="Nothing was created. The next try reads the list again. If it is always so, compare the "
            "records with the list yourself, and leave out existing.",
        )
        error.locate(vendor=self._hook.options.conn_type, conn_id=self._hook.conn_id)
        return error

    def replace(self, document: dict[str, Any]) -> None:
        """Replace names in a document by ids.

        :param document: the document
        :raises InvalidRecord: there is no such record in the list, or there are several
        """
        mistakes: list[Mistake] = []
        for field, (listing, by) in self._resolve.items():
            for holder, last, path in _places(document, field.split("."), ()):
                value = holder[last]
                if isinstance(value, str) and GUID.fullmatch(value.strip().lower()):
                    # It is an id already.
                    continue
                if not self._ready:
                    self._unchecked[field] = self._unchecked.get(field, 0) + 1
                    holder[last] = str(uuid5(NOBODY, f"{listing} {value}"))
                    continue
                found = self._id(listing, by, value)
                if isinstance(found, str):
                    holder[last] = found
                else:
                    mistakes.append(Mistake(path, *found))
        if mistakes:
            raise InvalidRecord(mistakes)

    def _id(self, listing: str, by: str, value: Any) -> str | tuple[str, str]:
        """Return an id, or what is wrong and what to do about it."""
        terms = ("resolve", listing, by)
        if isinstance(value, dict | list | bool):
            return f"must be the {by} of one of {listing}, or an id; it is {shape(value)}", "Correct it."
        try:
            found = self._indexes[terms].find([value])
        except InvalidInput as error:
            return error.message.removeprefix('"value" ').rstrip("."), error.remedy or "Correct it."
        ids = {one["id"] for one in found}
        if len(ids) == 1:
            return str(ids.pop())
        if ids:
            return (
                f"is the {by} of {len(ids)} records in {listing}",
                "Give the id of the right one, or make them differ in mPOHODA.",
            )
        return f"is the {by} of no record in {listing}", self._remedy(terms, value)

    def _remedy(self, terms: tuple[str, ...], value: Any) -> str:
        listing, index = terms[1], self._indexes[terms]
        if listing == PARTNERS:
            # What others are called is nobody's business.
            return f"{len(index):,} have one; leading zeros count. Create the partner first, or correct it."
        if terms not in self._names:
            self._names[terms] = [one["name"] for one in index.values(NAMED) if one.get("name")]
        names = {name.casefold(): name for name in self._names[terms]}
        near = difflib.get_close_matches(str(value).casefold(), names, n=3, cutoff=0.5)
        told = [names[one] for one in near] or (list(names.values()) if len(names) <= 10 else [])
        if told:
            quoted = ", ".join(f'"{name}"' for name in told)
            return f"{'Perhaps one of these is meant' if near else 'There are'}: {quoted}."
        return f"The list has {len(index):,} records with one. Correct it, or add it in mPOHODA."

    def existing(self, key: Sequence[str]) -> MpohodaCreated | None:
        """Return what the list has already with the key of a call; None where it has none.

        :param key: the key
        :raises InvalidInput: it has several
        """
        index = self._indexes.get(("existing", self._resource, *self._record_key))
        found = [] if index is None else _with_key(index, key)
        if len(found) > 1:
            raise InvalidInput(
                f"mPOHODA has {len(found)} records with its key already.",
                field="record_key",
                remedy="Look them up there. Nothing was sent: nobody can tell which of them is meant.",
            )
        return _created(found[0]) if found else None

    def recent(self, since: float) -> Recent:
        """Read what was created or changed since a moment, and some time before.

        :param since: the moment, in seconds since 1970 by the clock of this machine
        :raises VendorError: it cannot be read
        """
        index = ListIndex(Digests(digest_key("list index")))
        moment = datetime.fromtimestamp(since - MARGIN, UTC)
        found = Recent(index)
        self._indexes["recent", self._resource] = index
        found.read(self._hook.pages(self._resource, modified_since=moment), self._record_key)
        return found

    def unchecked(self) -> dict[str, int]:
        """Say how many values of which fields could not be checked without a request."""
        return dict(self._unchecked)

    def close(self) -> None:
        """Remove the indexes."""
        while self._indexes:
            self._indexes.popitem()[1].close()


class _Came:
    """The records of a list that have come, and how many the answers speak of."""

    def __init__(self) -> None:
        self.announced: list[int] = []
        # Each once: where one comes twice, another may have changed places with it and not come at all.
        self.ids: set[str] = set()

    def add(self, page: MpohodaPage) -> None:
        """Take notice of a page.

        :param page: the page
        """
        self.ids.update(page.ids)
        if page.total is not None:
            self.announced.append(page.total)

    @property
    def lacks(self) -> bool:
        """Say whether there are fewer than the list had when its reading began."""
        # Later answers may count the rest alone, or what was added meanwhile.
        return bool(self.announced) and len(self.ids) < self.announced[0]


class Recent:
    """Records that mPOHODA has created or changed lately.

    :param index: takes them
    """

    def __init__(self, index: ListIndex) -> None:
        self.complete = False
        self._index = index

    def read(self, pages: Iterable[MpohodaPage], record_key: Sequence[str]) -> None:
        """Read them.

        :param pages: the pages of the list
        :param record_key: the fields that tell a record from all others
        """
        came = _Came()
        for page in pages:
            came.add(page)
            self._index.add(_entries(page.items, record_key, _summary, self._index.digests))
        # By the highest number: a record that is looked for may be created while the list is read.
        self.complete = bool(came.announced) and len(came.ids) >= max(came.announced)

    def find(self, key: Sequence[str]) -> list[MpohodaCreated]:
        """Return the results of the records that have the key of a call.

        :param key: the key
        :raises InvalidInput: there are only such with other capitals
        """
        return [_created(one) for one in _with_key(self._index, key)]


def _entries(
    records: Iterable[Mapping[str, Any]],
    fields: Sequence[str],
    value: Callable[[Mapping[str, Any]], Any],
    digests: Digests,
) -> list[Entry]:
    found = []
    for record in records:
        try:
            entry = digests.entry(values_of(record, fields), value(record))
        except InvalidInput:
            # What no record of ours can have as its key.
            continue
        if entry is not None:
            found.append(entry)
    return found


def _named(listing: str, by: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return what makes the entry of a record: its id, and its name where that is nobody's own."""
    if listing == PARTNERS:
        return lambda record: {"id": record["Id"]}
    return lambda record: {"id": record["Id"], "name": value_of(record, by)}


def _summary(record: Mapping[str, Any]) -> dict[str, Any]:
    found = summary(record)
    # As JSON, which has no Decimal.
    return {**found, "total": None if found["total"] is None else str(found["total"])}


def _different(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each record once: one that changes while its list is read may come twice."""
    return list({one["id"]: one for one in found}.values())


def _with_key(index: ListIndex, key: Sequence[str]) -> list[dict[str, Any]]:
    """Return the records with the key of a call.

    For the ledger other capitals are another key: a record that has them is not this one for certain.
    """
    found = index.find(key[1:], capitals=True)
    if not found and index.find(key[1:], 1):
        raise InvalidInput(
            "mPOHODA has a record with its key in other capitals, which may be this one or another.",
            field="record_key",
            remedy="Look it up there. If it is this one, write the key as it is there.",
        )
    return _different(found)


def _created(found: Mapping[str, Any]) -> MpohodaCreated:
    return MpohodaCreated.model_validate({**found, "warnings": []})


def _places(
    holder: Any, path: Sequence[str], above: RecordPath
) -> Iterator[tuple[dict[str, Any], str, RecordPath]]:
    """Find where a field has a value."""
    if isinstance(holder, list):
        for place, one in enumerate(holder):
            yield from _places(one, path, (*above, place))
    elif isinstance(holder, dict):
        head, *rest = path
        if rest:
            yield from _places(holder.get(head), rest, (*above, head))
        elif not is_empty(holder.get(head)):
            yield holder, head, (*above, head)
