"""mPOHODA's sensors in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout

from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract.watermarks import Watermark
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.mpohoda.sensors import (
    MpohodaModifiedSensor,
    MpohodaOrderStatusSensor,
    MpohodaPaidSensor,
    MpohodaQuotaSensor,
)
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.location import configured
from tests.mpohoda.reading import read
from tests.support import dags
from tests.support.dags import Attempt
from tests.support.mpohoda_waiting import HALF_HOUR, INVOICES, NOBODY, NOW, ORDERS, waiting
from tests.support.quota import DAY, FREEING, HOUR, MINUTE, WAYS, MovingClock, quick_sleep, waits_until
from tests.support.sensor import ASLEEP, RETRIES, go_on, tried_again

pytestmark = pytest.mark.usefixtures("airflow_db")

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
every_freeing_way = pytest.mark.parametrize("way", FREEING.values(), ids=FREEING)


@pytest.fixture
def slept(monkeypatch, world) -> list[timedelta]:
    """Let a blocking sensor's sleep pass at once, on the clock that stands still."""
    waits: list[timedelta] = []
    world.meanwhile = lambda: None

    def sleep(seconds: float) -> None:
        waits.append(timedelta(seconds=seconds))
        assert len(waits) < 10
        world.meanwhile()
        world.pass_(waits[-1])

    monkeypatch.setattr("airflow_provider.sleeping.sensor.time", SimpleNamespace(sleep=sleep))
    return waits


def result(attempt: Attempt) -> dict[str, Any]:
    """What the task has returned."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    query = text("SELECT value FROM xcom WHERE run_id = :run AND key = 'return_value'")
    with create_session() as session:
        value = session.execute(query, {"run": attempt.instance.run_id}).scalar_one()
    return json.loads(value) if isinstance(value, str) else value


# --- what is there already ---------------------------------------------------------------------------------


@every_way
def test_an_order_that_is_finished_lets_the_dag_go_on_after_one_request(world, way):
    [id_] = world.add(ORDERS, Status="Finished")
    attempt = Attempt(waiting("OrderStatus", order_id=id_.upper(), **way))
    assert attempt.outcome.state == "success"
    assert result(attempt) == {
        "resource": ORDERS,
        "id": id_,
        "status": "Finished",
        "observed_at": NOW.isoformat(),
    }
    assert world.sent() == [f"{ORDERS}/{id_}/status"]


@every_way
def test_paid_invoices_are_told_with_what_was_paid_when(world, way):
    ids = world.add(INVOICES, 2)
    world.pay(ids[0], amount=20, date="2026-03-01")
    world.pay(ids[0], date="2026-03-09")
    world.pay(ids[1], date="2026-03-05")
    attempt = Attempt(waiting("Paid", invoice_ids=ids, **way))
    assert attempt.outcome.state == "success"
    first, second = result(attempt)["invoices"]
    assert (first["id"], second["id"]) == tuple(ids)
    assert first["paid_at"].startswith("2026-03-09")
    assert second["paid_at"].startswith("2026-03-05")
    assert [one["date"][:10] for one in first["payments"]] == ["2026-03-01", "2026-03-09"]
    assert first["payments"][0]["amount"] == "20"
    assert world.sent() == [f"{INVOICES}/Unpaid", *(f"{INVOICES}/{id_}/RestToPay" for id_ in ids)]


@every_way
def test_records_that_changed_since_a_time_let_the_dag_go_on(world, way):
    world.add(INVOICES, 3)
    since = (NOW - HOUR).isoformat()
    attempt = Attempt(waiting("Modified", resource=INVOICES, modified_since=since, min_records=3, **way))
    assert attempt.outcome.state == "success"
    assert result(attempt)["records"] == 3
    [request] = world.sandbox.requests("mpohoda")
    assert request["query"] == {
        "PageSize": "1",
        "PageNumber": "1",
        "ModifiedSince": "2026-03-10T11:00:00Z",
    }


def test_no_invoices_are_paid_and_cost_nothing(world):
    assert Attempt(waiting("Paid", invoice_ids=[])).outcome.state == "success"
    assert world.sent() == []


def test_ids_may_come_as_the_text_that_jinja_makes_of_a_list(world):
    ids = world.add(INVOICES, 2)
    for id_ in ids:
        world.pay(id_)
    for text in (str(ids), ", ".join(ids), json.dumps(ids)):
        assert Attempt(waiting("Paid", invoice_ids=text)).outcome.state == "success"
    # The second and third sensor use the looks of the first.
    assert len(world.sent()) == 3


# --- waiting -----------------------------------------------------------------------------------------------


@every_freeing_way
def test_a_sensor_sleeps_until_the_next_look_is_due(world, way):
    [id_] = world.add(ORDERS)
    attempt = Attempt(waiting("OrderStatus", order_id=id_, **way))
    for number in range(1, 4):
        assert attempt.outcome.state in ASLEEP
        assert wakes(attempt) == NOW + number * HALF_HOUR
        if number == 3:
            world.order(id_)
        world.pass_(HALF_HOUR)
        if attempt.outcome.state == "deferred":
            break
        go_on(attempt)
    if attempt.outcome.state != "deferred":
        assert attempt.outcome.state == "success"
        assert world.sent() == [f"{ORDERS}/{id_}/status", *[ORDERS] * 3]


def test_a_blocking_sensor_looks_once_in_each_interval(world, slept):
    [id_] = world.add(INVOICES)
    world.meanwhile = lambda: world.pay(id_) if len(slept) == 3 else None
    attempt = Attempt(waiting("Paid", invoice_ids=[id_], **WAYS["poke"]))
    assert attempt.outcome.state == "success"
    assert slept == [HALF_HOUR] * 3
    assert world.sent() == [f"{INVOICES}/Unpaid"] * 4 + [f"{INVOICES}/{id_}/RestToPay"]


def test_a_dag_goes_on_when_the_triggerer_has_waited(world, watched, monkeypatch):
    """The trigger runs as in the triggerer; only its clock and the sandbox's are quick."""
    [id_] = world.add(ORDERS)

    async def sleep(seconds: float) -> None:
        world.pass_(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    quick_sleep(monkeypatch, sleep)
    watched.at(NOW + 40 * MINUTE, lambda: world.order(id_))
    run = dags.run(waiting("OrderStatus", order_id=id_, deferrable=True))
    assert dags.states(run) == {"waiting": "success"}
    assert dags.results(run)["waiting"]["status"] == "Finished"
    assert world.sent() == [f"{ORDERS}/{id_}/status", ORDERS, ORDERS]


@every_freeing_way
def test_rescheduled_and_deferred_sensors_of_other_processes_share_a_look(world, way):
    [id_] = world.add(INVOICES)
    attempts = [Attempt(waiting("Paid", invoice_ids=[id_], **way)) for _ in range(3)]
    assert {attempt.outcome.state for attempt in attempts} <= set(ASLEEP)
    assert world.sent() == [f"{INVOICES}/Unpaid"]


@every_freeing_way
def test_everybody_wakes_a_little_later_at_random(world, monkeypatch, way):
    [id_] = world.add(INVOICES)
    monkeypatch.setattr("airflow_provider.sleeping.sensor.random.random", lambda: 0.5)
    attempt = Attempt(waiting("Paid", invoice_ids=[id_], jitter=10 * MINUTE, **way))
    assert wakes(attempt) == NOW + 35 * MINUTE


def test_the_default_interval_is_half_an_hour():
    assert MpohodaOrderStatusSensor(task_id="t", order_id=NOBODY).poke_interval == 1800


# --- ends --------------------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize(
    ("soft", "state"),
    [({}, "failed"), ({"soft_fail": True}, "skipped"), ({"never_fail": True}, "skipped")],
    ids=["hard", "soft_fail", "never_fail"],
)
def test_an_order_that_will_not_become_finished_fails_without_a_retry(world, way, soft, state):
    [id_] = world.add(ORDERS, Status="PermanentDocument")
    attempt = Attempt(waiting("OrderStatus", order_id=id_, **RETRIES, **soft, **way))
    assert attempt.outcome.state == state
    if not soft:
        assert isinstance(attempt.outcome.error, AirflowFailException)
        assert "final_statuses" in str(attempt.outcome.error)


def test_which_statuses_are_final_is_a_setting(world):
    [id_] = world.add(ORDERS, Status="PermanentDocument")
    attempt = Attempt(waiting("OrderStatus", order_id=id_, final_statuses=["Finished"], mode="reschedule"))
    assert attempt.outcome.state == "up_for_reschedule"


@every_way
@pytest.mark.parametrize(
    ("kind", "options"),
    [("OrderStatus", {"order_id": NOBODY}), ("Paid", {"invoice_ids": [NOBODY], "sweep": False})],
)
def test_a_record_that_is_not_there_fails_without_a_retry(world, way, kind, options):
    attempt = Attempt(waiting(kind, **options, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert "HTTP 404" in str(attempt.outcome.error)
    assert len(world.sent()) == 1


@every_way
def test_a_missing_right_fails_without_a_retry_and_names_the_resource(world, way):
    world.sandbox.switch({"mpohoda.forbidden_resources": INVOICES})
    attempt = Attempt(waiting("Modified", resource=INVOICES, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert type(attempt.outcome.error).__name__ == "VendorForbidden"
    assert INVOICES in str(attempt.outcome.error)
    assert len(world.sent()) == 1


@every_way
@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
def test_a_used_up_month_that_ends_after_the_timeout_ends_the_sensor_at_once(world, way, limit):
    world.use_up()
    attempt = Attempt(waiting("Modified", resource=INVOICES, **{limit: 2 * DAY}, **RETRIES, **way))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, AirflowSensorTimeout)
    said = str(attempt.outcome.error)
    assert "2026-04-01 01:00:00 UTC" in said
    assert "2026-03-12 12:00:00 UTC" in said
    assert len(world.sent()) == 1


@every_freeing_way
def test_a_used_up_month_that_ends_in_time_is_waited_for(world, way):
    world.use_up()
    attempt = Attempt(waiting("Modified", resource=INVOICES, timeout=40 * DAY, **way))
    assert wakes(attempt) == datetime(2026, 4, 1, 1, tzinfo=UTC)
    # Another sensor hears of it without a request.
    other = Attempt(waiting("Modified", resource=ORDERS, timeout=40 * DAY, **way))
    assert wakes(other) == wakes(attempt)
    assert len(world.sent()) == 1


@every_freeing_way
def test_a_month_that_another_task_has_found_used_up_costs_no_request(world, way):
    world.use_up()
    with closing(MpohodaHook()) as hook, pytest.raises(Exception, match="used up"):
        next(hook.pages(INVOICES))
    world.sent()
    attempt = Attempt(waiting("Modified", resource=INVOICES, timeout=40 * DAY, **way))
    assert wakes(attempt) == datetime(2026, 4, 1, 1, tzinfo=UTC)
    assert world.sent() == []


@every_freeing_way
def test_an_outage_is_waited_out(world, no_waiting, way):
    world.sandbox.fault(vendor="mpohoda", action="maintenance", times=None)
    attempt = Attempt(waiting("Modified", resource=INVOICES, **way))
    assert wakes(attempt) == NOW + HALF_HOUR


@pytest.mark.parametrize("limit", ["timeout", "execution_timeout"])
@every_freeing_way
def test_the_timeout_counts_from_the_first_look(world, monkeypatch, way, limit):
    clock = MovingClock(monkeypatch)
    [id_] = world.add(INVOICES)
    attempt = Attempt(waiting("Paid", invoice_ids=[id_], **{limit: 70 * MINUTE}, **way))
    ends = clock.now() + 70 * MINUTE
    clock.advance(HOUR)
    if attempt.outcome.state == "deferred":
        outcome = attempt.wake({"late": "Unpaid", "wake_at": (NOW + 90 * MINUTE).isoformat()})
    else:
        outcome = attempt.again()
    assert outcome.state == "failed"
    assert isinstance(outcome.error, AirflowSensorTimeout)
    told = re.search(r"timeout at (.{19})", str(outcome.error))[1]
    assert abs(datetime.fromisoformat(f"{told}+00:00") - ends) < MINUTE


def test_a_retry_asks_again(world):
    world.sandbox.switch({"mpohoda.forbidden_resources": INVOICES})
    attempt = Attempt(waiting("Modified", resource=INVOICES, modified_since=NOW - HOUR))
    assert attempt.outcome.state == "failed"
    world.sandbox.switch({"mpohoda.forbidden_resources": ""})
    world.add(INVOICES)
    tried_again(attempt)
    assert attempt.again().state == "success"


# --- new and changed records -------------------------------------------------------------------------------


def extracted(watermark: str | None, key: str = "nightly") -> None:
    """Let an extraction have read the invoices up to a time."""
    with closing(MpohodaHook()) as hook:
        store = Watermark(
            configured(),
            conn_id="mpohoda_default",
            base_url=hook.options.base_url,
            listing=f"mpohoda.{INVOICES}",
            path=f"v1/{INVOICES}",
            state_key=key,
        )
        with closing(store):
            store.move(watermark, RunIdentity("d", "r", "t"))


@pytest.mark.parametrize("inclusive", ["inclusive", "exclusive"])
@pytest.mark.parametrize("digits", ["0", "3", "7"])
def test_what_an_extraction_has_read_is_not_new(world, inclusive, digits):
    world.sandbox.switch({"mpohoda.modified_since": inclusive, "mpohoda.date_fractions": digits})
    world.add(INVOICES, 30)
    extracted("2026-03-10T12:00:00" + {"0": "", "3": ".000", "7": ".0000000"}[digits] + "Z")
    attempt = Attempt(waiting("Modified", resource=INVOICES, state_key="nightly", mode="reschedule"))
    assert attempt.outcome.state == "up_for_reschedule"
    world.pass_(HALF_HOUR)
    world.add(INVOICES)
    assert attempt.again().state == "success"
    assert result(attempt)["records"] == 1
    # The state is as it was: the extraction moves it.
    assert result(attempt)["since"].startswith("2026-03-10T12:00:00")


@pytest.mark.parametrize("paging", ["auto", "after"])
@pytest.mark.parametrize("offset", ["none", "Z", "+01:00"])
def test_what_the_list_operator_has_read_is_not_new(world, tmp_path, offset, paging):
    """Times without an offset are those of the connection's zone, for the sensor as for the operator."""
    world.sandbox.switch({"mpohoda.modified_since": "inclusive", "mpohoda.moment_offset": offset})
    world.add(INVOICES, 3)

    def extract(run_id: str) -> Any:
        output = f"{tmp_path}/{run_id}.jsonl"
        return read(run_id=run_id, incremental=True, state_key="nightly", output=output, paging=paging)

    extract("1")
    attempt = Attempt(waiting("Modified", resource=INVOICES, state_key="nightly", mode="reschedule"))
    assert attempt.outcome.state == "up_for_reschedule"
    world.pass_(HALF_HOUR)
    world.add(INVOICES)
    assert attempt.again().state == "success"
    assert result(attempt)["records"] == 1
    assert extract("2")["complete"]
    again = Attempt(waiting("Modified", resource=INVOICES, state_key="nightly", mode="reschedule"))
    assert again.outcome.state == "up_for_reschedule"


def test_the_state_is_read_at_each_look(world):
    world.add(INVOICES)
    extracted("2026-03-10T11:00:00Z", key="other")
    attempt = Attempt(
        waiting("Modified", resource=INVOICES, state_key="nightly", min_records=5, mode="reschedule")
    )
    extracted("2026-03-10T12:00:00Z")
    world.pass_(HALF_HOUR)
    assert attempt.again().state == "up_for_reschedule"
    queries = [one["query"].get("ModifiedSince") for one in world.sandbox.requests("mpohoda")]
    assert queries == [None, "2026-03-10T12:00:00Z"]


@pytest.mark.parametrize(("count_by", "state"), [("total", "success"), ("page", "up_for_reschedule")])
def test_where_the_total_counts_all_records_the_page_tells(world, count_by, state):
    """That it counts after the filter is not documented."""
    world.sandbox.switch({"mpohoda.total_of_modified": "all"})
    world.add(INVOICES, 10)
    world.pass_(2 * HOUR)
    world.add(INVOICES)
    options = {"modified_since": NOW + HOUR, "min_records": 2, "count_by": count_by, "mode": "reschedule"}
    assert Attempt(waiting("Modified", resource=INVOICES, **options)).outcome.state == state


def test_where_nothing_changed_no_total_says_otherwise(world):
    world.sandbox.switch({"mpohoda.total_of_modified": "all"})
    world.add(INVOICES, 10)
    options = {"modified_since": NOW + HOUR, "mode": "reschedule"}
    assert Attempt(waiting("Modified", resource=INVOICES, **options)).outcome.state == "up_for_reschedule"


# --- quota -------------------------------------------------------------------------------------------------


@every_way
def test_the_quota_sensor_sends_nothing_and_says_that_it_is_our_own_count(world, way):
    world.sandbox.switch({"mpohoda.quota_headers": "none"})
    with closing(MpohodaHook()) as hook:
        list(hook.pages(INVOICES))
    world.sent()
    attempt = Attempt(waiting("Quota", min_remaining=7998, margin=1, **way))
    assert attempt.outcome.state == "success"
    assert (result(attempt)["remaining"], result(attempt)["source"]) == (7999, "count")
    assert world.sent() == []


@every_freeing_way
def test_the_quota_sensor_waits_for_the_next_month_without_a_request(world, way):
    attempt = Attempt(waiting("Quota", min_remaining=7999, margin=1, **way))
    assert attempt.outcome.state == "success"
    with closing(MpohodaHook()) as hook:
        list(hook.pages(INVOICES))
    world.sent()
    attempt = Attempt(waiting("Quota", min_remaining=7999, margin=1, timeout=40 * DAY, **way))
    assert attempt.outcome.state in ASLEEP
    assert wakes(attempt, trigger="airflow_provider.quota.triggers.QuotaTrigger") == datetime(
        2026, 4, 1, 1, tzinfo=UTC
    )
    assert world.sent() == []


def test_more_than_the_month_has_fails_at_once(world):
    attempt = Attempt(waiting("Quota", min_remaining=8000, **RETRIES))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, InvalidInput)


# --- parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "field"),
    [
        (MpohodaOrderStatusSensor, {"order_id": NOBODY, "statuses": ["Done"]}, "statuses"),
        (MpohodaOrderStatusSensor, {"order_id": NOBODY, "statuses": []}, "statuses"),
        (MpohodaOrderStatusSensor, {"order_id": NOBODY, "statuses": "Finished"}, "statuses"),
        (MpohodaOrderStatusSensor, {"order_id": NOBODY, "confirm_interval": 2 * DAY}, "confirm_interval"),
        (MpohodaOrderStatusSensor, {"order_id": "  "}, "order_id"),
        (MpohodaOrderStatusSensor, {"order_id": NOBODY, "poke_interval": 0}, "poke_interval"),
        (MpohodaPaidSensor, {"invoice_ids": [1]}, "invoice_ids"),
        (MpohodaPaidSensor, {"invoice_ids": [NOBODY], "sweep": "no"}, "sweep"),
        (MpohodaModifiedSensor, {"resource": INVOICES, "min_records": 0}, "min_records"),
        (MpohodaModifiedSensor, {"resource": INVOICES, "count_by": "rows"}, "count_by"),
        (MpohodaModifiedSensor, {"resource": INVOICES, "state_key": "k", "modified_since": NOW}, "state_key"),
        (MpohodaQuotaSensor, {"margin": -1}, "margin"),
    ],
)
def test_a_parameter_that_cannot_be_right_fails_when_the_dag_is_parsed(kind, options, field):
    with pytest.raises(InvalidInput) as raised:
        kind(task_id="t", **options)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("OrderStatus", {"order_id": "77"}),
        ("OrderStatus", {"order_id": NOBODY, "resource": INVOICES}),
        ("Paid", {"invoice_ids": [NOBODY, "x"]}),
        ("Paid", {"invoice_ids": [NOBODY], "resource": "IssuedOffers"}),
        ("Modified", {"resource": "Invoices"}),
        ("Modified", {"resource": INVOICES, "modified_since": "2026-03-01"}),
    ],
)
def test_a_value_that_cannot_be_right_fails_without_a_request(world, kind, options):
    attempt = Attempt(waiting(kind, **options, **RETRIES))
    assert attempt.outcome.state == "failed"
    assert isinstance(attempt.outcome.error, InvalidInput)
    assert world.sent() == []


def wakes(attempt: Attempt, trigger: str = "airflow_provider.mpohoda.triggers.MpohodaTrigger") -> datetime:
    """Say until when the database keeps the task waiting."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    if attempt.outcome.state != "deferred":
        return waits_until(attempt)
    with create_session() as session:
        row = session.get(Trigger, attempt.instance.trigger_id)
        assert row.classpath == trigger
        return datetime.fromisoformat(row.kwargs["wake_at"])
