"""The operator that inserts activities into wolkvox CRM: calls, meetings and tasks.

Dags import it from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.values import text
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.batch_operators import WolkvoxInsertOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.hook import VendorHook


class WolkvoxInsertActivitiesOperator(WolkvoxInsertOperator):
    """Insert activities: calls, meetings and tasks.

    All columns of a record are inserted, by the CRM's names of the fields: ``status``, ``name``,
    ``priority``, ``name_module``, ``completion_date``, ``remember``, ``reminder_date``, ``description``,
    ``id_record`` and ``wolkvox_owner`` are required of all, ``location`` and ``phone`` of calls, and
    ``location``, ``start_date`` and ``participants`` of meetings. A record without one of them fails alone,
    before anything is sent. The result has ``activity``: ``wolkvox_id``.

    **A second request makes a second activity.** Activities with the same content are inserted once in a run
    of the Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is
    never repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertActivitiesOperator`

    :param activity_type: ``call``, ``meet`` or ``task``, for records without a column ``type`` (templated)
    :param record_key: the CRM's fields that make two activities the same; by default the whole content
    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxInsertOperator.template_fields, "activity_type")
    operation = operations.INSERT_ACTIVITIES

    def __init__(self, *, activity_type: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activity_type = activity_type
        if activity_type is not None:
            text("activity_type", activity_type)

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record, with all its fields.

        :param hook: the hook of the connection
        """
        if self.activity_type is not None:
            from airflow_provider.wolkvox.record_calls import activity_type

            # A template may have made it of anything; without this each record would fail by itself.
            self.defaults = {**(self.defaults or {}), "type": activity_type(self.activity_type)}
        return super().mapping(hook)
