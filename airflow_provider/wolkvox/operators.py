"""The wolkvox CRM operators: the token's quota, records, collections and cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.http.operator import VendorOperator
from airflow_provider.values import text
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.activity_operators import WolkvoxInsertActivitiesOperator
from airflow_provider.wolkvox.batch_operators import (
    WolkvoxBatchOperator,
    WolkvoxFieldsOperator,
    WolkvoxInsertOperator,
    WolkvoxModuleOperator,
)
from airflow_provider.wolkvox.case_operators import WolkvoxWriteCasesOperator
from airflow_provider.wolkvox.collection_operators import (
    WolkvoxInsertGestionesOperator,
    WolkvoxInsertObligationsOperator,
    WolkvoxNumbersAsTextOperator,
    WolkvoxQueryGestionesOperator,
    WolkvoxQueryObligationsOperator,
    WolkvoxUpdateObligationsOperator,
    WolkvoxUpsertCollectionsOperator,
)
from airflow_provider.wolkvox.query_operators import (
    WolkvoxFieldQueryOperator,
    WolkvoxPagesOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
)
from airflow_provider.wolkvox.report_operators import WolkvoxReportOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

__all__ = [
    "WolkvoxBatchOperator",
    "WolkvoxDeleteRecordsOperator",
    "WolkvoxFieldQueryOperator",
    "WolkvoxFieldsOperator",
    "WolkvoxInsertActivitiesOperator",
    "WolkvoxInsertCasesOperator",
    "WolkvoxInsertGestionesOperator",
    "WolkvoxInsertObligationsOperator",
    "WolkvoxInsertOperator",
    "WolkvoxInsertRecordsOperator",
    "WolkvoxModuleOperator",
    "WolkvoxNumbersAsTextOperator",
    "WolkvoxPagesOperator",
    "WolkvoxQueryCaseNotesOperator",
    "WolkvoxQueryCasesOperator",
    "WolkvoxQueryGestionesOperator",
    "WolkvoxQueryObligationsOperator",
    "WolkvoxQueryOperator",
    "WolkvoxReportOperator",
    "WolkvoxTokenInformationOperator",
    "WolkvoxUpdateCasesOperator",
    "WolkvoxUpdateObligationsOperator",
    "WolkvoxUpdateRecordsOperator",
    "WolkvoxUpsertCollectionsOperator",
    "WolkvoxWriteCasesOperator",
]


class WolkvoxTokenInformationOperator(VendorOperator):
    """Read how much of a wolkvox token's daily quota is left; each run costs one use.

    Returns ``limit``, ``used``, ``remaining``, ``resets_at``, ``observed_at``, ``source`` and
    ``description``.

    .. seealso:: :ref:`howto/operator:WolkvoxTokenInformationOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = ("wolkvox_conn_id",)
    ui_color = "#d9ecf5"

    def __init__(self, *, wolkvox_conn_id: str = "wolkvox_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wolkvox_conn_id = wolkvox_conn_id
        text("wolkvox_conn_id", wolkvox_conn_id)

    def work(self, context: Context) -> dict[str, Any]:
        """Ask, log the answer and return it."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        hook = WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)
        try:
            information, quota = hook.token_reading()
        finally:
            hook.close()
        self.log.info("Token %r: %s", information.description, quota)
        return {**quota.as_dict(), "description": information.description}


class WolkvoxInsertRecordsOperator(WolkvoxModuleOperator, WolkvoxInsertOperator):
    """Insert records into a module of the CRM.

    All columns of a record are inserted, by the CRM's names of the fields. ``fields`` renames:
    ``fields={"namecontact": "customer_name"}``. ``include`` and ``exclude`` restrict, ``defaults`` adds
    constants. The result has ``record``: ``wolkvox_id``.

    **wolkvox does not detect duplicates.** A record that is the same as another is inserted once in a run of
    the Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is never
    repeated: its records count as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request. More than one saves uses of the token, and then wolkvox returns
        no ``wolkvox_id``, and all records of a refused request are ``unknown``
    :param record_key: the CRM's fields that make two records the same, like ``["idcontact"]``; by default the
        whole content
    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxFieldsOperator.template_fields, "module")
    operation = operations.INSERT_RECORDS


class WolkvoxUpdateRecordsOperator(WolkvoxModuleOperator, WolkvoxFieldsOperator):
    """Change fields of records of the CRM.

    A record has ``wolkvox_id``, or comes from a batch that left it in ``record``. All its other columns are
    written, by the CRM's names of the fields. ``fields`` renames, ``include`` and ``exclude`` restrict,
    ``defaults`` adds constants, and ``include=[]`` writes the constants alone. An empty value is not written.
    Of a record that comes from a query or an earlier batch, ``defaults`` win over its own values, and what
    the CRM writes itself, like ``wolkvox_fecha_creacion``, is left out.
    The result has ``record``: ``wolkvox_id``. Updated records count as ``existing``.

    If values of a record come again after other values, they are written again. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request
    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxFieldsOperator.template_fields, "module")
    operation = operations.UPDATE_RECORDS


class WolkvoxDeleteRecordsOperator(WolkvoxModuleOperator):
    """Delete records of the CRM.

    A record has ``wolkvox_id``, or comes from a batch that left it in ``record``. The result has ``record``:
    ``wolkvox_id``. Deleted records count as ``existing``, because they were there.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxDeleteRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.DELETE_RECORDS


class WolkvoxInsertCasesOperator(WolkvoxWriteCasesOperator):
    """Insert cases.

    A record has ``case_type``, ``responsible``, ``owner``, ``contact``, ``description``, ``status`` and
    ``priority``, and may have ``form``, ``solution`` and ``attachments``. The result has ``case``:
    ``wolkvox_id`` and ``number``.

    **A second request makes a second case.** Cases with the same content are inserted once in a run of the
    Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is never
    repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertCasesOperator`

    :param types: ``{"attachments": attachments()}`` where the column has paths of files (templated)
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.INSERT_CASES


class WolkvoxUpdateCasesOperator(WolkvoxWriteCasesOperator):
    """Change cases.

    A record has ``wolkvox_id``, or comes from a batch of cases, and has ``responsible`` and ``status``. It
    may have ``case_type``, ``priority``, ``form`` and ``solution``, or ``attachments``; wolkvox has no
    request that takes attachments and the others. Of a case that comes from a query or an earlier batch,
    ``defaults`` win over its own values, and its attachments are not sent again. The result has
    ``case_update``: ``wolkvox_id``. Updated cases count as ``existing``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateCasesOperator`

    :param types: ``{"attachments": attachments()}`` where the column has paths of files (templated)
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPDATE_CASES
