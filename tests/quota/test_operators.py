"""Reservations as setup and teardown of a Dag in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import InvalidInput, StoreUnavailable, VendorAuthError
from airflow_provider.quota.operators import ReleaseQuotaOperator, ReserveQuotaOperator
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support import dags
from tests.support.dags import Attempt
from tests.support.quota import FREEING, HOUR, MINUTE, known, leave, probes, state, waits_until
from tests.support.sensor import ASLEEP, RETRIES, every_freeing_way

pytestmark = pytest.mark.usefixtures("airflow_db")


def reserving(amount: Any = 40, **options: Any) -> DAG:
    with DAG("reserve") as dag:
        ReserveQuotaOperator(
            task_id="reserve", **{"conn_id": "wolkvox_default", "amount": amount, "jitter": 0, **options}
        )
    return dag


def around(work: Any, *, conn_id: str = "wolkvox_default", **options: Any) -> DAG:
    """A Dag whose work stands between a reservation and its release."""
    with DAG("around") as dag:
        reserve = ReserveQuotaOperator(
            task_id="reserve", **{"conn_id": conn_id, "amount": 40, "jitter": 0, **options}
        )
        release = ReleaseQuotaOperator(task_id="release", conn_id=conn_id)
        between = task(task_id="work")(work)()
        reserve.as_setup() >> between >> release.as_teardown(setups=reserve)
    return dag


def probe() -> None:
    hook = WolkvoxHook()
    hook.token_reading()
    hook.close()


def fail() -> None:
    raise AirflowFailException("the work failed")


def go_on(attempt: Attempt) -> Any:
    return attempt.wake() if attempt.outcome.state == "deferred" else attempt.again()


# Setup and teardown


def test_what_is_reserved_is_spent_by_the_work_and_the_rest_released(sandbox):
    leave(sandbox, 100)
    seen: list[Any] = []

    def work() -> None:
        probe()
        seen.append(state())

    run = dags.run(around(work))
    assert dags.states(run) == dict.fromkeys(["reserve", "work", "release"], "success")
    results = dags.results(run)
    assert results["reserve"]["amount"] == 40
    assert results["reserve"]["conn_id"] == "wolkvox_default"
    assert results["release"] == {"reserved": 40, "spent": 1, "released": 39}
    [during] = seen
    assert during.reserved == {f"around/{run.run_id}": 39}
    assert state().reserved == {}
    assert probes(sandbox) == 2


def test_what_is_reserved_is_released_though_the_work_failed(sandbox):
    leave(sandbox, 100)
    run = dags.run(around(fail))
    assert dags.states(run) == {"reserve": "success", "work": "failed", "release": "success"}
    assert str(run.state) == "failed"
    assert dags.results(run)["release"] == {"reserved": 40, "spent": 0, "released": 40}
    assert state().reserved == {}


def test_one_reservation_of_several_can_be_released(sandbox):
    leave(sandbox, 100)
    with DAG("several") as dag:
        first = ReserveQuotaOperator(task_id="first", conn_id="wolkvox_default", amount=30)
        second = ReserveQuotaOperator(task_id="second", conn_id="wolkvox_default", amount=20)
        release = ReleaseQuotaOperator(
            task_id="release",
            conn_id="wolkvox_default",
            reservation="{{ ti.xcom_pull('first')['reservation'] }}",
        )
        first >> second >> release
    run = dags.run(dag)
    assert dags.results(run)["release"] == {"reserved": 30, "spent": 0, "released": 30}
    assert state().reserved == {f"several/{run.run_id}": 20}


def test_releasing_nothing_is_no_error(sandbox):
    with DAG("nothing") as dag:
        ReleaseQuotaOperator(task_id="release", conn_id="wolkvox_default")
    run = dags.run(dag)
    assert dags.results(run)["release"] == {"reserved": 0, "spent": 0, "released": 0}
    assert probes(sandbox) == 0


def test_amount_and_connection_are_templates(sandbox):
    leave(sandbox, 100)
    with DAG("templates", params={"n": 7, "c": "wolkvox_default"}) as dag:
        ReserveQuotaOperator(task_id="reserve", conn_id="{{ params.c }}", amount="{{ params.n }}")
    assert dags.results(dags.run(dag))["reserve"]["amount"] == 7


def test_a_reservation_says_when_it_expires_and_does(sandbox, clock):
    leave(sandbox, 100)
    attempt = Attempt(reserving(40, expires_in=2 * HOUR))
    assert attempt.outcome.state == "success"
    [one] = _reservations()
    assert one.expires_at - one.created_at == 2 * HOUR
    clock.advance(2 * HOUR)
    after = state()
    assert (after.reserved, after.counted) == ({}, 40)


def _reservations() -> list[Any]:
    with known() as store:
        return store.reservations()


# Too much


@pytest.mark.parametrize("way", [*FREEING.values(), {"mode": "poke"}], ids=[*FREEING, "poke"])
def test_more_than_the_limit_fails_at_once(sandbox, way):
    leave(sandbox, 100)
    attempt = Attempt(reserving(101, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, InvalidInput)
    assert isinstance(attempt.outcome.error, AirflowFailException)
    assert "amount is 101" in str(attempt.outcome.error)
    assert "limit of 100" in str(attempt.outcome.error)
    assert _reservations() == []


@pytest.mark.parametrize("amount", ["many", "-1", "1.5", "True"])
def test_an_amount_that_is_none(sandbox, amount):
    attempt = Attempt(reserving(amount, **RETRIES))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, InvalidInput)
    assert probes(sandbox) == 0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"expires_in": "1h"}, "expires_in"),
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 1e12}, "expires_in"),
        ({"margin": "1"}, "margin"),
        ({"margin": -200}, "margin"),
        ({"max_age": None}, "max_age"),
        ({"reset_margin": -1}, "reset_margin"),
        ({"recheck_interval": 0}, "recheck_interval"),
        ({"jitter": float("nan")}, "jitter"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_refused_when_the_dag_is_parsed(options, name):
    with pytest.raises(ValueError, match=f"^{name} must be a"):
        ReserveQuotaOperator(task_id="t", **{"conn_id": "wolkvox_default", "amount": 1, **options})


def test_the_whole_limit_can_be_reserved(sandbox):
    leave(sandbox, 100)
    assert Attempt(reserving(100, margin=0)).outcome.state == "success"
    assert state().reserved_for_others() == 100


# Waiting


@every_freeing_way
def test_a_reservation_of_another_run_is_waited_for(sandbox, way):
    leave(sandbox, 100)
    first = Attempt(reserving(80))
    second = Attempt(reserving(80, **way))
    assert first.outcome.state == "success"
    assert second.outcome.state in ASLEEP
    assert timedelta(0) < waits_until(second) - datetime.now(UTC) <= MINUTE
    assert go_on(second).state in ASLEEP
    with known() as store:
        store.release(run=f"reserve/{first.instance.run_id}")
    assert go_on(second).state == "success"
    assert state().reserved == {f"reserve/{second.instance.run_id}": 80}
    assert probes(sandbox) == 1


@every_freeing_way
def test_too_little_is_waited_for_until_the_reset(sandbox, clock, way):
    leave(sandbox, 30)
    attempt = Attempt(reserving(40, **way))
    assert attempt.outcome.state in ASLEEP
    assert 3 * HOUR < waits_until(attempt) - datetime.now(UTC) <= 4 * HOUR
    sandbox.clock(advance=4 * 3600)
    clock.advance(4 * HOUR + MINUTE)
    assert go_on(attempt).state == "success"
    assert probes(sandbox) == 2


def test_a_reservation_made_after_the_trigger_looked_is_waited_for(sandbox):
    leave(sandbox, 100)
    first = Attempt(reserving(80))
    second = Attempt(reserving(80, deferrable=True))
    enough = state().reading.as_dict()
    assert second.wake({"enough": enough}).state == "deferred"
    assert state().reserved == {f"reserve/{first.instance.run_id}": 80}


# Again


def test_a_second_try_finds_what_the_first_has_reserved(sandbox):
    leave(sandbox, 100)
    attempt = Attempt(reserving(80, **RETRIES))
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session

    with create_session() as session:
        session.get(TaskInstance, attempt.id).try_number = 2
    assert attempt.again().state == "success"
    [one] = _reservations()
    assert one.amount == 80
    assert probes(sandbox) == 1


def test_a_task_that_is_run_again_does_not_double(sandbox):
    leave(sandbox, 100)
    attempt = Attempt(reserving(40))
    assert attempt.again().state == "success"
    assert [one.amount for one in _reservations()] == [40]


def test_mapped_tasks_have_reservations_of_their_own(sandbox):
    leave(sandbox, 100)
    with DAG("mapped") as dag:
        ReserveQuotaOperator.partial(task_id="reserve", conn_id="wolkvox_default").expand(amount=[10, 20])
    run = dags.run(dag)
    assert str(run.state) == "success"
    assert sorted(one.amount for one in _reservations()) == [10, 20]


# Trouble


@pytest.mark.parametrize("operator", ["reserve", "release"])
def test_a_connection_without_a_quota_is_refused_clearly(sandbox, operator):
    with DAG("wrong") as dag:
        if operator == "reserve":
            ReserveQuotaOperator(task_id="t", conn_id="imbee_default", amount=1, **RETRIES)
        else:
            ReleaseQuotaOperator(task_id="t", conn_id="imbee_default", **RETRIES)
    attempt = Attempt(dag)
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, InvalidInput)
    assert "imbee" in str(attempt.outcome.error)
    assert "no quota" in str(attempt.outcome.error)
    assert sandbox.requests() == []


@pytest.mark.parametrize("operator", ["reserve", "release"])
def test_without_a_store_nothing_is_reserved(sandbox, ledger_path, operator):
    ledger_path.mkdir()
    with DAG("storeless") as dag:
        if operator == "reserve":
            ReserveQuotaOperator(task_id="t", conn_id="wolkvox_default", amount=1, **RETRIES)
        else:
            ReleaseQuotaOperator(task_id="t", conn_id="wolkvox_default", **RETRIES)
    attempt = Attempt(dag)
    assert attempt.outcome.state == "up_for_retry"
    assert isinstance(attempt.outcome.error, StoreUnavailable)


def test_a_refused_token_fails_at_once(sandbox):
    sandbox.fault(vendor="wolkvox", status=401, times=None)
    attempt = Attempt(reserving(1, **RETRIES))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, VendorAuthError)
    assert probes(sandbox) == 1


# Two that race


def test_two_runs_that_race_for_the_same_remainder_take_turns(sandbox, monkeypatch):
    leave(sandbox, 100)
    probe()
    with known() as store:
        stores: list[Any] = []
        from airflow_provider.quota.store import QuotaStore

        reserve = QuotaStore.reserve
        gate = threading.Barrier(2)

        def together(self: QuotaStore, *args: Any, **kwargs: Any) -> Any:
            # Another run reserves in the very moment.
            if not stores:
                stores.append(1)
                other = threading.Thread(
                    target=lambda: (
                        gate.wait(30),
                        reserve(store, "other", 70, run="other/run", task="t", lasts=HOUR),
                    )
                )
                other.start()
                gate.wait(30)
                granted = reserve(self, *args, **kwargs)
                other.join(30)
                return granted
            return reserve(self, *args, **kwargs)

        monkeypatch.setattr(QuotaStore, "reserve", together)
        monkeypatch.setattr(
            "airflow_provider.sleeping.sensor.time",
            SimpleNamespace(sleep=lambda seconds: store.release(id_="other")),
        )
        attempt = Attempt(reserving(70, mode="poke"))
    assert attempt.outcome.state == "success"
    assert sum(one.remaining for one in _reservations()) in (70, 70 * len(_reservations()))
    assert state().reserved_for_others() <= 99
