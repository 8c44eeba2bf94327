from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from tests.sandbox.clients import (
    TOKEN,
    default_token,
    imbee,
    information,
    new_chat,
    new_token,
    new_user,
    quota,
)


def test_health_is_answered(sandbox):
    assert sandbox.get("/_sandbox/health").json() == {"ok": True}


def test_connections_are_airflows_json_and_follow_the_switches(sandbox):
    sandbox.switch({"wolkvox.operation": "shop", "imbee.corporate_token": "c-2"})
    connections = sandbox.get("/_sandbox/connections").json()
    # In a field of its own too: without it Airflow's Test button does not work.
    port = int(sandbox.url.rpartition(":")[2])
    assert json.loads(connections["AIRFLOW_CONN_IMBEE_DEFAULT"]) == {
        "conn_type": "imbee",
        "host": f"{sandbox.url}/imbee",
        "password": sandbox.switch()["imbee.authorization"],
        "extra": {"corporate_token": "c-2"},
        "port": port,
    }
    assert json.loads(connections["AIRFLOW_CONN_WOLKVOX_DEFAULT"]) == {
        "conn_type": "wolkvox",
        "host": f"{sandbox.url}/wolkvox",
        "login": "shop",
        "password": default_token(sandbox),
        "port": port,
    }
    mpohoda = {"conn_type": "mpohoda", "host": f"{sandbox.url}/mpohoda", "port": port}
    assert json.loads(connections["AIRFLOW_CONN_MPOHODA_DEFAULT"]) == {
        **mpohoda,
        "password": "sandbox-api-key",
        "extra": {"country": "cz"},
    }
    assert json.loads(connections["AIRFLOW_CONN_MPOHODA_OAUTH"]) == {
        **mpohoda,
        "login": "sandbox-client",
        "password": "sandbox-secret",
        "extra": {"country": "cz", "oauth_url": f"{sandbox.url}/mpohoda/connect/token"},
    }


def test_the_state_counts_what_the_vendors_hold(sandbox):
    sandbox.clock(now="2026-01-01T12:00:00Z", freeze=True)
    ada, bob = (new_user(sandbox, name)["body"] for name in "ab")
    new_chat(sandbox, ada["apikey"], bob["virtualUser"])
    new_token(sandbox, celullar="+34600000001")
    sandbox.fault(vendor="imbee", action="garbage")
    imbee(sandbox, "token/new", TOKEN)
    information(sandbox)
    state = sandbox.state()
    # Its own tests look at the rest.
    assert state.pop("mpohoda")["calls"] == {}
    assert state.pop("mobadoo")["matches"] == {"lol": 4, "dota2": 4, "csgo": 4}
    assert state == {
        "imbee": {"users": 2, "chats": 1, "tokens": 1, "messages": 2},
        "wolkvox": {
            "tokens": [
                {
                    "description": "sandbox",
                    "operation": "demo_operation",
                    "type": "internal",
                    "limit": 4800,
                    "used": 1,
                    "remaining": 4799,
                    "resets_at": "2026-01-02T00:00:00Z",
                }
            ]
        },
        "requests": {"imbee": 5, "wolkvox": 1, "mpohoda": 0, "mobadoo": 0},
    }


def test_the_log_keeps_each_request_as_it_came(sandbox):
    sandbox.clock(now="2026-01-01T12:00:00Z", freeze=True)
    before = time.monotonic()
    sandbox.post("/imbee/token/new?a=1&b=", {"c": 2}, headers={"Authorization": "visible"})
    entry = sandbox.requests()[0]
    assert before <= entry.pop("monotonic") <= time.monotonic()
    assert entry.pop("headers")["authorization"] == "visible"
    assert entry == {
        "number": 1,
        "vendor": "imbee",
        "method": "POST",
        "path": "token/new",
        "query": {"a": "1", "b": ""},
        "query_string": "a=1&b=",
        "json": {"c": 2},
        "status": 401,
        "fault": None,
        "at": "2026-01-01T12:00:00Z",
    }


def test_the_log_is_filtered_by_vendor_path_and_number(sandbox):
    new_user(sandbox)
    new_token(sandbox)
    information(sandbox)

    def numbers(**query):
        return [entry["number"] for entry in sandbox.requests(**query)]

    assert numbers() == [1, 2, 3]
    assert numbers(vendor="imbee") == [1, 2]
    assert numbers(path="token/new") == [2]
    assert numbers(after=1) == [2, 3]
    assert numbers(vendor="wolkvox", after=3) == []


def test_the_log_can_be_cleared_and_goes_on_counting(sandbox):
    new_user(sandbox)
    sandbox.delete("/_sandbox/requests")
    new_user(sandbox)
    assert [entry["number"] for entry in sandbox.requests()] == [2]
    assert sandbox.state()["requests"]["imbee"] == 2


def test_the_log_is_bounded(sandbox):
    sandbox.switch({"sandbox.request_log_size": 2})
    for _ in range(3):
        new_user(sandbox)
    assert [entry["number"] for entry in sandbox.requests()] == [2, 3]


def test_a_body_that_is_not_json_is_logged_as_null(sandbox):
    sandbox.http.post(sandbox.url + "/imbee/token/new", data=b"\xff{", timeout=10)
    assert sandbox.requests()[0]["json"] is None


def test_every_secret_is_listed(sandbox):
    first = set(sandbox.secrets())
    connections = [json.loads(value) for value in sandbox.connections.values()]
    assert first == {
        connections[0]["password"],
        connections[0]["extra"]["corporate_token"],
        *(connection["password"] for connection in connections[1:]),
        *(
            connection["extra"]["webhook_secret"]
            for connection in connections
            if "ws_url" in connection.get("extra", {})
        ),
        # That of the environment that is not simulated.
        "sandbox-production-token",
    }
    user, token = new_user(sandbox)["body"], new_token(sandbox)["body"]
    sandbox.token(token="t-2")
    assert set(sandbox.secrets()) - first == {
        user["pass"],
        user["apikey"],
        token["url"],
        token["url"].partition("?t=")[2],
        "t-2",
    }


def test_a_replaced_credential_stays_listed(sandbox):
    old = default_token(sandbox)
    sandbox.switch({"wolkvox.token": "t-2"})
    assert {old, "t-2"} <= set(sandbox.secrets())


def test_switches_are_merged_and_described(sandbox):
    sandbox.switch({"imbee.error_code": 5})
    values = sandbox.switch({"wolkvox.limit": 7})
    assert (values["imbee.error_code"], values["wolkvox.limit"]) == (5, 7)
    assert sandbox.get("/_sandbox/switches").json() == values
    described = {
        switch["name"]: switch
        for switch in sandbox.get("/_sandbox/switches", params={"describe": 1}).json()["switches"]
    }
    assert set(described) == set(values)
    assert (described["wolkvox.limit"]["value"], described["wolkvox.limit"]["default"]) == (7, 4800)
    assert all(switch["description"] and switch["stands_for"] for switch in described.values())


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"imbee.no_such": 1}, "imbee.rotate_credentials"),
        ({"imbee.rotate_credentials": 1}, "true or false"),
        ({"imbee.error_code": True}, "whole number"),
        ({"imbee.error_code": 0}, "1 or more"),
        ({"imbee.bad_key_status": 600}, "599 or less"),
        ({"imbee.authorization": None}, "string"),
        ({"imbee.error_body": "none"}, "'absent'"),
        ({"wolkvox.reset_timezone": "Moon/Base"}, "time zone"),
        ({"wolkvox.reset_timezone": ""}, "time zone"),
    ],
    ids=str,
)
def test_a_bad_switch_is_refused_and_changes_nothing(sandbox, values, named):
    before = sandbox.switch()
    response = sandbox.put("/_sandbox/switches", {"imbee.self_chat": True, **values})
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert sandbox.switch() == before


def test_the_clock_moves_stops_and_runs_on(sandbox):
    assert sandbox.clock()["frozen"] is False
    assert sandbox.clock(now="2026-01-01T00:00:00+01:00", freeze=True) == {
        "now": "2025-12-31T23:00:00Z",
        "frozen": True,
    }
    assert sandbox.clock(advance=90.5)["now"] == "2025-12-31T23:01:30.500000Z"
    assert sandbox.clock(now="2026-01-01T00:00:00")["now"] == "2026-01-01T00:00:00Z"
    running = sandbox.clock(freeze=False)
    assert running["frozen"] is False
    moments = [datetime.fromisoformat(now) for now in (running["now"], sandbox.clock()["now"])]
    assert datetime(2026, 1, 1, tzinfo=UTC) <= moments[0] < moments[1]


@pytest.mark.parametrize(
    "change", [{"now": "soon"}, {"now": 1}, {"advance": "1"}, {"advance": 1e15}, {"fast": 2}]
)
def test_a_bad_clock_is_refused(sandbox, change):
    response = sandbox.post("/_sandbox/clock", change)
    assert response.status_code == 400
    assert repr(next(iter(change))) in response.json()["error"]


def test_latency_delays_vendors_only(sandbox):
    # The client would not wait for it.
    sandbox.latency(60)
    sandbox.state()
    sandbox.latency(0.1)
    before = time.monotonic()
    new_user(sandbox)
    assert time.monotonic() - before >= 0.1
    assert sandbox.get("/_sandbox/latency").json() == {"seconds": 0.1}


@pytest.mark.parametrize("value", [{}, {"seconds": -1}, {"seconds": "1"}, {"seconds": 1, "jitter": 2}])
def test_a_bad_latency_is_refused(sandbox, value):
    assert sandbox.put("/_sandbox/latency", value).status_code == 400


@pytest.mark.parametrize(
    "token", [{}, {"token": ""}, {"token": "t", "limit": -1}, {"token": "t", "type": "x"}, {"tokn": "t"}]
)
def test_a_bad_token_is_refused(sandbox, token):
    assert sandbox.post("/_sandbox/wolkvox/tokens", token).status_code == 400
    assert len(sandbox.state()["wolkvox"]["tokens"]) == 1


def test_a_reset_forgets_everything(sandbox):
    switches, state, secrets = sandbox.switch(), sandbox.state(), sandbox.secrets()
    new_user(sandbox)
    new_token(sandbox)
    sandbox.token(token="t-2")
    information(sandbox)
    sandbox.fault(vendor="imbee", status=500)
    sandbox.switch({"imbee.self_chat": True, "wolkvox.token": "t-3"})
    sandbox.clock(advance=-86400 * 400, freeze=True)
    sandbox.latency(0.001)
    sandbox.reset()
    assert (sandbox.switch(), sandbox.state(), sandbox.secrets()) == (switches, state, secrets)
    assert sandbox.requests() == sandbox.messages() == sandbox.faults() == []
    assert sandbox.clock()["frozen"] is False
    assert sandbox.get("/_sandbox/latency").json() == {"seconds": 0.0}
    assert quota(sandbox)["used"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_sandbox/nothing", 404),
        ("GET", "/_sandbox/wolkvox/tokens", 404),
        ("GET", "/nothing", 404),
        ("GET", "/", 404),
        ("POST", "/_sandbox/state", 405),
        ("GET", "/_sandbox/requests?after=x", 400),
        ("GET", "/_sandbox/requests?vendor=x", 400),
        ("GET", "/_sandbox/requests?limit=1", 400),
    ],
)
def test_a_bad_control_request_says_what_to_send(sandbox, method, path, status):
    response = sandbox.http.request(method, sandbox.url + path, timeout=10)
    assert response.status_code == status
    assert response.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_control_body_must_be_a_json_object(sandbox, body):
    response = sandbox.http.put(sandbox.url + "/_sandbox/switches", data=body, timeout=10)
    assert response.status_code == 400
    assert "JSON object" in response.json()["error"]
