from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from tests.sandbox.mobadoo.client import SECRET


def kinds(bodies: list[dict[str, Any]]) -> list[str]:
    return [body.get("entity") or body.get("type") or body["message"] for body in bodies]


def change(api, count: int = 1) -> None:
    """Change the first odds so often: each makes one message."""
    for number in range(count):
        api.price(9001, value=2.0 + number)


# --- what is told ------------------------------------------------------------------------------------------


def test_a_change_of_a_match_is_told_in_the_documented_envelope(api, customer):
    api.move(1001, "PD")
    assert [one["state"] for one in api.deliver()] == ["delivered"] * 4
    body = customer.bodies[0]
    assert list(body) == ["message", "entity", "origin", "videogame", "result"]
    assert list(body.values())[:4] == ["MODEL_CHANGED", "Match", "WS_LISTENER", "lol"]
    assert body["result"] == api.matches()[0]
    assert kinds(customer.bodies) == ["Match", "Game", "Game", "Game"]
    assert len(customer.bodies[1]["result"]["odds"]) == 2


@pytest.mark.parametrize("entity", ["League", "Serie", "Tournament"])
def test_a_change_of_a_competition_is_told(api, customer, entity):
    api.control("models", entity=entity, id=1, name="New Name")
    api.deliver()
    [body] = customer.bodies
    assert (body["entity"], body["result"]["name"], body["result"]["slug"]) == (
        entity,
        "New Name",
        "new-name",
    )


@pytest.mark.parametrize(("entity", "odds"), [("Match", 8), ("Game", 2)])
def test_odds_are_told_inside_their_match_or_game(api, customer, entity, odds):
    api.switch(odds_entity=entity)
    api.price(9003, "SP")
    api.deliver()
    [body] = customer.bodies
    assert (body["entity"], len(body["result"]["odds"])) == (entity, odds)


@pytest.mark.parametrize(
    ("content", "keys"), [("whole", {"id", "name", "status"}), ("changes", {"id", "status", "odds"})]
)
def test_a_result_is_the_whole_object_or_what_has_changed(api, customer, content, keys):
    api.switch(result_content=content)
    api.move(1001, "CA")
    api.price(9009, "SP")
    api.deliver()
    assert keys <= set(customer.bodies[0]["result"])
    assert ("name" in customer.bodies[0]["result"]) is (content == "whole")
    assert len(customer.bodies[-1]["result"]["odds"]) == (8 if content == "whole" else 1)


@pytest.mark.parametrize(("switch", "told"), [(False, 0), (True, 1)])
def test_odds_of_a_running_match_are_told_only_by_switch(api, customer, switch, told):
    api.move(1001, "RU")
    api.deliver()
    customer.received.clear()
    api.switch(live_on_webhook=switch)
    change(api)
    api.deliver()
    assert len(customer.received) == told


@pytest.mark.parametrize("spelling", ["CHANGED", "CHANGE"])
@pytest.mark.parametrize(
    ("where", "model", "ticket"),
    [
        ("as seen", {"message"}, {"type"}),
        ("message", {"message"}, {"message"}),
        ("type", {"type"}, {"type"}),
        ("both", {"message", "type"}, {"message", "type"}),
    ],
)
def test_both_families_say_their_kind_as_the_switches_say(api, customer, spelling, where, model, ticket):
    api.switch(event_spelling=spelling, discriminator=where, origin="ELSEWHERE")
    change(api)
    api.create()
    api.post("cancel", {"transaction_id": "T1"})
    api.deliver()
    first, second = customer.bodies
    assert {key: first[key] for key in model} == dict.fromkeys(model, f"MODEL_{spelling}")
    assert {key: second[key] for key in ticket} == dict.fromkeys(ticket, f"TICKET_{spelling}")
    assert {"message", "type"} & (set(first) - model | set(second) - ticket) == set()
    assert first["origin"] == "ELSEWHERE"


# --- how it is sent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_a_webhook_is_json_with_the_method_of_the_switch(api, customer, verb):
    api.switch(webhook_verb=verb)
    change(api)
    state = api.deliver()[0]
    # The customer's server knows no PUT.
    assert (state["state"], len(customer.received)) == (("delivered", 1) if verb == "POST" else ("failed", 0))
    assert all(one["type"] == "application/json" for one in customer.received)


@pytest.mark.parametrize(
    ("how", "basic", "query"),
    [
        ("basic", f"mobadoo:{SECRET}", {"a": "1"}),
        ("query", None, {"a": "1", "secret": SECRET}),
        ("none", None, {"a": "1"}),
    ],
)
def test_the_secret_is_sent_as_the_switch_says(api, customer, how, basic, query):
    api.switch(webhook_auth=how, webhook_url=f"{customer.url}/hook?a=1")
    change(api)
    api.deliver()
    [one] = customer.received
    assert (one["path"], one["basic"], one["query"]) == ("/hook", basic, query)


@pytest.mark.parametrize(("how", "basic"), [("basic", "ada:p@ss"), ("ignored", f"mobadoo:{SECRET}")])
def test_credentials_inside_the_url_become_basic_or_not(api, customer, sandbox, how, basic):
    api.switch(
        url_credentials=how, webhook_url=customer.url.replace("//", "//ada:p%40ss@") + "/hook?secret=s3cret"
    )
    change(api)
    api.deliver()
    assert customer.received[0]["basic"] == basic
    assert {"p@ss", "s3cret"} <= set(sandbox.secrets())


def test_an_empty_secret_is_not_sent(api, customer):
    api.switch(webhook_secret="")
    change(api)
    api.deliver()
    assert customer.received[0]["basic"] is None


def test_without_a_url_nothing_waits(api):
    change(api)
    assert api.webhook() == {"desynchronised": False, "waiting": 0, "deliveries": []}


def test_any_message_can_be_sent_also_one_that_is_not_json(api, customer):
    api.control("webhook/send", text='{"amount": 1e400', copies=2)
    api.control("webhook/send", body=[1])
    api.deliver()
    assert [one["text"] for one in customer.received] == ['{"amount": 1e400'] * 2 + ["[1]"]


def test_the_journal_has_what_became_of_each_and_no_url(api, customer):
    customer.statuses = [500, 204]
    change(api)
    api.deliver()
    text = str(api.webhook())
    assert customer.url not in text
    assert SECRET not in text
    [delivery] = api.webhook()["deliveries"]
    assert [(one["status"], one["at"]) for one in delivery["attempts"]] == [
        (500, "2026-11-16T12:00:00Z"),
        (204, "2026-11-16T12:00:00Z"),
    ]
    assert api.control("webhook", "DELETE")["deliveries"] == []


# --- retries -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retries", "mean", "attempts"),
    [(3, "retries", 4), (3, "attempts", 3), (0, "retries", 1), (1, "attempts", 1)],
)
def test_a_failed_delivery_is_tried_so_often(api, customer, retries, mean, attempts):
    api.switch(webhook_retries=retries, webhook_retries_mean=mean)
    customer.statuses = [500] * 10
    change(api)
    delivery, _ = api.deliver()
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", attempts)


def test_three_retries_are_the_default(api, customer):
    customer.statuses = [503, 302, 401, 200]
    change(api)
    [delivery] = api.deliver()
    assert [one["status"] for one in delivery["attempts"]] == [503, 302, 401, 200]
    assert delivery["state"] == "delivered"


@pytest.mark.parametrize(("success", "attempts"), [("2xx", 1), ("200", 2)])
def test_what_a_success_is_says_the_switch(api, customer, success, attempts):
    api.switch(webhook_success=success)
    customer.statuses = [202, 200]
    change(api)
    assert len(api.deliver()[0]["attempts"]) == attempts


@pytest.mark.parametrize(("order", "values"), [("hold up", [2.0, 2.0, 3.0]), ("go last", [2.0, 3.0, 2.0])])
def test_a_retry_holds_up_the_others_or_goes_last(api, customer, order, values):
    api.switch(retry_order=order)
    customer.statuses = [500]
    change(api, 2)
    api.deliver()
    assert [body["result"]["odds"][0]["value"] for body in customer.bodies] == values


def test_a_receiver_that_does_not_answer_in_time_has_failed(api, customer):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        api.switch(webhook_url=url, webhook_timeout=1, webhook_retries=0, desync_after_failures=0)
        change(api)
        [delivery] = api.deliver()
    assert (delivery["state"], delivery["attempts"][0]["error"]) == ("failed", "TimeoutError")


@pytest.mark.parametrize("url", ["http://[half", "no-scheme/hook", "http://a..b/"])
def test_a_url_that_is_none_fails_like_any_other(api, url):
    api.switch(webhook_url=url, callbacks_url=url, webhook_mode="manual", webhook_retries=0)
    change(api)
    assert api.deliver()[0]["state"] == "failed"
    [outcome] = api.call_back({"call": "credit", "hash": "h"})
    assert outcome["error"]


def test_a_receiver_that_is_not_there_is_told_by_the_kind_of_error(api):
    api.switch(webhook_url="http://127.0.0.1:1/secret-path", webhook_mode="manual", webhook_retries=0)
    change(api)
    [attempt] = api.deliver()[0]["attempts"]
    assert (attempt["status"], "secret-path" in attempt["error"]) == (None, False)


def test_in_the_background_it_is_sent_without_an_order(api, customer):
    api.switch(webhook_mode="background")
    change(api, 2)
    customer.wait_for(2)
    api.deliver()
    assert {one["state"] for one in api.webhook()["deliveries"]} == {"delivered"}


def test_an_order_ends_the_wait_before_a_retry(api, customer):
    customer.statuses = [500]
    api.switch(webhook_mode="background", retry_backoff=3600)
    change(api)
    customer.wait_for(1)
    # Its client would not wait for an hour.
    [delivery] = api.deliver()
    assert [one["status"] for one in delivery["attempts"]] == [500, 200]


def test_a_reset_ends_what_waits(api, customer, sandbox):
    customer.statuses = [500]
    api.switch(webhook_mode="background", retry_backoff=3600)
    change(api)
    customer.wait_for(1)
    sandbox.reset()
    assert api.deliver() == []
    assert len(customer.received) == 1


# --- on command --------------------------------------------------------------------------------------------


def values(customer) -> list[float]:
    return [body["result"]["odds"][0]["value"] for body in customer.bodies]


def test_messages_are_dropped_on_command(api, customer):
    api.control("webhook/disturb", drop=2)
    change(api, 3)
    api.deliver()
    assert values(customer) == [4.0]
    assert [one["state"] for one in api.webhook()["deliveries"]] == ["dropped", "dropped", "delivered"]


def test_messages_are_repeated_on_command(api, customer):
    api.control("webhook/disturb", repeat=1)
    change(api, 2)
    api.deliver()
    assert values(customer) == [2.0, 2.0, 3.0]


def test_messages_are_reversed_on_command(api, customer):
    api.control("webhook/disturb", reverse=3)
    change(api, 2)
    assert api.deliver() == []
    change(api, 2)
    api.deliver()
    # The third is the first of the second two.
    assert values(customer) == [2.0, 3.0, 2.0, 3.0]


@pytest.mark.parametrize(("order", "first"), [("as made", 2.0), ("reversed", 4.0)])
def test_a_delivery_has_the_order_and_the_copies_asked_for(api, customer, order, first):
    change(api, 3)
    assert len(api.deliver(order=order, copies=2)) == 3
    assert values(customer)[:2] == [first] * 2
    assert len(values(customer)) == 6


def test_copies_can_be_sent_at_once(api, customer):
    customer.together = threading.Barrier(4)
    change(api, 2)
    assert {one["state"] for one in api.deliver(copies=2, at_once=True)} == {"delivered"}
    assert sorted(values(customer)) == [2.0, 2.0, 3.0, 3.0]


# --- desynchronisation -------------------------------------------------------------------------------------


def lose(api, customer, count: int = 1) -> None:
    """Lose messages: every attempt fails."""
    api.switch(webhook_retries=0)
    customer.statuses = [500] * count
    change(api, count)
    api.deliver()


@pytest.mark.parametrize(
    ("failures", "lost", "desynchronised"), [(1, 1, True), (2, 1, False), (2, 2, True), (0, 3, False)]
)
def test_lost_messages_lead_to_desynchronisation(api, customer, failures, lost, desynchronised):
    api.switch(desync_after_failures=failures)
    lose(api, customer, lost)
    assert api.webhook()["desynchronised"] is desynchronised


def test_failures_count_only_in_a_row(api, customer):
    api.switch(desync_after_failures=2)
    lose(api, customer)
    change(api)
    api.deliver()
    lose(api, customer)
    assert api.webhook()["desynchronised"] is False


@pytest.mark.parametrize(
    ("form", "notice"),
    [
        ("message", {"message": "DESYNC", "origin": "SIMULATOR"}),
        ("type", {"type": "DESYNCHRONIZED", "origin": "SIMULATOR"}),
        (
            "entity",
            {
                "message": "MODEL_CHANGED",
                "entity": "Desync",
                "origin": "SIMULATOR",
                "videogame": "",
                "result": {},
            },
        ),
        ("none", None),
    ],
)
def test_a_notice_follows_in_the_form_of_the_switch(api, customer, form, notice):
    api.switch(desync_notice=form)
    lose(api, customer)
    assert customer.bodies[1:] == ([] if notice is None else [notice])


@pytest.mark.parametrize(
    ("hold", "after", "told"), [(True, "discard", 0), (True, "send", 2), (False, "discard", 2)]
)
def test_model_messages_are_held_until_the_reset(api, customer, hold, after, told):
    api.switch(hold_while_desynchronised=hold, held_after_reset=after, desync_notice="none")
    change(api)
    api.control("webhook/desynchronise")
    change(api)
    api.create()
    api.post("cancel", {"transaction_id": "T1"})
    api.deliver()
    assert kinds(customer.bodies) == [*(["Match"] * 2 if not hold else []), "TICKET_CHANGED"]
    assert api.get("notifications/reset").status_code == 200
    api.deliver()
    assert kinds(customer.bodies).count("Match") == told
    assert api.webhook()["desynchronised"] is False
    change(api)
    api.deliver()
    assert kinds(customer.bodies).count("Match") == told + 1


def test_a_notice_that_is_lost_leads_to_no_second_one(api, customer):
    api.switch(webhook_retries=0)
    customer.statuses = [500, 500]
    change(api)
    assert [one["family"] for one in api.deliver()] == ["model", "notice"]
    assert api.sandbox.state()["mobadoo"]["deliveries"] == {"failed": 2}
