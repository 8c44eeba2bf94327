from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.sandbox.mobadoo.client import TOKEN

HEADER = {"additional_headers": {"Authorization": f"Token {TOKEN}"}}


def refusal(api, query: str = "?token=wrong", **options) -> int:
    with api.socket(query, **options) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    return closed.value.rcvd.code


@pytest.mark.parametrize(
    ("mode", "query", "header"), [("query", True, False), ("header", False, True), ("both", True, True)]
)
def test_the_token_is_accepted_where_the_switch_says(api, mode, query, header):
    api.switch(ws_auth_mode=mode)
    ways: list[tuple[bool, str, dict[str, Any]]] = [(query, f"?token={TOKEN}", {}), (header, "", HEADER)]
    for accepted, where, more in ways:
        if accepted:
            with api.socket(where, **more) as socket:
                assert api.listening(socket) == []
        else:
            assert refusal(api, where, **more) == 4001


@pytest.mark.parametrize("code", [4001, 4003, 1008])
def test_a_wrong_token_is_closed_with_the_code_of_the_switch(api, code):
    api.switch(ws_refusal_code=code)
    assert refusal(api) == code
    assert api.control("ws", "GET")["refused"] == 1


def test_a_wrong_token_may_fail_the_handshake(api):
    api.switch(ws_refusal_code=0)
    with pytest.raises(InvalidStatus) as refused:
        api.socket("?token=wrong")
    assert refused.value.response.status_code == 403


def test_a_socket_elsewhere_is_refused(api):
    with pytest.raises(InvalidStatus):
        api.socket(f"other/?token={TOKEN}")
    with pytest.raises(InvalidStatus):
        api.socket(f"../nobody/?token={TOKEN}")


def test_a_replaced_token_is_refused_at_the_next_handshake(api):
    with api.socket() as socket:
        new = api.control("token")["token"]
        assert api.listening(socket) == []
    assert refusal(api, f"?token={TOKEN}") == 4001
    with api.socket(f"?token={new}") as socket:
        assert api.listening(socket) == []


def test_changes_are_pushed_in_the_envelopes_of_the_webhook(api, customer):
    with api.socket() as socket:
        api.move(1001, "RU")
        api.deliver()
        assert api.listening(socket) == customer.bodies


@pytest.mark.parametrize(
    ("live", "models", "found"),
    [
        (True, True, ["LIVE_ODDS"]),
        (False, True, ["MODEL_CHANGED"]),
        (True, False, ["LIVE_ODDS"]),
        (False, False, []),
    ],
)
def test_odds_of_a_running_match_are_pushed_as_live_odds(api, live, models, found):
    api.move(1001, "RU")
    api.switch(ws_live_odds=live, ws_models=models)
    with api.socket() as socket:
        api.price(9001, "SP")
        messages = api.listening(socket)
    assert [message["message"] for message in messages] == found
    if live:
        result = messages[0]["result"]
        assert (result["match_id"], result["id"], result["status"]) == (1001, 9001, "SP")


def test_a_subscription_may_be_needed(api):
    api.switch(ws_mode="subscribe")
    with api.socket() as socket:
        api.price(9001, "SP")
        socket.send('{"subscribe": "lol"}')
        while api.control("ws", "GET")["received"] == 0:
            pass
        api.price(9001, "OP")
        [message] = api.listening(socket)
    assert message["result"]["odds"][0]["status"] == "OP"


def test_a_socket_may_be_silent(api):
    api.switch(ws_mode="silent")
    with api.socket() as socket:
        api.price(9001, "SP")
        api.control("ws/close", code=1000)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    assert api.control("ws", "GET")["pushed"] == 0


@pytest.mark.parametrize("code", [1000, 1013])
def test_a_socket_may_be_closed_at_once(api, code):
    api.switch(ws_mode="close", ws_close_code=code)
    assert refusal(api, f"?token={TOKEN}") == code


@pytest.mark.parametrize("mode", ["push"])
def test_no_message_is_needed_by_default(api, mode):
    assert api.sandbox.switch()["mobadoo.ws_mode"] == mode


def test_a_connection_may_break_in_the_middle_of_a_frame(api):
    api.switch(ws_drop_at=2)
    with api.socket() as socket:
        for status in ("SP", "OP"):
            api.price(9001, status)
        assert json.loads(socket.recv(timeout=10))["result"]["odds"][0]["status"] == "SP"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is None


@pytest.mark.parametrize("payload", ["json", "not json", "huge"])
@pytest.mark.parametrize(("frames", "kind"), [("text", str), ("binary", bytes)])
def test_a_frame_holds_what_the_switches_say(api, payload, frames, kind):
    api.switch(ws_payload=payload, ws_frames=frames)
    with api.socket(max_size=None) as socket:
        api.price(9001, "SP")
        frame = socket.recv(timeout=10)
    assert isinstance(frame, kind)
    assert (len(frame) > 10_000_000) is (payload == "huge")
    if payload == "not json":
        with pytest.raises(ValueError, match="Expecting value"):
            json.loads(frame)
    else:
        assert json.loads(frame)["message"] == "MODEL_CHANGED"


@pytest.mark.parametrize("size", [1, 500])
def test_a_change_may_make_a_burst(api, size):
    api.switch(ws_burst=size)
    with api.socket() as socket:
        api.price(9001, "SP")
        found = [json.loads(socket.recv(timeout=10)) for _ in range(size)]
    assert [message.get("sequence") for message in found] == (
        list(range(1, size + 1)) if size > 1 else [None]
    )


@pytest.mark.parametrize("repeats", [0, 2])
def test_a_message_may_come_again(api, repeats):
    api.switch(ws_repeats=repeats)
    with api.socket() as socket:
        api.price(9001, "SP")
        found = [socket.recv(timeout=10) for _ in range(repeats + 1)]
    assert len(set(found)) == 1
    assert len(found) == repeats + 1


@pytest.mark.parametrize("pong", [True, False])
def test_pings_are_answered_by_switch(api, pong):
    api.switch(ws_pong=pong)
    with api.socket(ping_interval=None) as socket:
        answered = socket.ping()
        # What is pushed comes nevertheless.
        assert api.listening(socket) == []
        assert answered.wait(5 if pong else 0.3) is pong
        api.control("ws/close", abort=True)


def test_sockets_can_be_closed_and_broken_on_command(api):
    for order, code in (({"code": 1012}, 1012), ({"abort": True}, None)):
        with api.socket() as socket:
            api.control("ws/close", **order)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert (closed.value.rcvd and closed.value.rcvd.code) == code


def test_a_reset_breaks_all_sockets(api, sandbox):
    with api.socket() as socket:
        sandbox.reset()
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=10)
    assert api.control("ws", "GET")["open"] == 0


def test_two_sockets_get_the_same(api):
    with api.socket() as one, api.socket() as other:
        api.price(9001, "SP")
        assert one.recv(timeout=10) == other.recv(timeout=10)
        assert api.control("ws", "GET")["open"] == 2


def test_a_handshake_is_in_the_log_of_requests(api, sandbox):
    with api.socket() as socket:
        assert api.listening(socket) == []
        [entry] = sandbox.requests("mobadoo")
    assert (entry["method"], entry["path"], entry["query"]) == ("GET", "", {"token": TOKEN})
