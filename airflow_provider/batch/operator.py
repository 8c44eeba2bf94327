"""The operator that every batch operator is made from."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.outcome import failing_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.records import Record
    from airflow_provider.batch.runner import Batch
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook

XCOM_RECORDS = 1000
"""Records that a batch without ``output`` may have: their results fill one row of Airflow's database."""


class VendorBatchOperator(BaseOperator):
    """Send each record of a batch to a vendor, in one task.

    Results are passed on as the record with one key more, which holds what the vendor answered; its secrets
    are sealed. They come in the order in which they finish.

    :param conn_id: id of the vendor's connection
    :param records: a list of dicts; the path or URI of a CSV, JSONL or Parquet file; or the output of another
        batch task (templated)
    :param output: path or URI of the JSONL file for the results; failed records are reported beside it, in
        ``….failed.jsonl``. Without it results are returned through XCom, for at most 1,000 records
        (templated)
    :param fields: names of a record's fields by parameter, where they differ; dots lead into nested records
        (templated)
    :param defaults: values for what a record does not have (templated)
    :param max_concurrency: requests under way at once; the connection's "Maximum connections" is a limit too
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: failed records are
        reported and the others unharmed. Refused credentials, a used-up quota and a vendor that is away end
        it in any case
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param delimiter: what separates the columns of a CSV file; a comma by default, a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param progress_interval: seconds between two lines of progress in the log
    """

    template_fields: Sequence[str] = ("records", "output_path", "fields", "defaults")

    result_key: ClassVar[str]
    """The key under which a record carries its result."""
    existing_flag: ClassVar[str]
    """The field of a result that says that the vendor had it already."""
    secret_parameters: ClassVar[Collection[str]] = ()
    sends_once: ClassVar[bool] = False
    """Whether each request has an effect of its own, like an SMS."""

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
        delimiter: str | None = None,
        encoding: str = "utf-8-sig",
        progress_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.records = records
        # Not "output": that is Airflow's name for the XCom of the task.
        self.output_path = output
        self.fields = fields
        self.defaults = defaults
        self.max_concurrency = max_concurrency
        self.on_error = on_error
        self.max_failures = max_failures
        self.delimiter = delimiter
        self.encoding = encoding
        self.progress_interval = progress_interval
        if on_error not in ("fail", "continue"):
            raise ValueError(f'on_error must be "fail" or "continue", not {on_error!r}')
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency must be at least 1, not {max_concurrency}")
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

    def chained_fields(self) -> Mapping[str, str]:
        """Return where batches before this one leave what a call needs, by parameter."""
        return {}

    def execute(self, context: Context) -> dict[str, Any]:
        """Run the batch.

        :return: counts, and where the results are
        :raises VendorError: the batch ended early; what was done until then is kept and named in the log
        """
        with failing_at_once():
            self.check_try(context)
            return self._run()

    def check_try(self, context: Context) -> None:
        """Refuse what is not safe to do a second time.

        :param context: the context of the task
        :raises OutcomeUnknown: an earlier try of the task may have sent what this one would send again
        """

    def finish(self, record: Record, value: Any) -> bool:
        """Put the result of a call into its record, and say whether the vendor had it already.

        :param record: the record
        :param value: what the call returned
        """
        from airflow_provider.batch.output import sealed_fields

        record[self.result_key] = sealed_fields(value)
        return bool(getattr(value, self.existing_flag))

    def _run(self) -> dict[str, Any]:
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.batch.keys import SeenKeys
        from airflow_provider.batch.mapping import RecordMapping
        from airflow_provider.batch.output import FileOutput, ListOutput
        from airflow_provider.batch.records import Records
        from airflow_provider.batch.runner import Batch, Plan
        from airflow_provider.secrets import check_key

        started = time.monotonic()
        check_key()
        hook = self.hook()
        # Read before the event loop starts: inside it Airflow allows no blocking question to its supervisor.
        options = hook.options
        mapping = RecordMapping(
            self.call_function(),
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.chained_fields(),
            secrets=self.secret_parameters,
        )
        plan = Plan(
            mapping=mapping,
            finish=self.finish,
            max_concurrency=min(self.max_concurrency, options.max_connections),
            on_error=self.on_error,
            max_failures=self.max_failures,
            progress_interval=self.progress_interval,
        )
        with ExitStack() as stack:
            records = stack.enter_context(
                Records(self.records, delimiter=self.delimiter, encoding=self.encoding)
            )
            if records.columns is not None:
                mapping.check_columns(records.columns)
            results: FileOutput | ListOutput
            failures: FileOutput | ListOutput
            if self.output_path:
                _check_paths(self.output_path, records.path)
                results = FileOutput(self.output_path)
                stack.callback(results.close)
                failures = FileOutput(report_path(self.output_path))
                stack.callback(failures.close)
            else:
                records.hold(XCOM_RECORDS)
                results, failures = ListOutput(), ListOutput()
            seen = stack.enter_context(SeenKeys())
            batch = Batch(plan, records, results, failures, seen)
            requests = asyncio.run(_drive(hook, batch))
            report = failures.publish() if batch.reported else failures.discard()
            if batch.error is not None:
                kept = results.keep()
                counts = ", ".join(
                    f"{count} {name}" for name, count in batch.tally.as_dict().items() if count
                )
                self.log.error(
                    "The batch ended early: %s. Results until then: %s. Report: %s.",
                    counts or "no records",
                    kept or "none kept",
                    report or "none",
                )
                raise batch.error
            output = results.publish()
        result: dict[str, Any] = {
            **batch.tally.as_dict(),
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
            "requests": requests,
            "failures": batch.reported,
            "failures_output": report,
        }
        if isinstance(results, ListOutput):
            result["records"] = results.records
        self._log(result)
        return result

    def _log(self, result: Mapping[str, Any]) -> None:
        self.log.info(
            "%s records: %s created, %s existing, %s replayed, %s failed, %s unknown; %s requests in %s s.",
            *(result[name] for name in ("total", "created", "existing", "replayed", "failed", "unknown")),
            result["requests"],
            result["seconds"],
        )
        for failure in result["failures"][:10]:
            self.log.warning("%s: %s", failure["error"], failure["reason"])
        if (hidden := result["failed"] + result["unknown"] - 10) > 0:
            where = result["failures_output"] or '"failures" of the result'
            self.log.warning("%d more failed; see %s.", hidden, where)


async def _drive(hook: VendorHook[Any], batch: Batch) -> int:
    async with hook.session() as client:
        await batch.run(client)
        return client.setup.requests


def report_path(output: str) -> str:
    """Name the report of failed records that stands beside an output.

    :param output: path or URI of the output
    """
    stem, suffix = os.path.splitext(output)
    return f"{stem}.failed{suffix or '.jsonl'}"


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
