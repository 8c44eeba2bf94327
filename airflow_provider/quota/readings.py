"""What is known of a quota: a vendor's reading, and what has happened since."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Source = Literal["probe", "header", "count"]


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a quota remains.

    :param limit: requests granted per period; None where it is not known
    :param used: requests spent in this period; None where it is not known
    :param remaining: requests that remain in this period
    :param resets_at: when counting starts again, as the vendor's answer says; None where it does not
    :param observed_at: when the vendor answered
    :param source: how it is known: by probing (``probe``), from the headers of a response (``header``), or
        counted here (``count``): from nothing, or on from what the vendor said
    """

    limit: int | None
    used: int | None
    remaining: int
    resets_at: datetime | None
    observed_at: datetime
    source: Source

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, times in ISO 8601."""
        return {
            **asdict(self),
            "resets_at": self.resets_at.isoformat() if self.resets_at else None,
            "observed_at": self.observed_at.isoformat(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Quota:
        """Make one of what :meth:`as_dict` returned."""
        resets_at = values["resets_at"]
        return cls(
            limit=values["limit"],
            used=values["used"],
            remaining=values["remaining"],
            resets_at=datetime.fromisoformat(resets_at) if resets_at else None,
            observed_at=datetime.fromisoformat(values["observed_at"]),
            source=values["source"],
        )

    def less(self, count: int) -> Quota:
        """Return what it is after so many more requests."""
        if not count:
            return self
        used = None if self.used is None else self.used + count
        return replace(self, used=used, remaining=max(0, self.remaining - count), source="count")

    def __str__(self) -> str:
        of = "" if self.limit is None else f" of {self.limit:,}"
        reset = f"{self.resets_at:%Y-%m-%d %H:%M %Z}" if self.resets_at else "at an unknown time"
        return f"{self.remaining:,}{of} requests remaining, reset {'at ' if self.resets_at else ''}{reset}"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose quota it is.

    :param conn_id: id of the connection
    :param vendor: the connection's type
    :param digest: a digest of the credentials: with others it is another quota
    """

    conn_id: str
    vendor: str
    digest: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a vendor is known to grant without saying how much remains.

    :param limit: requests per calendar month, counted in UTC; the vendor's own months may begin otherwise
    """

    limit: int

    def ends(self, moment: datetime) -> datetime:
        """Return the end of the period that a moment is in."""
        year, month = divmod(moment.year * 12 + moment.month, 12)
        return moment.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A vendor's refusal that concerns every request of the connection.

    :param kind: name of the error
    :param message: what the vendor said
    :param at: when
    :param until: when it ends, as far as the answer says
    """

    kind: str
    message: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuotaState:
    """What the store knows of a connection's quota.

    :param reading: what the vendor said last
    :param counted: requests sent since then, by every task that shares the store, and those that reservations
        had when they expired: they may have been sent
    :param reserved: requests that are reserved, by the run of a Dag that they are reserved for
    :param private: those of them that a single task of the run has reserved for itself
    :param frees_at: when the first of these reservations expires
    :param refusal: the vendor's latest refusal, if no answer came since
    :param probing_until: the vendor is being probed now, until then at most
    """

    reading: Quota | None = None
    counted: int = 0
    reserved: Mapping[str, int] = field(default_factory=dict)
    private: Mapping[str, int] = field(default_factory=dict)
    frees_at: datetime | None = None
    refusal: Refusal | None = None
    probing_until: datetime | None = None

    def shared_by(self, run: str) -> int:
        """Return how many requests all tasks of a run have reserved together."""
        return self.reserved.get(run, 0) - self.private.get(run, 0) if run else 0

    def reserved_for_others(self, run: str = "") -> int:
        """Return how many requests are reserved for other runs, or for one task of this run alone."""
        return sum(self.reserved.values()) - self.shared_by(run)

    @property
    def estimate(self) -> Quota | None:
        """Return the reading less what has been counted since."""
        return self.reading.less(self.counted) if self.reading else None
