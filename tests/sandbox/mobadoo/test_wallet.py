from __future__ import annotations

import pytest


def test_a_ticket_goes_from_created_through_confirmed_to_resolved(api):
    created = api.create(currency="EUR")
    assert created.status_code == 201
    assert created.json() == {
        "currency": "EUR",
        "id": 777,
        "uuid": "ada",
        "transaction_id": "T1",
        "state": "CREATED",
        "tips": [{"product_type": "odds", "bet_amount": 10.0}],
    }
    named = {"transaction_id": "T1"}
    assert api.post("confirm", named).json()["state"] == "CONFIRMED"
    resolved = api.post("resolve", {**named, "won_amount": 18.5}).json()
    assert (resolved["state"], resolved["tips"][0]["won_amount"]) == ("RESOLVED", 18.5)
    assert api.state_of() == "RESOLVED"
    assert [one["state"] for one in api.json("wallet/ticket")["results"]] == ["RESOLVED"]


def test_only_moves_of_the_life_cycle_are_made(api):
    paths = {"confirm": "CONFIRMED", "cancel": "CANCELED", "resolve": "RESOLVED"}
    allowed = {"CREATED": {"CONFIRMED", "CANCELED"}, "CONFIRMED": {"RESOLVED", "CANCELED"}}
    ways = {
        "CREATED": [],
        "CONFIRMED": ["confirm"],
        "CANCELED": ["cancel"],
        "RESOLVED": ["confirm", "resolve"],
    }
    for state, way in ways.items():
        found = set()
        for path, wanted in paths.items():
            named = {"transaction_id": f"{state}-{path}"}
            api.create(**named)
            for step in way:
                assert api.post(step, named).status_code == 200
            if api.post(path, named).status_code == 200:
                found.add(wanted)
        assert found == allowed.get(state, set())


def test_mobadoo_can_reject_a_created_ticket_and_no_other(api):
    api.create()
    assert api.control("tickets/change", transaction_id="T1", state="REJECTED")["state"] == "REJECTED"
    assert "REJECTED" in api.refused("tickets/change", transaction_id="T1", state="CANCELED")
    assert api.control("tickets", "GET")["tickets"][0]["state"] == "REJECTED"


@pytest.mark.parametrize(("auto", "state"), [(False, "CREATED"), (True, "CONFIRMED")])
def test_the_account_may_confirm_by_itself(api, auto, state):
    api.switch(auto_confirm=auto)
    assert api.create().json()["state"] == state


@pytest.mark.parametrize(("auto", "state"), [(False, "CONFIRMED"), (True, "RESOLVED")])
def test_the_account_may_resolve_by_itself_once_the_match_is_over(api, customer, auto, state):
    api.switch(auto_confirm=True, auto_resolve=auto)
    api.create(odds=[9001])
    assert api.state_of() == "CONFIRMED"
    api.move(1001, "RU")
    api.move(1001, "FI", winner="Basalt")
    assert api.state_of() == state


@pytest.mark.parametrize(("winner", "won"), [("Basalt", 18.5), ("Ember", 0.0)])
def test_what_a_ticket_wins_follows_from_its_odds(api, customer, winner, won):
    api.switch(auto_confirm=True, auto_resolve=True)
    api.create(odds=9001)
    api.move(1001, "RU")
    api.move(1001, "FI", winner=winner)
    assert api.json("wallet/ticket/T1")["tips"][0]["won_amount"] == won
    api.deliver()
    told = [body["ticket"] for body in customer.bodies if "ticket" in body]
    assert told[-1]["tips"][0]["won_amount"] == won


def test_a_canceled_match_cancels_the_ticket(api, customer):
    api.switch(auto_confirm=True, auto_resolve=True)
    api.create(odds=["9001"])
    api.move(1001, "CA")
    assert api.state_of() == "CANCELED"


@pytest.mark.parametrize(("when", "state"), [("matches are over", "CONFIRMED"), ("confirmed", "RESOLVED")])
def test_when_it_resolves_says_the_switch(api, customer, when, state):
    api.switch(auto_confirm=True, auto_resolve=True, auto_resolve_when=when)
    api.create(odds=[9001])
    assert api.state_of() == state


def test_without_a_notification_url_nothing_resolves_by_itself(api):
    api.switch(auto_confirm=True, auto_resolve=True, auto_resolve_when="confirmed")
    assert api.create().json()["state"] == "CONFIRMED"


@pytest.mark.parametrize(("status", "taken"), [("OP", 201), ("TD", 201), ("SP", 400), ("CL", 400)])
def test_odds_take_a_bet_only_while_they_are_open(api, status, taken):
    api.price(9001, status)
    assert api.create(odds=[9002, 9001]).status_code == taken
    assert len(api.control("tickets", "GET")["tickets"]) == (taken == 201)


def test_odds_that_do_not_exist_and_banned_players_are_refused(api):
    assert list(api.create(odds=[1]).json()) == ["tips"]
    assert api.control("players", uuid="ada", banned=True)["players"][0]["banned"] is True
    assert list(api.create().json()) == ["uuid"]
    api.control("players", uuid="ada", banned=False)
    assert api.create().status_code == 201


@pytest.mark.parametrize(
    ("how", "status", "count"), [("refuse", 400, 1), ("existing", 200, 1), ("another", 201, 2)]
)
def test_a_second_ticket_of_the_same_transaction_gets_what_the_switch_says(api, how, status, count):
    api.switch(duplicate_transaction=how)
    api.create()
    assert api.create().status_code == status
    assert len(api.json("wallet/ticket")["results"]) == count


@pytest.mark.parametrize(("how", "status"), [("refuse", 400), ("accept", 200)])
def test_a_repeated_change_gets_what_the_switch_says(api, how, status):
    api.switch(repeated_change=how)
    api.create()
    api.post("cancel", {"transaction_id": "T1"})
    assert api.post("cancel", {"transaction_id": "T1"}).status_code == status


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("fields", {"transaction_id": ["This field is required."]}),
        ("codes", {"transaction_id": "", "code": "SIM_MISSING_FIELD", "state": "This field is required."}),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
def test_a_refusal_has_the_form_and_status_of_the_switches(api, form, body, status):
    api.switch(wallet_errors=form, wallet_error_status=status)
    answer = api.create("")
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    "body", [None, [], {"transaction_id": "T"}, {"transaction_id": "T", "tips": [{"bet_amount": -1}]}]
)
def test_a_ticket_that_is_none_is_refused(api, body):
    assert api.post("create", body).status_code == 400


@pytest.mark.parametrize(("verbs", "status"), [("assumed", 405), ("any", 200)])
def test_methods_are_checked_by_switch(api, verbs, status):
    api.switch(wallet_verbs=verbs)
    api.create()
    assert api.call("PUT", "wallet/ticket/confirm", json={"transaction_id": "T1"}).status_code == status
    assert api.call("POST", "wallet/ticket/T1").status_code == status


@pytest.mark.parametrize("root", ["api/v1/wallet", "wallet"])
def test_the_wallet_is_below_the_rest_base_or_the_host(api, root):
    api.switch(wallet_root=root)
    found = {
        one: api.call("GET", "wallet/ticket", root=one.removesuffix("wallet")).status_code
        for one in ("api/v1/wallet", "wallet")
    }
    assert [one for one, status in found.items() if status == 200] == [root]


def test_several_tickets_are_resolved_together(api):
    api.switch(auto_confirm=True)
    for name in ("a", "b"):
        api.create(name)
    answer = api.post("resolve", [{"transaction_id": "a"}, {"transaction_id": "b", "won_amount": 1}])
    assert [one["state"] for one in answer.json()] == ["RESOLVED"] * 2


def test_a_ticket_that_is_not_there_is_404(api):
    for answer in (
        api.get("wallet/ticket/x"),
        api.post("confirm", {"transaction_id": "x"}),
        api.get("wallet/ticket/x/y"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("target", "paths"),
    [("webhook", ["/hook"]), ("callbacks", ["/call/create"]), ("both", ["/hook", "/call/create"])],
)
def test_changes_of_tickets_go_where_the_switch_says(api, customer, target, paths):
    api.switch(ticket_target=target)
    api.create(hash="h1")
    api.post("confirm", {"transaction_id": "T1"})
    api.deliver()
    assert [one["path"] for one in customer.received] == paths
    for body in customer.bodies:
        assert (body["type"], body["hash"], body["ticket"]["state"]) == ("TICKET_CHANGED", "h1", "CONFIRMED")
