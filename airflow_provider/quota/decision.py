"""Whether there is enough, whether to probe, how long to sleep: the rules, without a clock or a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from airflow_provider import exceptions
from airflow_provider.exceptions import InvalidInput, RateLimited, VendorError, VendorUnavailable
from airflow_provider.sleeping.pause import Pause

if TYPE_CHECKING:
    from airflow_provider.quota.readings import Quota, QuotaState, Refusal

STORE_INTERVAL = timedelta(minutes=1)
"""How often the store is looked at, which costs nothing, while others have reserved what remains."""

ANSWER_HOLDS = timedelta(minutes=15)
"""How long an answer holds, even if it announces the reset for the same moment: vendors that name whole hours
do so for an hour. For that long nobody asks again because of the reset."""

LATE = timedelta(hours=4)
"""How late a reset may be: until then it is looked for, and the next one is not waited for."""

SKEW = timedelta(minutes=5)
"""A time that is further in the future was written by a clock that is wrong."""

RECHECK = timedelta(hours=1)
"""How long an answer holds that says too little and names no reset, unless somebody says otherwise."""

EXHAUSTED = "QuotaExhausted"
WAITABLE = (EXHAUSTED, "RateLimited", "VendorUnavailable")
"""Refusals that end by themselves."""

OUTAGE = "Outage"
"""An outage that may not end by itself: Airflow's retries are for that."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a task requires of a quota.

    :param amount: requests that must remain
    :param margin: requests that must remain on top of that
    :param run: the run of a Dag that requires it; what its tasks share of reservations counts as remaining
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
    """How long to believe a reading, and how long to wait.

    :param max_age: how old a reading may be that says that there is enough
    :param reset_margin: how long to wait beyond the announced reset
    :param recheck_interval: how long to wait where the vendor does not say until when
    :param shared: for how long a permanent error holds for a task that did not probe itself, and the limit
        that it is decided by: many wake together, and one of them probes
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


Cause = Literal["remaining", "reserved", "refused"]


@dataclass(frozen=True, slots=True)
class Sleep(Pause):
    """Look again at the given time.

    :param until: the time
    :param reason: why, in words
    :param cause: why: too little is ``remaining``, others have it ``reserved``, or the vendor ``refused``
    """

    cause: Cause = "remaining"


Decision = Enough | Probe | Sleep


@dataclass(frozen=True, slots=True)
class Availability:
    """How much of a quota there is for a requirement.

    :param quota: the quota: the reading less what was counted since, or the period that has begun since
    :param remaining: requests that remain, reserved or not; below 0 where more was counted than remained
    :param others: how many of them are reserved for others
    :param own: how many of them the tasks of the requirement's run have reserved together
    :param requirement: what is required
    """

    quota: Quota
    remaining: int
    others: int
    own: int
    requirement: Requirement

    @property
    def enough(self) -> bool:
        """Say whether it is enough, to go on or to reserve it."""
        amount = self.requirement.amount
        if self.remaining - self.others >= self.requirement.total:
            return True
        # The margin was there when the run reserved it.
        return self.own >= amount > 0 and self.remaining >= amount

    def portion(self, at_most: int) -> tuple[int, int]:
        """Say how many requests to reserve, and how many of them are taken from the run's own.

        :param at_most: more than the required amount, if as many are free
        """
        amount, margin = self.requirement.amount, self.requirement.margin
        taken = min(amount, self.own)
        free = self.remaining - self.others - self.own - margin
        return max(amount, taken + min(free, at_most - taken)), taken


def availability(
    state: QuotaState,
    requirement: Requirement,
    *,
    now: datetime,
    reset_margin: timedelta = timedelta(0),
    recheck_interval: timedelta = RECHECK,
    can_probe: bool = True,
) -> Availability | None:
    """Find out how much there is: for the one that waits and for the one that reserves.

    :param state: what the store knows
    :param requirement: what is required
    :param now: the time
    :param reset_margin: how long after the announced reset a new period has begun
    :param recheck_interval: how long a reading holds that says too little and names no reset
    :param can_probe: whether the vendor can be asked how much remains
    :return: None where nothing is known
    """
    reading = state.reading
    if reading is None:
        return None
    quota, remaining = reading.less(state.counted), reading.remaining - state.counted
    if not can_probe and (
        _is_over(reading, reset_margin, now)
        or (remaining < requirement.total and _is_due(reading, recheck_interval, now))
    ):
        quota = _new_period(reading, requirement)
        remaining = quota.remaining
    others = state.reserved_for_others(requirement.run)
    return Availability(quota, remaining, others, state.shared_by(requirement.run), requirement)


def decide(
    state: QuotaState,
    requirement: Requirement,
    wait_policy: WaitPolicy,
    *,
    now: datetime,
    probed_at: datetime | None = None,
    can_probe: bool = True,
    period: timedelta | None = None,
) -> Decision:
    """Say what to do.

    :param state: what the store knows
    :param requirement: what is required
    :param wait_policy: how long to believe and to wait
    :param now: the time
    :param probed_at: since when an answer of the vendor is being waited for, if it is: the answer counts
        then, however old it may be when it is looked at
    :param can_probe: whether the vendor can be asked how much remains
    :param period: how long the vendor's periods are, where they are equally long
    :raises InvalidInput: more is required than the limit, which a reading has just confirmed
    :raises VendorError: the vendor's answer is an error that waiting does not end
    """
    refusal, reading = state.refusal, state.reading
    if refusal is not None and (decision := _after(refusal, state, wait_policy, now, probed_at, period)):
        return decision
    found = availability(
        state,
        requirement,
        now=now,
        reset_margin=wait_policy.reset_margin,
        recheck_interval=wait_policy.recheck_interval,
        can_probe=can_probe,
    )
    if reading is None or found is None:
        nothing = Sleep(now + wait_policy.recheck_interval, "Nothing is known of the quota")
        return Probe() if can_probe else nothing
    answered = probed_at is not None and reading.observed_at >= probed_at
    over = _is_over(reading, wait_policy.reset_margin, now)
    if can_probe and not answered and over and not _holds(reading, wait_policy, now):
        return Probe()
    # A clock that lags behind the one that wrote the reading makes its age negative: that is fresh.
    fresh = answered or now - reading.observed_at <= wait_policy.max_age
    if impossible := _impossible(requirement, reading):
        # The limit may have been raised. One that is counted here is the connection's own.
        if answered or reading.source == "count" or abs(now - reading.observed_at) <= _shared(wait_policy):
            raise impossible
        if can_probe:
            return Probe()
    if found.enough:
        return Enough(found.quota) if fresh or not can_probe else Probe()
    doubtful = can_probe and not answered
    if doubtful and not fresh and found.remaining < requirement.total <= reading.remaining:
        # Our own count says no, and the vendor knows better.
        return Probe()
    if (
        doubtful
        and found.remaining < requirement.total
        and _is_due(reading, wait_policy.recheck_interval, now)
    ):
        return Probe()
    return _wait(state, found, wait_policy, now, doubtful=doubtful)


def _wait(
    state: QuotaState, found: Availability, wait_policy: WaitPolicy, now: datetime, *, doubtful: bool
) -> Sleep:
    """Say how long to wait for a quota that is not enough.

    :param doubtful: whether the vendor can be probed about what our own count says
    """
    reading, total = state.reading, found.requirement.total
    if reading is None:
        raise ValueError("a quota that is known has a reading")
    ends_at = reading.resets_at + wait_policy.reset_margin if reading.resets_at else None
    short = f"Not enough: {found.quota}, needed {total}"
    if found.remaining >= total:
        # What others have reserved may be released at any time, and to look costs nothing.
        moments = [moment for moment in (ends_at, state.frees_at) if moment and moment > now]
        until = min([now + STORE_INTERVAL, *moments])
        return Sleep(until, f"{short}, and {found.others:,} are reserved", "reserved")
    # Hours that are rounded down to 0 make a reset of this moment: probing until it comes would cost.
    soonest = reading.observed_at + _holding(wait_policy)
    if doubtful and reading.remaining >= total:
        old_at = reading.observed_at + wait_policy.max_age
        return Sleep(min(old_at, max(ends_at, soonest)) if ends_at else old_at, short)
    return Sleep(max(ends_at or now + wait_policy.recheck_interval, soonest), short)


def _holding(wait_policy: WaitPolicy) -> timedelta:
    """Return how long an answer holds, whatever it says of the reset."""
    return min(wait_policy.recheck_interval, ANSWER_HOLDS)


def _holds(reading: Quota, wait_policy: WaitPolicy, now: datetime) -> bool:
    """Say whether an answer still holds though the reset that it announces is over."""
    at = reading.observed_at
    # One of a wrong clock does not, nor one whose period was over before it was given.
    return at - SKEW <= now < at + _holding(wait_policy) and (reading.resets_at or at) >= at


def _is_over(reading: Quota, reset_margin: timedelta, now: datetime) -> bool:
    """Say whether the period of a reading is over."""
    return reading.resets_at is not None and now >= reading.resets_at + reset_margin


def _is_due(reading: Quota, recheck_interval: timedelta, now: datetime) -> bool:
    """Say whether a reading that says too little, and not until when, no longer holds."""
    return reading.resets_at is None and now >= reading.observed_at + recheck_interval


def _shared(wait_policy: WaitPolicy) -> timedelta:
    """Say how old a reading may be at most that fails a task for good."""
    return min(wait_policy.shared, wait_policy.max_age)


def _new_period(reading: Quota, requirement: Requirement) -> Quota:
    """Return what a quota is assumed to be after its reset, until a response tells.

    Where the reset or the limit is not known, or the limit may have been raised, just enough is assumed:
    otherwise no task would send the request whose response tells.
    """
    known = reading.resets_at is not None and (reading.limit or 0) >= requirement.total
    limit = reading.limit if known else None
    remaining = requirement.total if limit is None else limit
    return replace(reading, limit=limit, used=0, remaining=remaining, resets_at=None, source="count")


def _impossible(requirement: Requirement, reading: Quota) -> InvalidInput | None:
    """Return the error for what is more than a period ever has, if it is."""
    field, limit = requirement.field, reading.limit
    margin = f" and the margin {requirement.margin}" if requirement.margin else ""
    if limit is not None and requirement.total > limit:
        return InvalidInput(
            f"{field} is {requirement.amount}{margin}, more than the limit of {limit} requests per period: "
            "waiting would never end.",
            field=field,
            remedy="Lower it, or ask the vendor for a higher limit.",
        )
    if requirement.total == limit and reading.used == 1 and reading.source == "probe":
        return InvalidInput(
            f"{field} is {requirement.amount}{margin}, the whole limit of {limit} requests: the vendor "
            "counts the probe itself, so as many never remain.",
            field=field,
            remedy="Lower it by 1.",
        )
    return None


def failure(error: VendorError) -> tuple[str, float | None]:
    """Return the name that an error is stored under, and the seconds that the vendor asks to wait."""
    if isinstance(error, RateLimited):
        return "RateLimited", error.retry_after
    if isinstance(error, VendorUnavailable):
        # The vendor says that it is away for a while, like maintenance: worth waiting for.
        waitable = error.processed is False and error.status is not None
        return ("VendorUnavailable" if waitable else OUTAGE), error.retry_after
    # The task's own type may be a twin that Airflow fails at once; its name is the same.
    return type(error).__name__, None


def _after(
    refusal: Refusal,
    state: QuotaState,
    wait_policy: WaitPolicy,
    now: datetime,
    probed_at: datetime | None,
    period: timedelta | None,
) -> Decision | None:
    """Say what to do after a refusal; None if it no longer holds."""
    reading = state.reading
    if refusal.at > now + SKEW or (reading is not None and reading.observed_at > refusal.at):
        return None
    if refusal.kind in WAITABLE:
        until = refusal.at + wait_policy.recheck_interval
        if refusal.kind != EXHAUSTED:
            until = max(until, refusal.until or until)
        elif known := _reset_after(refusal, reading, period):
            until = max(known + wait_policy.reset_margin, refusal.at + _holding(wait_policy))
        answered = probed_at is not None and refusal.at >= probed_at
        cause: Cause = "remaining" if refusal.kind == EXHAUSTED else "refused"
        return Sleep(until, refusal.message, cause) if now < until or answered else None
    if abs(now - refusal.at) <= wait_policy.shared or (probed_at is not None and refusal.at >= probed_at):
        # Another task has probed for all that wait.
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
