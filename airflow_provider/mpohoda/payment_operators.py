"""The mPOHODA operators that turn orders into invoices and mark documents as paid.

Dags import them from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator, operation_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.lookup import Lookup
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mpohoda.matching import Documents
    from airflow_provider.mpohoda.transactions import Transactions

MATCHES = ("id", "number", "variable_symbol")
"""By what a payment may name its document."""


class MpohodaTransferOrdersOperator(MpohodaBatchOperator):
    """Turn whole orders into invoices: issued orders into received ones, received orders into issued ones.

    A record has ``id``, mPOHODA's id of the order, or comes from the batch that created it. The result has
    ``received_invoice`` or ``issued_invoice``: ``id``, ``number``, ``variable_symbol``, ``total``,
    ``warnings``. An order is transferred once for ever.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaTransferOrdersOperator`

    :param resource: ``IssuedOrders`` or ``ReceivedOrders``
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    operations = operations.TRANSFERS

    def __init__(self, *, resource: str, **kwargs: Any) -> None:
        self.operation = operation_of(resource, self.operations)
        super().__init__(**kwargs)
        self.resource = resource

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        return partial(self.operation.call, self.resource)


class MpohodaLiquidateOperator(MpohodaBatchOperator):
    """Mark documents as paid, in full or in part.

    A record has ``id``, mPOHODA's id of the document, or comes from the batch that created it. With
    ``match`` it has ``number`` or ``variable_symbol`` in its place, and the document is looked up in
    ``documents``. A record may have ``amount`` (empty: all is paid), ``home_amount`` for documents in another
    currency, ``date`` and ``note``. The result has ``liquidation``: ``id``, ``document_id``, ``amount``,
    ``date``, ``warnings``. A document is paid in full once for ever, and in part once for each key of a
    payment.

    A transaction, which ``record_key`` names, is recorded once. It may pay several documents, if one file has
    all of these payments. In a later run it may not be the payment of anything else: that fails its record,
    unless ``redo="all"`` is set.

    A document that cannot be told for certain fails its record alone, before anything is sent for it.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaLiquidateOperator`

    :param resource: ``IssuedInvoices``, or ``IssuedAdvanceInvoices``, which can be paid in full alone
    :param match: by what a record names its document: ``id``, ``number`` or ``variable_symbol``. A variable
        symbol is looked for as it is written, and where no document has it, without its leading zeros
    :param record_key: the field of a record that tells its payment from all others, like the bank's
        transaction; required where a record has an amount. Name it for payments in full, too: without it
        nobody can tell that a transaction has paid another document before
    :param documents: the documents to look in: the result of an ``MpohodaListOperator``, the path or URI of
        its output, a list of dicts, or a list of paths and results, the oldest first. Required unless
        ``match`` is ``id``; with it they tell which documents are in another currency (templated)
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (*MpohodaBatchOperator.template_fields, "documents")
    operations = operations.LIQUIDATES

    def __init__(
        self,
        *,
        resource: str,
        match: str = "id",
        record_key: str | None = None,
        documents: Any = None,
        **kwargs: Any,
    ) -> None:
        self.operation = operation_of(resource, self.operations)
        super().__init__(**kwargs)
        self.resource = resource
        self.match = match
        self.record_key = record_key
        self.documents = documents
        self._found: Documents | None = None
        self._transactions: Transactions | None = None
        values.one_of("match", match, MATCHES)
        if record_key is not None:
            values.text("record_key", record_key)
        if documents is not None:
            values.records("documents", documents)
        elif match != "id":
            raise _no_documents(match)

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        call: Callable[..., Call[Any]] = partial(self.operation.call, self.resource)
        if self._found is not None:
            from airflow_provider.mpohoda.matching import matching_call

            call = matching_call(self.match, self._found, call)
        if self.record_key is None:
            # A field of a record that is called "key" by chance is none.
            return partial(call, key=None)
        return call

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record, which has the payment's key in the field for it.

        :param hook: the hook of the connection
        """
        from airflow_provider.mpohoda.matching import Documents, PaymentMapping
        from airflow_provider.mpohoda.transactions import Transactions

        checked = self.record_key is not None and self.redo != "all"
        self._transactions = Transactions() if checked else None
        if self.documents is not None:
            self._found = Documents(self.documents, self.match)
        elif self.match != "id":
            # A template, or the task before, has given none.
            raise _no_documents(self.match)
        return PaymentMapping(
            self.call_function(hook),
            fields={**(self.fields or {}), **({"key": self.record_key} if self.record_key else {})},
            defaults=self.defaults or {},
            chained=self.takes(),
            transactions=self._transactions,
        )

    def lookup(self, hook: VendorHook[Any], mapping: RecordMapping) -> Lookup | None:
        """Return what finds transactions that have paid something else.

        :param hook: the hook of the connection
        :param mapping: what :meth:`mapping` has returned
        """
        return self._transactions

    def carry_out(self, execution: Execution) -> dict[str, Any]:
        """Run the batch.

        :param execution: the batch, ready to run
        """
        if self._transactions is not None:
            self._transactions.expect(execution)
        try:
            return execution.run()
        finally:
            if self._found is not None:
                self._found.close()
                self._found = None


def _no_documents(match: str) -> InvalidInput:
    return InvalidInput(
        f'match="{match}" needs "documents".',
        field="documents",
        remedy=(
            "Read the documents with MpohodaListOperator, and give its output. mPOHODA has no search: each "
            "try of this task would read its whole list, with a request of the month for each 100 documents."
        ),
    )
