"""What mPOHODA is given: new records, orders turned into invoices, payments of documents.

Source: the vendor's OpenAPI file. The vendor knows no duplicates and has no way to undo: a second request
makes a second invoice. So none of these calls is repeated once any of it has left.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorRejected
from airflow_provider.http.call import Call, once
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.mpohoda import values
from airflow_provider.mpohoda.answers import created
from airflow_provider.mpohoda.resources import RESOURCES, guid
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.texts import comparable, text_or_none
from airflow_provider.values import is_empty, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.http.call import Response

TRANSFERS = {name: one.transfers for name, one in RESOURCES.items() if one.transfers}
"""The orders that become invoices, each with the part of its resource that does it."""

LIQUIDATES = {name: "liquidates_partially" in one.parts for name, one in RESOURCES.items() if one.liquidates}
"""The documents that are marked as paid, and whether that can be done in part."""

REFUSED_TRANSFER = (
    "Only an order with the status Unfinished becomes an invoice, and that once. Look at it in mPOHODA: if "
    "it has its invoice, take the record out; else set its status back, and run the task again."
)
REFUSED_PAYMENT = (
    "The document may be paid already, or the amount may be more than what is left of it: MpohodaGetOperator "
    'with part="payment" tells its RestToPay. Correct the record, or take it out and settle it in mPOHODA.'
)

NOTE = 64
"""Characters of the note of a payment in full; no length is documented for that of a part."""


class MpohodaWarning(VendorModel):
    """What mPOHODA remarks on a record that it has created all the same.

    :param code: its code, like ``SellingPriceCodeDoesNotExist``
    :param message: its text
    """

    code: str
    message: str | None = None


class MpohodaCreated(VendorModel):
    """A record that was created.

    :param id: mPOHODA's id of it
    :param number: its number, from a series of the application; None for a record without one
    :param variable_symbol: the variable symbol of an invoice
    :param total: the total of a document in the home currency, VAT included
    :param warnings: what mPOHODA remarks on it
    """

    id: str
    number: str | None = None
    variable_symbol: str | None = None
    total: Decimal | None = None
    warnings: list[MpohodaWarning]


class MpohodaLiquidation(VendorModel):
    """A payment of a document that was recorded.

    :param id: mPOHODA's id of it
    :param document_id: mPOHODA's id of the document
    :param amount: what was paid, in the currency of the document
    :param date: when
    :param warnings: what mPOHODA remarks on it
    """

    id: str
    document_id: str
    amount: Decimal | None = None
    date: str | None = None
    warnings: list[MpohodaWarning]


@once
def create_record(
    resource: str, body: Mapping[str, Any], *, key: Sequence[Any] | Any, country: str = "cz"
) -> Call[MpohodaCreated]:
    """Create a document, a partner or a payment method (``POST /v1/{resource}``).

    The body is checked before anything is sent: an unknown name would be ignored or refused, nobody knows
    which, and a wrong record cannot be changed by the API.

    :param resource: name of the resource, like ``IssuedInvoices``
    :param body: the record, with the vendor's names of the fields; those without a value are left out
    :param key: what makes it the same record as another for the ledger: the caller's key, or parts of it
    :param country: the country of the connection, ``cz`` or ``sk``, which some values are for
    :raises InvalidRecord: something is wrong with the body; the error names all of it, and no value
    :raises InvalidInput: the key is empty, or no such record can be created
    """
    # Imported here: a Dag file that imports the operations does not pay for the models.
    from airflow_provider.mpohoda.documents import checked

    sent = checked(resource, body, country=country)
    parts = key if isinstance(key, list | tuple) and key else (key,)
    return _call(
        resource_of(resource).path("creates"),
        sent,
        _created,
        key=(resource, *(own_key(part) for part in parts)),
    )


@once
def transfer_order(resource: str, id: str) -> Call[MpohodaCreated]:
    """Turn a whole order into an invoice (``POST /v1/{resource}/{id}/Transfer/…/Fully``).

    An issued order becomes a received invoice, a received order an issued one. The order must be unfinished.

    :param resource: ``IssuedOrders`` or ``ReceivedOrders``
    :param id: mPOHODA's id of the order
    :raises InvalidInput: the resource has no orders, or the id is none
    """
    part = _of("resource", resource, TRANSFERS)
    order = guid("id", id)
    place = resource_of(resource).path(part, order)
    return _call(place, {}, _created, key=(resource, order), refused=REFUSED_TRANSFER)


@once
def liquidate(
    resource: str,
    id: str,
    *,
    amount: Decimal | float | str | None = None,
    home_amount: Decimal | float | str | None = None,
    date: Any = None,
    note: str | None = None,
    key: Any = None,
) -> Call[MpohodaLiquidation]:
    """Mark a document as paid, in full or in part (``POST /v1/{resource}/{id}/Liquidate/Standalone/…``).

    :param resource: ``IssuedInvoices``, or ``IssuedAdvanceInvoices``, which can be paid in full alone
    :param id: mPOHODA's id of the document
    :param amount: what was paid, in the currency of the document; None: all of it
    :param home_amount: the same in the home currency, needed for documents in another
    :param date: when it was paid, a day or a time with its offset; None for mPOHODA's default
    :param note: a note, of at most 64 characters where all was paid
    :param key: the caller's own key of the payment, like that of the bank's transaction; required with an
        amount, because two payments of one document may be alike
    :raises InvalidInput: a value is missing or has the wrong shape, or there is no payment of this kind
    """
    partially = _of("resource", resource, LIQUIDATES)
    document = guid("id", id)
    given = {
        "DocumentCurrencyAmount": _read("amount", amount, values.number),
        "HomeCurrencyAmount": _read("home_amount", home_amount, values.number),
        "Date": _read("date", date, values.moment),
        "Note": _read(
            "note", note, lambda one: values.text(one, NOTE if is_empty(amount) else None, prose=True)
        ),
    }
    body = {name: value for name, value in given.items() if value is not None}
    part = "liquidates_partially" if "DocumentCurrencyAmount" in body else "liquidates"
    if part == "liquidates":
        _check_full(body)
        # Once, whatever transaction says so.
        own: tuple[str, ...] = ("fully",)
    else:
        _check_part(resource, partially, body, key)
        own = ("partially", own_key(key))
    place = resource_of(resource).path(part, document)
    return _call(
        place, body, partial(_liquidated, document), key=(resource, document, *own), refused=REFUSED_PAYMENT
    )


def _check_full(body: Mapping[str, Any]) -> None:
    if "HomeCurrencyAmount" in body:
        raise InvalidInput(
            '"home_amount" has a value, and "amount" is empty.',
            field="home_amount",
            remedy="Give both for a payment in part, neither for one in full.",
        )


def _check_part(resource: str, partially: bool, body: Mapping[str, Any], key: Any) -> None:
    if not partially:
        raise InvalidInput(
            f'"amount" has a value, and {resource} can be paid in full alone.',
            field="amount",
            remedy="Leave it empty if all was paid. mPOHODA's API has no other way.",
        )
    for name, field in (("amount", "DocumentCurrencyAmount"), ("home_amount", "HomeCurrencyAmount")):
        if body.get(field) == 0:
            raise InvalidInput(f'"{name}" is 0.', field=name, remedy="Leave out payments of nothing.")
    if is_empty(key):
        raise InvalidInput(
            "a payment in part has no key of its own.",
            field="record_key",
            remedy="Name the field that has the bank's transaction, or another key of the payment.",
        )


def _call(
    place: str,
    body: Mapping[str, Any],
    read: Callable[[Any, list[Any], int], Any],
    *,
    key: tuple[str, ...],
    refused: str | None = None,
) -> Call[Any]:
    def decode(response: Response) -> Any:
        try:
            return read(*created(response), response.status)
        except VendorRejected as error:
            # The status of what the request asks for; what is wrong with its form has another.
            if error.status == 400:
                error.remedy = refused or error.remedy
            raise

    return Call("POST", place, decode, json=body, key=key)


def summary(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result tells of a record, but for its warnings; what has another form is None.

    :param data: the record, as mPOHODA has it
    """
    totals, details = data.get("DocumentRecapitulation"), data.get("BusinessDetails")
    number = data.get("DocumentNumber") or (details.get("Number") if isinstance(details, dict) else None)
    return {
        "id": data.get("Id"),
        "number": _text(number),
        "variable_symbol": _text(data.get("VariableSymbol")),
        "total": _amount(totals.get("TotalPrice")) if isinstance(totals, dict) else None,
    }


def _created(data: Mapping[str, Any], warnings: list[Any], status: int) -> MpohodaCreated:
    return parse(MpohodaCreated, {**summary(data), "warnings": warnings}, status=status)


def _liquidated(
    document: str, data: Mapping[str, Any], warnings: list[Any], status: int
) -> MpohodaLiquidation:
    found = {
        "id": data.get("Id"),
        "document_id": document,
        "amount": _amount(data.get("DocumentCurrencyAmount")),
        "date": _text(data.get("Date")),
        "warnings": warnings,
    }
    return parse(MpohodaLiquidation, found, status=status)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _amount(value: Any) -> Decimal | None:
    return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _of(name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, str) and value in known:
        return known[value]
    raise InvalidInput(
        f'"{name}" is no resource that this can be done with; it is {shape(value)}.',
        field=name,
        remedy=f"Write {' or '.join(known)}.",
    )


def _read(name: str, value: Any, convert: Callable[[Any], Any]) -> Any:
    if is_empty(value):
        return None
    try:
        return convert(value)
    except values.Fault as error:
        raise InvalidInput(f'"{name}" {error.fault}.', field=name, remedy=error.remedy) from None


def own_key(value: Any) -> str:
    """Return a part of the caller's key: written with other dashes or blanks it is the same.

    :param value: the part as a record has it
    :raises InvalidInput: it is empty, or no text
    """
    text = text_or_none(value, "record_key")
    if text is None:
        raise InvalidInput(
            "the record has no key of its own: the field that record_key names is empty.",
            field="record_key",
            remedy="Fill the field. Without a key nobody can tell whether the record was sent before.",
        )
    return comparable(text)
