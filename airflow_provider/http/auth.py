"""How requests are authenticated: as a flow inside the exchange, so that credentials can be renewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from airflow_provider.http.steps import ANONYMOUS, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

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

    def __init__(self, credentials: Credentials = ANONYMOUS) -> None:
        self._credentials = credentials

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
        """Note that the vendor has refused credentials with a 401.

        :param credentials: the credentials
        :return: whether there may be other ones
        """
        return False

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


def shown_forms(secret: str) -> list[str]:
    """Return the forms in which a secret may be quoted: in clear, and as in a URL.

    :param secret: the secret
    """
    return list(dict.fromkeys([secret, quote(secret, safe=""), quote(secret), quote_plus(secret)]))
