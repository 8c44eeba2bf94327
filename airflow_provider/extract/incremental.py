"""The operator of lists that can be asked for what has changed since."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract import instants
from airflow_provider.extract.operator import VendorListOperator
from airflow_provider.records.formats import check_output
from airflow_provider.run_identity import RunIdentity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_provider.extract.listing import Query
    from airflow_provider.extract.paging import Progress
    from airflow_provider.extract.watermarks import Watermark
    from airflow_provider.http.hook import VendorHook

OVERLAP = timedelta(minutes=15)


@dataclass
class State:
    """The state of an incremental reading, for the time of one try.

    :param store: the row in the database
    :param identity: the task instance
    :param start: the watermark that this run reads from; None for everything
    """

    store: Watermark
    identity: RunIdentity
    start: str | None
    after: str | None = None
    """The watermark when the try is done."""


class IncrementalListOperator(VendorListOperator):
    """Reads a list page after page: all of it, what has changed since the last run, or the changes of a time.

    ``incremental`` asks for what has changed since the watermark: the latest change, by the vendor's own
    times, that an earlier run has put into its output. The state moves when the output is published, and
    never back. A run that is cleared reads from where it read before. It reads a little more than is new,
    ``overlap``: merge its rows by what identifies them.

    ``modified_since`` and ``modified_before`` are a window, for a backfill: with one of them the state is
    neither read nor moved. Times without an offset are taken for UTC, those of the vendor too.

    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param lines_output: path or URI of a second file, for the lines of the records, each with what identifies
        its record. Both files appear together (templated)
    :param modified_since: only what has changed since: a datetime, or a text as in ISO 8601 (templated)
    :param modified_before: only what changed before this time (templated)
    :param incremental: only what has changed since the watermark
    :param state_key: which state; by default one of this task's own. Tasks with one key share the changes, so
        that each is in the output of one of them (templated)
    :param overlap: how much earlier than the watermark the reading begins
    :param page_size: records in a page; by default the most that the vendor allows
    :param max_pages: pages to ask for at most; None for all. The state stays where these were not all
    """

    template_fields: Sequence[str] = (
        *VendorListOperator.template_fields,
        "lines_output",
        "modified_since",
        "modified_before",
        "state_key",
    )

    def __init__(
        self,
        *,
        output: str | None = None,
        lines_output: str | None = None,
        modified_since: Any = None,
        modified_before: Any = None,
        incremental: bool = False,
        state_key: str | None = None,
        overlap: timedelta = OVERLAP,
        **kwargs: Any,
    ) -> None:
        # Before: the outlets are made of it.
        self.lines_output = lines_output
        super().__init__(output=output, **kwargs)
        if lines_output is not None:
            values.place("lines_output", lines_output)
            check_output(lines_output)
            if output is None:
                raise InvalidInput("lines_output needs an output for the records", field="lines_output")
            if lines_output == output:
                raise InvalidInput("lines_output must be another file than output", field="lines_output")
        for name, value in (("modified_since", modified_since), ("modified_before", modified_before)):
            if value is not None:
                values.moment(name, value)
        if state_key is not None:
            values.text("state_key", state_key)
        self.modified_since = modified_since
        self.modified_before = modified_before
        self.incremental = values.flag("incremental", incremental)
        self.state_key = state_key
        self.overlap = values.duration("overlap", overlap)

    def outputs(self) -> Sequence[Any]:
        """Return paths or URIs of the files for the records and their lines."""
        return [*super().outputs(), self.lines_output]

    def work(self, context: Context) -> dict[str, Any]:
        """Ask for all pages that have not been read, and move the state when the output is published.

        :return: counts, where the records are, and the times that were read from and to
        """
        from airflow_provider.records.mapped_outputs import check_mapped_output

        output, lines_output = (os.fspath(one) if one else None for one in self.outputs())
        if lines_output:
            if lines_output == output:
                raise InvalidInput('"lines_output" is the same file as "output".', field="lines_output")
            check_mapped_output(context, lines_output, "lines_output")
        with ExitStack() as stack:
            hook = stack.enter_context(closing(self.hook()))
            query, state = self._bounded(stack, hook, self.query(hook), context)
            result, progress = self.read(
                context,
                hook,
                self.timed(stack, hook, query, RunIdentity.of(context)),
                lines_output=lines_output,
                settle=lambda found: self._settle(state, query, found),
            )
        since = None if query.since is None else instants.written(query.since)
        result |= {
            "lines_output": lines_output,
            "repeated": progress.repeated,
            "since": since,
            "watermark": progress.watermark if state is None else state.after,
        }
        return result

    def timed(
        self, stack: ExitStack, hook: VendorHook[Any], query: Query[Any], identity: RunIdentity
    ) -> Query[Any]:
        """Return the query that is asked, now that it is known from when to when.

        :param stack: what is to be done at the end of the try
        :param hook: the hook of the connection
        :param query: the query
        :param identity: the task instance
        """
        return query

    def _bounded(
        self, stack: ExitStack, hook: VendorHook[Any], query: Query[Any], context: Context
    ) -> tuple[Query[Any], State | None]:
        """Return the query for the time that is asked for, and the state where that says which."""
        since = instants.given("modified_since", self.modified_since)
        before = instants.given("modified_before", self.modified_before)
        listing = query.listing
        instants.window("modified_since", since, "modified_before", before)
        if before is not None and listing.changed_at is None:
            raise _no_times("modified_before", listing.name)
        if since is not None or before is not None or not self.incremental:
            if since is not None and listing.since is None:
                raise _no_times("modified_since", listing.name)
            return replace(query, since=since, before=before), None
        if listing.since is None or listing.changed_at is None:
            raise _no_times("incremental", listing.name)
        state = stack.enter_context(self._state(hook, query, RunIdentity.of(context)))
        return replace(query, since=self._from(state)), state

    def _from(self, state: State) -> datetime | None:
        if state.start is None:
            self.log.info("Nothing has been read yet: reading everything.")
            return None
        since = instants.before(instants.moment(state.start), self.overlap)
        self.log.info("Reading what has changed since %s.", instants.written(since))
        return since

    @contextmanager
    def _state(self, hook: VendorHook[Any], query: Query[Any], identity: RunIdentity) -> Iterator[State]:
        from airflow_provider.extract.watermarks import Watermark
        from airflow_provider.store.location import configured

        store = Watermark(
            configured(),
            conn_id=hook.conn_id,
            base_url=hook.options.base_url,
            listing=query.listing.name,
            path=query.call(query.listing.paging.start).path,
            state_key=self.state_key or f"{self.dag_id}/{self.task_id}",
        )
        with closing(store):
            start = store.start(identity)
            yield State(store, identity, start, start)

    def _settle(self, state: State | None, query: Query[Any], progress: Progress) -> None:
        """Move the state, where the output has all that was asked for."""
        if state is None:
            return
        # Where pages shift, a record may have been missed. Without a time, the number of records tells; with
        # one it may be that of all records, and would hold the state for ever.
        whole = progress.ended and (progress.complete if query.since is None else not progress.moved)
        if not whole:
            self.log.warning("The list was not read as a whole: the next run reads from the same time again.")
        state.after = state.store.move(progress.watermark if whole else None, state.identity)


def _no_times(field: str, listing: str) -> InvalidInput:
    return InvalidInput(
        f'"{field}": {listing} cannot be asked for what has changed.',
        field=field,
        remedy="Leave it out for this list, and read all of it.",
    )
