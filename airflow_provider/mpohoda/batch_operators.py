"""What the mPOHODA batches share, and the operator that creates records.

Dags import them from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider import values
from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.nested_mapping import NestedMapping
    from airflow_provider.batch.operation import Operation
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.records.groups import Grouping

RECORD_KEYS = {"BusinessPartners": "IdentificationNumber", "PaymentMethods": "Name"}
"""What makes a record the same as another, where the Dag does not say so; documents have nothing alike."""

LINES = "Items"
LISTS = (LINES, "DeliveryAddresses")
ALTERNATIVES = (
    ("TextItem", "PriceListItem"),
    ("DocumentAddressWithAddressBookLink", "DocumentAddressWithoutAddressBookLink"),
    ("DeliveryAddressWithAddressBookLink", "DeliveryAddressWithoutAddressBookLink"),
)


class MpohodaBatchOperator(VendorBatchOperator):
    """What the mPOHODA batches share.

    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "mpohoda_conn_id")
    ui_color = "#dbeed9"

    def __init__(self, *, mpohoda_conn_id: str = "mpohoda_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mpohoda_conn_id = mpohoda_conn_id
        values.text("mpohoda_conn_id", mpohoda_conn_id)

    operations: ClassVar[Mapping[str, Operation[Any]]]
    """What is done with each record, by resource."""

    def hook(self) -> MpohodaHook:
        """Return the mPOHODA hook."""
        from airflow_provider.mpohoda.hooks import MpohodaHook

        return MpohodaHook(self.mpohoda_conn_id, policy=self.request_policy)


class MpohodaCreateOperator(MpohodaBatchOperator):
    """Create documents, partners or payment methods, each of them once.

    A record has the vendor's fields, nested or with dots: ``BusinessPartnerAddress.City`` is the field
    ``City`` in the object ``BusinessPartnerAddress``. ``fields`` renames, ``include`` and ``exclude``
    restrict, ``defaults`` adds constants. With ``group_by``, rows with the same value make one document, and
    their ``Items.…`` columns one line each; all other columns must be the same in its rows, or be empty. The
    result has one record for each document, and ``rows`` counts the rows. Its key is ``issued_invoice``,
    ``received_invoice``, ``advance_invoice``, ``offer``, ``issued_order``, ``received_order``,
    ``issue_slip``, ``partner`` or ``payment_method``: ``id``, ``number``, ``variable_symbol``, ``total``,
    ``warnings``.

    **mPOHODA knows no duplicates, and its API changes and removes nothing.** So each record is checked before
    anything is sent, and is created once for ever by its ``record_key``. A request whose outcome is not known
    is never repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaCreateOperator`

    :param resource: what is created, like ``IssuedInvoices``
    :param record_key: the field, or fields, that tell a record from all others, like ``OrderNumber``; a field
        that mPOHODA does not know is not sent. Required for documents; ``IdentificationNumber`` of partners
        and ``Name`` of payment methods
    :param group_by: the column whose value is the same in all rows of a document; they may be anywhere in the
        file, which is read to its end before anything is sent
    :param include: the fields that are sent, by the vendor's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the vendor's names (templated)
    :param check_only: check all records and send nothing. Without ``on_error="continue"`` the task fails
        where any is wrong, with all of them in the report
    :param fail_on_warning: fail at the end where mPOHODA has created a record with a warning
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (*MpohodaBatchOperator.template_fields, "include", "exclude")
    operations = operations.CREATES

    def __init__(
        self,
        *,
        resource: str,
        record_key: str | Sequence[str] | None = None,
        group_by: str | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        check_only: bool = False,
        fail_on_warning: bool = False,
        **kwargs: Any,
    ) -> None:
        self.operation = operation_of(resource, self.operations)
        super().__init__(**kwargs)
        self.resource = resource
        self.record_key = _record_key(resource, record_key)
        self.group_by = group_by
        self.include = include
        self.exclude = exclude
        self.check_only = values.flag("check_only", check_only)
        self.fail_on_warning = values.flag("fail_on_warning", fail_on_warning)
        if group_by is not None:
            values.text("group_by", group_by)
            if resource in RECORD_KEYS:
                raise InvalidInput(
                    f"group_by is for documents: {resource} have no lines.",
                    field="group_by",
                    remedy="Leave it out.",
                )
        if include is not None:
            values.templated(values.names, "include", include)
        values.templated(values.names, "exclude", exclude)

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        return partial(self.operation.call, self.resource, country=hook.options.country)

    def mapping(self, hook: VendorHook[Any]) -> NestedMapping:
        """Return what makes a call of a record, with all its fields.

        :param hook: the hook of the connection
        """
        from airflow_provider.batch.nested_mapping import NestedMapping
        from airflow_provider.mpohoda.documents import is_field

        own = [*self.record_key, *([self.group_by] if self.group_by else [])]
        return NestedMapping(
            self.call_function(hook),
            rest=self.operation.rest or "",
            fields=self.fields or {},
            defaults=self.defaults or {},
            record_key=self.record_key,
            lists=[name for name in LISTS if is_field(self.resource, name)],
            alternatives=ALTERNATIVES,
            unsent=[name for name in own if not is_field(self.resource, name)],
            results=operations.RESULTS,
            include=None if self.include is None else values.names("include", self.include),
            exclude=values.names("exclude", self.exclude),
        )

    def grouping(self, mapping: RecordMapping) -> Grouping | None:
        """Return how several rows make one document.

        :param mapping: what :meth:`mapping` has returned
        """
        from airflow_provider.batch.nested_mapping import NestedMapping

        if self.group_by is None or not isinstance(mapping, NestedMapping):
            return None
        return mapping.grouping(self.group_by, LINES)

    def carry_out(self, execution: Execution) -> dict[str, Any]:
        """Run the batch, or check it.

        :param execution: the batch, ready to run
        """
        return execution.check() if self.check_only else execution.run()


def operation_of(resource: Any, known: Mapping[str, Any]) -> Any:
    """Return what is done with the records of a resource.

    :param resource: its name
    :param known: the operations by resource
    :raises InvalidInput: there is none for it
    """
    values.one_of("resource", resource, known)
    return known[resource]


def _record_key(resource: str, given: str | Sequence[str] | None) -> list[str]:
    if given is None:
        if resource not in RECORD_KEYS:
            raise InvalidInput(
                f"record_key is required for {resource}.",
                field="record_key",
                remedy=(
                    "Name the field that tells one document from all others, like the number of the order: "
                    "mPOHODA would create a second one without a word."
                ),
            )
        return [RECORD_KEYS[resource]]
    return values.names("record_key", [given] if isinstance(given, str) else given)
