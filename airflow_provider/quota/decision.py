"""Whether there is enough, whether to ask, how long to sleep: the rules, without a clock or a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from airflow_provider import exceptions
from airflow_provider.exceptions import InvalidInput, RateLimited, VendorError, VendorUnavailable

if TYPE_CHECKING:
    from airflow_provider.quota.readings import Quota, QuotaState, Refusal

STORE_INTERVAL = timedelta(minutes=1)
"""How often the store, which costs nothing, is looked at while what is left is reserved by others."""

ANSWER_HOLDS = timedelta(minutes=15)
"""For so long an answer holds that there is too little, even if it announces the reset for this moment."""

LATE = timedelta(hours=4)
"""By so much a reset may be late: until then it is looked for, and the next one is not waited for."""

SKEW = timedelta(minutes=5)
"""What is said to have happened later than so long from now was written by a clock that is wrong."""

EXHAUSTED = "QuotaExhausted"
WAITABLE = (EXHAUSTED, "RateLimited", "VendorUnavailable")
"""Refusals that end by themselves."""

OUTAGE = "Outage"
"""An outage of which nobody says that it will end: Airflow's retries are for that."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is wanted.

    :param amount: uses that must be left
    :param margin: uses that must be left on top of that
    :param run: the run of a Dag that wants it; what is set aside for it counts as left
    :param field: the parameter that says so, for the error
    """

    amount: int
    margin: int = 0
    run: str = ""
    field: str = "min_remaining"

    @property
    def total(self) -> int:
        """Return both together."""
        return self.amount + self.margin


@dataclass(frozen=True, slots=True)
class WaitPolicy:
    """How long to believe, and how long to wait.

    :param max_age: how old a reading may be that says that there is enough
    :param reset_margin: how long to wait beyond the announced reset
    :param recheck_interval: how long to wait where nobody says until when
    :param shared: for how long what waiting cannot mend is believed by one who did not ask: many wake
        together, and one of them asks
    """

    max_age: timedelta
    reset_margin: timedelta
    recheck_interval: timedelta
    shared: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Enough:
    """Go on."""

    quota: Quota


@dataclass(frozen=True, slots=True)
class Probe:
    """Probe the vendor."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Look again at the given time.

    :param until: the time
    :param reason: why, in words
    :param cause: why: too little is ``left``, the rest is ``reserved``, or the vendor ``refused`` otherwise
    """

    until: datetime
    reason: str
    cause: Literal["left", "reserved", "refused"] = "left"


Decision = Enough | Probe | Sleep


def decide(
    state: QuotaState,
    need: Requirement,
    patience: WaitPolicy,
    *,
    now: datetime,
    probed_at: datetime | None = None,
    can_probe: bool = True,
    period: timedelta | None = None,
) -> Decision:
    """Say what to do.

    :param state: what the store knows
    :param need: what is wanted
    :param patience: how long to believe and to wait
    :param now: the time
    :param probed_at: since when an answer of the vendor is being waited for, if it is: the answer counts
        then, however old it may be when it is looked at
    :param can_probe: whether the vendor can be asked at all
    :param period: how long the vendor's periods are, where they are equally long
    :raises InvalidInput: more is wanted than the limit
    :raises VendorError: the vendor's answer cannot be mended by waiting
    """
    refusal, reading = state.refusal, state.reading
    if refusal is not None and (decision := _after(refusal, state, patience, now, probed_at, period)):
        return decision
    if reading is None:
        return (
            Probe() if can_probe else Sleep(now + patience.recheck_interval, "Nothing is known of the quota")
        )
    if reading.limit is not None and need.total > reading.limit:
        margin = f" and the margin {need.margin}" if need.margin else ""
        raise InvalidInput(
            f"{need.field} is {need.amount}{margin}, more than the limit of {reading.limit} uses per period: "
            "waiting would never end.",
            field=need.field,
            remedy="Lower it, or ask the vendor for a higher limit.",
        )
    if need.total == reading.limit and reading.used == 1 and reading.source == "probe":
        raise InvalidInput(
            f"{need.field} is {need.amount} and the margin {need.margin}, the whole limit of {reading.limit} "
            "uses: the vendor counts the question itself, so it would never find as much.",
            field=need.field,
            remedy="Lower one of them by 1.",
        )
    answered = probed_at is not None and reading.observed_at >= probed_at
    ends_at = reading.resets_at + patience.reset_margin if reading.resets_at else None
    if ends_at is not None and now >= ends_at and not answered:
        # Where nobody can be asked, the request that is waiting will tell.
        return Probe() if can_probe else Enough(_anew(reading, need))
    # A clock that lags behind the one that wrote the reading makes its age negative: that is fresh.
    fresh = answered or not can_probe or now - reading.observed_at <= patience.max_age
    left = reading.remaining - state.counted
    reserved = state.reserved_for_others(need.run)
    if left - reserved >= need.total:
        return Enough(reading.less(state.counted)) if fresh else Probe()
    short = f"Not enough: {reading.less(state.counted)}, needed {need.total}"
    if left >= need.total:
        # What others have set aside may come free at any time, and to look costs nothing.
        moments = [now + STORE_INTERVAL, *(moment for moment in (ends_at, state.frees_at) if moment)]
        return Sleep(min(moments), f"{short}, and {reserved:,} are reserved", "reserved")
    if reading.remaining >= need.total and can_probe and not answered:
        # Our own count says no, which the vendor knows better: ask once the reading is old.
        if not fresh:
            return Probe()
        old_at = reading.observed_at + patience.max_age
        return Sleep(min(old_at, ends_at) if ends_at else old_at, short)
    # Hours that are rounded down to 0 make a reset of this moment: asking until it comes would cost.
    soonest = reading.observed_at + min(patience.recheck_interval, ANSWER_HOLDS)
    return Sleep(max(ends_at or now + patience.recheck_interval, soonest), short)


def _anew(reading: Quota, need: Requirement) -> Quota:
    """Return what a quota is taken for after its reset."""
    left = need.total if reading.limit is None else reading.limit
    return replace(reading, used=0, remaining=left, resets_at=None, source="count")


def failure(error: VendorError) -> tuple[str, float | None]:
    """Say under which name an error is kept, and for how many seconds it asks to stay away."""
    if isinstance(error, RateLimited):
        return "RateLimited", error.retry_after
    if isinstance(error, VendorUnavailable):
        # The vendor says that it is not there for a while, like maintenance: worth waiting for.
        waitable = error.processed is False and error.status is not None
        return ("VendorUnavailable" if waitable else OUTAGE), error.retry_after
    # The task's own type may be a twin that Airflow fails at once; its name is the same.
    return type(error).__name__, None


def _after(
    refusal: Refusal,
    state: QuotaState,
    patience: WaitPolicy,
    now: datetime,
    probed_at: datetime | None,
    period: timedelta | None,
) -> Decision | None:
    """Say what a refusal means, if it still means something."""
    reading = state.reading
    if refusal.at > now + SKEW or (reading is not None and reading.observed_at > refusal.at):
        return None
    if refusal.kind in WAITABLE:
        until = refusal.at + patience.recheck_interval
        if refusal.kind != EXHAUSTED:
            until = max(until, refusal.until or until)
        elif known := _reset_after(refusal, reading, period):
            until = known + patience.reset_margin
        answered = probed_at is not None and refusal.at >= probed_at
        cause: Literal["left", "refused"] = "left" if refusal.kind == EXHAUSTED else "refused"
        return Sleep(until, refusal.message, cause) if now < until or answered else None
    if abs(now - refusal.at) <= patience.shared or (probed_at is not None and refusal.at >= probed_at):
        # Somebody else has asked for all who wait.
        kind = "VendorUnavailable" if refusal.kind == OUTAGE else refusal.kind
        raise getattr(exceptions, kind, VendorError)(refusal.message)
    return None


def _reset_after(refusal: Refusal, reading: Quota | None, period: timedelta | None) -> datetime | None:
    """Return the first reset after a refusal, as far as the refusal or an earlier reading tell."""
    if refusal.until:
        return refusal.until
    if reading is None or reading.resets_at is None:
        return None
    resets_at = reading.resets_at
    if resets_at <= refusal.at and period:
        # A reading of another day tells the hour. Right after it the reset may only be late.
        periods, since = divmod(refusal.at - resets_at, period)
        if since >= LATE:
            resets_at += (periods + 1) * period
    return resets_at if resets_at > refusal.at else None
