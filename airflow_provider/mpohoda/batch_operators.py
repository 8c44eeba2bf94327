"""What the mPOHODA batches share, and the operator that creates records.

Dags import them from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from airflow_provider import values
from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.links import check_field, checked_resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.lookup import Lookup
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.nested_mapping import NestedMapping
    from airflow_provider.batch.operation import Operation
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.mpohoda.lookup import MpohodaLookup
    from airflow_provider.records.groups import Grouping

RECORD_KEYS = {"BusinessPartners": "IdentificationNumber", "PaymentMethods": "Name"}
"""What makes a record the same as another, where the Dag does not say so; documents have nothing alike."""

RESEND_AFTER = timedelta(minutes=15)

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
    :param required: fields that must have a value in every record, by the vendor's names; those of
        ``Items`` in every line. mPOHODA takes an invoice that has no address
    :param resolve: fields for which a record has a name, a code or an IČO in place of an id, each with the
        field of mPOHODA's list that has it, like ``{"CurrencyId": "Code"}``. The list is read once a run. A
        record whose name is not there, or is there more than once, fails; an id is taken as it is
    :param existing: ``skip``: what mPOHODA's list has already by ``record_key``, because somebody has typed
        it in, counts as existing and is not created; the list is read once a run. ``ignore``: only what this
        provider has created is known
    :param reconcile: look for a record whose request had an unknown outcome among those that mPOHODA has
        created or changed since, by ``record_key``, which must be sent for that. What is there is recorded as
        created; what is not is sent again, not before ``resend_after``. Give the task retries that last
        longer than that
    :param resend_after: how long mPOHODA may still be working on a request whose connection has broken. The
        vendor does not say it
    :param check_only: check all records and send nothing. Without ``on_error="continue"`` the task fails
        where any is wrong, with all of them in the report. No list is read for it either: ``unchecked`` of
        the result counts the names that were not looked up
    :param fail_on_warning: fail at the end where mPOHODA has created a record with a warning
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (*MpohodaBatchOperator.template_fields, "include", "exclude")
    operations = operations.CREATES
    _lookup: MpohodaLookup | None = None

    def __init__(
        self,
        *,
        resource: str,
        record_key: str | Sequence[str] | None = None,
        group_by: str | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        required: Sequence[str] = (),
        resolve: Mapping[str, str] | None = None,
        existing: Literal["ignore", "skip"] = "ignore",
        reconcile: bool = False,
        resend_after: timedelta = RESEND_AFTER,
        check_only: bool = False,
        fail_on_warning: bool = False,
        **kwargs: Any,
    ) -> None:
        self.operation = operation_of(resource, self.operations)
        # Before: the outlets follow from it.
        self.check_only = values.flag("check_only", check_only)
        super().__init__(**kwargs)
        self.resource = resource
        self.record_key = _record_key(resource, record_key)
        self.required = values.names("required", required)
        self.resolve = {} if resolve is None else checked_resolve(resolve)
        self.existing = existing
        self.reconcile = values.flag("reconcile", reconcile)
        self.resend_after = values.duration("resend_after", resend_after)
        values.one_of("existing", existing, ("ignore", "skip"))
        self._check_lookups()
        self.group_by = group_by
        self.include = include
        self.exclude = exclude
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

    def outputs(self) -> Sequence[Any]:
        """Return paths or URIs of the files that a success publishes: none where records are only checked."""
        return [] if self.check_only else super().outputs()

    def _check_lookups(self) -> None:
        for option, wanted in (("existing", self.existing == "skip"), ("reconcile", self.reconcile)):
            if wanted:
                for name in self.record_key:
                    _check_found_by(option, self.resource, name)
        if self.reconcile and (self.resend_unknown or self.redo == "all"):
            raise InvalidInput(
                'reconcile=True looks for what may be there; resend_unknown=True and redo="all" send it '
                "again without a look.",
                field="reconcile",
                remedy="Choose one of them.",
            )

    def lookup(self, hook: VendorHook[Any], mapping: RecordMapping) -> Lookup | None:
        """Return what looks names and records up in mPOHODA's lists; None where nothing is to be looked up.

        :param hook: the hook of the connection
        :param mapping: what :meth:`mapping` has returned
        """
        return self._lookup

    def _make_lookup(self, hook: VendorHook[Any]) -> MpohodaLookup | None:
        if not (self.resolve or self.existing == "skip" or self.reconcile):
            return None
        from airflow_provider.mpohoda.documents import is_field
        from airflow_provider.mpohoda.lookup import MpohodaLookup

        for name in self.resolve:
            if not is_field(self.resource, name):
                raise InvalidInput(
                    f'"resolve" names "{name}", which is no field of {self.resource}.',
                    field="resolve",
                    remedy="Write the whole path, like Items.TextItem.CentreId.",
                )
        return MpohodaLookup(
            cast("MpohodaHook", hook),
            self.resource,
            self.record_key,
            resolve=self.resolve,
            existing=self.existing == "skip",
            resend_after=self.resend_after.total_seconds() if self.reconcile else None,
        )

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

        lookup = self._lookup = self._make_lookup(hook)
        for name in self.required:
            if not is_field(self.resource, name):
                raise InvalidInput(
                    f'"required" names "{name}", which is no field of {self.resource}.',
                    field="required",
                    remedy="Write the whole path, like Items.TextItem.VatRateType.",
                )
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
            required=self.required,
            replace=lookup.replace if lookup is not None and self.resolve else None,
            key_is_sent=self.reconcile,
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


def _check_found_by(option: str, resource: str, name: str) -> None:
    """Refuse a key by which nothing can be found in mPOHODA's answers."""
    try:
        check_field("record_key", resource, name)
    except InvalidInput as error:
        error.message = f"{error.message.rstrip('.')}, so nothing can be found by it, as {option} asks for."
        error.args = (error.message,)
        raise


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
