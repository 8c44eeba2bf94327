"""mPOHODA's REST API as plain functions: each returns a :class:`Call`, none sends anything.

The source is the vendor's OpenAPI file. Every amount is read with all its digits, as a whole number or a
:class:`~decimal.Decimal`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.exceptions import InvalidInput, VendorProtocolError
from airflow_provider.http.call import Call, Response, safe
from airflow_provider.mpohoda.answers import document, entity, file, pdf, text
from airflow_provider.mpohoda.create_calls import create_record, liquidate, transfer_order
from airflow_provider.mpohoda.pages import MpohodaPage, read_page
from airflow_provider.mpohoda.resources import LANGUAGES, Resource, guid
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.values import one_of, shape, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "LANGUAGES",
    "PAGE_SIZE",
    "ByIds",
    "create_record",
    "get_isdoc",
    "get_liquidation",
    "get_payment",
    "get_pdf",
    "get_quantities",
    "get_record",
    "get_selling_prices",
    "get_status",
    "liquidate",
    "list_page",
    "moment",
    "transfer_order",
]

PAGE_SIZE = 100
"""Records in a page, unless told otherwise. The most that mPOHODA allows is not known."""

LARGEST = 2**31 - 1


class ByIds(NamedTuple):
    """What was found by ids.

    :param found: the record of each id
    :param missing: ids without an answer
    """

    found: dict[str, dict[str, Any]]
    missing: tuple[str, ...]


@safe
def list_page(
    resource: str | Resource,
    *,
    page: int = 1,
    after: str | None = None,
    page_size: int = PAGE_SIZE,
    modified_since: datetime | str | None = None,
    parent_id: str | None = None,
) -> Call[MpohodaPage]:
    """Read a page of a list.

    :param resource: the list, like ``IssuedInvoices`` or ``IssuedInvoices/Unpaid``
    :param page: number of the page, from 1; it is sent beside ``after`` too, because it is required
    :param after: id of the record after which the page begins, of the lists that have this
    :param page_size: how many records to ask for
    :param modified_since: a moment with its time zone: only what was modified since then
    :param parent_id: id of the parent, of a list that belongs to one
    :raises InvalidInput: there is no such list, or a value cannot be right
    """
    one = resource_of(resource)
    query = {
        "PageSize": str(whole_number("page_size", page_size, 1, LARGEST)),
        "PageNumber": str(whole_number("page", page, 1, LARGEST)),
    }
    if after is not None:
        if not one.after:
            raise InvalidInput(
                f'"{one.name}" cannot be read on from a record.',
                field="after",
                remedy="Ask for its pages by number.",
            )
        query["After"] = after
    if modified_since is not None:
        query["ModifiedSince"] = moment("modified_since", modified_since)
    path = one.path(parent_id=parent_id)
    return Call("GET", path, read_page, query=query, shown=tuple(query.values()))


@safe
def get_record(resource: str | Resource, id: str) -> Call[dict[str, Any]]:
    """Read one record.

    :param resource: its list
    :param id: its id
    :raises InvalidInput: the list has no single records, or the id is none
    """
    return Call("GET", resource_of(resource).path("detail", id), entity)


@safe
def get_status(resource: str | Resource, id: str) -> Call[str]:
    """Read the status of an order, like ``Unfinished``.

    :param resource: ``IssuedOrders`` or ``ReceivedOrders``
    :param id: id of the order
    :raises InvalidInput: the list has no status, or the id is none
    """
    return Call("GET", resource_of(resource).path("status", id), text)


@safe
def get_payment(resource: str | Resource, id: str) -> Call[dict[str, Any]]:
    """Read what remains to be paid of an invoice (``RestToPay``), and its liquidations.

    :param resource: ``IssuedInvoices`` or ``IssuedAdvanceInvoices``
    :param id: id of the invoice
    :raises InvalidInput: the list has no payments, or the id is none
    """
    return Call("GET", resource_of(resource).path("payment", id), entity)


@safe
def get_liquidation(resource: str | Resource, id: str) -> Call[dict[str, Any]]:
    """Read a liquidation.

    :param resource: ``IssuedInvoices`` or ``IssuedAdvanceInvoices``
    :param id: id of the liquidation, not of the invoice
    :raises InvalidInput: the list has no liquidations, or the id is none
    """
    return Call("GET", resource_of(resource).path("liquidation", id), entity)


@safe
def get_pdf(
    resource: str | Resource, id: str, *, language: str = "Current", max_response_bytes: int | None = None
) -> Call[bytes | None]:
    """Read the PDF of a document; None where the vendor has none.

    :param resource: the list of the document
    :param id: id of the document
    :param language: ``Current`` or ``English``
    :param max_response_bytes: how large it may be; None for the limit of the policy
    :raises InvalidInput: the list has no PDFs, or the id is none
    """
    one_of("language", language, LANGUAGES)
    return Call(
        "GET",
        resource_of(resource).path("pdf", id),
        pdf,
        query={"Language": language},
        max_response_bytes=max_response_bytes,
        shown=LANGUAGES,
    )


@safe
def get_isdoc(
    resource: str | Resource, id: str, *, max_response_bytes: int | None = None
) -> Call[bytes | None]:
    """Read the ISDOC file of an invoice; None where the vendor has none.

    :param resource: ``IssuedInvoices`` or ``IssuedAdvanceInvoices``
    :param id: id of the invoice
    :param max_response_bytes: how large it may be; None for the limit of the policy
    :raises InvalidInput: the list has no ISDOC files, or the id is none
    """
    path = resource_of(resource).path("isdoc", id)
    return Call("GET", path, file, max_response_bytes=max_response_bytes)


@safe
def get_quantities(ids: Iterable[str]) -> Call[ByIds]:
    """Read the available quantities of price list items.

    :param ids: their ids; each is sent once
    :raises InvalidInput: there is no id, or one is none
    """
    return _by_ids("available_quantities", ids)


@safe
def get_selling_prices(ids: Iterable[str]) -> Call[ByIds]:
    """Read the selling prices of price list items.

    :param ids: their ids; each is sent once
    :raises InvalidInput: there is no id, or one is none
    """
    return _by_ids("selling_prices", ids)


def moment(name: str, value: datetime | str) -> str:
    """Write a moment as ISO 8601 in UTC.

    :param name: what it is called, for the error
    :param value: a moment with its time zone, or one in ISO 8601
    :raises InvalidInput: it is no moment, or has no time zone
    """
    found = value
    if isinstance(found, str):
        try:
            found = datetime.fromisoformat(found.strip())
        except ValueError:
            raise InvalidInput(
                f'"{name}" must be a moment in ISO 8601; it is {shape(value)}.', field=name
            ) from None
    if not isinstance(found, datetime):
        raise InvalidInput(f'"{name}" must be a moment; it is {shape(value)}.', field=name)
    if found.utcoffset() is None:
        raise InvalidInput(
            f'"{name}" has no time zone.', field=name, remedy="Write it like 2026-11-01T00:00:00+01:00."
        )
    return found.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _by_ids(part: str, ids: Iterable[str]) -> Call[ByIds]:
    if isinstance(ids, str):
        raise InvalidInput('"ids" must be a list of ids; it is a text.', field="ids")
    wanted = tuple(dict.fromkeys(guid("ids", id) for id in ids))
    if not wanted:
        raise InvalidInput('"ids" has no id.', field="ids")

    def decode(response: Response) -> ByIds:
        found = {id: one for one in _entities(response) if (id := _id(one)) in wanted_ids}
        return ByIds(found, tuple(id for id in wanted if id not in found))

    wanted_ids = frozenset(wanted)
    path = resource_of("PriceListItems").path(part)
    return Call("POST", path, decode, json={"Ids": list(wanted)}, shown=wanted)


def _entities(response: Response) -> list[dict[str, Any]]:
    """Return the records of an answer of which it is not known whether it is one or an array."""
    found: Any = document(response)
    while isinstance(found, dict) and "Id" not in found:
        inner = found.get("Items", found.get("Data"))
        if not isinstance(inner, dict | list):
            break
        found = inner
    found = [found] if isinstance(found, dict) else found
    if not isinstance(found, list) or not all(isinstance(one, dict) and _id(one) for one in found):
        raise VendorProtocolError(
            f"the response has no records with an Id ({response.shape})", status=response.status
        )
    return found


def _id(record: dict[str, Any]) -> str:
    found = record.get("Id")
    return found.strip().lower() if isinstance(found, str) else ""
