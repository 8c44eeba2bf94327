"""What a vendor gets that asks for something, over real HTTP; what a wallet does is another room's."""

from __future__ import annotations

import base64
import json
import logging
import threading
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider.events import callbacks as module
from airflow_provider.events.callback import Callback, CallbackAnswer
from airflow_provider.events.outcome import Busy, Outcome
from airflow_provider.events.service import Service
from airflow_provider.events.wallets import Wallets
from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.mobadoo.wallet import Credit, Refused
from tests.support.receiving import SECRET, MemoryIntake, connection, receiving, settings

BASE = "/vendor-apis/callbacks/mobadoo_default"
TICKET: dict[str, Any] = {
    "hash": "session-of-ada",
    "uuid": "ada",
    "id": 777,
    "transaction_id": "TX-1",
    "state": "CREATED",
    "tips": [{"product_type": "odds", "bet_amount": 10.0}],
}
CHANGE: dict[str, Any] = {
    "type": "TICKET_CHANGED",
    "hash": "session-of-ada",
    "ticket": {**TICKET, "state": "RESOLVED", "tips": [{"bet_amount": 10.0, "won_amount": 18.5}]},
}


class MemoryWallet:
    """Answers as it is told.

    :param answer: what each call returns, or raises
    """

    def __init__(self, answer="OP-55"):
        self.answer = answer
        self.calls = []
        self.threads = set()

    def _call(self, name, given):
        self.calls.append((name, given))
        self.threads.add(threading.current_thread().name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer() if callable(self.answer) else self.answer

    def credit(self, hash):
        self._call("credit", hash)
        return Credit(player="ada", currency="EUR", balance=Decimal("100.00"), display_name="Ada")

    def debit(self, ticket):
        return self._call("debit", ticket)

    def settle(self, change):
        return self._call("settle", change)

    def refund(self, change):
        return self._call("refund", change)


@pytest.fixture
def wallet():
    return MemoryWallet()


@pytest.fixture
def receiver(wallet):
    with receiving(wallet=wallet) as running:
        yield running


def create(receiver, body=TICKET, path=f"{BASE}/{SECRET}/create"):
    return receiver.send("POST", path, json.dumps(body).encode())


BASIC = {"Authorization": "Basic " + base64.b64encode(f"any:{SECRET}".encode()).decode()}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (f"{BASE}/credit?secret={SECRET}&hash=session", {}),
        (f"{BASE}/{SECRET}/credit?hash=session", {}),
        (f"{BASE}/credit?hash=session", BASIC),
        (f"{BASE}/anything/credit?hash=session", BASIC),
        # The vendor appends to an address that ends with a slash.
        (f"{BASE}/{SECRET}//credit?hash=session", {}),
        (f"{BASE}//credit?hash=session", BASIC),
    ],
)
def test_the_secret_may_be_in_the_path_too(receiver, method, path, headers):
    answer = receiver.send(method, path, headers=headers)
    assert answer.status == 200
    assert answer.json == {
        "uuid": "ada",
        "currency": "EUR",
        "credit": "100.00",
        "hash": "session",
        "displayname": "Ada",
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        f"{BASE}/credit?hash=x",
        f"{BASE}/wrong/credit?hash=x",
        f"{BASE}/credit?hash=x&secret=wrong",
        f"/vendor-apis/callbacks/unknown/{SECRET}/credit?hash=x",
        f"{BASE}/{SECRET[:-1]}/credit?hash=x",
    ],
)
def test_nobody_without_the_secret_asks_a_wallet(receiver, wallet, path):
    webhook = receiver.post(secret="wrong")
    answer = receiver.send("GET", path)
    assert (answer.status, answer.body) == (401, webhook.body)
    assert answer.headers["www-authenticate"] == webhook.headers["www-authenticate"]
    assert wallet.calls == []


def test_a_ticket_is_debited_and_told_nobody(receiver, wallet):
    answer = create(receiver)
    assert (answer.status, answer.json) == (200, {"state": "OK", "transaction_id": "OP-55"})
    [(name, ticket)] = wallet.calls
    assert (name, ticket.ticket, ticket.player, ticket.amount) == ("debit", "777", "ada", Decimal("10.0"))
    assert receiver.intake.stored == []


def test_a_change_is_settled_and_told_as_the_webhook_tells_it(receiver, wallet):
    assert create(receiver, CHANGE).json == {"state": "OK", "transaction_id": "OP-55"}
    assert receiver.post(CHANGE).status == 202
    by_callback, by_webhook = receiver.intake.stored
    assert by_callback == by_webhook
    assert by_callback.assets == (
        "mobadoo/mobadoo_default",
        "mobadoo/mobadoo_default/_tickets",
        "mobadoo/mobadoo_default/_tickets/resolved",
    )
    assert "session-of-ada" not in repr(by_callback)


def test_what_a_wallet_refuses_is_answered_and_not_told(receiver, wallet):
    wallet.answer = Refused("The ticket is not known.", 7)
    answer = create(receiver, CHANGE)
    assert (answer.status, answer.json) == (
        200,
        {"transaction_id": "", "code": 7, "state": "The ticket is not known."},
    )
    assert receiver.intake.stored == []


@pytest.mark.parametrize("state", ["CREATED", "CONFIRMED", "something new"])
def test_a_change_that_moves_no_money_is_answered_with_nothing_and_told(receiver, wallet, state):
    answer = create(receiver, {**CHANGE, "ticket": {**CHANGE["ticket"], "state": state}})
    assert (answer.status, answer.body, wallet.calls) == (200, b"", [])
    assert len(receiver.intake.stored) == 1


def test_what_belongs_to_the_webhook_is_told(receiver, wallet):
    body = {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": {"id": 7, "x": 1.5}}
    assert create(receiver, body).status == 200
    [message] = receiver.intake.stored
    assert (message.payload, wallet.calls) == (body, [])


def test_a_change_that_cannot_be_stored_is_asked_for_again_after_it_is_settled(wallet):
    with receiving(MemoryIntake(Busy("full", retry_after=7)), wallet=wallet) as receiver:
        answer = create(receiver, CHANGE)
        assert (answer.status, answer.headers["retry-after"]) == (503, "7")
        receiver.intake.outcome = Outcome.ACCEPTED
        assert create(receiver, CHANGE).status == 200
    assert [name for name, _ in wallet.calls] == ["settle", "settle"]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("with session-of-ada")])
def test_a_wallet_that_cannot_answer_is_asked_again_later(receiver, wallet, error, caplog):
    wallet.answer = error
    answer = create(receiver)
    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
    assert type(error).__name__ in caplog.text or str(error) in caplog.text
    assert "session-of-ada" not in caplog.text


def test_a_wallet_works_in_a_thread_of_its_own_while_deliveries_come_in(wallet):
    gate = threading.Event()
    wallet.answer = lambda: gate.wait(20) and "OP-1"
    with receiving(wallet=wallet) as receiver:
        threads = [threading.Thread(target=create, args=(receiver,)) for _ in range(module.THREADS + 5)]
        for thread in threads:
            thread.start()
        for number in range(3):
            assert receiver.post({"number": number}).status == 202
        gate.set()
        for thread in threads:
            thread.join()
    assert all(name.startswith("vendor-apis-callback") for name in wallet.threads)
    assert len(wallet.calls) == module.THREADS + 5


def test_a_vendor_does_not_wait_for_ever_and_what_waits_in_line_is_not_done(wallet, monkeypatch):
    monkeypatch.setattr(module, "ANSWERED_WITHIN", 0.3)
    monkeypatch.setattr(module, "THREADS", 1)
    gate = threading.Event()
    wallet.answer = lambda: gate.wait(20) and "OP-1"
    with receiving(wallet=wallet) as receiver:
        assert create(receiver).status == 503
        assert create(receiver).status == 503
        gate.set()
        assert create(receiver).status == 200
    assert len(wallet.calls) == 2


def test_no_more_calls_wait_than_may(wallet, monkeypatch):
    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(module, "WAITING", 0)
    gate, begun = threading.Event(), threading.Event()

    def slow():
        begun.set()
        gate.wait(20)
        return "OP-1"

    wallet.answer = slow
    with receiving(wallet=wallet) as receiver:
        first = threading.Thread(target=create, args=(receiver,))
        first.start()
        assert begun.wait(10)
        assert create(receiver).status == 503
        gate.set()
        first.join()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b'{"a": "\\u0000"}']
)
def test_a_body_that_is_no_json_object_is_refused_as_at_the_webhook(receiver, wallet, body):
    answer = receiver.send("POST", f"{BASE}/{SECRET}/create", body)
    assert (answer.status, answer.body) == (400, receiver.post(body).body)
    assert wallet.calls == []


def test_a_body_that_is_too_long_is_refused(wallet):
    with receiving(wallet=wallet, webhook_max_body_bytes=100) as receiver:
        assert receiver.send("POST", f"{BASE}/{SECRET}/create", b" " * 101).status == 413
        assert receiver.send("POST", f"{BASE}/{SECRET}/credit?hash=x", b" " * 101).status == 413


def test_no_secret_and_no_session_is_in_any_log(wallet, caplog):
    canaries = ["canary-secret", "canary-guess", "canary-session", "canary-player"]
    known = {"mobadoo_default": connection("mobadoo_default", "canary-secret")}
    with caplog.at_level(logging.DEBUG), receiving(connections=known, wallet=wallet) as receiver:
        for secret, status in (("canary-secret", 200), ("canary-guess", 401)):
            path = f"{BASE}/{secret}"
            assert receiver.send("GET", f"{path}/credit?hash=canary-session").status == status
            for body in (TICKET, CHANGE):
                text = (
                    json.dumps(body)
                    .replace("session-of-ada", "canary-session")
                    .replace("ada", "canary-player")
                )
                assert receiver.send("POST", f"{path}/create", text.encode()).status == status
            wallet.answer = RuntimeError("canary-session")
    text = "\n".join(
        [caplog.text, *(str(value) for record in caplog.records for value in vars(record).values())]
    )
    assert "/vendor-apis/callbacks/mobadoo_default/%2A%2A%2A" in text
    assert [one for one in canaries if one in text] == []


def test_any_bytes_get_an_answer(receiver):
    for path in (
        f"{BASE}/%ff%00/credit?hash=%ff",
        f"{BASE}/{SECRET}/credit",
        f"{BASE}/{SECRET}/credit?hash=%00&hash",
    ):
        assert receiver.send("GET", path).status in (200, 401)


# --- the configuration -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("nowhere.Wallet", "cannot be imported"),
        ("decimal.Nothing", "cannot be imported"),
        ("Wallet", "cannot be imported"),
        ("airflow_provider.mobadoo.wallet.money.LARGEST", "neither a class nor a function"),
        ("tests.events.test_callbacks.failing", "cannot be made (ValueError)"),
    ],
)
def test_a_wallet_that_cannot_be_made_is_refused_by_the_name_of_the_option(path, fault):
    with pytest.raises(InvalidInput) as error:
        Service(settings(callbacks=True, wallet=path))
    assert error.value.field == "[vendor_apis] wallet"
    assert fault in str(error.value)
    assert "canary" not in str(error.value)


@pytest.mark.parametrize("text", ["raise KeyError('canary')", "canary ="])
def test_a_module_that_fails_is_told_by_the_name_of_the_option(text, tmp_path, monkeypatch):
    (tmp_path / "a_failing_house.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidInput, match="which cannot be imported") as error:
        Service(settings(callbacks=True, wallet="a_failing_house.Wallet"))
    assert "canary" not in str(error.value)


def failing(conn_id):
    raise ValueError("canary")


class Several:
    """A wallet for each connection."""

    def __init__(self, conn_id):
        self.conn_id = conn_id

    def for_connection(self, conn_id):
        return f"{self.conn_id} of {conn_id}"


def test_each_connection_has_a_wallet_of_its_own_where_the_wallet_makes_them():
    made = settings(callbacks=True, wallet="tests.events.test_callbacks.Several", wallet_conn_id="bank")
    wallets = Wallets(made)
    assert [wallets.of(one) for one in ("a", "b", "a")] == ["bank of a", "bank of b", "bank of a"]
    shared = Wallets(settings(callbacks=True, wallet="tests.events.test_callbacks.MemoryWallet"))
    assert shared.of("a") is shared.of("b")
    wallets.close()


def test_neither_a_call_nor_its_answer_shows_a_session():
    called = Callback(name="credit", query={"hash": "canary-session"}, body=b"canary-session")
    answer = CallbackAnswer(json={"hash": "canary-session"}, told={"hash": "canary-session"})
    assert "canary" not in repr(called) + repr(answer)
