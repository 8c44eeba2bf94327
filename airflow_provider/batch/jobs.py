"""From rows to jobs: what is to be sent for each record, and under which key the ledger knows it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.content import content_of
from airflow_provider.batch.revisions import Revisions
from airflow_provider.exceptions import InvalidInput, InvalidRecord, VendorError
from airflow_provider.records.json_lines import is_storable, is_too_deep
from airflow_provider.records.readers import Row

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider.batch.plan import Plan
    from airflow_provider.http.call import Call
    from airflow_provider.ledger.ledger import ClaimResult, Ledger

READ_AHEAD = 200
"""Records read in one go, in a thread, so that a slow disk does not hold up the requests under way."""

LARGE = 64 * 1024
"""Bytes of a body with files from which on it is not kept while its record waits for its turn."""


@dataclass(slots=True)
class Job:
    """A record on its way, alone or with others in one request.

    :param row: the record as it was read
    :param call: its call; None where it cannot be made. Without its body where that is large
    :param id: id of its row in the ledger
    :param error: why it cannot be made
    :param asked: the claim's result to come, where it was claimed ahead
    :param recorded: whether the ledger had its outcome, so that nothing was sent now
    :param sent: whether the client has its request
    :param again: makes the call again, with its body; None where :attr:`call` has it
    :param content: a digest of what is sent, where later runs compare theirs with it
    :param put_back: how often it had to wait for another run that was sending it
    """

    row: Row
    call: Call[Any] | None = None
    id: str = ""
    error: VendorError | None = None
    asked: asyncio.Future[ClaimResult] | None = None
    recorded: bool = False
    sent: bool = False
    again: Callable[[], Call[Any]] | None = None
    content: str | None = None
    put_back: int = 0


class JobMaker:
    """Makes the jobs of a batch, in the order of the records. It sends nothing and claims nothing.

    :param plan: how the batch is to be run
    :param ledger: the ledger as the batch uses it
    """

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self._mapping = plan.mapping
        self._lines = None if plan.grouping is None else plan.grouping.lines
        self._size = plan.chunk_size if plan.combine else 1
        # Many records that cannot be sent must not keep those between them waiting, nor fill the memory.
        self._span = max(READ_AHEAD, 2 * self._size)
        self._ledger = ledger
        self._files = plan.operation.files
        self._compares = plan.operation.compares
        self._revisions = Revisions() if plan.operation.changes else None
        self._group: list[Job] = []
        self._sendable = 0

    def groups(self, rows: Iterable[Row], *, at_end: bool) -> Iterator[list[Job]]:
        """Make jobs of rows, and group them as they share requests.

        :param rows: the next rows
        :param at_end: whether there are no more
        """
        for row in rows:
            job = self._job(row)
            if self._size == 1:
                yield [job]
                continue
            if job.call is not None and job.call.alone:
                if self._group:
                    yield self._cut()
                yield [job]
                continue
            self._group.append(job)
            self._sendable += job.call is not None
            if self._sendable == self._size or len(self._group) == self._span:
                yield self._cut()
        if at_end and self._group:
            yield self._cut()

    def _cut(self) -> list[Job]:
        group, self._group, self._sendable = self._group, [], 0
        return group

    def _job(self, row: Row) -> Job:
        with suppress(RecursionError):
            if not is_too_deep(row.record):
                job = self._made(row)
                # What is too deep may have come as a text.
                if job.call is None or not is_too_deep(job.call.json):
                    return job
        # A secret in it may not be sealed yet.
        return _bare(row, _unstorable("is nested too deep and cannot be written to the results"))

    def _made(self, row: Row) -> Job:
        if row.error is not None:
            return _failed(row, row.error)
        try:
            call = self._mapping.call(row.record).made_of(row.record)
        except VendorError as error:
            if row.rows and isinstance(error, InvalidRecord) and self._lines is not None:
                error.of_rows(self._lines, row.rows)
            return _failed(row, error)
        except UnicodeError as error:
            # A secret in it could not be sealed and is still in clear: it must stay out of the report.
            return _bare(row, _unsendable(type(error).__name__))
        if not call.key:
            raise TypeError(f"{call.path}: a call without a key cannot be told from others of its kind")
        try:
            # Before it is claimed: what cannot be sent must not be in the ledger as sent.
            call.content  # noqa: B018 - kept for the sending
        except (TypeError, ValueError, OverflowError) as error:
            return _failed(row, _unsendable(type(error).__name__))
        if any("\0" in part for part in call.key):
            return _failed(row, _unsendable("a NUL character"))
        if not is_storable(row.record):
            # Neither can it be written to the report.
            return _bare(row, _unstorable("cannot be written to the results"))
        again = None
        if self._files and (call.alone or self._size == 1) and len(call.content.body or b"") > LARGE:
            again = partial(self._again, row, call.key)
            call = call.without_body()
        if self._revisions is not None:
            call = call.with_key(self._revisions.key(call.key))
        content = content_of(call) if self._compares else None
        return Job(row, call, self._ledger.id_of(call.key), again=again, content=content)

    def _again(self, row: Row, key: tuple[str, ...]) -> Call[Any]:
        call = self._mapping.call(row.record).made_of(row.record)
        if call.key != key:
            raise InvalidInput(
                "a file of the record has changed since the batch first read it; nothing of it was sent.",
                field="records",
                remedy="Let the files be complete before the batch begins, and run it again.",
            )
        call.content  # noqa: B018 - encoded here, in a thread
        return call


def _failed(row: Row, error: VendorError) -> Job:
    """Return what cannot be sent, as the report can hold it."""
    return Job(row, error=error) if is_storable(row.record) else _bare(row, error)


def _bare(row: Row, error: VendorError) -> Job:
    """Return what cannot be sent without its values, which the report could not hold or must not show."""
    return Job(Row(row.number, {}, row.source_row, rows=row.rows), error=error)


def _unstorable(why: str) -> InvalidInput:
    return InvalidInput(
        f"the record has a value that {why}; nothing of it was sent.",
        field="records",
        remedy="Look for values that are nested very deep or hold themselves, and leave them out.",
    )


def _unsendable(why: str) -> InvalidInput:
    return InvalidInput(
        f"the record has a value that cannot be sent as JSON ({why}).",
        field="records",
        remedy="Look for cut-off characters, numbers that are not finite, and other values than text.",
    )
