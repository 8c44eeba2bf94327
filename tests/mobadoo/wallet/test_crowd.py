"""Two server processes, operations at once, repeated and in any order, and processes that are killed."""

from __future__ import annotations

import signal
import threading
from decimal import Decimal

import pytest
import requests

from airflow_provider.mobadoo.wallet import SqlWallet
from airflow_provider.store.wallet_check import check
from tests.support import canary, wallet_crowd
from tests.support.wallet_server import FLAG, Server

TICKETS = 60
COPIES = 2
KILLS = 2


@pytest.fixture
def serving(airflow_db, database, request, tmp_path, monkeypatch):
    """A function that starts servers whose wallet is in the database of the test."""
    if database.is_sqlite:
        variables = {"AIRFLOW__VENDOR_APIS__LEDGER_PATH": database.place}
    else:
        variables = request.getfixturevalue("postgres_server").environment
    started: list[Server] = []

    def start(count=1, **options):
        others = {FLAG: str(tmp_path / "flag")}
        new = [
            Server(tmp_path / f"log-{number}", {**variables, **others}, **options) for number in range(count)
        ]
        started.extend(new)
        for one in new:
            one.wait()
        return new

    yield start
    for one in started:
        one.stop()


def test_two_processes_that_are_killed_move_everything_once(serving, database):
    plan = wallet_crowd.plan(TICKETS, players=8)
    wallet = SqlWallet()
    wallet._databases._wallet = database
    wallet_crowd.load(wallet, plan)
    servers = serving(2)
    places = [(number + 1) / (KILLS + 1) for number in range(KILLS)]
    restarts: list[threading.Thread] = []
    lock = threading.Lock()

    def kill(done):
        with lock:
            if not places or done < places[0]:
                return
            places.pop(0)
            victim = servers[len(places) % 2]
            victim.kill()
            assert victim.process.returncode == -signal.SIGKILL
            restarts.append(threading.Thread(target=victim.start))
            restarts[-1].start()

    urls = [one.url for one in servers]
    result = wallet_crowd.send(plan, urls, copies=COPIES, threads=16, progress=kill)
    for one in restarts:
        one.join()
    assert len(restarts) == KILLS
    assert wallet_crowd.wrong(plan, result, database) == []
    assert result.outcomes["ok"] > TICKETS


@pytest.mark.parametrize("where", ["before the commit", "before the answer"])
def test_a_process_that_is_killed_at_a_debit_has_debited_once_after_the_retry(
    serving, database, tmp_path, where
):
    plan = wallet_crowd.plan(1, players=1)
    wallet = SqlWallet()
    wallet._databases._wallet = database
    wallet_crowd.load(wallet, plan)
    [server] = serving(wallet="tests.support.wallet_server.killing_wallet")
    (tmp_path / "flag").write_text(where)
    create = plan.operations[0].body
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{server.url}/create", data=create, timeout=60)
    server.process.wait(20)
    assert check(database).tickets == (1 if where == "before the answer" else 0)
    server.start()
    server.wait()
    answers = {requests.post(f"{server.url}/create", data=create, timeout=60).text for _ in range(3)}
    assert len(answers) == 1
    assert '"OK"' in answers.pop()
    books = check(database)
    assert (books.tickets, books.entries, books.faults) == (1, 2, [])


def test_a_database_that_is_away_moves_nothing_and_is_asked_again(serving, database, request):
    if database.is_sqlite:
        pytest.skip("a file that is open stays there")
    plan = wallet_crowd.plan(1, players=1)
    wallet = SqlWallet()
    wallet._databases._wallet = database
    wallet_crowd.load(wallet, plan)
    [server] = serving()
    create = plan.operations[0].body
    postgres = request.getfixturevalue("postgres_server")
    postgres.stop()
    answer = requests.post(f"{server.url}/create", data=create, timeout=60)
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
    postgres.start()
    assert requests.post(f"{server.url}/create", data=create, timeout=60).json()["state"] == "OK"
    assert check(database).entries == 2


def test_no_session_is_in_any_table_file_or_log(serving, database, tmp_path, airflow_home):
    if not database.is_sqlite:
        pytest.skip("files are searched")
    session = "canary-session-0123456789"
    plan = wallet_crowd.plan(3, players=1)
    wallet = SqlWallet()
    wallet._databases._wallet = database
    from airflow_provider.mobadoo.wallet.loading import Player

    wallet.load(
        [Player(player="player-0", currency="EUR", balance=Decimal(wallet_crowd.OPENING), hash=session)]
    )
    [server] = serving()
    shown = requests.get(f"{server.url}/credit", params={"hash": session}, timeout=60)
    assert shown.json()["hash"] == session
    for one in plan.operations:
        body = one.body.replace("{", f'{{"hash": "{session}", ', 1)
        assert requests.post(f"{server.url}/create", data=body, timeout=60).status_code == 200
    server.stop()
    database.close()
    searched = tmp_path, airflow_home
    assert [one for folder in searched for one in canary.in_files(folder, [session])] == []
