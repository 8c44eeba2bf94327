"""Read a list into a file, page after page, and on from where an earlier try of the task ended."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider.exceptions import (
    InvalidInput,
    StoreUnavailable,
    VendorError,
    VendorProtocolError,
    VendorRejected,
)
from airflow_provider.extract.outputs import Outputs
from airflow_provider.extract.paging import Progress
from airflow_provider.extract.parts import Parts
from airflow_provider.extract.reading import Reading
from airflow_provider.records.storage import exists, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider.extract.listing import Query
    from airflow_provider.extract.rows import Row
    from airflow_provider.extract.store import ExtractStore
    from airflow_provider.http.call import Call
    from airflow_provider.http.observer import RequestCounter
    from airflow_provider.run_identity import RunIdentity

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Extracted:
    """How the reading of a list ended.

    :param progress: what was read
    :param resumed_at: the first page that no earlier try had read; None where there was none
    """

    progress: Progress
    resumed_at: int | None = None


def start_reading(query: Query[Any], progress: Progress | None = None) -> Reading:
    """Return the rules of a query, to be given its pages.

    :param query: the query
    :param progress: what has been read before; None to begin
    """
    listing = query.listing
    return Reading(
        listing.paging,
        size=query.size,
        most=query.most,
        identity=listing.identity,
        changed_at=listing.changed_at,
        distinct=listing.distinct,
        before=query.before,
        resizes=listing.size is not None,
        too_large=listing.too_large,
        zone=listing.zone,
        marks=listing.marks,
        progress=progress,
    )


def read_pages(query: Query[T], run: Callable[[Call[T]], T], reading: Reading) -> Iterator[Sequence[Row]]:
    """Ask for page after page, and yield the records of each. One page is in memory at a time.

    :param query: the query
    :param run: sends a call
    :param reading: its rules, which know what has been read
    :raises VendorError: a page cannot be read; ``reading`` still says how far it came
    """
    while reading.has_more:
        if query.foresee is not None:
            query.foresee(reading.progress, reading.size)
        try:
            page = query.listing.read(run(query.call(reading.progress.position, reading.size)))
        except VendorRejected as error:
            if reading.step_down(error):
                continue
            if not reading.is_end(error):
                raise
            break
        yield reading.take(page)
    reading.warn()


def extract_to_file(
    query: Query[T],
    run: Callable[[Call[T]], T],
    output: str,
    *,
    conn_id: str,
    base_url: str,
    identity: RunIdentity,
    lines_output: str | None = None,
    accept: Callable[[Progress], None] = lambda _: None,
    settle: Callable[[Progress], None] = lambda _: None,
    counter: RequestCounter | None = None,
) -> Extracted:
    """Read a list into a file, which appears when it is complete.

    A try that is interrupted leaves its pages as parts beside the output, and the next try of the same task
    instance goes on after them. Outside of a run there is no next try, and without a database nothing that
    knows how far it came: then it begins with the first page.

    :param query: the query
    :param run: sends a call
    :param output: path or URI of the file; its ending says the format
    :param conn_id: id of the vendor's connection
    :param base_url: where the connection leads: another one is asked anew
    :param identity: the task instance
    :param lines_output: path or URI of a second file, for the rows that each row has; None for none
    :param accept: is asked when the last page was read: what it raises ends the try without an output, and
        the next one begins with the first page
    :param settle: what is to be done when the output is published; the next try does it where this one ends
        before it is done
    :param counter: counts the requests that ``run`` sends, to be stored with each page; None where nothing
        does
    :raises InvalidInput: the output cannot be written
    :raises VendorError: a page cannot be read; what was read before is kept
    """
    with ExitStack() as stack:
        # Before the first request: that it cannot be written shows here.
        results = Outputs(query.listing, output, lines_output)
        stack.callback(results.close)
        terms = [base_url, *query.terms(), *([lines_output] if lines_output else [])]
        listing = query.listing.name
        store = _open_store(listing, output, conn_id, terms, identity, counter) if identity.run else None
        if store is not None:
            stack.callback(store.close)
            try:
                extraction = Extraction(query, results, store, accept, settle)
            except StoreUnavailable as error:
                _warn_about_store(error)
            else:
                stack.callback(extraction.close)
                if counter is not None:
                    stack.enter_context(counter.deferred())
                return extraction.run(run)
        reading = start_reading(query)
        stack.callback(reading.close)
        for rows in read_pages(query, run, reading):
            reading.progress.lines += results.write(results.tables_of(rows))
        accept(reading.progress)
        results.publish()
        settle(reading.progress)
        return Extracted(reading.progress)


class Extraction:
    """One try of reading a list into a file.

    After each page its records are written to a part, then the database notes how far it came: what the
    database speaks of is always there. At the end the output is published, the database notes that, what is
    to follow is done, the parts are removed, and the row last: a crash between two of these steps is made up
    for by the next try.

    :param query: the query
    :param results: the file or files, nothing of them written yet
    :param store: the row of the task instance
    :param accept: is asked before the output is published
    :param settle: what is to be done when the output is published
    :raises InvalidInput: the parts cannot be written
    :raises StoreUnavailable: nothing can be stored
    """

    def __init__(
        self,
        query: Query[Any],
        results: Outputs,
        store: ExtractStore,
        accept: Callable[[Progress], None] = lambda _: None,
        settle: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._query = query
        self._results = results
        self._output = results.paths[0]
        self._store = store
        self._accept = accept
        self._settle = settle
        self._warned = False
        self._remove_left_behind()
        found = store.claim()
        if found.running:
            log.warning("An earlier try of this task may still be running. It ends with its next page.")
        self._published = found.published and all(map(exists, results.paths))
        self._resumed_at: int | None = None
        values = found.progress
        if found.published and not self._published:
            values = None
        self._parts = self._make_parts(values)
        if values and not self._published and not all(one.are_there() for one in self._parts):
            log.warning(
                "The parts that an earlier try left are not here, or damaged. Beginning with the first page."
            )
            values = None
        progress = Progress.of(values["progress"]) if values else None
        self._reading = start_reading(query, progress)
        if progress is None:
            self._begin()
        else:
            self._resumed_at = progress.pages + 1
            if not self._published and not progress.ended:
                self._reading.remember(self._parts[0])

    def close(self) -> None:
        """Let go of what the rules have in memory."""
        self._reading.close()

    def run(self, run: Callable[[Call[Any]], Any]) -> Extracted:
        """Read what has not been read, and put the output in its place.

        :param run: sends a call
        :raises VendorError: a page cannot be read; what was read before is kept
        """
        progress = self._reading.progress
        if not self._published:
            if self._resumed_at:
                log.info(
                    "Going on at page %d: %d records were read before.", self._resumed_at, progress.records
                )
            self._read(run)
            self._save()
            self._ask()
            self._publish()
        self._finish()
        return Extracted(progress, self._resumed_at)

    def _make_parts(self, values: dict[str, Any] | None = None) -> list[Parts]:
        """Return the parts of each table, all of them in one folder."""
        return [
            Parts(
                self._output,
                self._store.id,
                self._store.owner,
                table=name and "lines",
                **(values.get(name or "parts", {}) if values else {}),
            )
            for name in self._results.tables
        ]

    def _begin(self) -> None:
        self._parts = self._make_parts()
        try:
            # A part that the database does not speak of: the try that wrote it was killed just then.
            self._parts[0].remove()
            self._parts[0].make()
        except Exception as error:
            raise InvalidInput(
                f'"output": nothing can be written beside {self._output}: {why_not(error)}.',
                field="output",
                remedy="Check that the worker may write there.",
            ) from None
        if not self._store.save(None):
            raise _replaced()

    def _read(self, run: Callable[[Call[Any]], Any]) -> None:
        try:
            for rows in read_pages(self._query, run, self._reading):
                tables = self._results.tables_of(rows)
                for parts, lines in zip(self._parts, tables, strict=True):
                    parts.add(lines)
                self._reading.progress.lines += sum(map(len, tables[1:]))
                self._save(ahead=self._counted_ahead)
        except VendorProtocolError:
            if self._reading.turned:
                # To go on with these pages would lead to the same error for ever.
                self._forget()
            raise
        except VendorRejected as error:
            lost = self._query.listing.lost
            if lost is not None and self._reading.progress.pages and lost(error):
                log.warning("The place where the list was left is lost: the next try reads all of it again.")
                self._forget()
            raise

    def _ask(self) -> None:
        try:
            self._accept(self._reading.progress)
        except VendorError:
            self._forget()
            raise

    @property
    def _counted_ahead(self) -> int:
        """Say how many requests that are to follow can be counted with a page that was read."""
        reading = self._reading
        # Before the second page requests may be reserved: a request that is counted already is one less.
        reserves = self._query.foresee is not None and reading.progress.pages == 1
        return 1 if reading.has_more and not reserves else 0

    def _save(self, *, ahead: int = 0) -> None:
        saved = self._tell_store(lambda: self._store.save(self._values(), ahead=ahead))
        if saved is False:
            raise _replaced()
        if saved:
            for parts in self._parts:
                parts.settle()

    def _values(self) -> dict[str, Any]:
        """Return all that the next try needs to go on."""
        names = {
            name or "parts": parts.as_dict()
            for name, parts in zip(self._results.tables, self._parts, strict=True)
        }
        return {"progress": self._reading.progress.as_dict(), **names}

    def _publish(self) -> None:
        for results, parts in zip(self._results.files, self._parts, strict=True):
            for block in parts.blocks():
                results.write_lines(block)
        # A try that another has replaced must not put its output, or that of the other, in the place.
        self._save()
        self._results.publish("What this one has read is kept.")

    def _finish(self) -> None:
        if self._tell_store(lambda: self._store.save(self._values(), "published")) is not False:
            self._settle(self._reading.progress)
            self._forget()

    def _forget(self) -> None:
        # The folder is that of all tables.
        _remove(self._parts[0])
        self._tell_store(self._store.forget)

    def _remove_left_behind(self) -> None:
        for left in self._store.left_behind():
            if _remove(Parts(left.output, left.id)):
                self._store.forget_left(left)

    def _tell_store(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except StoreUnavailable as error:
            # What is told next time includes what was not told now.
            if not self._warned:
                _warn_about_store(error)
            self._warned = True
            return None


def _open_store(
    listing: str,
    output: str,
    conn_id: str,
    terms: list[Any],
    identity: RunIdentity,
    counter: RequestCounter | None,
) -> ExtractStore | None:
    from airflow_provider.extract.store import ExtractStore
    from airflow_provider.store.location import configured

    try:
        database = configured()
    except (StoreUnavailable, InvalidInput) as error:
        _warn_about_store(error)
        return None
    return ExtractStore(
        database, identity, output, conn_id=conn_id, listing=listing, terms=terms, counter=counter
    )


def _warn_about_store(error: VendorError) -> None:
    log.warning("If this try is interrupted, the next one may begin with the first page: %s", error)


def _remove(parts: Parts) -> bool:
    try:
        parts.remove()
    except Exception as error:
        # The libraries of some stores raise errors of their own.
        log.warning("%s cannot be removed: %s.", parts.folder, why_not(error))
        return False
    return True


def _replaced() -> VendorError:
    return VendorError(
        "another try of this task has begun, and this one ends",
        remedy="The other one goes on with the pages that this one has read.",
    )
