"""A delivery on its way into the table: made fit for a database, whatever its sender wrote."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider.events.table import NAME_LENGTH, THING_LENGTH, Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.events.message import Message


ASSET_LENGTH = 1500
"""Airflow's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message, with where it came from.

    :param conn_id: the connection that it came in by
    :param vendor: the connection's type
    :param source: ``webhook`` or ``websocket``
    :param message: what it says
    :param received_at: when it came
    :param bare: whether the payload is left out: it is too long, or the database refuses it
    """

    conn_id: str
    vendor: str
    source: str
    message: Message
    received_at: datetime
    bare: bool = False

    @property
    def about(self) -> tuple[str, str]:
        """What it is about: it may repeat the latest delivery that has the same."""
        return self.conn_id, _plain(self.message.thing, THING_LENGTH)

    @property
    def body(self) -> tuple[str, str]:
        """What the unique key is made of, but for the epoch."""
        return self.conn_id, self.message.digest

    def fitted(self, longest: int) -> Arrival:
        """Return it without its payload if that is too long: what waits must not fill the memory.

        :param longest: bytes of JSON that a payload may have
        """
        return self if _fits(self.message.payload, longest) else self.without_payload()

    def without_payload(self) -> Arrival:
        """Return it without its payload."""
        return replace(self, message=replace(self.message, payload={}), bare=True)

    def row(self, *, epoch: int) -> Delivery:
        """Make its row.

        :param epoch: how often the same body has been news before
        """
        message = self.message
        return Delivery(
            conn_id=self.conn_id,
            vendor=self.vendor,
            source=self.source,
            family=_plain(message.family, NAME_LENGTH),
            entity=message.entity and _plain(message.entity, NAME_LENGTH),
            group_key=message.group_key,
            group_name=message.group and _plain(message.group, NAME_LENGTH),
            thing=self.about[1],
            digest=message.digest,
            epoch=epoch,
            received_at=self.received_at,
            payload=None if self.bare else message.payload,
            payload_truncated=self.bare,
            gap=message.gap,
            assets=[_plain(name, ASSET_LENGTH) for name in message.assets],
            repeats=0,
            events=[],
            retold=0,
        )


def event_extra(delivery: Delivery) -> dict[str, Any]:
    """Return what a Dag finds in an asset event of a delivery.

    :param delivery: its row, which has its id already
    """
    return {
        "vendor": delivery.vendor,
        "conn_id": delivery.conn_id,
        "source": delivery.source,
        "delivery": delivery.id,
        "family": delivery.family,
        "entity": delivery.entity,
        delivery.group_key: delivery.group_name,
        "received_at": delivery.received_at.isoformat(),
        "payload": delivery.payload,
        "payload_truncated": delivery.payload_truncated,
        "gap": delivery.gap,
    }


def _fits(payload: dict[str, Any], longest: int) -> bool:
    try:
        return len(json.dumps(payload, allow_nan=False)) <= longest
    except (ValueError, TypeError, RecursionError):
        # No database stores NaN, and none of our callers lets it through.
        return False


def _plain(text: str, longest: int) -> str:
    """Return a text that any database stores; long ones differ where the whole of them does."""
    # PostgreSQL refuses NUL, and no encoding has half a surrogate pair.
    plain = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    if len(plain) <= longest:
        return plain
    digest = hashlib.sha256(plain.encode()).hexdigest()[:32]
    return f"{plain[: longest - len(digest) - 1]}:{digest}"
