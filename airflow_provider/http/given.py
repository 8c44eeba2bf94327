"""What a connection holds for the fields of its form, before it is read.

Airflow shows ``***`` in place of a secret, and takes every extra whose name contains a word like ``token``
for one. Its form and its API put the stored value back where they find the mask, but only where a value was
stored under that name before. Otherwise they store the mask itself.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Connection

log = logging.getLogger(__name__)

MASK = "***"
"""What Airflow shows in place of a secret."""


def given_values(connection: Connection, forms: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Collect what the connection holds for each field; None where that is nothing, or Airflow's mask.

    :param connection: the connection
    :param forms: the form of each field by the field's name
    :raises InvalidInput: Extra cannot be read, or a secret is Airflow's mask
    """
    extra = _extra(connection)
    extras = {name: form for name, form in forms.items() if not form["standard"]}
    known = set(extras) | {form["formerly"] for form in extras.values()}
    for name in sorted(set(extra) - known):
        log.warning(
            'Connection "%s" (%s): unknown extra "%s" is ignored. Known extras: %s.',
            connection.conn_id,
            connection.conn_type,
            name,
            ", ".join(sorted(extras)),
        )
    given: dict[str, Any] = {}
    masked = []
    for name, form in forms.items():
        held = [
            (place, value) for place, value in _places(connection, extra, name, form) if not _is_empty(value)
        ]
        if held and _is_mask(held[0][1]):
            masked.append((form, held[0][0]))
        given[name] = next((value for _, value in held if not _is_mask(value)), None)
    _report_masks(connection, masked)
    return given


def place_of(name: str, form: Mapping[str, Any]) -> str:
    """Say where a connection keeps a field.

    :param name: name of the field
    :param form: its form
    """
    return form["standard"] or f'"{name}" in Extra'


def _places(
    connection: Connection, extra: Mapping[str, Any], name: str, form: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Return where the field may be kept, and what is there; the first that holds something counts."""
    if form["standard"]:
        # Airflow's own form may send an empty port as 0.
        return [(place_of(name, form), getattr(connection, form["standard"]) or None)]
    return [(place_of(one, form), extra.get(one)) for one in (name, form["formerly"]) if one]


def _extra(connection: Connection) -> dict[str, Any]:
    if not connection.extra:
        return {}
    remedy = 'Write an object, like {"timeout": 30}.'
    extra = unreadable = object()
    with suppress(ValueError):
        extra = json.loads(connection.extra)
    # Not inside: the parser's error has the whole text, and would be behind this one.
    if extra is unreadable:
        raise InvalidInput(
            f"Extra is not JSON ({len(connection.extra)} characters).", field="Extra", remedy=remedy
        )
    if not isinstance(extra, dict):
        raise InvalidInput(
            f"Extra is a JSON {type(extra).__name__}, not an object.", field="Extra", remedy=remedy
        )
    # The connection form of Airflow writes its own fields without a prefix, older versions with one.
    prefix = f"extra__{connection.conn_type}__"
    return {name.removeprefix(prefix): value for name, value in extra.items()}


def _report_masks(connection: Connection, masked: Sequence[tuple[Mapping[str, Any], str]]) -> None:
    for form, place in masked:
        if form["secret"]:
            raise InvalidInput(
                f'"{form["label"]}" is "{MASK}": Airflow shows this in place of a secret, and it was stored '
                "as the value.",
                field=form["label"],
                remedy=f"Enter the secret itself again ({place}) and save the connection.",
            )
    if masked:
        log.warning(
            'Connection "%s" (%s): "%s" counts as not given in %s. Airflow shows it in place of a secret, '
            "and it was stored as the value. Enter the value again, or remove it.",
            connection.conn_id,
            connection.conn_type,
            MASK,
            " and in ".join(f'"{form["label"]}" ({place})' for form, place in masked),
        )


def _is_mask(value: Any) -> bool:
    return isinstance(value, str) and value.strip() == MASK


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
