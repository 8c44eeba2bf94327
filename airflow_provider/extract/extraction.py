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
from airflow_provider.extract.paging import Progress, Reading
from airflow_provider.extract.parts import Parts
from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.storage import exists, why_not
from airflow_provider.records.writers import FileOutput, lost, not_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.extract.listing import Query
    from airflow_provider.extract.store import ExtractStore
    from airflow_provider.http.call import Call
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
        listing.paging, size=query.size, most=query.most, identity=listing.identity, progress=progress
    )


def read_pages(
    query: Query[T], run: Callable[[Call[T]], T], reading: Reading
) -> Iterator[list[dict[str, Any]]]:
    """Ask for page after page, and yield the records of each. One page is in memory at a time.

    :param query: the query
    :param run: sends a call
    :param reading: its rules, which know what has been read
    :raises VendorError: a page cannot be read; ``reading`` still says how far it came
    """
    while reading.has_more:
        try:
            page = query.listing.read(run(query.call(reading.progress.position)))
        except VendorRejected as error:
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
    :raises InvalidInput: the output cannot be written
    :raises VendorError: a page cannot be read; what was read before is kept
    """
    with ExitStack() as stack:
        # Before the first request: that it cannot be written shows here.
        results = FileOutput(output)
        stack.callback(results.close)
        terms = [base_url, *query.terms()]
        store = _open_store(query.listing.name, output, conn_id, terms, identity) if identity.run else None
        if store is not None:
            stack.callback(store.close)
            try:
                extraction = Extraction(query, results, store)
            except StoreUnavailable as error:
                _warn_about_store(error)
            else:
                return extraction.run(run)
        reading = start_reading(query)
        for records in read_pages(query, run, reading):
            for record in records:
                results.write(record)
        _publish(results)
        return Extracted(reading.progress)


class Extraction:
    """One try of reading a list into a file.

    After each page its records are written to a part, then the database notes how far it came: what the
    database speaks of is always there. At the end the output is published, the database notes that, the parts
    are removed, and the row last: a crash between two of these steps is made up for by the next try.

    :param query: the query
    :param results: the file, nothing of it written yet
    :param store: the row of the task instance
    :raises InvalidInput: the parts cannot be written
    :raises StoreUnavailable: nothing can be stored
    """

    def __init__(self, query: Query[Any], results: FileOutput, store: ExtractStore) -> None:
        self._query = query
        self._results = results
        self._output = output = results.path
        self._store = store
        self._warned = False
        self._remove_left_behind()
        found = store.claim()
        if found.running:
            log.warning("An earlier try of this task may still be running. It ends with its next page.")
        self._published = found.published and exists(output)
        self._resumed_at: int | None = None
        values = found.progress
        if found.published and not self._published:
            values = None
        self._parts = Parts(output, store.id, store.owner, **(values["parts"] if values else {}))
        if values and not self._published and not self._parts.are_there():
            log.warning("The parts that an earlier try left are not here. Beginning with the first page.")
            values = None
        progress = Progress.of(values["progress"]) if values else None
        self._reading = start_reading(query, progress)
        if progress is None:
            self._begin()
        else:
            self._resumed_at = progress.pages + 1

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
            self._publish()
        self._finish()
        return Extracted(progress, self._resumed_at)

    def _begin(self) -> None:
        self._parts = Parts(self._output, self._store.id, self._store.owner)
        try:
            # A part that the database does not speak of: the try that wrote it was killed just then.
            self._parts.remove()
            self._parts.make()
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
            for records in read_pages(self._query, run, self._reading):
                self._parts.add(records)
                self._save()
        except VendorProtocolError:
            if self._reading.turned:
                # To go on with these pages would lead to the same error for ever.
                self._forget()
            raise

    def _save(self) -> None:
        values = {"progress": self._reading.progress.as_dict(), "parts": self._parts.as_dict()}
        saved = self._tell_store(lambda: self._store.save(values))
        if saved is False:
            raise _replaced()
        if saved:
            self._parts.settle()

    def _publish(self) -> None:
        for record in self._parts:
            self._results.write(record)
        # A try that another has replaced must not put its output, or that of the other, in the place.
        self._save()
        _publish(self._results, "What this one has read is kept.")

    def _finish(self) -> None:
        values = {"progress": self._reading.progress.as_dict(), "parts": self._parts.as_dict()}
        if self._tell_store(lambda: self._store.save(values, "published")) is not False:
            self._forget()

    def _forget(self) -> None:
        _remove(self._parts)
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


def _publish(results: FileOutput, where: str | None = None) -> None:
    try:
        results.publish()
    except WrittenByAnother:
        if where is None:
            kept = results.keep()
            where = f"What this one has read is in {kept}." if kept else "Nothing is kept of this one."
        raise lost(results.path, where) from None
    except OSError as error:
        raise not_written(error) from error


def _open_store(
    listing: str, output: str, conn_id: str, terms: list[Any], identity: RunIdentity
) -> ExtractStore | None:
    from airflow_provider.extract.store import ExtractStore
    from airflow_provider.store.location import configured

    try:
        database = configured()
    except (StoreUnavailable, InvalidInput) as error:
        _warn_about_store(error)
        return None
    return ExtractStore(database, identity, output, conn_id=conn_id, listing=listing, terms=terms)


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
