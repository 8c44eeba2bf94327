"""The hook that every vendor's is made from."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from airflow.sdk import BaseHook

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.http.call import Call, Repeat
from airflow_provider.http.client import ClientSetup
from airflow_provider.http.options import VendorOptions
from airflow_provider.http.retry import RequestPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from datetime import timedelta

    import requests
    from airflow.sdk import Connection

    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.http.sync_client import SyncClient
    from airflow_provider.quota.meter import Meter
    from airflow_provider.quota.readings import Account, Grant

T = TypeVar("T")
OptionsT = TypeVar("OptionsT", bound=VendorOptions)


class VendorHook(BaseHook, Generic[OptionsT]):
    """Talks to one vendor with the credentials of one Airflow connection.

    :param conn_id: id of the connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    options_type: ClassVar[type[VendorOptions]]
    metered: ClassVar[bool] = False
    """Whether the vendor grants so many requests per period."""
    period: ClassVar[timedelta | None] = None
    """How long these periods are, where they are equally long."""

    def __init__(self, conn_id: str, *, policy: RequestPolicy | None = None) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.policy = policy or RequestPolicy()
        self._options: OptionsT | None = None
        self._client: SyncClient | None = None
        self._meter: Meter | None = None

    @property
    def options(self) -> OptionsT:
        """Read the connection, once, and have its secrets masked in all logs.

        :raises InvalidInput: a field is missing or cannot be used
        """
        return self._options or self.use(self.get_connection(self.conn_id))

    def use(self, connection: Connection) -> OptionsT:
        """Read a connection that is at hand already, and have its secrets masked in all logs.

        :param connection: the connection
        :raises InvalidInput: a field is missing or cannot be used
        """
        from airflow.sdk.log import mask_secret

        self._options = self._read(connection)
        for secret in self._options.secrets():
            mask_secret(secret)
        return self._options

    async def load(self) -> OptionsT:
        """Read the connection like :attr:`options`, without blocking the event loop."""
        if self._options is None:
            from airflow.sdk import log

            self._options = self._read(await self.aget_connection(self.conn_id))
            for secret in self._options.secrets():
                if hasattr(log, "amask_secret"):
                    await log.amask_secret(secret)
                else:
                    # Airflow 3.2 has the one function for both worlds.
                    log.mask_secret(secret)
        return self._options

    @classmethod
    def _read(cls, connection: Connection) -> OptionsT:
        return cast("OptionsT", cls.options_type.read(connection))

    def headers(self, options: OptionsT) -> Mapping[str, str]:
        """Return the headers that authenticate a request.

        :param options: the connection's fields
        """
        raise NotImplementedError

    def get_conn(self) -> requests.Session:
        """Return the configured session: pooled, authenticated, with a timeout.

        Its credentials go to the connection's base URL alone.
        For requests that this provider has no call for. It repeats nothing and follows no redirect.
        """
        return self._sync_client().http

    def run(self, call: Call[T]) -> T:
        """Send a call and return what its response decodes to.

        :param call: the call, from the vendor's ``calls`` module
        :raises VendorError: the call failed for good
        """
        return self._sync_client().run(call)

    @asynccontextmanager
    async def session(self, meter: Meter | None = None) -> AsyncIterator[AsyncClient]:
        """Open one pooled session for many calls: ``async with hook.session() as vendor``.

        :param meter: keeps account of the quota; by default one of its own, where there is a quota
        """
        # In a thread: to import aiohttp takes long enough to stall an event loop.
        module = await asyncio.to_thread(importlib.import_module, "airflow_provider.http.async_client")
        options, own = await self.load(), None
        if self.metered and meter is None:
            from airflow_provider.quota.meter import aopen_meter

            meter = own = await aopen_meter(self, options)
        try:
            async with module.AsyncClient(self._setup(options, meter)) as client:
                yield client
        finally:
            if own is not None:
                own.close()

    def quota_call(self) -> Call[Any] | None:
        """Return the call that asks how much of the quota is left; None where a vendor has none."""
        return None

    def grant(self, options: OptionsT) -> Grant | None:
        """Return what the vendor is known to grant, where it may not say how much is left.

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

        credentials = "\n".join([options.base_url, *options.credentials()])
        digest = hashlib.blake2b(credentials.encode(), digest_size=16, person=b"quota").hexdigest()
        return Account(options.conn_id, options.conn_type, digest)

    def test_connection(self) -> tuple[bool, str]:
        """Answer the Test button of the connection form."""
        try:
            return True, self.check()
        except VendorError as error:
            return False, str(error)
        finally:
            self.close()

    def check(self) -> str:
        """Find out whether the connection works, without a side effect.

        :return: what was checked, and what was not
        :raises VendorError: it does not work
        """
        raise NotImplementedError

    def reach(self) -> int:
        """Ask the base URL for its headers, without credentials, for vendors that have no harmless call.

        :return: the HTTP status; any at all shows that the host is there
        :raises VendorUnavailable: the host does not answer
        """
        return self.run(Call("HEAD", "", lambda response: response.status, Repeat.SAFE, anonymous=True))

    def close(self) -> None:
        """Close the pooled connections of :meth:`run`."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._meter is not None:
            self._meter.close()
            self._meter = None

    def _sync_client(self) -> SyncClient:
        if self._client is None:
            from airflow_provider.http.sync_client import SyncClient

            if self.metered:
                from airflow_provider.quota.meter import open_meter

                self._meter = open_meter(self, self.options)
            self._client = SyncClient(self._setup(self.options, self._meter))
        return self._client

    def _setup(self, options: OptionsT, meter: Meter | None = None) -> ClientSetup:
        return ClientSetup(options, self.headers(options), self.policy, meter)


def metered_hook(
    conn_id: str, get_connection: Callable[[str], Any] = BaseHook.get_connection
) -> VendorHook[Any]:
    """Return the hook of a connection whose vendor has a quota, the connection read.

    :param conn_id: id of the connection
    :param get_connection: finds an Airflow connection by its id
    :raises InvalidInput: its type is not one of a vendor with a quota, or a field cannot be used
    """
    connection = get_connection(conn_id)
    types = _hook_types()
    hook_type = types.get(connection.conn_type or "")
    if hook_type is None or not hook_type.metered:
        raise InvalidInput(
            f'connection "{conn_id}" has type "{connection.conn_type}", of which no quota is known.',
            field="conn_id",
            remedy=f"Name a connection of type {' or '.join(metered_types())}.",
            conn_id=conn_id,
        )
    hook = hook_type(conn_id)
    hook.use(connection)
    return hook


def metered_types() -> list[str]:
    """Return the types of connections whose vendors have a quota."""
    return sorted(conn_type for conn_type, hook_type in _hook_types().items() if hook_type.metered)


def _hook_types() -> dict[str, type[VendorHook[Any]]]:
    from airflow_provider.get_provider_info import get_provider_info

    return {
        entry["connection-type"]: _class_at(entry["hook-class-name"])
        for entry in get_provider_info()["connection-types"]
    }


def _class_at(path: str) -> type[VendorHook[Any]]:
    module, _, name = path.rpartition(".")
    found: type[VendorHook[Any]] = getattr(importlib.import_module(module), name)
    return found


def load_hook(path: str, conn_id: str) -> VendorHook[Any]:
    """Return a hook by the path of its class.

    :param path: the path, like ``package.module.Class``
    :param conn_id: id of the connection
    """
    return _class_at(path)(conn_id)
