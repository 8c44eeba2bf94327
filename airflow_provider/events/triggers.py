"""The trigger for any WebSocket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider import values as given
from airflow_provider.events.socket_feed import SocketFeed
from airflow_provider.events.stream import Limits
from airflow_provider.events.stream_trigger import StreamTrigger, parsed
from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.events.feed import Feed

AUTHS = ("header", "query", "message", "none")


class WebSocketEventTrigger(StreamTrigger):
    """Tell an asset of each message of a WebSocket. For ``AssetWatcher``.

    The connection may be of any type. Its host, port and schema (``ws`` or ``wss``) are the URL, or the host
    is a whole URL; its password is the secret, which is read whenever the socket is opened. Messages are JSON
    objects and lists; others are passed over.

    .. seealso:: :doc:`/streams`

    :param conn_id: id of the connection
    :param where: what a message must have: values, or lists of those that will do, by dotted path; None: all
    :param tells: ``messages``, ``gaps`` (times from which messages may be missing), or ``all``
    :param latest_by: dotted path into a message: of those that wait and have the same there, only the newest
        is told
    :param path: path of the socket; empty: that of the connection
    :param auth: where the secret is sent: ``header``, ``query``, ``message`` or ``none``
    :param header: name of the header
    :param scheme: what stands before the secret in the header; empty for nothing
    :param query_name: name of the parameter of the query
    :param on_connect: what is sent when the socket is open: text as it is, everything else as JSON.
        ``{secret}`` in a text stands for the secret
    :param heartbeat: seconds between two pings
    :param idle: seconds without a message after which the socket is opened again
    :param largest: bytes that a message may have
    """

    def __init__(
        self,
        conn_id: str,
        *,
        where: Mapping[str, Any] | None = None,
        tells: str = "all",
        latest_by: str | None = None,
        path: str = "",
        auth: str = "header",
        header: str = "Authorization",
        scheme: str = "Bearer",
        query_name: str = "token",
        on_connect: Sequence[Any] = (),
        heartbeat: float = 30.0,
        idle: float = 3600.0,
        largest: int = 1024 * 1024,
    ) -> None:
        given.text("conn_id", conn_id)
        given.one_of("auth", auth, AUTHS)
        for name, value in (("header", header), ("query_name", query_name)):
            given.text(name, value)
        on_connect = parsed(on_connect)
        if isinstance(on_connect, str) or not _is_json(on_connect := list(on_connect)):
            raise InvalidInput(
                f"it must be a list of what JSON has; it is {given.shape(on_connect)}.",
                field="on_connect",
                remedy='Write it like [{"subscribe": "prices"}].',
            )
        super().__init__(
            conn_id=conn_id,
            where=where,
            tells=tells,
            latest_by=latest_by,
            path=path,
            auth=auth,
            header=header,
            scheme=scheme,
            query_name=query_name,
            on_connect=on_connect,
            heartbeat=given.seconds("heartbeat", heartbeat),
            idle=given.seconds("idle", idle),
            largest=given.whole_number("largest", largest, 1),
        )

    @classmethod
    def feed(cls, values: dict[str, Any]) -> Feed:
        """Return the socket of the connection.

        :param values: what a trigger is made of
        """
        return SocketFeed(values)

    @classmethod
    def limits(cls, values: dict[str, Any]) -> Limits:
        """Return what the socket may do.

        :param values: what a trigger is made of
        """
        return Limits(heartbeat=values["heartbeat"], idle=values["idle"], largest=values["largest"])


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
