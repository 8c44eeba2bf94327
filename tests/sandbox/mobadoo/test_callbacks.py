from __future__ import annotations

import threading

import pytest

CREDIT = {"uuid": "ada", "currency": "EUR", "credit": "100.00", "hash": "h1", "displayname": "Ada"}
REFUSED = {"transaction_id": "", "code": 1, "state": "No money"}


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_credit_is_asked_for_with_the_hash(api, customer, verb):
    api.switch(credit_verb=verb)
    customer.answers["credit"] = CREDIT
    [outcome] = api.call_back({"call": "credit", "hash": "h &1"})
    assert (outcome["status"], outcome["json"]) == (200, CREDIT)
    [one] = customer.received
    assert (one["method"], one["path"], one["query"], one["text"]) == (
        verb,
        "/call/credit",
        {"hash": "h &1"},
        "",
    )


def test_a_base_url_may_have_a_secret_in_its_path_its_query_or_before_the_host(api, customer):
    api.switch(callbacks_url=customer.url.replace("//", "//ada:pw@") + "/deep/s3cret/?secret=q")
    api.call_back({"call": "credit", "hash": "h"})
    [one] = customer.received
    assert (one["path"], one["query"], one["basic"]) == (
        "/deep/s3cret/credit",
        {"secret": "q", "hash": "h"},
        "ada:pw",
    )


def test_create_sends_a_new_ticket_at_the_top_level(api, customer):
    [outcome] = api.call_back({"call": "create", "uuid": "ada", "hash": "h1", "bet_amount": 2.5})
    assert outcome["json"] == {"state": "OK", "transaction_id": "OP-1"}
    assert customer.received[0]["path"] == "/call/create"
    assert customer.bodies[0] == {
        "id": 777,
        "uuid": "ada",
        "hash": "h1",
        "transaction_id": outcome["transaction_id"],
        "state": "CREATED",
        "tips": [{"product_type": "odds", "bet_amount": 2.5}],
    }
    assert api.state_of("TX-1") == "CREATED"


@pytest.mark.parametrize(
    ("identity", "there"), [("both", {"hash", "uuid"}), ("hash", {"hash"}), ("uuid", {"uuid"})]
)
def test_a_new_ticket_names_the_player_as_the_switch_says(api, customer, identity, there):
    api.switch(create_identity=identity)
    api.call_back({"call": "create", "uuid": "ada", "hash": "h1"})
    assert set(customer.bodies[0]) & {"hash", "uuid"} == there


def test_the_player_whom_a_credit_named_bets_without_being_named_again(api, customer):
    customer.answers["credit"] = CREDIT
    api.call_back({"call": "credit", "hash": "h1"})
    api.call_back({"call": "create", "uuid": "ada"}, {"call": "create", "hash": "h1"})
    assert [(one["uuid"], one["hash"]) for one in customer.bodies] == [("ada", "h1")] * 2


@pytest.mark.parametrize(("state", "won"), [("RESOLVED", 18.5), ("CANCELED", None), ("REJECTED", None)])
def test_a_change_sends_the_ticket_envelope(api, customer, state, won):
    api.call_back({"call": "create", "uuid": "ada", "hash": "h1", "transaction_id": "T"})
    if state == "RESOLVED":
        api.control("tickets/change", transaction_id="T", state="CONFIRMED")
    more = {} if won is None else {"won_amount": won}
    api.call_back({"call": "change", "transaction_id": "T", "state": state, **more})
    body = customer.bodies[-1]
    assert (body["type"], body["hash"], body["ticket"]["state"]) == ("TICKET_CHANGED", "h1", state)
    assert body["ticket"]["tips"][0].get("won_amount") == won
    assert customer.received[-1]["path"] == "/call/create"


def test_calls_are_repeated_reversed_and_keep_what_happened(api, customer):
    outcomes = api.call_back(
        {"call": "create", "uuid": "ada", "hash": "h", "transaction_id": "T"},
        {"call": "change", "transaction_id": "T", "state": "CANCELED"},
        copies=2,
        order="reversed",
    )
    assert [one["call"] for one in outcomes] == ["change", "change", "create", "create"]
    assert [one.get("type") for one in customer.bodies] == ["TICKET_CHANGED"] * 2 + [None] * 2
    assert customer.bodies[-1]["state"] == "CREATED"
    assert api.state_of("T") == "CANCELED"


def test_two_calls_are_made_at_once(api, customer):
    customer.together = threading.Barrier(2)
    outcomes = api.call_back({"call": "create", "uuid": "ada"}, copies=2, at_once=True)
    assert [one["status"] for one in outcomes] == [200, 200]
    assert customer.bodies[0] == customer.bodies[1]


def test_a_state_can_be_forced_that_cannot_follow(api, customer):
    change = {"call": "change", "transaction_id": "T"}
    api.call_back({"call": "create", "uuid": "ada", "transaction_id": "T"}, {**change, "state": "CANCELED"})
    assert "CANCELED" in api.refused("callbacks", calls=[{**change, "state": "RESOLVED"}])
    api.call_back({**change, "state": "RESOLVED", "won_amount": 5, "force": True, "hash": "other"})
    assert (customer.bodies[-1]["ticket"]["state"], customer.bodies[-1]["hash"]) == ("RESOLVED", "other")


@pytest.mark.parametrize(("how", "state"), [("reject", "REJECTED"), ("keep", "CREATED")])
def test_a_ticket_that_the_operator_refuses_is_rejected_by_switch(api, customer, how, state):
    api.switch(refused_create=how)
    customer.answers["create"] = REFUSED
    api.call_back({"call": "create", "uuid": "ada", "transaction_id": "T"})
    assert api.state_of("T") == state
    assert [one["family"] for one in api.deliver()] == (["ticket"] if how == "reject" else [])


def test_a_ticket_that_the_operator_takes_is_confirmed_by_an_account_that_does_so(api, customer):
    api.switch(auto_confirm=True)
    api.call_back({"call": "create", "uuid": "ada", "transaction_id": "T"})
    assert (customer.bodies[0]["state"], api.state_of("T")) == ("CREATED", "CONFIRMED")


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (2, 3)])
def test_a_callback_without_a_json_answer_is_sent_again_by_switch(api, customer, retries, calls):
    api.switch(callback_retries=retries)
    customer.answers["create"] = b"oops"
    [outcome] = api.call_back({"call": "create", "uuid": "ada"})
    assert (outcome["json"], len(customer.received)) == (None, calls)


def test_any_body_can_be_sent(api, customer):
    api.call_back(
        {"call": "create", "body": {"odd": True}}, {"call": "create", "text": '{"bet_amount": 1e400}'}
    )
    assert [one["text"] for one in customer.received] == ['{"odd": true}', '{"bet_amount": 1e400}']


def test_a_player_added_by_hand_has_a_hash_that_is_a_secret(api, customer, sandbox):
    found = api.control("players", uuid="bob", hash="hash-of-bob")
    assert found == {"players": [{"uuid": "bob", "hash": "hash-of-bob", "banned": False}]}
    assert api.control("players", "GET") == found
    assert "hash-of-bob" in sandbox.secrets()
    api.call_back({"call": "create", "uuid": "bob"})
    assert customer.bodies[0]["hash"] == "hash-of-bob"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ({"call": "debit"}, "credit, create, change"),
        ({"call": "credit"}, "hash"),
        ({"call": "credit", "hash": "h", "uuid": "x"}, "known ones"),
        ({"call": "create", "uuid": "ada", "bet_amount": 0}, "bet_amount"),
        ({"call": "change", "transaction_id": "none", "state": "CANCELED"}, "no ticket"),
        ("credit", "objects"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(api, customer, call, named):
    assert named in api.refused("callbacks", calls=[call])
    assert customer.received == []
