"""Obligations of a collection, one by one, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection. Here the key of a record's identifier has an
underscore, unlike in the requests for records and cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, idempotent, once, safe
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.values import is_empty, shape, visible
from airflow_provider.wolkvox.collection_calls import MANDATORY_OF_OBLIGATION
from airflow_provider.wolkvox.crm import Identifier, WolkvoxPage, content, identity, required, written
from airflow_provider.wolkvox.numbers import parsed, with_digits
from airflow_provider.wolkvox.record_calls import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.wolkvox.crm import Crm

FORM = "form"
ENTRY = {"name", "value"}


class WolkvoxObligation(VendorModel):
    """An obligation that was inserted or changed.

    :param wolkvox_id: the CRM's identifier of the collection that has it, as it was sent: whether the answer
        names the collection or the obligation is not documented
    :param id: id of the obligation
    """

    wolkvox_id: str
    id: str


class _Answer(VendorModel):
    wolkvox_id: Identifier


@once
def insert_obligation(
    crm: Crm,
    wolkvox_id: str,
    fields: Mapping[str, Any],
    *,
    record_key: Sequence[str] = (),
    numbers_as_text: bool = True,
) -> Call[WolkvoxObligation]:
    """Insert an obligation into a collection (``collections/insertObligation.php``).

    Whether wolkvox knows duplicates is not documented. A second request may make a second obligation, so the
    call is never repeated once any of it has left.

    :param crm: whose CRM
    :param wolkvox_id: the CRM's identifier of the collection
    :param fields: the values by wolkvox's names; ``id`` and ``name`` are mandatory. ``form`` has additional
        fields: a list of ``{"name", "value"}``, an object of values by name, or either as JSON text
    :param record_key: the fields that make an obligation of the collection the same as another for the
        ledger; by default all
    :param numbers_as_text: whether numbers are sent as texts of digits
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    id_ = required("wolkvox_id", wolkvox_id)
    for name in MANDATORY_OF_OBLIGATION:
        required(name, fields.get(name), prose=name == "name")
    values = _values(fields, numbers_as_text)
    known = {"id", *record_key}
    values.update({name: visible(values[name]) for name in known if isinstance(values.get(name), str)})

    def read(document: dict[str, Any], status: int) -> WolkvoxObligation:
        parse(_Answer, document.get("data"), status=status)
        return WolkvoxObligation(wolkvox_id=id_, id=required("id", values["id"]))

    return crm.write(
        "collections/insertObligation.php",
        {"wolkvox_id": id_, "fields": values},
        read,
        key=(id_, *identity(values, record_key)),
    )


@idempotent
def update_obligation(
    crm: Crm,
    wolkvox_id: str,
    obligation: str,
    fields: Mapping[str, Any],
    *,
    numbers_as_text: bool = True,
) -> Call[WolkvoxObligation]:
    """Change fields of an obligation (``collections/updateObligation.php``).

    :param crm: whose CRM
    :param wolkvox_id: the CRM's identifier of the collection
    :param obligation: id of the obligation
    :param fields: the new values by wolkvox's names; ``form`` as in :func:`insert_obligation`
    :param numbers_as_text: whether numbers are sent as texts of digits
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    id_, which = required("wolkvox_id", wolkvox_id), required("obligation", obligation)
    values = _values(fields, numbers_as_text)
    return crm.write(
        "collections/updateObligation.php",
        {"wolkvox_id": id_, "obligation": which, "fields": values},
        lambda document, status: WolkvoxObligation(wolkvox_id=id_, id=which),
        key=(id_, which, *content(values)),
    )


@safe
def query_obligations(
    crm: Crm, wolkvox_id: str, obligation: str, *, page: int = 1, limit: int = PAGE_SIZE
) -> Call[WolkvoxPage]:
    """Ask for an obligation of a collection by its id (``collections/queryObligation.php``).

    :param crm: whose CRM
    :param wolkvox_id: the CRM's identifier of the collection
    :param obligation: id of the obligation
    :param page: number of the page, from 1
    :param limit: obligations in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    asked = {
        "obligation": required("obligation", obligation),
        "wolkvox_id": required("wolkvox_id", wolkvox_id),
    }
    return crm.read("collections/queryObligation.php", {**asked, "limit": limit, "page": page})


def _values(fields: Mapping[str, Any], numbers_as_text: bool) -> dict[str, Any]:
    values = dict(fields)
    if is_empty(values.get(FORM)):
        # An empty text there is no list; an empty list is one, and empties the form.
        values.pop(FORM, None)
    else:
        values[FORM] = _form(values[FORM], numbers_as_text)
    return written(with_digits(values) if numbers_as_text else values)


def _form(value: Any, numbers_as_text: bool) -> list[dict[str, Any]]:
    """Return the additional fields of an obligation as the list that wolkvox takes."""
    found = parsed(value, numbers_as_text) if isinstance(value, str) else value
    if isinstance(found, dict):
        if set(found) == ENTRY:
            raise InvalidInput(
                '"form" is one object of "name" and "value", which may be an entry or two fields.',
                field=FORM,
                remedy='Write an entry in a list: [{"name": "branch", "value": "7"}].',
            )
        found = [{"name": name, "value": one} for name, one in found.items()]
    if not isinstance(found, list | tuple):
        raise InvalidInput(
            f'"form" must be a list, an object, or either as JSON text; it is {shape(value)}.',
            field=FORM,
            remedy='Write it like [{"name": "branch", "value": "7"}] or {"branch": "7"}.',
        )
    return [_entry(number, one) for number, one in enumerate(found, 1)]


def _entry(number: int, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or set(entry) != ENTRY:
        raise InvalidInput(
            f'"form": entry {number} is no object with "name" and "value" alone.',
            field=FORM,
            remedy='Write it like {"name": "branch", "value": "7"}.',
        )
    name = required(f"name of entry {number} of form", entry["name"])
    return {"name": name, "value": entry["value"]}
