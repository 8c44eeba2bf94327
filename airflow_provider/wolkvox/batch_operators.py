"""What the wolkvox CRM batch operators share.

Dags import the operators from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.values import is_later, names, templated, text, whole_number
from airflow_provider.wolkvox.fields import check_types, columns_of, filled, refuse_undeclared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.batch.mapping import Check, RecordMapping
    from airflow_provider.batch.operation import Combine
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.wolkvox.hooks import WolkvoxHook

RESULTS = (
    "record",
    "collection",
    "case",
    "case_update",
    "gestion",
    "obligation_insert",
    "obligation_update",
    "activity",
)
"""The keys under which the wolkvox batches leave their results: those are not fields of the CRM."""


class WolkvoxBatchOperator(VendorBatchOperator):
    """What the wolkvox batches share.

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "wolkvox_conn_id")
    ui_color = "#d9ecf5"
    types: Mapping[str, Mapping[str, Any]] | None = None

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

    def check_of_values(self) -> Check | None:
        """Return what refuses files of the worker that a record names by itself."""
        return partial(refuse_undeclared, self.types or {}) if self.operation.files else None


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
            check=self.check_of_values(),
        )


class WolkvoxInsertOperator(WolkvoxFieldsOperator):
    """Base of the batches that insert something of which wolkvox knows no duplicates.

    :param record_key: the fields that make two records the same, by wolkvox's names; by default the whole
        content
    """

    def __init__(self, *, record_key: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.record_key = names("record_key", record_key)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), record_key=self.record_key)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value: those that tell a record from others too."""
        return [*self.record_key, *self.required]


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
