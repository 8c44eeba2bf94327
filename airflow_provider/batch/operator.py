"""The operator that every batch operator is made from."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.sdk import conf
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.operator import VendorOperator
from airflow_provider.records.formats import report_path
from airflow_provider.values import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.counts import BatchCounts, Combine
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.runner import Batch
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.http.options import VendorOptions
    from airflow_provider.http.retry import RequestPolicy
    from airflow_provider.ledger.ledger import Ledger, Redo
    from airflow_provider.ledger.recorder import Recorder
    from airflow_provider.quota.meter import Meter
    from airflow_provider.records.writers import Output
    from airflow_provider.store.engine import Database

ONE_MACHINE = {"LocalExecutor", "SequentialExecutor", "DebugExecutor"}
"""Executors whose tasks all run where the scheduler runs, and so see the same file."""

XCOM_RECORDS = 1000
"""Records that a batch without ``output`` may have: their results fill one row of Airflow's database."""


class VendorBatchOperator(VendorOperator):
    """Send each record of a batch to a vendor, in one task.

    Results are passed on as the record with one key more, which holds what the vendor answered; its secrets
    are sealed. They keep the order of the records. What is done according to the ledger is not sent again.

    :param records: a list of dicts; the path or URI of a CSV, TSV, JSONL or Parquet file, the first three
        also compressed (``.csv.gz``); or the output of another batch task (templated)
    :param output: path or URI of the file for the results, in the format of its ending: ``.jsonl``,
        ``.ndjson``, ``.csv``, ``.tsv``, each also with ``.gz``, or ``.parquet``; failed records are reported
        beside it, in ``….failed.jsonl``. Without it results are returned through XCom, for at most 1,000
        records (templated)
    :param fields: names of a record's fields by parameter, where they differ; dots lead into nested records
        (templated)
    :param defaults: values for what a record does not have (templated)
    :param max_concurrency: requests under way at once; the connection's "Maximum connections" is a limit too
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: failed records are
        reported and the others unharmed. Refused credentials, a used-up quota and a vendor that is away end
        it in any case
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param ordered: keep the order of the records in the results; False writes each as it completes, so that
        none waits for a slow one before it
    :param ledger_scope: for how long a record that is done is not sent again: within this ``run`` of the Dag,
        retries and mapped tasks included, or ``forever``, which is not for batches that change records
    :param redo: which records are sent again all the same: ``never`` any, those that ``failed``, or ``all``
    :param resend_unknown: send records again of which nobody knows whether they were sent: your decision that
        twice is better than not at all
    :param reveal: secret fields of the results that are written in clear, like ``["url"]``: everybody who can
        read the output, or XCom without one, can read them. The ledger keeps them sealed
    :param delimiter: what separates the columns of a CSV file; a comma by default, a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param progress_interval: seconds between two lines of progress in the log
    :param reserve: ``auto``: set aside as many uses of the vendor's quota as the batch needs before the first
        request, and send none if there are too few; for vendors with a quota
    :param retry_policy: when a failed task is tried again, like
        :class:`~airflow_provider.http.retry_policy.VendorRetryPolicy`
    """

    template_fields: Sequence[str] = ("records", "output_path", "fields", "defaults")

    result_key: ClassVar[str]
    """The key under which a record carries its result."""
    existing_flag: ClassVar[str]
    """The field of a result that says that the vendor had it already."""
    secret_parameters: ClassVar[Collection[str]] = ()
    secret_results: ClassVar[Collection[str]] = ()
    """The secret fields of a result, dots leading into nested ones; ``reveal`` may name them."""
    sends_once: ClassVar[bool] = False
    """Whether each request has an effect of its own, like an SMS."""
    default_scope: ClassVar[str] = "run"
    metered: ClassVar[bool] = False
    """Whether the vendor has a quota."""
    done: ClassVar[str | None] = None
    """What is done with the records, for the log, where they are not created: like ``deleted``."""
    changes: ClassVar[bool] = False
    """Whether the records change what is there: a later run may have to write the same again."""
    chunk_size: int = 1
    """How many records one request carries at most."""

    def __init__(
        self,
        *,
        records: Any,
        output: str | None = None,
        fields: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        max_concurrency: int = 20,
        on_error: str = "fail",
        max_failures: int | None = None,
        ordered: bool = True,
        ledger_scope: str | None = None,
        redo: Redo = "failed",
        resend_unknown: bool = False,
        reveal: Sequence[str] = (),
        delimiter: str | None = None,
        encoding: str = "utf-8-sig",
        progress_interval: float = 10.0,
        reserve: Literal["auto"] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.records = records
        # Not "output": that is Airflow's name for the XCom of the task.
        self.output_path = output
        self.fields = fields
        self.defaults = defaults
        self.max_concurrency = whole_number("max_concurrency", max_concurrency, 1)
        self.on_error = on_error
        self.max_failures = max_failures
        self.ordered = ordered
        self.ledger_scope = ledger_scope or self.default_scope
        self.redo = redo
        self.resend_unknown = resend_unknown
        self.reveal = reveal
        self.delimiter = delimiter
        self.encoding = encoding
        self.progress_interval = progress_interval
        self.reserve = reserve
        self._batch: Batch | None = None
        for name, value, allowed in (
            ("on_error", on_error, ("fail", "continue")),
            ("ledger_scope", self.ledger_scope, ("run", "forever")),
            ("redo", redo, ("never", "failed", "all")),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        if self.changes and self.ledger_scope == "forever":
            raise ValueError(
                'ledger_scope must be "run" where records are changed, not "forever": what was written once '
                "would never be written again, whatever was written after it"
            )
        if reserve not in (None, "auto"):
            raise ValueError(f'reserve must be "auto" or None, not {reserve!r}')
        if reserve and not self.metered:
            raise ValueError(f'reserve="auto": {type(self).__name__} sends to a vendor without a quota')
        if self.sends_once and self.retries and (resend_unknown or redo == "all"):
            raise ValueError(
                'resend_unknown=True and redo="all" need retries=0 here: '
                "each retry would send the messages of the try before again"
            )
        if isinstance(reveal, str) or not set(reveal) <= set(self.secret_results):
            known = ", ".join(self.secret_results) or "none"
            raise ValueError(
                f"reveal must be a list of secret fields of {self.result_key!r}; they are: {known}. "
                f"It is {reveal!r}"
            )
        if max_failures is not None and on_error == "fail":
            raise ValueError(
                'max_failures needs on_error="continue": with "fail" the first failure ends the batch'
            )

    def hook(self) -> VendorHook[Any]:
        """Return the hook of the vendor."""
        raise NotImplementedError

    def call_function(self) -> Callable[..., Call[Any]]:
        """Return the function that makes the call of a record; its parameters are a record's fields."""
        raise NotImplementedError

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record.

        :param hook: the hook of the vendor
        """
        from airflow_provider.batch.mapping import RecordMapping

        return RecordMapping(
            self.call_function(),
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.chained_fields(),
            secrets=self.secret_parameters,
        )

    def combine(self, hook: VendorHook[Any]) -> Combine | None:
        """Return what makes one call of those of several records; see :class:`~.counts.Plan`.

        :param hook: the hook of the vendor
        """
        return None

    def chained_fields(self) -> Mapping[str, str]:
        """Return where batches before this one leave what a call needs, by parameter."""
        return {}

    def work(self, context: Context) -> dict[str, Any]:
        """Run the batch.

        :return: counts, and where the results are
        :raises VendorError: the batch ended early; what was done until then is kept and named in the log
        """
        return self._run(context)

    def on_kill(self) -> None:
        """End the batch: finish or record what is under way, send nothing more."""
        if self._batch is not None:
            self._batch.stop(AirflowException("the task was told to end"))

    def finish(self, value: Any) -> tuple[dict[str, Any], bool]:
        """Turn the result of a call into plain JSON values with sealed secrets, and say whether it was there.

        :param value: what the call returned
        """
        from airflow_provider.records.writers import sealed_fields

        return sealed_fields(value), bool(getattr(value, self.existing_flag))

    def _run(self, context: Context) -> dict[str, Any]:
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.batch.chunks import ChunkedBatch
        from airflow_provider.batch.counts import Plan
        from airflow_provider.batch.runner import Batch
        from airflow_provider.ledger.owner import retire
        from airflow_provider.ledger.recorder import Recorder
        from airflow_provider.records.readers import Records
        from airflow_provider.records.writers import FileOutput, ListOutput
        from airflow_provider.secrets import check_key
        from airflow_provider.store.engine import configured

        started = time.monotonic()
        check_key()
        hook = self.hook()
        # Read before the event loop starts: inside it Airflow allows no blocking question to its supervisor.
        options = hook.options
        mapping = self.mapping(hook)
        plan = Plan(
            mapping=mapping,
            finish=self.finish,
            result_key=self.result_key,
            max_concurrency=min(self.max_concurrency, options.max_connections),
            on_error=self.on_error,
            max_failures=self.max_failures,
            ordered=self.ordered,
            progress_interval=self.progress_interval,
            chunk_size=self.chunk_size,
            combine=self.combine(hook),
            done=self.done,
            changes=self.changes,
        )
        with ExitStack() as stack:
            records = stack.enter_context(
                Records(self.records, delimiter=self.delimiter, encoding=self.encoding)
            )
            if records.columns is not None:
                mapping.check_columns(records.columns)
            results: FileOutput | ListOutput
            failures: FileOutput | ListOutput
            reveal = [f"{self.result_key}.{name}" for name in self.reveal]
            if self.output_path:
                _check_paths(self.output_path, records.path)
                columns = (*records.columns, self.result_key) if records.columns else ()
                results = FileOutput(self.output_path, reveal=reveal, columns=columns)
                stack.callback(results.close)
                failures = FileOutput(report_path(self.output_path))
                stack.callback(failures.close)
            else:
                records.hold(XCOM_RECORDS)
                results, failures = ListOutput(reveal=reveal), ListOutput()
            if reveal:
                where = self.output_path or "XCom"
                self.log.warning("%s will stand in clear in %s, as asked for.", ", ".join(reveal), where)
            database = configured()
            stack.callback(database.close)
            if self.sends_once:
                _check_shared(database)
            ledger = self._ledger(hook, context)
            stack.callback(retire, ledger.owner)
            kind = Batch if plan.combine is None else ChunkedBatch
            meter, allowance = None, None
            if hook.metered:
                preview = kind(plan, records, results, failures) if self.reserve else None
                meter, allowance = self._measure(hook, ledger, database, context, preview, stack)
            self._batch = batch = kind(plan, records, results, failures)
            with _young_garbage_only():
                requests = asyncio.run(
                    _drive(hook, batch, Recorder(database, ledger, meter), meter, allowance)
                )
            if batch.error is not None:
                self._keep(batch, results, failures)
                raise batch.error
            report = failures.publish() if batch.reported else failures.discard()
            output = results.publish()
        result: dict[str, Any] = {
            **batch.counts.as_dict(),
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
            "requests": requests,
            "failures": batch.reported,
            "failures_output": report,
        }
        if isinstance(results, ListOutput):
            result["records"] = results.records
        self._log(batch.counts, result)
        return result

    def _measure(
        self,
        hook: VendorHook[Any],
        ledger: Ledger,
        database: Database,
        context: Context,
        preview: Batch | None,
        stack: ExitStack,
    ) -> tuple[Meter, int | None]:
        """Make what keeps account of the vendor's quota, and set aside what the batch needs of it.

        :param preview: a batch to count the requests with; None where nothing is to be set aside
        :param stack: gives back what is not spent
        :return: the meter, and how many requests may be sent
        """
        from airflow_provider.batch.forecast import forecast
        from airflow_provider.quota.automatic import release_for_batch, reserve_for_batch
        from airflow_provider.quota.meter import make_meter
        from airflow_provider.records.readers import Records

        instance: Any = context.get("ti")
        run = f"{instance.dag_id}/{instance.run_id}" if instance is not None else ""
        if preview is None:
            return make_meter(hook, hook.options, database, run=run), None
        with Records(self.records, delimiter=self.delimiter, encoding=self.encoding) as records:
            needed = forecast(preview, records, ledger, database)
        task = f"{ledger.task}/{getattr(instance, 'map_index', '')}"
        held = reserve_for_batch(hook, database, needed, run=run, task=task)
        meter = make_meter(hook, hook.options, database, run=run, reservation=held.id)
        stack.callback(release_for_batch, meter.store, held.id)
        return meter, held.amount

    def _ledger(self, hook: VendorHook[Any], context: Context) -> Ledger:
        from airflow_provider.ledger.ledger import Ledger
        from airflow_provider.ledger.owner import new_owner

        task_instance: Any = context.get("ti")
        names = [getattr(task_instance, name, None) for name in ("dag_id", "run_id", "task_id")]
        # Outside a run of a Dag there is nothing to come back to.
        in_run = all(isinstance(name, str) for name in names)
        run = "/".join(map(str, names)) if in_run else uuid.uuid4().hex
        return Ledger(
            conn_id=hook.conn_id,
            operation=f"{hook.options.conn_type}.{self.call_function().__name__}",
            scope="" if self.ledger_scope == "forever" else run,
            task=run,
            owner=new_owner(),
            lease=_lease(hook.policy, hook.options, self.max_concurrency),
            once=self.sends_once,
            redo=self.redo,
            resend_unknown=self.resend_unknown,
        )

    def _keep(self, batch: Batch, results: Output, failures: Output) -> None:
        """Keep what there is of a batch that did not end well, and say where."""
        try:
            report = failures.publish() if batch.reported else None
            if report is None:
                failures.discard()
            kept = results.keep()
        except OSError as error:
            # The disk may be the very reason; the ledger has what was done.
            self.log.error(
                "The batch did not end well. %s. Its files cannot be kept: %s.", batch.counts, error
            )
            return
        self.log.error(
            "The batch did not end well. %s. Results: %s. Report: %s.",
            batch.counts,
            kept or "none kept",
            report or "none",
        )

    def _log(self, counts: BatchCounts, result: Mapping[str, Any]) -> None:
        self.log.info("%s; %s requests in %s s.", counts, result["requests"], result["seconds"])
        for failure in result["failures"][:10]:
            self.log.warning("%s: %s", failure["error"], failure["reason"])
        if (hidden := result["failed"] + result["unknown"] - 10) > 0:
            where = result["failures_output"] or '"failures" of the result'
            self.log.warning("%d more failed; see %s.", hidden, where)


async def _drive(
    hook: VendorHook[Any], batch: Batch, recorder: Recorder, meter: Meter | None, allowance: int | None
) -> int:
    with _stop_at_timeout(batch):
        async with hook.session(meter) as client:
            client.setup.allowance = allowance
            async with recorder:
                await batch.run(client, recorder)
            # What could not be recorded at the end is found as sent by the next try.
            batch.error = batch.error or recorder.failure
            return client.setup.requests


@contextmanager
def _young_garbage_only() -> Iterator[None]:
    """Spare what Airflow has loaded, half a million objects, the searches for garbage that a batch causes.

    Those cost a batch a fifth of its time. What a batch itself makes is next to never garbage of the kind
    that has to be searched for, so that is done less often.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def _stop_at_timeout(batch: Batch) -> Iterator[None]:
    """Let ``execution_timeout`` end the batch as a kill does, not by an exception inside the event loop."""
    previous = signal.getsignal(signal.SIGALRM)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    timeout = AirflowTaskTimeout("execution_timeout is over")
    signal.signal(signal.SIGALRM, lambda number, frame: batch.stop(timeout))
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, previous)


def _lease(policy: RequestPolicy, options: VendorOptions, concurrency: int) -> float:
    """Say for how many seconds a row is held: longer than a request takes, and waits for its turn before."""
    from airflow_provider.batch.runner import READ_AHEAD

    queue = (2 * READ_AHEAD + concurrency) / (options.requests_per_second or float("inf"))
    return policy.deadline + options.timeout + queue + 60


def _check_shared(database: Database) -> None:
    """Refuse to send what must not be sent twice where the workers cannot see each other's ledger."""
    executors = conf.get("core", "executor", fallback="LocalExecutor")
    # An executor may be written with a team, an alias and its module: "team=alias:some.module.Executor".
    names = {re.split(r"[=:.]", name.strip())[-1] for name in re.split(r"[,;]", executors) if name.strip()}
    if not names <= ONE_MACHINE and not database.shared:
        raise InvalidInput(
            f"the executor is {executors}, and the ledger is a file of one machine ({database.place}).",
            field="[vendor_apis] ledger_conn_id",
            remedy=(
                "Set it to a connection of type postgres or mysql that all workers reach, in airflow.cfg or "
                "as AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID. Without it two workers could send the same message."
            ),
        )


def _real(path: str) -> str:
    local = path.removeprefix("file://")
    return local if "://" in local else os.path.realpath(local)


def _check_paths(output: str, source: str | None) -> None:
    if source is not None and _real(source) in (_real(output), _real(report_path(output))):
        raise InvalidInput(
            f'"output" would replace the file that "records" reads: {source}.',
            field="output",
            remedy="Give it another name.",
        )
