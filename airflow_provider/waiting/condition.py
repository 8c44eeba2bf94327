"""What is waited for, and the answer to whether it has come. Nothing here sends a request by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_provider import clock
from airflow_provider.sleeping.pause import Pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.store.engine import Database

T = TypeVar("T")


class Asker(Protocol):
    """Sends the calls of a look."""

    async def run(self, call: Call[Any]) -> Any:
        """Send a call and return what its response decodes to.

        :param call: the call
        :raises VendorError: the call failed for good
        """


@dataclass(frozen=True, slots=True)
class Look:
    """What a vendor said, and when.

    :param answer: values that JSON has
    :param at: when its first request was sent
    """

    answer: Any
    at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What a look asks a vendor.

    :param key: what two questions have in common exactly if one answer serves both
    :param about: what it asks for, for people; without the data of customers
    :param ask: sends the requests and returns values that JSON has; it is given the look before, if any
    """

    key: tuple[Any, ...]
    about: str
    ask: Callable[[Asker, Look | None], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Met:
    """What was waited for has come.

    :param result: the result of the task: values that JSON has
    """

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotYet:
    """It has not come.

    :param at: time of the look that says so
    :param reason: what the look says, in words
    """

    at: datetime
    reason: str


class NotNow(Exception):
    """The vendor cannot be asked at present, for a reason that ends by itself.

    :param until: when to ask again, at the earliest
    :param reason: why, in words
    """

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


class Looks(Protocol):
    """What a connection's vendor has said, and the way to ask it."""

    hook: VendorHook[Any]
    """The hook, its connection read."""

    async def get(self, question: Question, max_age: timedelta) -> Look:
        """Return a look that is no older, which is taken now where nobody has.

        :param question: what to ask
        :param max_age: how old a look may be
        :raises NotNow: the vendor cannot be asked at present
        :raises VendorError: the vendor's answer is an error that waiting does not end
        """

    async def read(self, work: Callable[[Database], T]) -> T:
        """Read something else of the provider's database.

        :param work: reads it
        :raises StoreUnavailable: the database cannot be used
        """


class Condition(Protocol):
    """What is waited for. Its values go into Airflow's database: none of them is a secret."""

    def values(self) -> dict[str, Any]:
        """Return what makes the same condition again, as values that JSON has."""

    async def check(self, looks: Looks, interval: timedelta) -> Met | NotYet:
        """Find out whether it has come.

        :param looks: what the vendor has said, and the way to ask it
        :param interval: how old a look may be
        :raises NotNow: the vendor cannot be asked at present
        :raises VendorError: it will not come, or nobody can tell
        """


SHORTEST = timedelta(seconds=1)
"""Nobody looks again sooner, whatever a clock says."""


async def check(condition: Condition, looks: Looks, interval: timedelta) -> Met | Pause:
    """Find out whether a condition is met, or when to look again.

    :param condition: the condition
    :param looks: what the vendor has said
    :param interval: the time between two looks
    :raises VendorError: it will not be met, or nobody can tell
    """
    try:
        found = await condition.check(looks, interval)
    except NotNow as error:
        return Pause(max(error.until, clock.now() + interval), error.reason)
    if isinstance(found, Met):
        return found
    return Pause(max(found.at + interval, clock.now() + SHORTEST), found.reason)
