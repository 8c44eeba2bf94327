"""How work with the database is done where it may be away: at once, or with waiting for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Wait(Protocol):
    """Does work with the database, more than once where it waits for one that is away."""

    def __call__(self, work: Callable[[], T], /) -> T:
        """Return what the work returns.

        :param work: uses the database; doing it a second time changes nothing more
        :raises StoreUnavailable: the database cannot be used, or is away for too long
        """


def at_once(work: Callable[[], T], /) -> T:
    """Do it without waiting.

    :param work: uses the database
    """
    return work()
