"""A limit that the vendor has raised is noticed: no task fails for good on what was read before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, QuotaExhausted, VendorUnavailable
from airflow_provider.quota.automatic import reserve_for_batch
from airflow_provider.quota.decision import Probe, Requirement
from airflow_provider.quota.interface import Report
from airflow_provider.quota.operators import ReserveQuotaOperator
from airflow_provider.quota.readings import Grant, QuotaState
from airflow_provider.quota.store import QuotaStore
from airflow_provider.store.location import configured
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator
from airflow_provider.wolkvox.sensors import WolkvoxQuotaSensor
from tests.support.batches import execute
from tests.support.decisions import POLICY, decided, reading
from tests.support.quota import (
    ACCOUNT,
    DAY,
    HOUR,
    MINUTE,
    TOKEN,
    MovingClock,
    event,
    known,
    leave,
    probes,
    reserve,
    tell,
    trigger,
)
from tests.support.sandbox import SandboxProcess

SECOND = timedelta(seconds=1)


def waiting(**options: Any) -> WolkvoxQuotaSensor:
    return WolkvoxQuotaSensor(
        task_id="gate", **{"min_remaining": 150, "mode": "poke", "max_age": 2 * DAY, "jitter": 0, **options}
    )


def reserving(**options: Any) -> ReserveQuotaOperator:
    values = {"conn_id": "wolkvox_default", "amount": 150, "mode": "poke", "max_age": 2 * DAY, "jitter": 0}
    return ReserveQuotaOperator(task_id="reserve", **{**values, **options})


def inserting(count: int = 150, **options: Any) -> WolkvoxInsertRecordsOperator:
    records = [{"idcontact": str(number)} for number in range(count)]
    return WolkvoxInsertRecordsOperator(
        task_id="insert", module="contacts", records=records, reserve="auto", chunk_size=1, **options
    )


def raise_limit(sandbox: SandboxProcess) -> None:
    sandbox.token(token=TOKEN, operation="demo_operation", limit=1000, used=1)


EVERY_TASK = pytest.mark.parametrize("task", [waiting, reserving, inserting])


@pytest.fixture
def read_before(sandbox, clock) -> Iterator[MovingClock]:
    """A reading of a minute and a second ago that says that the limit is 100."""
    leave(sandbox, 100)
    WolkvoxHook().token_reading()
    clock.advance(MINUTE + SECOND)
    assert probes(sandbox) == 1
    return clock


@EVERY_TASK
def test_a_limit_that_was_raised_since_is_noticed(sandbox, read_before, task):
    raise_limit(sandbox)
    execute(task(), "run")
    assert len(sandbox.requests("wolkvox", path="server/API/v2/token/tokenInformation.php")) == 2


@EVERY_TASK
def test_one_that_was_not_fails_the_task_after_one_probe(sandbox, read_before, task):
    with pytest.raises(InvalidInput, match=r"more than the (limit of 100|vendor grants)"):
        execute(task(), "run")
    assert probes(sandbox) == 2
    # Its answer was kept, and all that look within a minute share it.
    with known() as store:
        assert store.look().reading.used == 1
    for _ in range(3):
        with pytest.raises(InvalidInput):
            execute(waiting(), "run")
    assert probes(sandbox) == 2


@EVERY_TASK
@pytest.mark.parametrize("fault", [{"status": 500}, {"action": "reset"}], ids=str)
def test_while_the_vendor_cannot_be_probed_no_task_fails_for_good(
    sandbox, read_before, no_waiting, task, fault
):
    sandbox.fault(vendor="wolkvox", times=None, **fault)
    with pytest.raises(VendorUnavailable):
        execute(task(), "run")
    sandbox.delete("/_sandbox/faults")
    raise_limit(sandbox)
    execute(task(), "run", try_number=2)


def test_a_retry_and_a_batch_take_nobody_elses_word_for_the_limit(sandbox, clock):
    leave(sandbox, 100)
    WolkvoxHook().token_reading()
    raise_limit(sandbox)
    execute(waiting(), "run", try_number=2)
    leave(sandbox, 100)
    WolkvoxHook().token_reading()
    raise_limit(sandbox)
    assert execute(inserting(), "run")["created"] == 150


def test_a_trigger_notices_it_too(sandbox, clock, fresh_monitors):
    leave(sandbox, 100)
    with known() as store:
        tell(store, 100, at=clock.now() - 2 * MINUTE)
    raise_limit(sandbox)
    found = asyncio.run(event(trigger(clock.now(), amount=150, max_age=DAY.total_seconds())))
    assert found["enough"]["limit"] == 1000


class Unprobeable(WolkvoxHook):
    def quota_call(self) -> None:
        return None


def test_a_batch_that_is_too_large_waits_for_the_reset_where_nobody_can_probe(sandbox, stopped_clock):
    hook, database = Unprobeable(), configured()
    assert hook.options
    tell(hook.quota_store(database), 0, source="header")
    stopped_clock.advance(SECOND)
    with pytest.raises(QuotaExhausted) as raised:
        reserve_for_batch(hook, database, 150, run="dag/run", task="t")
    assert raised.value.resets_at is not None
    stopped_clock.at = raised.value.resets_at
    assert reserve_for_batch(hook, database, 150, run="dag/run", task="t").amount >= 150
    database.close()


# The rule


@pytest.mark.parametrize("max_age", [timedelta(0), 5 * MINUTE, 2 * DAY])
@pytest.mark.parametrize(
    ("age", "fails"), [(timedelta(0), True), (MINUTE, True), (MINUTE + SECOND, False), (-HOUR, False)]
)
def test_the_limit_of_a_reading_is_believed_for_as_long_as_an_error_is_shared(max_age, age, fails):
    policy = replace(POLICY, max_age=max_age)
    state = QuotaState(reading(90, age=age))
    if fails and age <= max_age:
        with pytest.raises(InvalidInput, match="more than the limit"):
            decided(state, 101, policy=policy)
    else:
        assert decided(state, 101, policy=policy) == Probe()


@pytest.mark.parametrize("required", [Requirement(101), Requirement(100)])
def test_one_that_shares_no_error_believes_its_own_answer_alone(required):
    policy = replace(POLICY, shared=timedelta(0))
    answer = reading(99, age=SECOND)
    assert decided(QuotaState(answer), required, policy=policy) == Probe()
    with pytest.raises(InvalidInput):
        decided(QuotaState(answer), required, policy=policy, probed_at=answer.observed_at)


def test_a_grant_that_the_connection_no_longer_names_is_no_limit(database, stopped_clock):
    QuotaStore(database, ACCOUNT, Grant(100)).report(Report(sent=40, spent=40))
    store = QuotaStore(database, ACCOUNT, None)
    assert store.look().reading is None
    tell(store, 50)
    assert store.look().reading is not None
    assert reserve(store, "a", 50) == 50
