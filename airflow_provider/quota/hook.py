"""The hook of a vendor that grants so many requests per period."""

from __future__ import annotations

import hashlib
import importlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from airflow.sdk import BaseHook

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.hook import VendorHook
from airflow_provider.http.options import VendorOptions
from airflow_provider.vendors import VENDORS, vendor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from airflow_provider.http.call import Call
    from airflow_provider.quota.meter import Meter
    from airflow_provider.quota.readings import Account, Grant
    from airflow_provider.quota.store import QuotaStore
    from airflow_provider.store.engine import Database

OptionsT = TypeVar("OptionsT", bound=VendorOptions)


class MeteredHook(VendorHook[OptionsT]):
    """A hook that counts its requests against the vendor's quota."""

    metered: ClassVar[bool] = True
    period: ClassVar[timedelta | None] = None
    """How long the vendor's periods are, where they are equally long."""
    reservation: str = ""
    """The reservation that the requests of :meth:`run` are taken from first."""

    def quota_call(self) -> Call[Any] | None:
        """Return the call that probes the quota; None where the vendor cannot be asked."""
        return None

    def grant(self, options: OptionsT) -> Grant | None:
        """Return what the vendor is known to grant, where it may not say how much remains.

        :param options: the connection's fields
        """
        return None

    def quota_headers(self, options: OptionsT) -> Mapping[str, str] | None:
        """Return the names of the headers that tell the quota, by part; None where no header does.

        :param options: the connection's fields
        """
        return None

    def account(self, options: OptionsT) -> Account:
        """Say whose quota the requests of this connection spend.

        :param options: the connection's fields
        """
        from airflow_provider.quota.readings import Account

        return Account(options.conn_id, options.conn_type, _digest(options))

    def quota_store(self, database: Database) -> QuotaStore:
        """Return the part of the store that the requests of this hook concern.

        :param database: the database
        """
        from airflow_provider.quota.store import QuotaStore

        options = self.options
        can_probe = self.quota_call() is not None
        return QuotaStore(database, self.account(options), self.grant(options), can_probe=can_probe)

    def meter(self, database: Database, **details: Any) -> Meter:
        """Return the meter of this hook's requests.

        :param database: where the quota is kept
        :param details: further parameters of :class:`~airflow_provider.quota.meter.Meter`
        """
        from airflow_provider.quota.meter import Meter

        return Meter(self.quota_store(database), names=self.quota_headers(self.options), **details)

    def open_observer(self, options: OptionsT) -> Meter | None:
        """Open the meter, with a store of its own.

        :param options: the connection's fields
        :return: None where the store cannot be used, which is logged: requests can be sent all the same
        """
        from airflow_provider.quota.opening import open_database

        database = open_database(options.conn_id)
        return None if database is None else self.meter(database, reservation=self.reservation)

    def request_counter(self) -> Meter | None:
        """Return the meter of the requests of :meth:`run`; None where its store cannot be used."""
        self._sync_client()
        return cast("Meter | None", self._observer)

    async def aopen_observer(self, options: OptionsT) -> Meter | None:
        """Open the meter without blocking the event loop."""
        from airflow_provider.quota.opening import aopen_database

        database = await aopen_database(options.conn_id)
        return None if database is None else self.meter(database)


def account_digest(hook: VendorHook[Any]) -> str:
    """Return what the connections of one account have in common, also of a vendor without a quota.

    :param hook: the hook, its connection read
    """
    options = hook.options
    return hook.account(options).digest if isinstance(hook, MeteredHook) else _digest(options)


def metered_hook(
    conn_id: str, get_connection: Callable[[str], Any] = BaseHook.get_connection
) -> MeteredHook[Any]:
    """Return the hook of a connection whose vendor has a quota, the connection read.

    :param conn_id: id of the connection
    :param get_connection: finds an Airflow connection by its id
    :raises InvalidInput: its type is not one of a vendor with a quota, or a field cannot be used
    """
    connection = get_connection(conn_id)
    vendor = vendor_of(connection.conn_type)
    hook_type = vendor.hook_type() if vendor else None
    if hook_type is None or not issubclass(hook_type, MeteredHook):
        raise InvalidInput(
            f'connection "{conn_id}" has type "{connection.conn_type}", of which no quota is known.',
            field="conn_id",
            remedy=f"Name a connection of type {' or '.join(metered_types())}.",
        )
    hook: MeteredHook[Any] = hook_type(conn_id)
    hook.use(connection)
    return hook


def metered_types() -> list[str]:
    """Return the types of connections whose vendors have a quota."""
    return sorted(vendor.conn_type for vendor in VENDORS if issubclass(vendor.hook_type(), MeteredHook))


def load_hook(path: str, conn_id: str) -> Any:
    """Return a hook by the path of its class.

    :param path: the path, like ``package.module.Class``
    :param conn_id: id of the connection
    """
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(conn_id)


def _digest(options: VendorOptions) -> str:
    credentials = "\n".join([options.base_url, *options.credentials()])
    return hashlib.blake2b(credentials.encode(), digest_size=16, person=b"quota").hexdigest()
