"""VendorRetryPolicy in a real Airflow, with and without policies of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import QuotaExhausted, VendorAuthError
from airflow_provider.http import retry_policy
from airflow_provider.http.retry_policy import VendorRetryPolicy
from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator, WolkvoxTokenInformationOperator
from tests.support.dags import Attempt

pytestmark = pytest.mark.usefixtures("airflow_db")

HOUR = timedelta(hours=1)
POLICY = VendorRetryPolicy(reset_margin=2 * HOUR, jitter=timedelta(0))
TOKEN = "5a4db0c0de5a4db0c0de5a4db0c0de42"

native = pytest.mark.skipif(not hasattr(BaseOperator, "retry_policy"), reason="Airflow has no retry policies")


@pytest.fixture
def used_up(sandbox):
    """The token has three uses left, three and a half hours before its reset."""
    sandbox.clock(now="2026-01-01T20:30:00Z", freeze=True)
    sandbox.token(token=TOKEN, operation="demo_operation", limit=100, used=97)
    return sandbox


def retry_delay(attempt: Attempt) -> float:
    """Return the seconds after which Airflow is told to try the task again."""
    told: Any = attempt.outcome.msg
    return float(told.retry_delay_seconds)


def insertion(**options: Any) -> DAG:
    with DAG("insertion") as dag:
        WolkvoxInsertRecordsOperator(
            task_id="insert",
            module="contacts",
            records=[{"idcontact": str(number)} for number in range(5)],
            retries=2,
            retry_policy=POLICY,
            **options,
        )
    return dag


def near(moment: datetime, expected: timedelta) -> bool:
    return abs(moment - datetime.now(UTC) - expected) < timedelta(minutes=2)


@native
@pytest.mark.parametrize("options", [{}, {"reserve": "auto"}], ids=["sent until refused", "reserved first"])
def test_a_used_up_quota_is_retried_at_the_reset_that_an_earlier_reading_told(used_up, options):
    with DAG("reading") as reading:
        WolkvoxTokenInformationOperator(task_id="read")
    assert Attempt(reading).outcome.state == "success"
    attempt = Attempt(insertion(**options))
    assert attempt.outcome.state == "up_for_retry"
    assert isinstance(attempt.outcome.error, QuotaExhausted)
    # Three hours by wolkvox's rounding, and two of margin.
    assert abs(retry_delay(attempt) - 5 * 3600) < 120
    sent = len(used_up.requests("wolkvox"))
    assert sent == (1 if options else 4), "a reservation sends no request that would be refused"


@native
def test_a_refused_token_fails_at_once(used_up):
    used_up.fault(vendor="wolkvox", status=401)
    attempt = Attempt(insertion())
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, VendorAuthError)
    assert isinstance(attempt.outcome.error, AirflowFailException)


@native
def test_a_python_task_can_follow_it_too(used_up):
    from airflow.sdk import task

    with DAG("python") as dag:

        @task(retries=2, retry_policy=POLICY)
        def refuse() -> None:
            raise QuotaExhausted("used up", resets_at=datetime.now(UTC) + 3 * HOUR)

        refuse()
    attempt = Attempt(dag)
    assert attempt.outcome.state == "up_for_retry"
    assert abs(retry_delay(attempt) - 5 * 3600) < 120


def test_without_policies_of_airflow_the_task_waits_in_the_triggerer(used_up, monkeypatch):
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    monkeypatch.setattr(retry_policy, "NATIVE", False)
    attempt = Attempt(insertion())
    assert attempt.outcome.state == "deferred"
    with create_session() as session:
        trigger = session.get(Trigger, attempt.instance.trigger_id)
        assert trigger.classpath == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
        # Nobody has told the reset: an hour.
        assert near(trigger.kwargs["moment"], HOUR)
    assert attempt.wake().state == "deferred"
    used_up.clock(advance=4 * 3600)
    assert attempt.wake().state == "success"
    assert used_up.state()["wolkvox"]["records"] == {"contacts": 5}


def test_it_waits_no_more_often_than_the_task_has_retries(used_up, monkeypatch):
    monkeypatch.setattr(retry_policy, "NATIVE", False)
    attempt = Attempt(insertion())
    assert attempt.wake().state == "deferred"
    outcome = attempt.wake()
    # Airflow has not counted the waits: it must not begin again.
    assert outcome.state == "failed"
    assert isinstance(outcome.error, QuotaExhausted)
    assert isinstance(outcome.error, AirflowFailException)
