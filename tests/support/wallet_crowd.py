"""Many operations at once, each repeated, in any order, as a vendor would send them until they are answered."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from requests import RequestException, Session

from airflow_provider.mobadoo.wallet import SqlWallet
from airflow_provider.mobadoo.wallet.loading import Player
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import wallet_entry
from airflow_provider.store.wallet_check import check
from airflow_provider.store.wallet_notes import open_notes

OPENING = 100_000
UNKNOWN_TICKET = 7
PATIENCE = 120.0
"""Seconds without an answer that settles anything, after which nothing more is sent."""


@dataclass(frozen=True)
class Operation:
    """What is sent.

    :param key: what identifies it: player, ticket, kind
    :param body: what is sent, as JSON
    """

    key: tuple[str, str, str]
    body: str


@dataclass
class Plan:
    """Operations, and what they must lead to, whatever their order.

    :param balances: of each player, in cents
    :param entries: of each ticket: each set of movements that is right
    """

    operations: list[Operation] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    entries: dict[tuple[str, str], list[dict[str, int]]] = field(default_factory=dict)


def plan(tickets: int, players: int, seed: int = 1) -> Plan:
    """Make two operations for each ticket: a create, and what becomes of it."""
    chance = random.Random(seed)
    made = Plan(balances={f"player-{number}": OPENING * 100 for number in range(players)})
    for number in range(tickets):
        player, ticket = f"player-{number % players}", str(number)
        stake, won = chance.randrange(1, 5000), chance.randrange(0, 9000)
        kind = chance.choices(["RESOLVED", "CANCELED", "REJECTED", "refused"], [60, 15, 15, 10])[0]
        if kind == "refused":
            stake = OPENING * 1000
        state = "REJECTED" if kind == "refused" else kind
        made.operations += [_create(player, ticket, stake), _change(player, ticket, state, stake, won)]
        moved = {"debit": -stake, "refund": stake}
        if kind == "RESOLVED":
            made.balances[player] += won - stake
            moved = {"debit": -stake, "settle": won}
        right: dict[str, list[dict[str, int]]] = {"RESOLVED": [moved], "refused": [{}]}
        made.entries[player, ticket] = right.get(kind, [{}, moved])
    return made


def _cents(number: int) -> str:
    return f"{number // 100}.{number % 100:02}"


def _create(player: str, ticket: str, stake: int) -> Operation:
    body = (
        f'{{"uuid": "{player}", "id": {ticket}, "transaction_id": "TX-{ticket}", "state": "CREATED", '
        f'"tips": [{{"product_type": "odds", "bet_amount": {_cents(stake)}}}]}}'
    )
    return Operation((player, ticket, "create"), body)


def _change(player: str, ticket: str, state: str, stake: int, won: int) -> Operation:
    amounts = f'"bet_amount": {_cents(stake)}, "won_amount": {_cents(won)}'
    body = (
        '{"type": "TICKET_CHANGED", "ticket": '
        f'{{"uuid": "{player}", "id": {ticket}, "transaction_id": "TX-{ticket}", "state": "{state}", '
        f'"tips": [{{{amounts}}}]}}}}'
    )
    return Operation((player, ticket, "change"), body)


def load(wallet: SqlWallet, made: Plan) -> None:
    """Load the players."""
    wallet.load([Player(player=name, currency="EUR", balance=Decimal(OPENING)) for name in made.balances])


@dataclass
class Result:
    """What came of it.

    :param answers: of each operation, how often each answer came
    :param outcomes: how often each kind of answer came
    :param seconds: how long it took
    :param times: seconds of each call that was answered
    """

    answers: dict[tuple[str, str, str], Counter[tuple[str, str]]]
    outcomes: Counter[str]
    seconds: float
    times: list[float]


def send(
    made: Plan,
    urls: Sequence[str],
    *,
    copies: int,
    threads: int,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Send every operation that often, in any order, and each until it is answered."""
    chance = random.Random(seed)
    todo = [one for one in made.operations for _ in range(copies)]
    chance.shuffle(todo)
    waiting: queue.Queue[Operation] = queue.Queue()
    for one in todo:
        waiting.put(one)
    lock = threading.Lock()
    result = Result(defaultdict(Counter), Counter(), 0.0, [])
    remaining, settled_at = len(todo), time.monotonic()

    def work(number: int) -> None:
        nonlocal remaining, settled_at
        choose = random.Random(seed * 1000 + number)
        with Session() as http:
            http.trust_env = False
            while True:
                with lock:
                    if not remaining or time.monotonic() - settled_at > PATIENCE:
                        return
                try:
                    one = waiting.get(timeout=0.05)
                except queue.Empty:
                    continue
                began = time.monotonic()
                answer = _sent(http, f"{choose.choice(urls)}/create", one.body)
                took = time.monotonic() - began
                with lock:
                    outcome = _outcome(answer)
                    result.outcomes[outcome] += 1
                    if outcome in ("ok", "refused"):
                        remaining, settled_at = remaining - 1, time.monotonic()
                        result.times.append(took)
                        result.answers[one.key][outcome, answer["transaction_id"] or answer["state"]] += 1
                        done = 1 - remaining / len(todo)
                if outcome in ("early", "none"):
                    # A vendor sends again what was refused as unknown, or not answered.
                    time.sleep(0.05)
                    waiting.put(one)
                elif progress is not None:
                    progress(done)

    began = time.monotonic()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    result.seconds = time.monotonic() - began
    return result


def _sent(http: Session, url: str, body: str) -> Any:
    try:
        answer = http.post(url, data=body, timeout=60)
        return answer.json() if answer.status_code == 200 else None
    except (RequestException, ValueError):
        return None


def _outcome(answer: Any) -> str:
    if answer is None:
        return "none"
    if answer["state"] == "OK":
        return "ok"
    return "early" if answer["code"] == UNKNOWN_TICKET else "refused"


def wrong(made: Plan, result: Result, database: Database) -> list[str]:
    """Return everything that is not as it must be."""
    found = [str(fault) for fault in check(database).faults]
    found += [f"open: {note}" for note in open_notes(database)]
    # The same operation has the same answer, however often and wherever it is sent.
    found += [f"{key}: {answers}" for key, answers in result.answers.items() if len(answers) != 1]
    found += [f"{one.key} was not answered" for one in made.operations if one.key not in result.answers]
    entries: dict[tuple[str, str], dict[str, int]] = {key: {} for key in made.entries}
    with database.read() as connection:
        for row in connection.execute(sa.select(wallet_entry).where(wallet_entry.c.ticket.is_not(None))):
            entries[row.player, row.ticket][row.movement] = row.amount
    found += [f"{key}: {one}" for key, one in entries.items() if one not in made.entries[key]]
    wallet = SqlWallet()
    wallet._databases._wallet = database
    for player, balance in made.balances.items():
        now = wallet.credit_of(player).balance
        if now * 100 != balance:
            found.append(f"{player} has {now}, not {balance / 100}")
    return found
