"""Which connections are served, and by what secret a sender is let in.

What is known of the connections is read together and kept for seconds: a stranger's guess costs no look-up,
and a secret that was replaced is noticed soon.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider.events.credentials import NOBODYS, digest, equal
from airflow_provider.vendors import vendor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider.events.callback import Callback, CallbackAnswer
    from airflow_provider.events.message import Message

log = logging.getLogger(__name__)

FRESH = 5.0
"""Seconds for which what is known of the connections is used without a new look."""

PAUSE = 1.0
"""Seconds between two looks at least, however many wrong secrets come."""

LOOK_TIMEOUT = 2.0
"""Seconds that a request waits for a look; then what was known before must do."""


class LookupFailed(Exception):
    """Where connections are kept does not answer."""


@dataclass(frozen=True, slots=True)
class Served:
    """A connection whose deliveries are received.

    :param conn_id: its id
    :param vendor: its type
    :param secret: digest of its secret, see :func:`~airflow_provider.events.credentials.digest`
    :param read: reads the body of a delivery
    :param answer: answers a call that asks a wallet for something; None: the vendor makes none
    """

    conn_id: str
    vendor: str
    secret: bytes
    read: Callable[[dict[str, Any]], Message]
    answer: Callable[[Any, Callback], CallbackAnswer] | None = None


class Connections:
    """The connections that are served.

    :param conn_ids: those that the configuration lists
    :param find: finds a connection by its id; None where there is none, LookupFailed where it cannot tell
    """

    def __init__(self, conn_ids: Iterable[str], find: Callable[[str], Any | None] | None = None) -> None:
        self._conn_ids = tuple(conn_ids)
        self._find = find or find_connection
        self._served: dict[str, Served] = {}
        self._unknown: set[str] = set(self._conn_ids)
        self._told: dict[str, str] = {}
        self._known_at = self._looked_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Those that the configuration lists."""
        return self._conn_ids

    async def admit(self, conn_id: str, shown: tuple[bytes, ...]) -> Served | None:
        """Return the connection if it is served and the sender has its secret.

        :param conn_id: the id that the sender names
        :param shown: digests of what the sender shows
        :raises LookupFailed: nothing is known yet, and where connections are kept does not answer
        """
        now = time.monotonic()
        if now - self._known_at > FRESH:
            await self._renew(now)
        if found := self._judged(conn_id, shown):
            return found
        if time.monotonic() - self._known_at > PAUSE:
            # The secret may have been replaced since.
            await self._renew(time.monotonic())
            if found := self._judged(conn_id, shown):
                return found
        if self._unknown:
            # Told to all, so that nobody learns which connections there are.
            raise LookupFailed
        return None

    def _judged(self, conn_id: str, shown: tuple[bytes, ...]) -> Served | None:
        served = self._served.get(conn_id)
        good = equal(shown, served.secret if served else NOBODYS)
        return served if good else None

    async def _renew(self, now: float) -> None:
        """Look at the connections again, once for all who wait."""
        if self._look is None or self._look.done():
            if now - self._looked_at <= PAUSE:
                return
            self._looked_at = now
            self._look = asyncio.create_task(self._look_again())
        await asyncio.wait({self._look}, timeout=LOOK_TIMEOUT)

    async def _look_again(self) -> None:
        served: dict[str, Served] = {}
        unknown: set[str] = set()
        for conn_id in self._conn_ids:
            try:
                found = await asyncio.to_thread(self._read, conn_id)
            except Exception as error:
                self._tell(conn_id, f"it could not be looked up ({type(error).__name__})")
                if conn_id in self._served:
                    served[conn_id] = self._served[conn_id]
                elif conn_id in self._unknown:
                    unknown.add(conn_id)
                continue
            if isinstance(found, Served):
                served[conn_id] = found
                self._told.pop(conn_id, None)
            else:
                self._tell(conn_id, found)
        self._served, self._unknown = served, unknown
        self._known_at = time.monotonic()

    def _read(self, conn_id: str) -> Served | str:
        """Read a connection, or say why it is not served."""
        if "/" in conn_id:
            # Airflow takes such an id, and proxies and servers take an encoded slash for one that is not.
            return "its id has a slash, so it cannot be a part of an address"
        connection = self._find(conn_id)
        if connection is None:
            return "there is no such connection"
        vendor = vendor_of(connection.conn_type)
        messages = vendor.module("messages") if vendor else None
        if vendor is None or messages is None:
            return "it is not of a type that has webhooks"
        try:
            options = vendor.options_type().read(connection)
        except ValueError as error:
            return str(error)
        secret = getattr(options, "webhook_secret", None)
        if secret is None or not secret.get_secret_value():
            return "it has no webhook_secret"
        clear = secret.get_secret_value()
        _mask(clear)
        read = import_module(messages).read
        callbacks = vendor.module("callbacks")
        answer = partial(import_module(callbacks).answer, options) if callbacks else None
        return Served(
            conn_id=conn_id,
            vendor=vendor.conn_type,
            secret=digest(clear.encode()),
            read=lambda body: read(conn_id, options, body),
            answer=answer,
        )

    def _tell(self, conn_id: str, reason: str) -> None:
        """Write to the log why a connection is not served, once."""
        if self._told.get(conn_id) != reason:
            self._told[conn_id] = reason
            log.warning(
                'Connection "%s" of [vendor_apis] webhook_connections is not served: %s. Its deliveries are '
                "refused.",
                conn_id,
                reason.rstrip("."),
            )


def find_connection(conn_id: str) -> Any | None:
    """Find a connection as a server of Airflow does.

    Airflow's own function takes a database that is away for a connection that does not exist.

    :param conn_id: its id
    :return: None where there is none
    :raises LookupFailed: a place where connections are kept does not answer, and no other has it
    """
    from airflow.configuration import ensure_secrets_loaded
    from airflow.models import connection

    denied = getattr(connection, "AirflowSecretsBackendAccessDenied", PermissionError)
    failed: Exception | None = None
    for backend in ensure_secrets_loaded():
        try:
            if (found := backend.get_connection(conn_id=conn_id)) is not None:
                return found
        except denied:
            # None of the backends after it may answer in its place.
            return None
        except Exception as error:
            failed = error
    if failed is not None:
        raise LookupFailed(type(failed).__name__) from None
    return None


def _mask(secret: str) -> None:
    from airflow.sdk.log import mask_secret

    mask_secret(secret)
