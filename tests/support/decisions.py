"""States of a quota, and what is decided of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider.quota.decision import (
    Requirement,
    Sleep,
    WaitPolicy,
    decide,
)
from airflow_provider.quota.readings import Quota, QuotaState, Refusal

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLICY = WaitPolicy(max_age=5 * MINUTE, reset_margin=HOUR, recheck_interval=2 * HOUR)
RESET = NOW + 3 * HOUR
AWAKE = RESET + POLICY.reset_margin


def reading(remaining: int = 50, *, age: timedelta = MINUTE, **changes: Any) -> Quota:
    known = Quota(
        limit=100,
        used=100 - remaining,
        remaining=remaining,
        resets_at=RESET,
        observed_at=NOW - age,
        source="probe",
    )
    return replace(known, **changes)


def refused(kind: str, *, age: timedelta = MINUTE, until: datetime | None = None) -> Refusal:
    return Refusal(kind, "the vendor's words", NOW - age, until)


def decided(state: QuotaState, required: Requirement | int = 10, **options: Any) -> Any:
    requirement = required if isinstance(required, Requirement) else Requirement(required)
    policy = options.pop("policy", POLICY)
    return decide(state, requirement, policy, **{"now": NOW, **options})


def until(decision: Any) -> datetime:
    assert isinstance(decision, Sleep)
    return decision.until
