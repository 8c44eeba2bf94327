"""Mobadoo's WebSocket: where it is opened, and how its messages are told."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow_provider.events.decoding import Unusable
from airflow_provider.events.feed import Told, pattern_of, without
from airflow_provider.events.message import Message
from airflow_provider.events.socket_feed import gap_fields, proxy_of
from airflow_provider.events.stream import Target
from airflow_provider.mobadoo.asset_names import DESYNC, connection_name
from airflow_provider.mobadoo.connection import PASSWORD_LABEL
from airflow_provider.mobadoo.messages import read

if TYPE_CHECKING:
    import re
    from datetime import datetime

    from airflow_provider.events.stream import Gap
    from airflow_provider.mobadoo.connection import MobadooOptions

FAMILY = "DESYNC"


class MobadooFeed:
    """The socket of a Mobadoo connection.

    :param conn_id: id of the connection
    """

    def __init__(self, conn_id: str) -> None:
        self.conn_id = conn_id
        self._options: MobadooOptions | None = None
        self._secrets: re.Pattern[str] | None = None

    async def target(self) -> Target:
        """Read the connection; a token that was refreshed is used from then on.

        :raises InvalidInput: a field is missing or cannot be used
        """
        from airflow_provider.mobadoo.hooks import MobadooHook

        options = await MobadooHook(self.conn_id).load()
        self._options, self._secrets = options, pattern_of(options.secrets())
        token = options.token.get_secret_value()
        own = options.proxy.get_secret_value() if options.proxy is not None else None
        return Target(
            url=options.socket,
            query={"token": token} if options.ws_query else {},
            headers={}
            if options.ws_query
            else {options.header_name: f"{options.auth_scheme} {token}".strip()},
            on_connect=options.ws_on_connect or (),
            verify=options.verify,
            proxy=await proxy_of(options.socket, own),
            timeout=options.timeout,
            place=f'"{PASSWORD_LABEL}" of connection "{self.conn_id}"',
        )

    def tell(self, body: Any, delivery: str, at: datetime) -> Told:
        """Tell a message, without the player's session and without the token.

        :raises Unusable: it is no object
        """
        if not isinstance(body, dict) or self._options is None:
            raise Unusable("no_object")
        message = read(self.conn_id, self._options, without(body, self._secrets))
        event = self._event(
            delivery,
            at,
            family=message.family,
            entity=message.entity,
            videogame=message.group,
            payload=message.payload,
            gap=message.gap,
        )
        return Told(event, message.thing, message.digest)

    def tell_gap(self, gap: Gap, delivery: str) -> dict[str, Any]:
        """Tell a gap, which is a desynchronisation like those that Mobadoo tells of."""
        return self._event(delivery, gap.until, family=FAMILY, gap=gap_fields(gap))

    def notice(self, event: dict[str, Any]) -> Message | None:
        """Tell the asset of desynchronisations, which has no watcher, of each gap and each notice."""
        if event["family"] != FAMILY:
            return None
        delivery = event["delivery"]
        return Message(
            family=FAMILY,
            entity=event["entity"],
            group=event["videogame"],
            group_key="videogame",
            # Each is told: no two repeat each other, but for the same one that is told again after a crash.
            thing=f"{FAMILY} {delivery}",
            digest=hashlib.sha256(delivery.encode()).hexdigest(),
            assets=(f"{connection_name(self.conn_id)}/{DESYNC}",),
            payload=event["payload"] or {},
            gap=event["gap"],
        )

    def _event(self, delivery: str, at: datetime, **fields: Any) -> dict[str, Any]:
        return {
            "vendor": "mobadoo",
            "conn_id": self.conn_id,
            "source": "websocket",
            "delivery": delivery,
            "family": None,
            "entity": None,
            "videogame": None,
            "received_at": at.isoformat(),
            "payload": None,
            "payload_truncated": False,
            "gap": None,
            **fields,
        }
