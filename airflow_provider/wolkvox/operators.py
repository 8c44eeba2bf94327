"""The wolkvox CRM operators: the token's quota, records, collections and cases."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.http.operator import VendorOperator
from airflow_provider.values import is_later, names, templated, text, whole_number
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.fields import check_types, columns_of, filled
from airflow_provider.wolkvox.query_operators import (
    WolkvoxCasesOperator,
    WolkvoxPagesOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.operation import Combine
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.wolkvox.hooks import WolkvoxHook

__all__ = [
    "WolkvoxBatchOperator",
    "WolkvoxCasesOperator",
    "WolkvoxDeleteRecordsOperator",
    "WolkvoxFieldsOperator",
    "WolkvoxInsertCasesOperator",
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
]

RESULTS = ("record", "collection", "case", "case_update")
"""The keys under which the wolkvox batches leave their results: those are not fields of the CRM."""


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


class WolkvoxBatchOperator(VendorBatchOperator):
    """What the wolkvox batches share.

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "wolkvox_conn_id")
    ui_color = "#d9ecf5"

    def __init__(self, *, wolkvox_conn_id: str = "wolkvox_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wolkvox_conn_id = wolkvox_conn_id
        text("wolkvox_conn_id", wolkvox_conn_id)

    def hook(self) -> WolkvoxHook:
        """Return the wolkvox hook."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        return WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record.

        :param hook: the hook of the connection
        """
        from airflow_provider.wolkvox.calls import Crm

        return partial(self.operation.call, Crm.of(hook.options))


class WolkvoxFieldsOperator(WolkvoxBatchOperator):
    """Base of the batches whose records have the CRM's own fields.

    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    """

    template_fields: Sequence[str] = (*WolkvoxBatchOperator.template_fields, "include", "exclude", "types")

    def __init__(
        self,
        *,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        types: Mapping[str, Mapping[str, Any]] | None = None,
        required: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.exclude = exclude
        self.types = types
        self.required = names("required", required)
        if include is not None:
            templated(names, "include", include)
        templated(names, "exclude", exclude)
        if types is not None and not is_later(types):
            check_types(types)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        return self.required

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record, with all its fields.

        :param hook: the hook of the connection
        """
        from airflow_provider.batch.passthrough_mapping import PassthroughMapping

        types = self.types or {}
        check_types(types)
        return PassthroughMapping(
            self.call_function(hook),
            rest=self.operation.rest or "",
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.takes(),
            results=RESULTS,
            include=None if self.include is None else names("include", self.include),
            exclude=names("exclude", self.exclude),
            required=list(dict.fromkeys(self.mandatory())),
            convert=lambda name, value, find: filled(name, types[name], value, find),
            converted={name: columns_of(declared) for name, declared in types.items()},
            known=self.operation.known if self.operation.updates else None,
        )


class WolkvoxModuleOperator(WolkvoxBatchOperator):
    """Base of the batches that work on records of a module.

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request, which costs one use of the token whatever it carries
    """

    template_fields: Sequence[str] = (*WolkvoxBatchOperator.template_fields, "module")

    def __init__(self, *, module: str, chunk_size: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        text("module", module)
        self.chunk_size = whole_number("chunk_size", chunk_size, 1)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        from airflow_provider.wolkvox.crm import required

        # A template may have left nothing; without this each record would fail by itself.
        return partial(super().call_function(hook), required("module", self.module))

    def combine(self, hook: VendorHook[Any]) -> Combine | None:
        """Return what puts several records into one request, unless each has its own."""
        from airflow_provider.wolkvox.calls import Crm

        if self.chunk_size == 1 or self.operation.combine is None:
            return None
        return partial(self.operation.combine, Crm.of(hook.options), self.module)


class WolkvoxInsertRecordsOperator(WolkvoxModuleOperator, WolkvoxFieldsOperator):
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

    def __init__(self, *, record_key: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.record_key = names("record_key", record_key)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), record_key=self.record_key)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value: those that tell a record from others too."""
        return [*self.record_key, *self.required]


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


class WolkvoxInsertCasesOperator(WolkvoxBatchOperator):
    """Insert cases.

    A record has ``case_type``, ``responsible``, ``owner``, ``contact``, ``description``, ``status`` and
    ``priority``, and may have ``form``, ``solution`` and ``attachments``. The result has ``case``:
    ``wolkvox_id`` and ``number``.

    **A second request makes a second case.** Cases with the same content are inserted once in a run of the
    Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is never
    repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertCasesOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.INSERT_CASES


class WolkvoxUpdateCasesOperator(WolkvoxBatchOperator):
    """Change cases.

    A record has ``wolkvox_id``, or comes from a batch of cases, and has ``responsible`` and ``status``. It
    may have ``case_type``, ``priority``, ``form`` and ``solution``, or ``attachments``; wolkvox has no
    request that takes attachments and the others. Of a case that comes from a query or an earlier batch,
    ``defaults`` win over its own values, and its attachments are not sent again. The result has
    ``case_update``: ``wolkvox_id``. Updated cases count as ``existing``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateCasesOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPDATE_CASES
