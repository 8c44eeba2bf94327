"""What an update makes of records that wolkvox itself returned, or that an earlier batch sent to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

MARKS = ("wolkvox_fecha_creacion", "wolkvox_usuario_creacion")
"""Fields by which a record that was read from the CRM is known."""

READ_ONLY = (
    *MARKS,
    "wolkvox_fecha_modificacion",
    "wolkvox_usuario_modificacion",
    "wolkvox_origen",
    "wolkvox_ip_address",
)
OWNER = "wolkvox_owner"


def is_read_only(name: str, value: Any) -> bool:
    """Say whether the CRM writes a field of a returned record itself.

    :param name: name of the field
    :param value: its value; the owner comes as an object, or as columns of its own, and is written as a text
    """
    if name == OWNER:
        return isinstance(value, Mapping) and "type" not in value
    return name in READ_ONLY or name.startswith(f"{OWNER}.")


def case_values_not_again(given: Collection[str]) -> Collection[str]:
    """Return which values of a case that the CRM has are not sent again.

    Its files are there, and wolkvox has no request that takes new files and the optional values.

    :param given: the parameters whose values the Dag author gave
    """
    optional = ("case_type", "priority", "form", "solution")
    return ("attachments", *optional) if "attachments" in given else ("attachments",)
