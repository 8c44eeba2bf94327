"""Triggers that wait at mPOHODA: many of them, one look."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.mpohoda_waiting import HALF_HOUR, INVOICES, NOBODY, NOW, ORDERS, trigger
from tests.support.quota import HOUR, MINUTE

MANY = 200


def run(watched, triggers):
    return asyncio.run(watched.events(triggers))


# --- one look for all --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [0.0, 60.0], ids=["at the same moment", "spread over a minute"])
def test_two_hundred_who_wait_for_payments_cost_a_request_in_each_interval(world, watched, spread):
    ids = world.add(INVOICES, 90)
    waiting = [
        trigger("Paid", NOW + timedelta(seconds=spread * one / MANY), invoice_ids=[ids[one % 90]])
        for one in range(MANY)
    ]
    watched.at(NOW + 3 * HALF_HOUR - MINUTE, lambda: [world.pay(id_) for id_ in ids])
    events = run(watched, waiting)
    assert all("met" in one for one in events)
    sent = world.sent()
    assert sent[:3] == [f"{INVOICES}/Unpaid"] * 3
    # The fourth look finds them gone, and each invoice is asked about once.
    assert sorted(sent[3:]) == sorted([f"{INVOICES}/Unpaid", *(f"{INVOICES}/{id_}/RestToPay" for id_ in ids)])


def test_two_hundred_who_wait_for_one_order_cost_a_request_in_each_interval(world, watched):
    [id_] = world.add(ORDERS)
    watched.at(NOW + 4 * HALF_HOUR - MINUTE, lambda: world.order(id_))
    events = run(watched, [trigger("OrderStatus", NOW, order_id=id_) for _ in range(MANY)])
    assert {one["met"]["status"] for one in events} == {"Finished"}
    assert world.sent() == [f"{ORDERS}/{id_}/status", *[ORDERS] * 4]


def test_two_hundred_orders_cost_a_request_in_each_interval_when_each_was_asked_about(world, watched):
    ids = world.add(ORDERS, MANY)
    world.pass_(HOUR)
    begin = NOW + HOUR
    # In the last interval they change, a few more than a page has.
    watched.at(begin + 5 * HALF_HOUR - MINUTE, lambda: [world.order(id_) for id_ in ids])
    events = run(watched, [trigger("OrderStatus", begin, order_id=id_) for id_ in ids])
    assert {one["met"]["id"] for one in events} == set(ids)
    sent = world.sent()
    assert sorted(sent[:MANY]) == sorted(f"{ORDERS}/{id_}/status" for id_ in ids)
    # Two hundred changes fill two pages, and a third says that there are no more.
    assert sent[MANY:] == [ORDERS] * (4 + 3)


def test_two_hundred_who_wait_for_new_records_cost_a_request_in_each_interval(world, watched):
    watched.at(NOW + 2 * HALF_HOUR + MINUTE, lambda: world.add(INVOICES))
    waiting = [trigger("Modified", NOW, resource=INVOICES) for _ in range(MANY)]
    events = run(watched, waiting)
    assert {one["met"]["records"] for one in events} == {1}
    assert world.sent() == [INVOICES] * 4


def test_a_sensor_that_begins_later_uses_the_look_of_the_others(world, watched):
    [id_] = world.add(INVOICES)
    watched.at(NOW + HOUR - MINUTE, lambda: world.pay(id_))
    waiting = [trigger("Paid", NOW + minutes * MINUTE, invoice_ids=[id_]) for minutes in (0, 10, 29, 44)]
    assert all("met" in one for one in run(watched, waiting))
    assert world.sent() == [f"{INVOICES}/Unpaid"] * 3 + [f"{INVOICES}/{id_}/RestToPay"]


def test_the_trigger_of_another_process_uses_the_look_too(world, watched, monkeypatch):
    [id_] = world.add(INVOICES)
    for _ in range(3):
        monkeypatch.setattr("airflow_provider.waiting.looks._shared._kept", {})
        [late] = run(watched, [trigger("Paid", NOW, invoice_ids=[id_], deadline=NOW + MINUTE)])
        assert late["wake_at"] == (NOW + HALF_HOUR).isoformat()
    assert world.sent() == [f"{INVOICES}/Unpaid"]


# --- orders ------------------------------------------------------------------------------------------------


def test_a_status_that_counts_as_no_change_is_seen_when_the_order_is_asked_again(world, watched):
    world.sandbox.switch({"mpohoda.transfer_modifies": False})
    [id_] = world.add(ORDERS)

    def transfer() -> None:
        path = f"mpohoda/v1/{ORDERS}/{id_}/Transfer/ToIssuedInvoice/Fully"
        assert world.sandbox.post(path, {}, headers={"Api-Key": "sandbox-api-key"}).ok

    world.pass_(HOUR)
    watched.at(NOW + HOUR + MINUTE, transfer)
    [found] = run(watched, [trigger("OrderStatus", NOW + HOUR, order_id=id_, confirm_interval=4 * HOUR)])
    assert found["met"]["observed_at"] == (NOW + 5 * HOUR).isoformat()


def test_with_confirm_interval_0_the_order_is_asked_at_each_look(world, watched):
    [id_] = world.add(ORDERS)
    watched.at(NOW + HOUR - MINUTE, lambda: world.order(id_))
    run(watched, [trigger("OrderStatus", NOW, order_id=id_, confirm_interval=0)])
    assert world.sent() == [f"{ORDERS}/{id_}/status"] * 3


def test_an_order_that_changes_while_nobody_looks_is_not_missed(world, watched):
    """Each triggerer was down for two days; the list of changes does not reach back so far."""
    [id_] = world.add(ORDERS)
    [late] = run(watched, [trigger("OrderStatus", NOW, order_id=id_, deadline=NOW + 31 * MINUTE)])
    assert "Unfinished" in late["late"]
    world.order(id_)
    world.pass_(timedelta(days=2))
    [found] = run(watched, [trigger("OrderStatus", NOW, order_id=id_)])
    assert found["met"]["status"] == "Finished"


def test_an_order_that_will_not_become_finished_ends_the_waiting(world, watched):
    [id_] = world.add(ORDERS)
    watched.at(NOW + HOUR, lambda: world.order(id_, "PermanentDocument"))
    [found] = run(watched, [trigger("OrderStatus", NOW, order_id=id_)])
    assert found["error"] == "VendorRejected"
    assert '"PermanentDocument", and will not become Finished' in found["message"]


# --- what goes wrong meanwhile -----------------------------------------------------------------------------


def test_an_outage_is_waited_out_with_one_look_in_each_interval(world, watched, no_waiting):
    [id_] = world.add(INVOICES)
    watched.at(NOW + 10 * MINUTE, lambda: world.sandbox.fault(vendor="mpohoda", status=503, times=4))
    watched.at(NOW + 3 * HALF_HOUR + MINUTE, lambda: world.pay(id_))
    events = run(watched, [trigger("Paid", NOW, invoice_ids=[id_]) for _ in range(50)])
    assert all("met" in one for one in events)
    # A look, two that fail at two requests each, a look, and the one that finds it paid.
    assert world.sent() == [f"{INVOICES}/Unpaid"] * (1 + 4 + 2) + [f"{INVOICES}/{id_}/RestToPay"]


def test_a_used_up_month_is_waited_for_until_its_reset(world, watched):
    ids = world.add(ORDERS, 50)
    world.use_up()
    events = run(
        watched,
        [trigger("OrderStatus", NOW, order_id=id_, deadline=NOW + 25 * 24 * HOUR) for id_ in ids]
        + [
            trigger(
                "Modified", NOW, resource=ORDERS, modified_since=NOW - HOUR, deadline=NOW + 25 * 24 * HOUR
            )
        ],
    )
    assert "met" in events[-1]
    sent = world.sent()
    # One request found out, and nobody else sent any before the month was over.
    assert len(sent) > 51
    times = [one["at"] for one in world.sandbox.requests("mpohoda")]
    assert [time < "2026-04-01T00:59" for time in times].count(True) == 1


def test_a_reset_after_the_deadline_ends_the_waiting_at_once(world, watched):
    [id_] = world.add(ORDERS)
    world.use_up()
    [late] = run(watched, [trigger("OrderStatus", NOW, order_id=id_)])
    assert "used up" in late["late"]
    assert late["wake_at"].startswith("2026-04-01T01:00")
    assert len(world.sent()) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(401, "VendorAuthError"), (403, "VendorForbidden"), (404, "VendorRejected")]
)
def test_a_refusal_ends_all_that_wait_for_the_same(world, watched, status, error):
    [id_] = world.add(INVOICES)
    watched.at(NOW + 10 * MINUTE, lambda: world.sandbox.fault(vendor="mpohoda", status=status, times=None))
    events = run(watched, [trigger("Paid", NOW, invoice_ids=[id_]) for _ in range(MANY)])
    assert {one["error"] for one in events} == {error}
    assert len(world.sent()) == 2


def test_a_credential_that_stops_working_is_not_tried_for_each_order(world, watched):
    ids = world.add(ORDERS, 50)
    world.sandbox.fault(vendor="mpohoda", status=401, times=None)
    events = run(watched, [trigger("OrderStatus", NOW, order_id=id_) for id_ in ids])
    assert {one["error"] for one in events} == {"VendorAuthError"}
    assert len(world.sent()) == 1


def test_a_token_that_is_revoked_while_waiting_is_replaced(world, watched, set_connection):
    [id_] = world.add(INVOICES)
    watched.at(NOW + MINUTE, lambda: world.sandbox.control("POST", "mpohoda/tokens/revoke", {}))
    watched.at(NOW + HOUR - MINUTE, lambda: world.pay(id_))
    [found] = run(watched, [trigger("Paid", NOW, invoice_ids=[id_], mpohoda_conn_id="mpohoda_oauth")])
    assert found["met"]["invoices"][0]["id"] == id_
    statuses = [one["status"] for one in world.sandbox.requests("mpohoda") if "connect" not in one["path"]]
    # One for each look, the refused one, and the invoice.
    assert statuses == [200, 401, 200, 200, 200]


def test_an_invoice_that_never_existed_is_not_taken_for_a_paid_one(world, watched):
    [found] = run(watched, [trigger("Paid", NOW, invoice_ids=[NOBODY])])
    assert found["error"] == "VendorRejected"
    assert world.sent() == [f"{INVOICES}/Unpaid", f"{INVOICES}/{NOBODY}/RestToPay"]


def test_a_trigger_whose_turn_another_had_who_was_killed_looks_when_that_turn_is_over(world, watched):
    """A triggerer that is killed while it asks leaves its turn behind."""
    from airflow_provider.mpohoda.conditions import condition
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.quota.interface import Turn
    from airflow_provider.waiting.looks import open_looks
    from airflow_provider.waiting.store import Known

    [id_] = world.add(INVOICES)
    values = {"resource": INVOICES, "invoice_ids": [id_], "sweep": True, "since": NOW.isoformat()}
    paid: Any = condition("Paid", values)
    killed, alive = open_looks(MpohodaHook()), open_looks(MpohodaHook())
    question = paid._unpaid()
    assert killed._store.take_turn(killed._place(question), killed._me, 150, Known()) is Turn.MINE

    async def look() -> None:
        task = asyncio.create_task(paid.check(alive, HALF_HOUR))
        await asyncio.sleep(0.2)
        assert world.sent() == []
        world.pass_(timedelta(seconds=151))
        found = await task
        assert found.at == NOW + timedelta(seconds=151)

    asyncio.run(look())
    assert world.sent() == [f"{INVOICES}/Unpaid"]
    killed.close()
    alive.close()


@pytest.mark.parametrize("damage", ["folder", "garbage"])
def test_triggers_without_a_database_share_a_look_in_their_process(world, watched, ledger_path, damage):
    [id_] = world.add(INVOICES)
    ledger_path.mkdir() if damage == "folder" else ledger_path.write_bytes(b"no database " * 500)
    watched.at(NOW + MINUTE, lambda: world.pay(id_))
    events = run(watched, [trigger("Paid", NOW, invoice_ids=[id_]) for _ in range(50)])
    assert all("met" in one for one in events)
    assert world.sent() == [f"{INVOICES}/Unpaid"] * 2 + [f"{INVOICES}/{id_}/RestToPay"]


# --- what is written down ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("OrderStatus", {"order_id": NOBODY}),
        ("Paid", {"invoice_ids": [NOBODY]}),
        ("Modified", {"resource": INVOICES, "state_key": "key"}),
    ],
)
def test_a_trigger_survives_being_written_down_and_holds_no_secret(sandbox, kind, options):
    one = trigger(kind, NOW, **options)
    path, values = one.serialize()
    assert path == "airflow_provider.mpohoda.triggers.MpohodaTrigger"
    read = json.loads(json.dumps(values))
    again = type(one)(**read)
    assert again.condition(read["condition"], read["values"]) == one.condition(
        values["condition"], values["values"]
    )
    assert "sandbox-api-key" not in json.dumps(values)


def test_the_database_holds_no_secret(world, watched, ledger_path):
    [id_] = world.add(INVOICES)
    world.sandbox.fault(vendor="mpohoda", status=401, json={"title": "no key sandbox-api-key"})
    [found] = run(watched, [trigger("Paid", NOW, invoice_ids=[id_])])
    assert found["error"] == "VendorAuthError"
    for text in (
        json.dumps(found),
        *(one.read_bytes().decode("latin-1") for one in ledger_path.parent.iterdir()),
    ):
        assert "sandbox-api-key" not in text
