"""How requests are authenticated: as a flow inside the exchange, so that credentials can be renewed."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote, quote_plus

from airflow_provider.exceptions import VendorUnavailable
from airflow_provider.http.steps import ANONYMOUS, Credentials, Reload, WaitFor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator, Mapping

    from airflow_provider.http.steps import Step


@dataclass(frozen=True, slots=True)
class Terms:
    """How much time and how many tries a call has for its credentials.

    :param policy: the call's :class:`~airflow_provider.http.retry.RequestPolicy`
    :param timeout: seconds that one request may take
    :param deadline: when the call gives up, on the clock
    :param clock: a monotonic clock
    :param draw: a source of random numbers from 0 to 1
    """

    policy: Any
    timeout: float
    deadline: float
    clock: Callable[[], float]
    draw: Callable[[], float]


class Auth:
    """Authenticates always with the same credentials.

    :param credentials: what is added to each request
    """

    refusals: ClassVar[Collection[int]] = (401,)
    """The statuses that may mean that the credentials are refused."""

    def __init__(self, credentials: Credentials = ANONYMOUS) -> None:
        self._credentials = credentials

    @property
    def credentials(self) -> Credentials:
        """Return the credentials that it began with, or found last."""
        return self._credentials

    def current(self, now: float) -> Credentials | None:
        """Return the present credentials; None where :meth:`obtain` has to get them.

        :param now: the time on a monotonic clock
        """
        return self._credentials

    def obtain(self, terms: Terms) -> Generator[Step, Any, Credentials]:
        """Get credentials, by steps that the driver carries out.

        :param terms: how much time and how many tries there are
        :raises VendorError: none can be had
        """
        yield from ()
        return self._credentials

    def refused(self, credentials: Credentials) -> bool:
        """Note that the vendor has refused credentials.

        :param credentials: the credentials
        :return: whether there may be other ones
        """
        return False

    def renew(self, credentials: Credentials, terms: Terms) -> Generator[Step, Any, bool]:
        """Note that the vendor has refused credentials, by steps that the driver carries out.

        :param credentials: the credentials
        :param terms: how much time and how many tries there are
        :return: whether the request may be sent again with other ones
        """
        yield from ()
        return self.refused(credentials)

    @property
    def urls(self) -> list[str]:
        """Return where requests go besides the vendor's base URL."""
        return []

    def secrets(self) -> list[str]:
        """Return what must not be shown, in clear and as it looks in a URL."""
        values = [*self._credentials.headers.values(), *self._credentials.query.values()]
        return [form for value in values for form in shown_forms(value)]


class HeaderAuth(Auth):
    """Authenticates with headers.

    :param headers: headers by name
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(Credentials(headers=headers))


class QueryAuth(Auth):
    """Authenticates with query parameters, which never become a part of the call.

    :param query: parameters by name
    """

    def __init__(self, query: Mapping[str, str]) -> None:
        super().__init__(Credentials(query=query))


class Reloaded(NamedTuple):
    """What a connection holds when it is read again.

    :param credentials: what is added to each request from now on
    :param secrets: the secrets of the connection, in clear
    """

    credentials: Credentials
    secrets: list[str]


class ReloadingAuth(Auth):
    """Authenticates with what the connection holds, and reads it again when the vendor refuses that.

    So a secret that somebody has replaced at the vendor and in the connection is taken up by what is running.
    Of many requests that are refused at once, one reads the connection and the others wait for it.

    :param auth: authenticates with what the connection holds now
    :param read: reads the connection again, and has its secrets masked; None where it cannot be used
    :param aread: does the same without blocking the event loop
    """

    # Some frameworks answer 403 to a token that they do not know. Where it means a right that is missing, the
    # connection is read and nothing is sent again.
    refusals: ClassVar[Collection[int]] = (401, 403)

    def __init__(
        self,
        auth: Auth,
        read: Callable[[], Reloaded | None],
        aread: Callable[[], Awaitable[Reloaded | None]],
    ) -> None:
        super().__init__(auth.credentials)
        self._reload = Reload(read, aread)
        self._shown = auth.secrets()
        self._lock = threading.Lock()
        self._suspect = False
        self._flight: Future[None] | None = None

    def current(self, now: float) -> Credentials | None:
        """Return the present credentials; None where they were refused and the connection must be read."""
        return None if self._suspect else self._credentials

    def refused(self, credentials: Credentials) -> bool:
        """Distrust the credentials, unless others have already taken their place."""
        with self._lock:
            if credentials is self._credentials:
                self._suspect = True
        return True

    def renew(self, credentials: Credentials, terms: Terms) -> Generator[Step, Any, bool]:
        """Read the connection again; only credentials that have changed are worth another request."""
        self.refused(credentials)
        return (yield from self.obtain(terms)) is not credentials

    def obtain(self, terms: Terms) -> Generator[Step, Any, Credentials]:
        """Read the connection again, or wait for who does so already.

        :param terms: how much time there is
        :return: what it holds; the same object as before where nothing has changed
        :raises VendorUnavailable: it was not read within the deadline
        """
        while True:
            own: Future[None] = Future()
            with self._lock:
                if not self._suspect:
                    return self._credentials
                flight = self._flight
                if flight is None:
                    self._flight = own
            if flight is None:
                return (yield from self._read(own))
            remaining = terms.deadline - terms.clock()
            if remaining <= 0:
                raise VendorUnavailable(
                    "the connection was not read again within the deadline", processed=False
                )
            yield WaitFor(flight, remaining)

    def secrets(self) -> list[str]:
        """Return the secrets of every reading: an answer to an old one may still come."""
        return list(self._shown)

    def _read(self, flight: Future[None]) -> Generator[Step, Any, Credentials]:
        try:
            found: Reloaded | None = yield self._reload
            with self._lock:
                if found is not None and found.credentials != self._credentials:
                    new = [*found.credentials.headers.values(), *found.credentials.query.values()]
                    self._shown += [form for one in (*new, *found.secrets) for form in shown_forms(one)]
                    self._credentials = found.credentials
                self._suspect = False
            return self._credentials
        finally:
            # Where it was not read, the next one tries.
            with self._lock:
                self._flight = None
            flight.set_result(None)


def shown_forms(secret: str) -> list[str]:
    """Return the forms in which a secret may be quoted: in clear, and as in a URL.

    :param secret: the secret
    """
    return list(dict.fromkeys([secret, quote(secret, safe=""), quote(secret), quote_plus(secret)]))
