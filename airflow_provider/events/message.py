"""What a vendor has told, in the words of this package: each vendor's room reads its own spelling into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one delivery says.

    :param family: kind of the message, like ``MODEL_CHANGED``; ``OTHER`` for kinds that nobody knows
    :param entity: what has changed, in lower case, as in the names of assets
    :param group: what the vendor groups by
    :param thing: identifies what it is about: only deliveries about the same thing can be repeats
    :param assets: names of the assets it tells, which are their URIs, too; most general first
    :param payload: the message itself without secrets: it is stored, shown, and given to Dags
    :param digest: SHA-256 of the body as it is compared for repeats, in hexadecimal
    :param gap: what is not known, where messages may be missing
    :param group_key: what the extra of an asset event calls the group
    """

    family: str
    entity: str | None
    group: str | None
    thing: str
    assets: tuple[str, ...]
    payload: dict[str, Any]
    digest: str
    gap: dict[str, Any] | None = None
    group_key: str = "group"
