"""What the operators share that work through records and send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.batch.records_operator import RecordsOperator
from airflow_provider.values import text

if TYPE_CHECKING:
    from collections.abc import Sequence


class MobadooRecordOperator(RecordsOperator):
    """What the operators share that work through records and send nothing.

    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*RecordsOperator.template_fields, "mobadoo_conn_id")
    ui_color = "#e4dff5"

    def __init__(self, *, mobadoo_conn_id: str = "mobadoo_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        text("mobadoo_conn_id", mobadoo_conn_id)
        self.mobadoo_conn_id = mobadoo_conn_id

    def begin(self, context: Any, operation: str) -> dict[str, Any]:
        """Check what templates have made of the parameters, and say from now on what the task does.

        :param context: the task's context
        :param operation: what is done with each record
        :return: what every :class:`~airflow_provider.mobadoo.record_run.RecordRun` takes
        :raises InvalidInput: a parameter cannot be right
        """
        # Imported here: parsing a Dag needs none of it.
        from airflow_provider.records.outcome import TaskOutcome
        from airflow_provider.records.readers import Records

        output = self.output_of(context)
        records = Records(
            self.records,
            delimiter=self.delimiter,
            encoding=self.encoding,
            missing_values=self.missing_values,
        )
        self.outcome = TaskOutcome(
            conn_id=self.mobadoo_conn_id,
            vendor="mobadoo",
            operation=operation,
            direction="none",
            source=records.path,
            rows={output: None} if output else {},
        )
        return {
            "records": records,
            "log": self.log,
            "output": output,
            "empty": self.empty,
            "executor": self.executor,
            "outcome": self.outcome,
        }
