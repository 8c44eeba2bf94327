"""The operators that read single records, and stock and prices of many.

Dags import them from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider import values
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator
from airflow_provider.mpohoda.resources import resource as resource_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.batch.operation import Combine, Operation
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook


class MpohodaGetOperator(MpohodaBatchOperator):
    """Read single records, or one thing about each of them.

    A record has ``id``, or comes from the batch that created it. The rows of a list have ``Id``: name it with
    ``fields={"id": "Id"}``. The result has the part under its own name: ``detail`` is mPOHODA's object,
    ``status`` a text like ``Unfinished``, ``payment`` an object with ``RestToPay``, ``liquidation`` one with
    the payment. Numbers in it are texts with all their digits, in every format.

    Each record costs a request of the month: where you need many, :class:`MpohodaListOperator` reads a
    hundred with one. A record that was read is not asked for again within the run; ``redo="all"`` asks again.
    A missing right for the resource (403) ends the batch.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaGetOperator`

    :param resource: the list that the records are in, like ``IssuedInvoices``
    :param part: ``detail``; ``status`` of orders; ``payment`` of issued invoices and issued advance invoices;
        ``liquidation`` of the same two, where ``id`` is that of the payment
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    parts: ClassVar[Mapping[str, Operation[Any]]] = operations.GETS

    def __init__(self, *, resource: str, part: str = "detail", **kwargs: Any) -> None:
        values.one_of("part", part, self.parts)
        one = resource_of(resource)
        # It says which lists have such a part.
        one.check(part)
        self.operation = self.parts[part]
        super().__init__(**kwargs)
        self.resource = one.name
        self.part = part

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        return partial(self.operation.call, self.resource, self.part)

    def takes(self) -> Mapping[str, str]:
        """Take the id from the batch that created the record, or recorded the payment."""
        if self.part == "liquidation":
            return {"id": "liquidation.id"}
        created = operations.CREATES.get(self.resource)
        return {} if created is None else {"id": f"{created.result_key}.id"}


class MpohodaStockOperator(MpohodaBatchOperator):
    """Read available quantities or selling prices of price list items, many with one request.

    A record has ``id``, that of a price list item. The rows of the list ``PriceListItems`` have ``Id``: name
    it with ``fields={"id": "Id"}``. The result has ``available_quantities`` or ``selling_prices``, mPOHODA's
    object about the item, its numbers as texts with all their digits. Each id is asked for once. An item that
    the answer does not have is a failed record.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaStockOperator`

    :param part: ``AvailableQuantities`` or ``SellingPrices``
    :param chunk_size: ids in a request. How many mPOHODA allows is not known
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    parts: ClassVar[Mapping[str, Operation[Any]]] = operations.STOCK

    def __init__(self, *, part: str, chunk_size: int = 100, **kwargs: Any) -> None:
        values.one_of("part", part, self.parts)
        self.operation = self.parts[part]
        super().__init__(**kwargs)
        self.part = part
        self.chunk_size = values.whole_number("chunk_size", chunk_size, 1)

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records.

        :param hook: the hook of the connection
        """
        return partial(self.operation.call, self.part)

    def combine(self, hook: VendorHook[Any]) -> Combine | None:
        """Return what puts several records into one request.

        :param hook: the hook of the connection
        """
        if self.chunk_size == 1 or self.operation.combine is None:
            return None
        return partial(self.operation.combine, self.part)
