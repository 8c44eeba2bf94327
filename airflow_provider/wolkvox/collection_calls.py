"""Collections of the CRM, which are people with obligations, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorRejected
from airflow_provider.http.call import Call, idempotent
from airflow_provider.http.model import VendorModel
from airflow_provider.phones import plain_phone
from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty, shape, visible
from airflow_provider.wolkvox.crm import content, plain, required, written
from airflow_provider.wolkvox.numbers import parsed, with_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.wolkvox.crm import Crm

PATH = "collections/massiveCollections.php"

COLLECTIONS = 500
"""The most collections that one request takes."""

MANDATORY = ("Identification", "Name", "Email", "Telephone")
OBLIGATIONS = "Obligations"
MANDATORY_OF_OBLIGATION = ("id", "name")


class WolkvoxCollection(VendorModel):
    """A collection that was inserted or updated: wolkvox does not say which.

    :param identification: the identification of the person
    """

    identification: str


@idempotent
def upsert_collection(
    crm: Crm, fields: Mapping[str, Any], *, numbers_as_text: bool = True
) -> Call[WolkvoxCollection]:
    """Insert or update one collection, see :func:`upsert_collections`.

    :param crm: whose CRM
    :param fields: the values by wolkvox's names; ``Obligations`` may be a list of objects, or JSON text, or
        one obligation as flat fields ``Obligations.id``, ``Obligations.name`` and so on
    :param numbers_as_text: whether numbers are sent as texts of digits, as wolkvox's own samples have them
    :raises InvalidInput: a mandatory value is missing or empty, or a value has the wrong shape
    """
    item = _collection(fields, numbers_as_text)
    name = _identification(item)

    def read(document: dict[str, Any], status: int) -> WolkvoxCollection:
        [outcome] = _outcomes(document, [name], status)
        if isinstance(outcome, VendorRejected):
            raise outcome
        return outcome

    return crm.write(PATH, {"collections": [item]}, read, key=(name, *content(item)))


@idempotent
def upsert_collections(
    crm: Crm, collections: Sequence[Mapping[str, Any]], *, numbers_as_text: bool = True
) -> Call[list[WolkvoxCollection | VendorRejected]]:
    """Insert or update collections (``collections/massiveCollections.php``).

    wolkvox refuses the whole request for one empty mandatory value and skips an item that lacks one, so both
    are refused here, before anything is sent.

    :param crm: whose CRM
    :param collections: the fields of each, at most 500
    :param numbers_as_text: whether numbers are sent as texts of digits
    :return: the call; for a collection that wolkvox names as failed it returns an error in its place
    :raises InvalidInput: a mandatory value is missing or empty, or a value has the wrong shape
    """
    if not 0 < len(collections) <= COLLECTIONS:
        raise InvalidInput(
            f'"collections" has {len(collections)} items; wolkvox takes 1 to {COLLECTIONS} in one request.',
            field="collections",
        )
    items = [_collection(fields, numbers_as_text) for fields in collections]
    names = [_identification(item) for item in items]
    return crm.write(
        PATH,
        {"collections": items},
        lambda document, status: _outcomes(document, names, status),
    )


def combine_upserts(
    crm: Crm, calls: Sequence[Call[Any]], *, numbers_as_text: bool = True
) -> Call[list[WolkvoxCollection | VendorRejected]]:
    """Put several calls of :func:`upsert_collection` into one of :func:`upsert_collections`.

    :param crm: whose CRM
    :param calls: the calls
    :param numbers_as_text: whether numbers are sent as texts of digits, as the calls have been made
    """
    items = [call.json["collections"][0] for call in calls]
    return upsert_collections(crm, items, numbers_as_text=numbers_as_text)


def _identification(item: Mapping[str, Any]) -> str:
    return required("Identification", item["Identification"])


def _outcomes(
    document: Mapping[str, Any], names: Sequence[str], status: int
) -> list[WolkvoxCollection | VendorRejected]:
    reasons = _failed(document, names, status)
    return [
        VendorRejected(reasons[name], status=status)
        if name in reasons
        else WolkvoxCollection(identification=name)
        for name in names
    ]


def _collection(fields: Mapping[str, Any], numbers_as_text: bool) -> dict[str, Any]:
    prefix = f"{OBLIGATIONS}."
    flat = {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}
    item = {
        name: value for name, value in fields.items() if not name.startswith(prefix) and name != OBLIGATIONS
    }
    given = fields.get(OBLIGATIONS)
    if flat and not is_empty(given):
        raise InvalidInput(
            f'the record has "{OBLIGATIONS}" and flat fields of an obligation as well.',
            field=OBLIGATIONS,
            remedy="Give either.",
        )
    _demand(item, MANDATORY, "")
    item = _cleaned(written(with_digits(item) if numbers_as_text else item), MANDATORY, "")
    if obligations := [flat] if flat else _listed(given, numbers_as_text):
        for number, obligation in enumerate(obligations, 1):
            _demand(obligation, MANDATORY_OF_OBLIGATION, prefix, number)
        if numbers_as_text:
            obligations = [with_digits(obligation) for obligation in obligations]
        item[OBLIGATIONS] = [
            _cleaned(obligation, MANDATORY_OF_OBLIGATION, prefix)
            for obligation in plain(OBLIGATIONS, obligations, nested=True)
        ]
    return item


def _cleaned(item: dict[str, Any], names: Sequence[str], prefix: str) -> dict[str, Any]:
    """Leave out of what is mandatory what nobody sees, and refuse lists and the like there."""
    for name in names:
        value = item[name]
        # A typed value, like a telephone, is an object.
        if not isinstance(value, dict) or name in ("Identification", *MANDATORY_OF_OBLIGATION):
            text_or_none(value, f"{prefix}{name}")
        if isinstance(value, str) and name not in ("Name", "name"):
            item[name] = plain_phone(value) if name == "Telephone" else visible(value)
    return item


def _demand(values: Mapping[str, Any], names: Sequence[str], prefix: str, number: int | None = None) -> None:
    for name in names:
        value = values.get(name)
        if is_empty(value.get("value") if isinstance(value, dict) else value):
            which = f" of obligation {number}" if number else ""
            raise InvalidInput(
                f'"{prefix}{name}"{which} is {"empty" if name in values else "missing"}.',
                field=f"{prefix}{name}",
                remedy=f'wolkvox requires it. Name its column with fields={{"{prefix}{name}": "…"}}.',
            )


def _listed(value: Any, numbers_as_text: bool) -> list[dict[str, Any]]:
    if is_empty(value):
        return []
    found = parsed(value, numbers_as_text) if isinstance(value, str) else value
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InvalidInput(
            f'"{OBLIGATIONS}" must be a list of objects, or one as JSON text; it is {shape(value)}.',
            field=OBLIGATIONS,
            remedy='Write it like [{"id": "L-1", "name": "Loan"}], or give the flat field Obligations.id.',
        )
    return found


def _failed(document: Mapping[str, Any], names: Sequence[str], status: int) -> dict[str, str]:
    """Find out which collections failed, by their identification.

    :raises VendorRejected: some did, and which cannot be told
    """
    summary = document.get("summary")
    summary = summary if isinstance(summary, dict) else {}
    count = _count(summary, "failed_count")
    entries = summary.get("failed_Sumary")
    if isinstance(entries, dict):
        entries = [{"Identification": name, "reason": reason} for name, reason in entries.items()]
    entries = entries if isinstance(entries, list) else []
    refused = str(document.get("success", True)).lower() in ("false", "0")
    spoken = _spoken(summary, len(names), len(entries) if count is None else count)
    if not count and not entries and not refused and spoken is None:
        return {}
    reasons: dict[str, str] = {}
    for entry in entries:
        if (name := _identified(entry, names)) is not None:
            reasons[name] = _reason(entry)
    attributed = sum(_identified(entry, names) is not None for entry in entries)
    if spoken is None and entries and attributed == len(entries) and count in (None, len(entries)):
        return reasons
    if spoken is None:
        failures = "some" if count is None else count
        told = f"wolkvox took {len(names)} collections and failed {failures} of them"
    else:
        told = f"{len(names)} collections were sent and wolkvox speaks of {spoken} alone"
    raise VendorRejected(
        f"{told}, and does not say clearly which",
        status=status,
        remedy="All are reported. To send them again is harmless; a smaller chunk_size narrows it down.",
    )


def _spoken(summary: Mapping[str, Any], sent: int, failed: int) -> int | None:
    """Return how many collections a report speaks of where these are not all; None where they may be.

    Whether those that failed are among those processed is not documented, so either is taken.
    """
    total = _count(summary, "total_processed")
    if total is None:
        total = _count(summary, "total_records_received")
    inserted = _count(summary, "successful_inserts")
    if total is None or total + failed >= sent or (inserted is not None and inserted + failed >= sent):
        return None
    return total


def _count(summary: Mapping[str, Any], name: str) -> int | None:
    text = str(summary.get(name, "")).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _identified(entry: Any, names: Sequence[str]) -> str | None:
    """Find the collection that an entry of the report of failures speaks of; its form is not documented."""
    if isinstance(entry, dict):
        found = [value for name, value in entry.items() if name.casefold() == "identification"]
        entry = found[0] if found else None
    try:
        text = text_or_none(entry)
    except InvalidInput:
        return None
    return text if text in names else None


def _reason(entry: Any) -> str:
    if isinstance(entry, dict):
        # The rest may be the record itself: texts that are named as a reason alone.
        words = ("reason", "error", "message", "msg", "motivo")
        texts = [value for key, value in entry.items() if key.casefold() in words]
        if told := " - ".join(text for text in texts if isinstance(text, str) and text):
            return f"wolkvox reports it as failed: {told}"
    return "wolkvox reports it as failed, without a reason"
