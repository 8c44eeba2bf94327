"""What the batches that read ask about each record.

Their results go into files, XCom and the ledger alike, so numbers are texts there, with all their digits;
whole numbers, like a number of days, stay numbers.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import VendorRejected
from airflow_provider.http.call import Call, safe
from airflow_provider.mpohoda import calls
from airflow_provider.mpohoda.resources import STOCK_KEYS, guid
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.mpohoda.tables import ANSWERS, READ
from airflow_provider.values import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.http.call import Response

PARTS: dict[str, Callable[..., Call[Any]]] = {
    "detail": calls.get_record,
    "status": calls.get_status,
    "payment": calls.get_payment,
    "liquidation": calls.get_liquidation,
}
"""The calls about one record, by the part that they read."""

STOCK: dict[str, Callable[..., Call[Any]]] = {
    "AvailableQuantities": calls.get_quantities,
    "SellingPrices": calls.get_selling_prices,
}
"""The calls about price list items, many at once, by the vendor's name."""


@safe
def get_part(resource: str, part: str, id: str) -> Call[Any]:
    """Read a part of one record; of its numbers those that are not whole are texts.

    :param resource: its list
    :param part: ``detail``, ``status``, ``payment`` or ``liquidation``
    :param id: its id, or that of the liquidation
    :raises InvalidInput: the list has no such part, or the id is none
    """
    one_of("part", part, PARTS)
    one = resource_of(resource)
    call = PARTS[part](one, id)
    schema = READ[one.name] if part == "detail" else ANSWERS.get(part)

    def decode(response: Response) -> Any:
        return as_texts(call.decode(response), schema)

    return replace(call, decode=decode, key=(one.name, guid("id", id)))


@safe
def get_stock(part: str, id: str) -> Call[Any]:
    """Read the quantities or the prices of one price list item.

    :param part: ``AvailableQuantities`` or ``SellingPrices``
    :param id: id of the item
    :raises InvalidInput: there is no such part, or the id is none
    """
    one_of("part", part, STOCK)
    own = guid("id", id)
    call: Call[Any] = combine_stock(part, [Call("POST", "", lambda response: None, key=(own,))])

    def decode(response: Response) -> Any:
        [found] = call.decode(response)
        if isinstance(found, VendorRejected):
            raise found
        return found

    return replace(call, decode=decode, key=(own,))


def combine_stock(part: str, single: Sequence[Call[Any]]) -> Call[list[Any]]:
    """Put several calls of :func:`get_stock` into one.

    :param part: ``AvailableQuantities`` or ``SellingPrices``
    :param single: the calls
    """
    ids = [call.key[0] for call in single]
    schema = ANSWERS[STOCK_KEYS[part]]
    call: Call[Any] = STOCK[part](ids)

    def decode(response: Response) -> list[Any]:
        try:
            # null: one answer about one item, of which there is nothing to tell.
            nothing = response.status == 200 and response.body.strip() == b"null"
            found = {} if nothing else call.decode(response).found
        except VendorRejected as error:
            if len(ids) > 1:
                error.remedy = (
                    f"It was asked about {len(ids)} ids at once, of which one may not exist, or which are "
                    "too many: what mPOHODA allows is not known. Try a smaller chunk_size."
                )
            raise
        lonely = len(found) < 2 < len(ids)
        return [
            as_texts(found[id], schema) if id in found else _unanswered(response.status, lonely) for id in ids
        ]

    return replace(call, decode=decode)


def as_texts(value: Any, kind: Any) -> Any:
    """Turn the numbers of an answer into texts, with all their digits; whole ones stay by their schema.

    :param value: the answer, decoded exactly
    :param kind: its schema, see :mod:`airflow_provider.records.schema`; None where there is none
    """
    if isinstance(value, dict):
        kinds = kind if isinstance(kind, dict) else {}
        return {name: as_texts(item, kinds.get(name)) for name, item in value.items()}
    if isinstance(value, list):
        inner = kind[0] if isinstance(kind, list) else None
        return [as_texts(item, inner) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if type(value) is int and kind != "integer":
        return str(value)
    return value


def _unanswered(status: int, lonely: bool) -> VendorRejected:
    remedy = "Check that the id is that of a price list item, and that it is there still."
    if lonely:
        # The vendor's OpenAPI file has one object as the answer to a list of ids.
        remedy = "If all but one id have no answer, mPOHODA answers about one at a time: try chunk_size=1."
    return VendorRejected("mPOHODA's answer has nothing about this id", status=status, remedy=remedy)
