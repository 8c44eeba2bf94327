"""The operator that every batch operator is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.exceptions import AirflowException

from airflow_provider import links, values
from airflow_provider.batch.records_operator import RecordsOperator
from airflow_provider.run_identity import RunIdentity
from airflow_provider.values import one_of, seconds, shape, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.lookup import Lookup
    from airflow_provider.batch.mapping import Check, RecordMapping
    from airflow_provider.batch.operation import Combine, Operation
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.ledger.ledger import Redo
    from airflow_provider.records.groups import Grouping


class VendorBatchOperator(RecordsOperator):
    """Send each record of a batch to a vendor, in one task.

    A result is the record with one key more, which holds what the vendor answered; its secrets are sealed.
    Results keep the order of the records. What the ledger has as done is not sent again.

    :param records: a list of dicts; the path or URI of a CSV, TSV, JSONL or Parquet file, the first three
        also compressed (``.csv.gz``); or the output of another batch task (templated)
    :param output: path or URI of the file for the results, in the format of its ending: ``.jsonl``,
        ``.ndjson``, ``.csv``, ``.tsv``, each also with ``.gz``, or ``.parquet``; failed records are reported
        beside it, in ``….failed.jsonl``. Without it results are returned through XCom, for at most 1,000
        records (templated)
    :param fields: renames: names of a record's fields by parameter, where they differ; dots lead into nested
        records. A field that is not named keeps its own name (templated)
    :param defaults: values for what a record does not have. In an update they win over what the vendor has
        already: over the values of records that come from an earlier batch or from a query (templated)
    :param max_concurrency: requests under way at once; the connection's "Maximum connections" is a limit too
    :param on_error: ``fail``: the first failed record ends the batch; ``continue``: failed records are
        reported and the batch goes on. Refused credentials, a missing right, a used-up quota, an outage of
        the vendor and a worker with another Fernet key end it in any case
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param on_partial_failure: what the task is when all records are done and some of them failed or have an
        unknown outcome: ``succeed``; ``skip_downstream``: a success, and the tasks that follow are skipped;
        or ``fail``: a failure without retries, its results published. Needs ``on_error="continue"``
    :param ordered: keep the order of the records in the results; False writes each as it completes, so that
        none waits for a slow one before it
    :param ledger_scope: for how long a record that is done is not sent again: within this ``run`` of the Dag,
        retries and mapped tasks included, or ``forever``, which is not for batches that change records
    :param redo: which records are sent again all the same: ``never`` any, those that ``failed``, or ``all``
    :param resend_unknown: also send records that may have been sent already: you decide that twice is better
        than not at all
    :param reveal: secret fields of the results that are written in clear, like ``["url"]``: everybody who can
        read the output, or XCom without one, can read them. The ledger keeps them sealed
    :param delimiter: what separates the columns of a CSV file; a comma by default, a tab in a ``.tsv`` file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: ``fail``: a row of a CSV file with fewer values than the header is a failed record;
        ``empty``: the missing values are empty, for files that leave out trailing ones
    :param progress_interval: seconds between two lines of progress in the log
    :param reserve: ``auto``: reserve as many requests of the vendor's quota as the batch needs before it
        sends the first, and send none if too few remain; for vendors with a quota
    :param empty: what a batch without records is: ``warn``: a success with a warning, or ``fail``: a failure,
        for Dags where it means that the task before has gone wrong
    :param request_policy: how hard one request tries before its error is raised, an
        :class:`~airflow_provider.http.retry.RequestPolicy`
    :param retry_policy: when a failed task is tried again, like
        :class:`~airflow_provider.http.retry_policy.VendorRetryPolicy`
    """

    operation: Operation[Any]
    """What is done with each record."""
    chunk_size: int = 1
    """How many records one request carries at most."""
    fail_on_warning: bool = False
    """Whether the batch fails at its end where the vendor remarked on a record that it accepted."""

    def __init__(
        self,
        *,
        max_concurrency: int = 20,
        ordered: bool = True,
        ledger_scope: str | None = None,
        redo: Redo = "failed",
        resend_unknown: bool = False,
        progress_interval: float = 10.0,
        reserve: Literal["auto"] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_concurrency = whole_number("max_concurrency", max_concurrency, 1)
        self.ordered = values.flag("ordered", ordered)
        self.ledger_scope = self.operation.scope if ledger_scope is None else ledger_scope
        self.redo = redo
        self.resend_unknown = values.flag("resend_unknown", resend_unknown)
        self.progress_interval = seconds("progress_interval", progress_interval)
        self.reserve = reserve
        self._execution: Execution | None = None
        one_of("ledger_scope", self.ledger_scope, ("run", "forever"))
        one_of("redo", redo, ("never", "failed", "all"))
        self._check_reserve()
        if self.operation.changes and self.ledger_scope == "forever":
            raise ValueError(
                'ledger_scope must be "run" where records are changed, not "forever": what was written once '
                "would never be written again, whatever was written after it"
            )
        if self.retries and (resend_unknown or redo == "all") and self.operation.once:
            raise ValueError(
                'resend_unknown=True and redo="all" need retries=0 here: '
                "each retry would send the messages of the try before again"
            )

    def secret_results(self) -> Sequence[str]:
        """Return the secret fields of a result."""
        return self.operation.secret_results

    @property
    def result_key(self) -> str:
        """The key of a record under which its result is."""
        return self.operation.result_key

    def _check_reserve(self) -> None:
        if self.reserve is None:
            return
        if self.reserve != "auto":
            raise ValueError(f'reserve must be "auto" or None, not {shape(self.reserve)}')
        from airflow_provider.quota.hook import metered_types

        if self.operation.conn_type not in metered_types():
            raise ValueError(f'reserve="auto": {type(self).__name__} sends to a vendor without a quota')

    def hook(self) -> VendorHook[Any]:
        """Return the hook of the vendor."""
        raise NotImplementedError

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes the call of a record; its parameters are a record's fields.

        :param hook: the hook of the vendor
        """
        return self.operation.call

    def takes(self) -> Mapping[str, str]:
        """Return where earlier batches have what a call needs, by parameter."""
        return self.operation.takes

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record.

        :param hook: the hook of the vendor
        """
        from airflow_provider.batch.mapping import RecordMapping

        return RecordMapping(
            self.call_function(hook),
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.takes(),
            secrets=self.operation.secret_parameters,
            known=self.operation.known if self.operation.updates else None,
            check=self.check_of_values(),
        )

    def check_of_values(self) -> Check | None:
        """Return what may refuse values of a record by the names that they are sent by; None for nothing."""
        return None

    def combine(self, hook: VendorHook[Any]) -> Combine | None:
        """Return what makes one call of those of several records; None where each record has its own.

        :param hook: the hook of the vendor
        """
        return None

    def work(self, context: Context) -> dict[str, Any]:
        """Run the batch.

        :return: counts, and where the results are
        :raises VendorError: the batch ended early; what was done until then is kept and named in the log
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.batch.execution import Execution
        from airflow_provider.batch.plan import Plan
        from airflow_provider.batch.progress import Progress

        output = self.output_of(context)
        hook = self.hook()
        # Read before the event loop starts: inside it Airflow allows no blocking request to its supervisor.
        options = hook.options
        mapping = self.mapping(hook)
        plan = Plan(
            operation=self.operation,
            mapping=mapping,
            grouping=self.grouping(mapping),
            fail_on_warning=self.fail_on_warning,
            max_concurrency=min(self.max_concurrency, options.max_connections),
            on_error=self.on_error,
            max_failures=self.max_failures,
            ordered=self.ordered,
            progress_interval=self.progress_interval,
            chunk_size=self.chunk_size,
            combine=self.combine(hook),
            lookup=self.lookup(hook, mapping),
            reveal=self.reveal,
        )
        self._execution = Execution(
            hook,
            plan,
            log=self.log,
            identity=RunIdentity.of(context),
            records=self.records,
            output=output,
            delimiter=self.delimiter,
            encoding=self.encoding,
            missing_values=self.missing_values,
            forever=self.ledger_scope == "forever",
            redo=self.redo,
            resend_unknown=self.resend_unknown,
            reserve=self.reserve is not None,
            empty=self.empty,
            executor=self.executor,
            try_number=getattr(context.get("ti"), "try_number", 1),
            progress=Progress(context.get("task_state_store")),
        )
        self.outcome = self._execution.outcome
        links.push(context, self)
        return self.carry_out(self._execution)

    def lookup(self, hook: VendorHook[Any], mapping: RecordMapping) -> Lookup | None:
        """Return what looks up at the vendor what the batch needs to know; None where it needs nothing.

        :param hook: the hook of the vendor
        :param mapping: what makes a call of a record
        """
        return None

    def grouping(self, mapping: RecordMapping) -> Grouping | None:
        """Return how several rows make one record; None where each is one.

        :param mapping: what makes a call of a record
        """
        return None

    def carry_out(self, execution: Execution) -> dict[str, Any]:
        """Do with the batch what is to be done.

        :param execution: the batch, ready to run
        """
        return execution.run()

    def on_kill(self) -> None:
        """End the batch: finish or record what is under way, send nothing more."""
        if self._execution is not None:
            self._execution.stop(AirflowException("the task was told to end"))
