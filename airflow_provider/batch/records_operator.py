"""What every operator has that takes records and writes results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.skipmixin import SkipMixin

from airflow_provider import values
from airflow_provider.http.operator import VendorOperator
from airflow_provider.links import BATCH_LINKS
from airflow_provider.records.assets import fill_outlets
from airflow_provider.records.formats import check_output
from airflow_provider.records.lineage import WithLineage
from airflow_provider.values import one_of, shape, templated, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.records.csv_reader import MissingValues


class RecordsOperator(VendorOperator, WithLineage, SkipMixin):
    """Take records, and write one result for each.

    :param records: a list of dicts, the path or URI of a file, or the output of another batch task
        (templated)
    :param output: path or URI of the file for the results; None for XCom (templated)
    :param fields: renames: names of a record's fields by parameter (templated)
    :param defaults: values for what a record does not have (templated)
    :param on_error: ``fail`` or ``continue``
    :param max_failures: with ``continue``, failed records after which the batch ends all the same
    :param on_partial_failure: what a task with failed records is, once all are done: ``succeed``, ``fail``
        or ``skip_downstream``
    :param reveal: secret fields of the results that are written in clear
    :param delimiter: what separates the columns of a CSV file
    :param encoding: encoding of a CSV or JSONL file
    :param missing_values: what a row of a CSV file with fewer values than the header is
    :param empty: what a batch without records is
    """

    template_fields: Sequence[str] = ("records", "output_path", "fields", "defaults")
    operator_extra_links = BATCH_LINKS

    def __init__(
        self,
        *,
        records: Any,
        output: str | None = None,
        fields: Mapping[str, str] | None = None,
        defaults: Mapping[str, Any] | None = None,
        on_error: str = "fail",
        max_failures: int | None = None,
        on_partial_failure: str = "succeed",
        reveal: Sequence[str] = (),
        delimiter: str | None = None,
        encoding: str = "utf-8-sig",
        missing_values: MissingValues = "fail",
        empty: str = "warn",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.records = records
        # Not "output": that is Airflow's name for the XCom of the task.
        self.output_path = output
        self.fields = fields
        self.defaults = defaults
        self.on_error = on_error
        self.max_failures = None if max_failures is None else whole_number("max_failures", max_failures, 0)
        self.on_partial_failure = on_partial_failure
        self.reveal = reveal
        self.delimiter = delimiter
        self.encoding = encoding
        self.missing_values = missing_values
        self.empty = empty
        one_of("on_error", on_error, ("fail", "continue"))
        one_of("on_partial_failure", on_partial_failure, ("succeed", "skip_downstream", "fail"))
        one_of("missing_values", missing_values, ("fail", "empty"))
        one_of("empty", empty, ("warn", "fail"))
        self._check_places()
        if fields is not None:
            templated(values.renames, "fields", fields)
        if defaults is not None:
            templated(values.constants, "defaults", defaults)
        self._check_reveal()
        if max_failures is not None and on_error == "fail":
            raise ValueError(
                'max_failures needs on_error="continue": with "fail" the first failure ends the batch'
            )
        if on_partial_failure != "succeed" and on_error == "fail":
            raise ValueError(
                'on_partial_failure needs on_error="continue": with "fail" the first failure fails the task'
            )
        fill_outlets(self, self.outputs())

    def outputs(self) -> Sequence[Any]:
        """Return paths or URIs of the files that a success publishes, as they were given."""
        return [self.output_path]

    def secret_results(self) -> Sequence[str]:
        """Return the secret fields of a result."""
        raise NotImplementedError

    @property
    def result_key(self) -> str:
        """The key of a record under which its result is."""
        raise NotImplementedError

    def output_of(self, context: Context) -> str | None:
        """Return where the results go, once templates have made what they could make.

        :param context: the context of the task
        :raises ValueError: a parameter cannot be right
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.batch.partial import check_followers
        from airflow_provider.records.mapped_outputs import check_mapped_output

        if self.fields is not None:
            values.renames("fields", self.fields)
        if self.defaults is not None:
            values.constants("defaults", self.defaults)
        output = os.fspath(self.output_path) if self.output_path else None
        if output:
            check_mapped_output(context, output)
        if self.on_partial_failure == "skip_downstream":
            check_followers(self, context)
        return output

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        """Tell the outlets what was published, and do what failed records ask for.

        :param context: the task's context
        :param result: the result of the batch
        :return: the same
        :raises BatchFailed: records failed, and that fails the task
        :raises DownstreamTasksSkipped: records failed, and the tasks that follow are skipped
        """
        from airflow_provider.batch.partial import judge
        from airflow_provider.records.assets import report

        if self.outcome is not None:
            report(context, self.outlets, self.outcome.extras())
        judge(self, context, result)
        return result

    def _check_places(self) -> None:
        values.records("records", self.records)
        if self.output_path is not None:
            values.place("output", self.output_path)
            check_output(self.output_path)
        if self.delimiter is not None:
            values.delimiter("delimiter", self.delimiter)
        values.encoding("encoding", self.encoding)

    def _check_reveal(self) -> None:
        # The model is looked at only where something is to be revealed: that takes time.
        if not self.reveal and isinstance(self.reveal, list | tuple):
            return
        secret = self.secret_results()
        if not isinstance(self.reveal, list | tuple) or any(name not in secret for name in self.reveal):
            raise ValueError(
                f"reveal must be a list of secret fields of {self.result_key!r}; they are: "
                f"{', '.join(secret) or 'none'}. It is {shape(self.reveal)}"
            )
