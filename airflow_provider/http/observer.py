"""What a client tells about its requests: it does not know who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from airflow_provider.exceptions import QuotaExhausted
    from airflow_provider.http.call import Call, Response


class Observer(Protocol):
    """Is told what a client sends and what comes back.

    The first two methods are called for every request, on the event loop: they must not block. The others may
    block; the non-blocking driver calls them in a thread. None of them may fail.
    """

    def before_request(self) -> None:
        """Note that a request is about to leave."""

    def after_request(self, call: Call[Any], response: Response | None, result: Any) -> None:
        """Note how a request ended.

        :param call: the call
        :param response: the response; None where none arrived
        :param result: the value that it was decoded to, or the error that it means
        """

    @property
    def due(self) -> bool:
        """Say whether there is enough to store with :meth:`flush`."""

    def flush(self) -> None:
        """Store what has been seen so far."""

    def complete(self, error: QuotaExhausted) -> None:
        """Add to the error of a used-up quota when it is reset, if that is known.

        :param error: the error
        """

    def close(self) -> None:
        """Close everything."""


class RequestCounter(Protocol):
    """Counts requests, and lets its count be stored in the transaction of something else."""

    def deferred(self) -> AbstractContextManager[None]:
        """Leave the storing to the caller, but for a request that leaves without being counted ahead."""

    def take(self, *, ahead: int = 0) -> Any:
        """Return what is to be stored.

        :param ahead: how many requests that are still to leave are in it
        """

    def write(self, connection: Any, taken: Any) -> None:
        """Store what :meth:`take` returned.

        :param connection: an open transaction
        :param taken: what it returned
        """

    def restore(self, taken: Any) -> None:
        """Take back what could not be stored.

        :param taken: what :meth:`take` returned
        """
