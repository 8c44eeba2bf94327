"""What a store of quotas does, whether it is the shared one or the memory of one task."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import sqlalchemy as sa

    from airflow_provider.quota.readings import Account, Quota, QuotaState, Refusal
    from airflow_provider.quota.reservations import Reservation


class Turn(enum.Enum):
    """Whether a prober may probe the vendor."""

    MINE = "mine"
    """Probe, and end the turn afterwards."""
    ANOTHERS = "another's"
    """Another one is probing: look again in a moment."""
    OVER = "over"
    """Another one has probed: look again."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a client has seen since its last report.

    :param sent: requests sent, or about to be; those before the reading not counted
    :param spent: requests that have ended, which are taken from reservations
    :param reading: the latest reading
    :param refusal: the latest refusal
    """

    sent: int = 0
    spent: int = 0
    reading: Quota | None = None
    refusal: Refusal | None = None


class Store(Protocol):
    """Keeps what is known of the quota of one account."""

    account: Account
    blocking: bool
    """Whether its methods wait for a database, so that an event loop must call them in a thread."""

    def look(self) -> QuotaState:
        """Return what is known."""

    def take_turn(self, prober: str, seconds: float, known: QuotaState | None = None) -> Turn:
        """Let one prober at a time probe the vendor.

        :param prober: name of the prober
        :param seconds: after so long another one may, whether or not the turn was ended
        :param known: what the prober has seen; with an answer that is newer, nobody need probe
        """

    def end_turn(self, prober: str) -> None:
        """Let others probe again.

        :param prober: name of the prober
        """

    def report(self, report: Report, *, run: str = "", reservation: str = "", prober: str = "") -> None:
        """Keep what a client has seen, in a transaction of its own; see :meth:`write`."""

    def write(
        self,
        connection: sa.Connection,
        report: Report,
        *,
        run: str = "",
        reservation: str = "",
        prober: str = "",
    ) -> None:
        """Keep what a client has seen.

        :param connection: an open transaction
        :param report: what it has seen
        :param run: the run of a Dag whose reservations its requests are taken from
        :param reservation: the reservation that they are taken from first
        :param prober: name of the prober, if the reading is the answer to its probe
        """

    def reserve(
        self,
        id_: str,
        amount: int,
        *,
        margin: int = 0,
        at_most: int | None = None,
        run: str,
        task: str,
        lasts: timedelta,
        shared: bool = False,
        reset_margin: timedelta = ...,
        recheck_interval: timedelta = ...,
    ) -> int | None:
        """Reserve requests, if there are enough.

        :param id_: id of the reservation; one of the same id is replaced
        :param amount: how many at least
        :param margin: how many must remain beside them
        :param at_most: how many at most
        :param run: the run of a Dag whose requests are taken from it
        :param task: the task that makes it, for people
        :param lasts: after so long it expires
        :param shared: whether it is for all tasks of the run, on top of what they share already. One for a
            single task takes from what they share first
        :param reset_margin: how long after the announced reset a new period has begun
        :param recheck_interval: how long a reading holds that says too little and names no reset
        :return: how many were reserved; None if too few remain, or nothing is known
        :raises StoreUnavailable: nothing can be reserved in it
        """

    def release(self, *, id_: str | None = None, run: str | None = None) -> Sequence[Reservation]:
        """Release what is reserved and not spent.

        :param id_: id of one reservation
        :param run: or all those that the tasks of a run share
        :return: what was released
        """

    def close(self) -> None:
        """Close its database."""
