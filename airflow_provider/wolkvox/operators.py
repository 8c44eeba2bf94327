"""The wolkvox CRM operators: the token's quota, records, collections and cases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.http.operator import VendorOperator
from airflow_provider.values import text, whole_number
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.activity_operators import WolkvoxInsertActivitiesOperator
from airflow_provider.wolkvox.batch_operators import (
    WolkvoxBatchOperator,
    WolkvoxFieldsOperator,
    WolkvoxInsertOperator,
    WolkvoxModuleOperator,
)
from airflow_provider.wolkvox.case_operators import WolkvoxWriteCasesOperator
from airflow_provider.wolkvox.query_operators import (
    WolkvoxCasesOperator,
    WolkvoxPagesOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.operation import Combine
    from airflow_provider.http.hook import VendorHook

__all__ = [
    "WolkvoxBatchOperator",
    "WolkvoxCasesOperator",
    "WolkvoxDeleteRecordsOperator",
    "WolkvoxFieldsOperator",
    "WolkvoxInsertActivitiesOperator",
    "WolkvoxInsertCasesOperator",
    "WolkvoxInsertOperator",
    "WolkvoxInsertRecordsOperator",
    "WolkvoxModuleOperator",
    "WolkvoxPagesOperator",
    "WolkvoxQueryCaseNotesOperator",
    "WolkvoxQueryCasesOperator",
    "WolkvoxQueryOperator",
    "WolkvoxTokenInformationOperator",
    "WolkvoxUpdateCasesOperator",
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


class WolkvoxUpsertCollectionsOperator(WolkvoxFieldsOperator):
    """Insert or update collections: people with their obligations, 500 in one request.

    A record has ``Identification``, ``Name``, ``Email`` and ``Telephone``, and ``Obligations``: a list of
    objects with ``id`` and ``name``, or one obligation in the fields ``Obligations.id``, ``Obligations.name``
    and so on. ``fields`` renames, ``include`` and ``exclude`` restrict. The result has ``collection``:
    ``identification``.

    wolkvox refuses all 500 for one empty mandatory value. Here such a record fails alone, before anything is
    sent. wolkvox does not say which records are new: all count as ``created``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpsertCollectionsOperator`

    :param chunk_size: records in one request, at most 500
    :param include: the fields that are sent, by wolkvox's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by wolkvox's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPSERT_COLLECTIONS

    def __init__(self, *, chunk_size: int = 500, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunk_size = whole_number("chunk_size", chunk_size, 1, 500)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        from airflow_provider.wolkvox.collection_calls import MANDATORY

        return [*MANDATORY, *self.required]

    def combine(self, hook: VendorHook[Any]) -> Combine:
        """Return what puts several records into one request."""
        from airflow_provider.wolkvox.calls import Crm, combine_upserts

        return partial(combine_upserts, Crm.of(hook.options))


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
    request that takes attachments and the others. The result has ``case_update``: ``wolkvox_id``.
    Updated cases count as ``existing``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateCasesOperator`

    :param types: ``{"attachments": attachments()}`` where the column has paths of files (templated)
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPDATE_CASES
