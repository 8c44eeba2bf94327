"""The hook that every vendor's is made from."""

from __future__ import annotations

import asyncio
import importlib
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from airflow.sdk import BaseHook

from airflow_provider.exceptions import VendorError
from airflow_provider.http.auth import HeaderAuth, QueryAuth, Reloaded, ReloadingAuth
from airflow_provider.http.call import Call, Repeat
from airflow_provider.http.masking import amask, mask
from airflow_provider.http.options import VendorOptions
from airflow_provider.http.retry import RequestPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import requests
    from airflow.sdk import Connection

    from airflow_provider.http.async_client import AsyncClient
    from airflow_provider.http.auth import Auth
    from airflow_provider.http.client import ClientSetup
    from airflow_provider.http.observer import Observer
    from airflow_provider.http.sync_client import SyncClient

log = logging.getLogger(__name__)

T = TypeVar("T")
OptionsT = TypeVar("OptionsT", bound=VendorOptions)


class VendorHook(BaseHook, Generic[OptionsT]):
    """Talks to one vendor with the credentials of one Airflow connection.

    :param conn_id: id of the connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    options_type: ClassVar[type[VendorOptions]]
    request_headers: ClassVar[Mapping[str, str]] = {}
    """Headers of every request that are no credentials."""
    reloads: ClassVar[bool] = False
    """Whether a call whose credentials are refused reads the connection again, and is sent again where
    somebody has put others there. Not for a vendor whose quota belongs to the credentials."""

    def __init__(self, conn_id: str, *, policy: RequestPolicy | None = None) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.policy = policy or RequestPolicy()
        self._options: OptionsT | None = None
        self._client: SyncClient | None = None
        self._observer: Observer | None = None

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
        self._options = self._read(connection)
        mask(self._secrets(self._options))
        return self._options

    async def load(self) -> OptionsT:
        """Read the connection like :attr:`options`, without blocking the event loop."""
        if self._options is None:
            self._options = self._read(await self.aget_connection(self.conn_id))
            await amask(self._secrets(self._options))
        return self._options

    def _secrets(self, options: OptionsT) -> list[str]:
        return list(dict.fromkeys([*options.secrets(), *self.auth(options).secrets()]))

    @classmethod
    def _read(cls, connection: Connection) -> OptionsT:
        return cast("OptionsT", cls.options_type.read(connection))

    def auth(self, options: OptionsT) -> Auth:
        """Return what authenticates the requests.

        :param options: the connection's fields
        """
        raise NotImplementedError

    def prepare(self, call: Call[T], options: OptionsT) -> Call[T]:
        """Return a call as this connection wants it sent.

        :param call: the call
        :param options: the connection's fields
        """
        return call

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

    @property
    def requests(self) -> int:
        """Say how many requests :meth:`run` has sent, repeats included, since it was closed last."""
        return 0 if self._client is None else self._client.setup.requests

    @asynccontextmanager
    async def session(
        self, observer: Observer | None = None, *, limited: bool = True
    ) -> AsyncIterator[AsyncClient]:
        """Open one pooled session for many calls: ``async with hook.session() as vendor``.

        :param observer: is told of each request; by default one of its own, where the vendor has one
        :param limited: keep to the connection's "Maximum connections"; False where the caller does that by
            itself
        """
        # In a thread: to import aiohttp takes long enough to stall an event loop.
        module = await asyncio.to_thread(importlib.import_module, "airflow_provider.http.async_client")
        options, own = await self.load(), None
        if observer is None:
            observer = own = await self.aopen_observer(options)
        try:
            async with module.AsyncClient(self._setup(options, observer), limited=limited) as client:
                yield client
        finally:
            if own is not None:
                own.close()

    def open_observer(self, options: OptionsT) -> Observer | None:
        """Open what is told of each request of :meth:`run`; None where nothing is.

        :param options: the connection's fields
        """
        return None

    async def aopen_observer(self, options: OptionsT) -> Observer | None:
        """Open what is told of each request of a session, without blocking the event loop."""
        return None

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
        if self._observer is not None:
            self._observer.close()
            self._observer = None

    def _sync_client(self) -> SyncClient:
        if self._client is None:
            from airflow_provider.http.sync_client import SyncClient

            self._observer = self.open_observer(self.options)
            self._client = SyncClient(self._setup(self.options, self._observer))
        return self._client

    def _setup(self, options: OptionsT, observer: Observer | None) -> ClientSetup:
        # It decides about proxies with the help of requests, which takes long to import.
        from airflow_provider.http.client import ClientSetup

        auth = self.auth(options)
        if self.reloads and isinstance(auth, HeaderAuth | QueryAuth):
            auth = ReloadingAuth(auth, partial(self._reload, options), partial(self._areload, options))
        setup = ClientSetup(options, auth, self.policy, observer, self.request_headers)
        if type(self).prepare is not VendorHook.prepare:
            setup.prepare = partial(self.prepare, options=options)
        return setup

    def _reload(self, before: OptionsT) -> Reloaded | None:
        try:
            found = self._read(self.get_connection(self.conn_id))
        except Exception as error:
            self._tell_unread(error)
            return None
        if self._leads_elsewhere(before, found):
            return None
        mask(self._secrets(found))
        return self._taken(found)

    async def _areload(self, before: OptionsT) -> Reloaded | None:
        try:
            found = self._read(await self.aget_connection(self.conn_id))
        except Exception as error:
            self._tell_unread(error)
            return None
        if self._leads_elsewhere(before, found):
            return None
        await amask(self._secrets(found))
        return self._taken(found)

    def _taken(self, options: OptionsT) -> Reloaded:
        self._options = options
        return Reloaded(self.auth(options).credentials, options.secrets())

    def _tell_unread(self, error: Exception) -> None:
        # Whatever a secrets backend raises: the refusal is what the task must hear of.
        log.warning(
            'Connection "%s" (%s): its credentials were refused, and it could not be read again (%s).',
            self.conn_id,
            self.options_type.conn_type,
            type(error).__name__,
        )

    def _leads_elsewhere(self, before: OptionsT, found: OptionsT) -> bool:
        """Say whether the way to the vendor is another: what runs would send new secrets to the old place."""
        way = [(one.base_url, one.proxy, one.verify) for one in (before, found)]
        if way[0] == way[1]:
            return False
        log.warning(
            'Connection "%s" (%s): its credentials were refused, and it leads to another place by now. What '
            "is running keeps to the old one; start it again.",
            self.conn_id,
            self.options_type.conn_type,
        )
        return True
