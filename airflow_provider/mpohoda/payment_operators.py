"""The mPOHODA operators that turn orders into invoices and mark documents as paid.

Dags import them from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator, operation_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook


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

    A record has ``id``, mPOHODA's id of the document, or comes from the batch that created it. It may have
    ``amount`` (empty: all is paid), ``home_amount`` for documents in another currency, ``date`` and ``note``.
    The result has ``liquidation``: ``id``, ``amount``, ``date``, ``warnings``. A document is paid in full
    once for ever, and in part once for each key of a payment.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaLiquidateOperator`

    :param resource: ``IssuedInvoices``, or ``IssuedAdvanceInvoices``, which can be paid in full alone
    :param record_key: the field of a record that tells its payment from all others, like the bank's
        transaction; required where a record has an amount
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    operations = operations.LIQUIDATES

    def __init__(self, *, resource: str, record_key: str | None = None, **kwargs: Any) -> None:
        self.operation = operation_of(resource, self.operations)
        super().__init__(**kwargs)
        self.resource = resource
        self.record_key = record_key
        if record_key is not None:
            values.text("record_key", record_key)

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        if self.record_key is None:
            # A field of a record that is called "key" by chance is none.
            return partial(self.operation.call, self.resource, key=None)
        return partial(self.operation.call, self.resource)

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record, which has the payment's key in the field for it.

        :param hook: the hook of the connection
        """
        from airflow_provider.batch.mapping import RecordMapping

        return RecordMapping(
            self.call_function(hook),
            fields={**(self.fields or {}), **({"key": self.record_key} if self.record_key else {})},
            defaults=self.defaults or {},
            chained=self.takes(),
        )
