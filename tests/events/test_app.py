"""What vendors and strangers get from the receiver, over real HTTP."""

from __future__ import annotations

import base64
import json
import logging
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from airflow_provider.events import served
from airflow_provider.events.outcome import Busy, Outcome
from airflow_provider.events.served import LookupFailed
from tests.support.patience import wait_until
from tests.support.receiving import (
    SECRET,
    WEBHOOK,
    Answer,
    MemoryIntake,
    Receiving,
    connection,
    receiving,
    request_of,
)

MODEL = {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": {"id": 7}}


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


# --- deliveries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_delivery_is_stored_and_then_answered(receiver, slash):
    answer = receiver.post(MODEL, path=f"{WEBHOOK}{slash}")
    assert (answer.status, answer.json) == (202, {"outcome": "accepted"})
    [message] = receiver.intake.stored
    assert message.payload == MODEL


@pytest.mark.parametrize(
    ("outcome", "status"), [(Outcome.ACCEPTED, 202), (Outcome.NO_SUBSCRIBERS, 202), (Outcome.REPEATED, 200)]
)
def test_the_answer_says_what_became_of_it(outcome, status):
    with receiving(MemoryIntake(outcome)) as receiver:
        answer = receiver.post(MODEL)
    assert (answer.status, answer.json) == (status, {"outcome": outcome.value})


def test_a_delivery_that_cannot_be_stored_now_is_to_be_sent_again():
    with receiving(MemoryIntake(Busy("full", retry_after=7))) as receiver:
        answer = receiver.post(MODEL)
    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


def test_a_delivery_that_fails_in_a_way_nobody_knows_is_to_be_sent_again(caplog):
    with receiving(MemoryIntake(RuntimeError("with the payload"))) as receiver:
        answer = receiver.post(MODEL)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "RuntimeError" in caplog.text
    assert "with the payload" not in caplog.text


def test_a_sender_does_not_wait_for_ever(monkeypatch):
    from airflow_provider.events import receiver as module

    monkeypatch.setattr(module, "STORED_WITHIN", 0.2)
    with receiving(MemoryIntake(None)) as receiver:
        assert receiver.post(MODEL).status == 503
        # So that it is not stored after its sender was told that it is not.
        assert receiver.intake.open[0].cancelled()


def test_a_delivery_whose_sender_has_gone_meanwhile_is_stored():
    with receiving(MemoryIntake(None)) as receiver:
        with receiver.raw() as client:
            client.sendall(request_of(json.dumps(MODEL).encode()))
            wait_until(lambda: receiver.intake.open)
        # By the answer of the next one the server knows that the first is gone.
        receiver.intake.outcome = Outcome.ACCEPTED
        assert receiver.post({"hello": 1}).status == 202
        assert not receiver.intake.open[0].cancelled()
        receiver.intake.open[0].set_result(Outcome.ACCEPTED)


# --- who may deliver ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [basic(SECRET), basic(SECRET, ""), {"Authorization": "bAsIc " + basic(SECRET)["Authorization"][6:]}])  # fmt: skip
def test_the_secret_may_be_a_basic_password(receiver, headers):
    assert receiver.send("POST", WEBHOOK, b"{}", headers).status == 202


@pytest.mark.parametrize("secret", ["a+b c", "pass:word", "ä€%20&=", "x"])
def test_any_secret_can_be_given_in_either_way(secret):
    from urllib.parse import quote, quote_plus

    known = {"mobadoo_default": connection("mobadoo_default", secret)}
    if not secret.isascii():
        known["mobadoo_default"] = connection("mobadoo_default", quote(secret))
        secret = quote(secret)
    with receiving(connections=known) as receiver:
        for written in (quote(secret, safe=""), quote_plus(secret)):
            assert receiver.post(secret=written).status == 202
        assert receiver.send("POST", WEBHOOK, b"{}", basic(secret)).status == 202


def test_a_plus_sign_that_was_copied_into_an_address_as_it_is_does_no_harm():
    with receiving(connections={"mobadoo_default": connection("mobadoo_default", "a+b+c")}) as receiver:
        assert receiver.post(secret="a+b+c").status == 202


@pytest.fixture(scope="module")
def several() -> Iterator[Receiving]:
    """One connection is served; another is there and not listed, a third has no secret, a fourth none of ours."""
    known = {
        "mobadoo_default": connection("mobadoo_default"),
        "unlisted": connection("unlisted"),
        "without_secret": connection("without_secret", None),
        "of_another_type": connection("of_another_type", conn_type="imbee"),
        "unusable": connection("unusable", extra=json.dumps({"webhook_secret": SECRET, "timeout": "x"})),
    }
    listed = "mobadoo_default,without_secret,of_another_type,unusable,missing"
    with receiving(connections=known, webhook_connections=listed) as running:
        yield running


STRANGERS: list[tuple[str, str, dict[str, str]]] = [
    ("a wrong secret in the address", f"{WEBHOOK}?secret=wrong", {}),
    ("no secret", WEBHOOK, {}),
    ("an empty secret", f"{WEBHOOK}?secret=", {}),
    ("a wrong password", WEBHOOK, basic("wrong")),
    ("an empty password", WEBHOOK, basic("")),
    ("a password that is no Base64", WEBHOOK, {"Authorization": "Basic ***"}),
    ("another scheme", WEBHOOK, {"Authorization": f"Bearer {SECRET}"}),
    ("the secret under another name", f"{WEBHOOK}?Secret={SECRET}", {}),
    ("more than the secret", f"{WEBHOOK}?secret={SECRET}x", {}),
    *(
        (f"the connection {name}", f"/vendor-apis/webhooks/{name}?secret={secret}", {})
        for name in ("unknown", "unlisted", "without_secret", "of_another_type", "unusable", "missing", "%00")
        for secret in (SECRET, "", "None")
    ),
]


def test_all_strangers_get_the_same_answer(several):
    answers = [several.send("POST", path, b"{}", headers) for _, path, headers in STRANGERS]
    for answer in answers:
        answer.headers.pop("date")
    assert {repr(answer) for answer in answers} == {repr(answers[0])}
    assert answers[0].status == 401
    assert answers[0].headers["www-authenticate"].startswith("Basic ")
    assert several.intake.stored == []
    assert several.post(MODEL).status == 202


def test_the_log_says_once_why_a_connection_is_not_served(caplog):
    known = {
        "without_secret": connection("without_secret", None),
        "imbee": connection("imbee", conn_type="imbee"),
        "with/slash": connection("with/slash"),
    }
    listed = "without_secret,imbee,missing,with/slash"
    with receiving(connections=known, webhook_connections=listed) as receiver:
        for _ in range(20):
            receiver.post()
    told = [record.getMessage() for record in caplog.records if record.name.endswith("events.served")]
    assert len(told) == 4
    assert any('"with/slash"' in one and "cannot be a part of an address" in one for one in told)
    assert any('"without_secret"' in one and "webhook_secret" in one for one in told)
    assert any('"missing"' in one and "no such connection" in one for one in told)


def test_ten_thousand_wrong_guesses_cost_no_look_up_each_and_tell_nothing(several):
    """In time, too: guesses at a connection that is there take as long as at one that is not."""
    before, began = len(several.look_ups), time.monotonic()
    names = {"there": "mobadoo_default", "not there": "unknown"}
    taken: dict[str, list[float]] = {name: [] for name in names}
    answers: set[tuple[int, bytes]] = set()

    def guess(number: int) -> None:
        import http.client

        client = http.client.HTTPConnection("127.0.0.1", several.port, timeout=30)
        for attempt in range(1250):
            which = "there" if (attempt + number) % 2 else "not there"
            path = f"/vendor-apis/webhooks/{names[which]}?secret=guess-{number}-{attempt}"
            started = time.perf_counter()
            client.request("POST", path, b"{}")
            found = client.getresponse()
            answers.add((found.status, found.read()))
            taken[which].append(time.perf_counter() - started)
        client.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(guess, range(8)))
    assert len(answers) == 1
    assert sum(map(len, taken.values())) == 10_000
    seconds = time.monotonic() - began
    # Five connections are listed, and looked up once a second at most.
    assert len(several.look_ups) - before <= 5 * (seconds / served.PAUSE + 2)
    there, absent = (statistics.median(times) for times in taken.values())
    assert abs(there - absent) < 0.25 * max(there, absent)


def test_a_secret_that_was_replaced_is_noticed(monkeypatch):
    monkeypatch.setattr(served, "PAUSE", 0.05)
    with receiving() as receiver:
        assert receiver.post().status == 202
        receiver.connections["mobadoo_default"] = connection("mobadoo_default", "the-new-secret")
        time.sleep(0.1)
        assert receiver.post(secret="the-new-secret").status == 202
        assert receiver.post().status == 401


def test_a_replaced_secret_is_refused_also_when_only_the_old_one_comes(monkeypatch):
    monkeypatch.setattr(served, "FRESH", 0.05)
    monkeypatch.setattr(served, "PAUSE", 0.01)
    with receiving() as receiver:
        assert receiver.post().status == 202
        del receiver.connections["mobadoo_default"]
        time.sleep(0.1)
        assert receiver.post().status == 401


def test_connections_that_cannot_be_looked_up_yet_are_no_reason_to_refuse_for_good():
    def away(conn_id: str) -> Any:
        raise LookupFailed

    with receiving(find=away) as receiver:
        answers = [receiver.post(path=path) for path in (WEBHOOK, "/vendor-apis/webhooks/unknown")]
    assert [answer.status for answer in answers] == [503, 503]
    assert all("retry-after" in answer.headers for answer in answers)


def test_a_connection_that_was_known_is_served_while_it_cannot_be_looked_up(monkeypatch):
    monkeypatch.setattr(served, "FRESH", 0.05)
    monkeypatch.setattr(served, "PAUSE", 0.01)
    away = threading.Event()

    def find(conn_id: str) -> Any:
        if away.is_set():
            raise LookupFailed
        return connection(conn_id)

    with receiving(find=find) as receiver:
        assert receiver.post().status == 202
        away.set()
        time.sleep(0.1)
        assert receiver.post().status == 202
        assert receiver.post(secret="wrong").status == 401


def test_a_look_up_that_hangs_holds_nobody_up_for_long(monkeypatch):
    monkeypatch.setattr(served, "FRESH", 0.05)
    monkeypatch.setattr(served, "LOOK_TIMEOUT", 0.1)
    hang, end = threading.Event(), threading.Event()

    def find(conn_id: str) -> Any:
        if hang.is_set():
            end.wait(30)
        return connection(conn_id)

    with receiving(find=find) as receiver:
        try:
            assert receiver.post().status == 202
            hang.set()
            time.sleep(1.1)
            began = time.monotonic()
            assert receiver.post().status == 202
            # To find the connection takes 30 s.
            assert time.monotonic() - began < 15
        finally:
            end.set()


# --- how much ----------------------------------------------------------------------------------------------


def test_more_deliveries_than_allowed_are_to_be_sent_again_later():
    with receiving(webhook_rate_limit=3) as receiver:
        answers = [receiver.post(MODEL) for _ in range(5)]
        assert [answer.status for answer in answers] == [202, 202, 202, 429, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
        assert len(receiver.intake.stored) == 3


def test_strangers_do_not_use_up_what_a_connection_may_deliver():
    with receiving(webhook_rate_limit=3) as receiver:
        for _ in range(20):
            assert receiver.post(MODEL, secret="wrong").status == 401
        assert receiver.post(MODEL).status == 202


# --- other addresses ---------------------------------------------------------------------------------------


def test_health_needs_neither_secret_nor_database(receiver):
    answer = receiver.send("GET", "/vendor-apis/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("secret", ["", "/the-secret"])
@pytest.mark.parametrize(("method", "call"), [("GET", "credit"), ("POST", "credit"), ("POST", "create")])
def test_callbacks_are_not_there_while_they_are_off(receiver, secret, method, call):
    path = f"/vendor-apis/callbacks/mobadoo_default{secret}/{call}?secret={SECRET}"
    assert receiver.send(method, path, b"{}").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", WEBHOOK, 405),
        ("PUT", WEBHOOK, 405),
        ("POST", "/vendor-apis/health", 405),
        ("GET", "/vendor-apis/", 404),
        ("POST", "/vendor-apis/webhooks", 404),
        ("POST", "/vendor-apis/webhooks/", 404),
        ("POST", f"{WEBHOOK}/more", 404),
        ("POST", f"{WEBHOOK}//", 404),
        ("GET", "/vendor-apis/api/deliveries", 404),
        ("GET", "/", 404),
    ],
)
def test_nothing_else_is_there(receiver, method, path, status):
    assert receiver.send(method, path).status == status


def test_a_refused_sender_can_go_on_with_its_connection(receiver):
    import http.client

    client = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=30)
    for secret, status in (("wrong", 401), (SECRET, 202), ("wrong", 401), (SECRET, 202)):
        client.request("POST", f"{WEBHOOK}?secret={secret}", json.dumps(MODEL).encode())
        found = client.getresponse()
        found.read()
        assert found.status == status
        assert client.sock is not None
    client.close()


# --- logs --------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log(caplog):
    canaries = ["canary-secret", "canary-path", "canary-guess", "canary-payload", "canary-session"]
    known = {"mobadoo_default": connection("mobadoo_default", "canary-secret")}
    body = {"hash": "canary-session", "a": "canary-payload"}
    with caplog.at_level(logging.DEBUG), receiving(connections=known) as receiver:
        assert receiver.post(body, secret="canary-secret").status == 202
        assert receiver.send("POST", WEBHOOK, b"{}", basic("canary-secret")).status == 202
        assert receiver.post(body, secret="canary-guess").status == 401
        assert receiver.post(b'{"canary-payload": NaN}', secret="canary-secret").status == 400
        for path in (
            "/vendor-apis/callbacks/mobadoo_default/canary-path/credit?hash=canary-session",
            "/vendor-apis/callbacks/mobadoo_default/canary-path/other",
            "/vendor-apis/webhooks/mobadoo_default/canary-path",
            "/vendor-apis/canary-path?secret=canary-secret",
            "/vendor-apis/callbacks/canary-path/mobadoo_default/credit",
            "/vendor-apis/callbacks/canary-path",
            "/vendor-apis//callbacks/mobadoo_default/canary-path/credit",
        ):
            assert receiver.send("POST", path, b"{}").status == 404
        assert receiver.send("POST", "/vendor-apis/webhooks/canary-path", b"{}").status == 401
    text = "\n".join(
        [caplog.text, *(str(value) for record in caplog.records for value in vars(record).values())]
    )
    assert "POST /vendor-apis/webhooks/mobadoo_default?***" in text.replace('"', "")
    assert "/vendor-apis/callbacks/mobadoo_default/%2A%2A%2A" in text
    assert [one for one in canaries if one in text] == []


def test_no_secret_is_in_the_log_of_websockets(receiver, caplog):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with caplog.at_level(logging.INFO):
        assert receiver.send("GET", f"{WEBHOOK}?secret={SECRET}", headers=upgrade).status in (403, 405)
    assert SECRET not in caplog.text


def test_answers_quote_nothing_that_came(receiver):
    answers: list[Answer] = [
        receiver.post(b'{"canary": NaN}'),
        receiver.post(secret="canary"),
        receiver.send("GET", "/vendor-apis/canary"),
        receiver.send("POST", f"{WEBHOOK}?secret={SECRET}", b"{}", {"Content-Encoding": "canary"}),
    ]
    assert [answer.status for answer in answers] == [400, 401, 404, 415]
    assert all(b"canary" not in answer.body for answer in answers)
