"""One run of a batch, from opening its files to publishing its results."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.check import Check
from airflow_provider.batch.chunks import ChunkedBatch
from airflow_provider.batch.forecast import forecast
from airflow_provider.batch.jobs import READ_AHEAD
from airflow_provider.batch.places import check_paths, folder_of
from airflow_provider.batch.process import stop_at_timeout, young_garbage_only
from airflow_provider.batch.publishing import Publication, publish_report
from airflow_provider.batch.reconcile import hopeful, reconcile
from airflow_provider.batch.runner import Batch
from airflow_provider.exceptions import BatchFailed, VendorError
from airflow_provider.http.call import Repeat
from airflow_provider.ledger.batches import BatchRow
from airflow_provider.ledger.executors import check_shared
from airflow_provider.ledger.ledger import Ledger
from airflow_provider.ledger.outage import wait_for_database
from airflow_provider.ledger.recorder import CLAIM_HOLDS, Recorder
from airflow_provider.ledger.unrecorded import record_earlier
from airflow_provider.processes import new_owner, retire
from airflow_provider.quota.automatic import release_for_batch, reserve_for_batch
from airflow_provider.quota.hook import MeteredHook
from airflow_provider.records.formats import XCOM_RECORDS, report_path
from airflow_provider.records.groups import GroupedRecords
from airflow_provider.records.json_lines import for_xcom
from airflow_provider.records.outcome import TaskOutcome, host_of
from airflow_provider.records.readers import Records
from airflow_provider.records.writers import ListOutput, open_output
from airflow_provider.secrets import check_key
from airflow_provider.store.location import configured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider.batch.counts import BatchCounts
    from airflow_provider.batch.plan import Plan
    from airflow_provider.batch.progress import Progress
    from airflow_provider.batch.warnings import Warnings
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.http.options import VendorOptions
    from airflow_provider.http.retry import RequestPolicy
    from airflow_provider.ledger.ledger import Redo
    from airflow_provider.quota.meter import Meter
    from airflow_provider.records.csv_reader import MissingValues
    from airflow_provider.records.writers import Output
    from airflow_provider.run_identity import RunIdentity
    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait


class Execution:
    """One run of a batch. Everything that can be found out before the first request is.

    :param hook: the hook of the vendor
    :param plan: how to run it
    :param log: the log of the task
    :param identity: the task that it is the work of
    :param records: where the records come from, as :class:`~airflow_provider.records.readers.Records` has it
    :param output: path or URI of the results; None for a list
    :param delimiter: what separates the columns of a CSV file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: what a row of a CSV file that is shorter than the header is
    :param forever: whether what is done is never sent again, in any run
    :param redo: which finished records are sent again
    :param resend_unknown: whether records are sent again whose outcome is not known
    :param reserve: whether to reserve the requests that the batch needs, before the first
    :param empty: ``fail`` where a batch without records is an error, ``warn`` where it is not
    :param executor: the executor that the task itself names
    :param try_number: which try of the task it is
    :param progress: tells Airflow how far the batch is
    """

    def __init__(
        self,
        hook: VendorHook[Any],
        plan: Plan,
        *,
        log: Any,
        identity: RunIdentity,
        records: Any,
        output: str | None,
        delimiter: str | None,
        encoding: str,
        missing_values: MissingValues,
        forever: bool,
        redo: Redo,
        resend_unknown: bool,
        reserve: bool,
        empty: str,
        executor: str | None = None,
        try_number: int = 1,
        progress: Progress,
    ) -> None:
        self._try_number = try_number
        self._reconciled: dict[str, int] = {}
        self._hook = hook
        self._plan = plan
        self._log = log
        self._identity = identity
        self._source = records
        self._output = output
        self._delimiter = delimiter
        self._encoding = encoding
        self._missing_values = missing_values
        self._reserve = reserve
        self._empty = empty
        self._executor = executor
        self._ledger = Ledger(
            conn_id=hook.conn_id,
            operation=plan.operation.name,
            scope="" if forever else identity.task,
            task=identity.task,
            owner=new_owner(),
            lease=_lease(hook.policy, hook.options, plan.max_concurrency),
            once=plan.operation.once,
            redo=redo,
            resend_unknown=resend_unknown,
        )
        self.outcome = TaskOutcome(
            conn_id=hook.conn_id,
            vendor=hook.options.conn_type,
            host=host_of(hook.options.base_url),
            operation=plan.operation.name,
            direction="from" if plan.operation.repeat is Repeat.SAFE else "to",
            rows={output: None} if output else {},
            schemas={output: plan.operation.columns} if output else {},
        )
        self._progress = progress
        self._wait: Wait = partial(wait_for_database, stopped=self.is_stopped)
        self._batch: Batch | None = None
        self._stopped: BaseException | None = None

    @property
    def ledger(self) -> Ledger:
        """Return the ledger as the batch uses it."""
        return self._ledger

    def stop(self, error: BaseException) -> None:
        """End the batch: finish or record what is under way, send nothing more.

        :param error: why
        """
        self._stopped = error
        if self._batch is not None:
            self._batch.stop(error)

    def is_stopped(self) -> bool:
        """Say whether the batch was told to end."""
        return self._stopped is not None

    def run(self) -> dict[str, Any]:
        """Run the batch.

        :return: counts, and where the results are
        :raises VendorError: the batch ended early; what was done until then is kept and named in the log
        """
        started = time.monotonic()
        check_key()
        with ExitStack() as stack:
            records = stack.enter_context(self._records())
            self.outcome.source = records.path
            self._check_columns(records)
            records.check_empty(self._empty, self._log, then="Nothing is sent.")
            database = self._wait(self._open)
            stack.callback(database.close)
            row = stack.enter_context(self._row(database))
            if self._plan.lookup is not None:
                stack.callback(self._plan.lookup.close)
            stack.callback(retire, self._ledger.owner)
            # Before the quota, which may be asked for by a request. What an earlier try has kept stays until
            # this one has something of its own.
            results, failures = self._open_outputs(records, stack)
            looked_up = self._look_up(records, database)
            meter, allowance = self._measure(database, stack)
            self._batch = batch = self._make_batch(records, results, failures)
            self.outcome.counted = batch.counts
            if self._stopped is not None:
                # It was told to end before there was a batch: nothing is sent.
                batch.stop(self._stopped)
            row.follow(batch.counts, batch.fraction)
            recorder = Recorder(database, self._ledger, meter)
            publication = Publication(results, failures, self._log)
            with young_garbage_only(), self._progress.told(batch.counts, batch.fraction, records.total):
                requests = asyncio.run(_drive(self._hook, batch, recorder, meter, allowance))
            if batch.error is not None:
                self.outcome.report = publication.keep(batch)
                row.published(None, self.outcome.report, requests + looked_up)
                publication.check_written(batch.error)
                raise hopeful(batch.error, self._plan.lookup)
            output, report = publication.publish(batch)
            row.published(output, report, requests + looked_up)
        result: dict[str, Any] = {
            **batch.counts.as_dict(),
            **batch.counts.of_rows(),
            **batch.changed.as_dict(),
            **({"reconciled": self._reconciled} if self._reconciled else {}),
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
            "requests": requests + looked_up,
            "failures": for_xcom(batch.failures.reported),
            "failures_output": report,
        }
        self.outcome.published(result)
        if batch.warnings.records:
            result["warnings"] = batch.warnings.reported
        if isinstance(results, ListOutput):
            result["records"] = results.records
        self._report(batch.counts, result)
        if batch.changed.records:
            self._log.warning("%s.", batch.changed)
        self._judge(batch.warnings)
        return result

    def calls(self) -> Iterator[tuple[int, Call[Any]]]:
        """Read the records once, ahead of the batch, and yield row and call of each that can be sent.

        :raises VendorError: the records cannot be read
        """
        with self._records() as records:
            self._check_columns(records)
            for row in records:
                call = None
                if row.error is None:
                    # What is wrong is the batch's to report.
                    with suppress(VendorError, UnicodeError, RecursionError):
                        call = self._plan.mapping.call(row.record)
                if call is not None:
                    yield row.source_row, call

    def _check_columns(self, records: Records) -> None:
        """Say what the task asks of records that do not have it."""
        mapping = self._plan.mapping
        if records.columns is not None:
            mapping.check_columns(records.columns)
        elif names := records.names:
            mapping.tell_unseen(names)

    def _look_up(self, records: Records, database: Database) -> int:
        """Look up at the vendor what the batch needs to know, and say how many requests that took."""
        lookup, identity = self._plan.lookup, self._identity
        if lookup is None or records.is_empty():
            return 0
        try:
            lookup.prepare(database, run=identity.run, retry=self._try_number > 1, wait=self._wait)
            if lookup.resend_after is not None:
                with self._records() as again:
                    self._reconciled = reconcile(
                        self._plan, lookup, again, self._ledger, database, self.is_stopped
                    )
                if any(self._reconciled.values()):
                    self._log.warning("Requests of unknown outcome were looked for: %s.", self._reconciled)
            return lookup.requests
        finally:
            self._hook.close()

    def check(self) -> dict[str, Any]:
        """Check the records of the batch: nothing is sent, reserved or recorded.

        :return: counts, and where the report is
        :raises VendorError: a record is wrong, unless the batch goes on in spite of failures
        """
        started = time.monotonic()
        self.outcome.direction = "none"
        with ExitStack() as stack:
            stack.callback(retire, self._ledger.owner)
            records = stack.enter_context(self._records())
            self._check_columns(records)
            records.check_empty(self._empty, self._log, then="Nothing is sent.")
            report = report_path(self._output) if self._output else None
            if self._output:
                check_paths(self._output, records.path)
            failures = open_output(report)
            stack.callback(failures.close)
            check = Check(self._plan, self._ledger, failures)
            self.outcome.counted = check
            check.run(records)
            result = check.result(publish_report(check.failures, failures))
            self.outcome.published(result)
            lookup = self._plan.lookup
            if lookup is not None and (unchecked := lookup.unchecked()):
                result["unchecked"] = unchecked
        result["seconds"] = round(time.monotonic() - started, 3)
        self._report(check.counts, result)
        check.judge()
        return result

    def _judge(self, warnings: Warnings) -> None:
        """Fail at the end of a batch where the vendor's warnings are failures."""
        if not warnings.records:
            return
        first = warnings.reported[0] if warnings.reported else {}
        told = (
            f"the vendor accepted {warnings.records} records with warnings; the first, of row "
            f"{first.get('row')}: {first.get('code')}"
        )
        self._log.warning("%s. Each has its own in its result.", told)
        if self._plan.fail_on_warning:
            raise BatchFailed(
                told, remedy="They are there, and no later try sends them again. Look them up at the vendor."
            )

    def _open(self) -> Database:
        database = configured(self._check_shared)
        try:
            record_earlier(database, self._ledger)
        except BaseException:
            database.close()
            raise
        return database

    def _row(self, database: Database) -> BatchRow:
        ledger = self._ledger
        return BatchRow(database, ledger.conn_id, ledger.operation, self._identity, self._try_number)

    def _check_shared(self, database: Database) -> None:
        if self._plan.operation.once:
            check_shared(database, self._executor)

    def _records(self) -> Records:
        make: Callable[..., Records] = Records
        if self._plan.grouping is not None:
            make = partial(GroupedRecords, grouping=self._plan.grouping, folder=folder_of(self._output))
        return make(
            self._source,
            delimiter=self._delimiter,
            encoding=self._encoding,
            missing_values=self._missing_values,
        )

    def _open_outputs(self, records: Records, stack: ExitStack) -> tuple[Output, Output]:
        key = self._plan.operation.result_key
        report = None
        if self._output:
            report = report_path(self._output)
        else:
            records.hold(XCOM_RECORDS)
        columns = records.result_columns
        results = open_output(self._output, columns=(*columns, key) if columns else ())
        stack.callback(results.close)
        if self._output:
            check_paths(self._output, records.path)
        failures = open_output(report)
        stack.callback(failures.close)
        if self._plan.reveal:
            names = ", ".join(f"{key}.{name}" for name in self._plan.reveal)
            self._log.warning("%s will be in clear in %s, because of reveal.", names, self._output or "XCom")
        return results, failures

    def _measure(self, database: Database, stack: ExitStack) -> tuple[Meter | None, int | None]:
        """Make the meter of the vendor's quota, and reserve what the batch needs of it.

        :param stack: releases what is not spent
        :return: the meter, and how many requests may be sent; None where there is no quota, or no limit
        """
        hook, identity = self._hook, self._identity
        if not isinstance(hook, MeteredHook):
            return None, None
        if not self._reserve:
            return hook.meter(database, run=identity.run), None
        with self._records() as records:
            needed = forecast(self._plan, records, self._ledger, database, self.is_stopped)
        held = reserve_for_batch(
            hook, database, needed, run=identity.run, task=identity.instance, wait=self._wait
        )
        meter = hook.meter(database, run=identity.run, reservation=held.id)
        stack.callback(release_for_batch, meter.store, held.id)
        return meter, held.amount

    def _make_batch(self, records: Records, results: Output, failures: Output) -> Batch:
        if self._plan.combine is None:
            return Batch(self._plan, records, results, failures)
        return ChunkedBatch(self._plan, self._plan.combine, records, results, failures)

    def _report(self, counts: BatchCounts, result: Mapping[str, Any]) -> None:
        self._log.info("%s; %s requests in %s s.", counts, result["requests"], result["seconds"])
        for failure in result["failures"][:10]:
            self._log.warning("%s: %s", failure["error"], failure["reason"])
        if (hidden := result["failed"] + result["unknown"] - 10) > 0:
            where = result["failures_output"] or '"failures" of the result'
            self._log.warning("%d more failed; see %s.", hidden, where)


async def _drive(
    hook: VendorHook[Any], batch: Batch, recorder: Recorder, meter: Meter | None, allowance: int | None
) -> int:
    with stop_at_timeout(batch):
        # The batch counts its requests under way by itself, with the connection's limit among its own.
        async with hook.session(meter, limited=False) as client:
            client.setup.allowance = allowance
            async with recorder:
                await batch.run(client, recorder)
            # What could not be recorded at the end is kept in a file, or found as sent by the next try.
            batch.error = batch.error or recorder.failure
            return client.setup.requests


def _lease(policy: RequestPolicy, options: VendorOptions, concurrency: int) -> float:
    """Say for how many seconds a row is held: longer than a request takes, and waits for its turn before."""
    queue = (2 * READ_AHEAD + concurrency) / (options.requests_per_second or float("inf"))
    return policy.deadline + options.timeout + queue + CLAIM_HOLDS
