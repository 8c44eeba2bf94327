"""``airflow vendor-apis wallet``."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import sqlalchemy as sa

from airflow_provider.mobadoo.wallet import Change, Refused, SqlWallet, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from airflow_provider.processes import user_of_process
from airflow_provider.store.tables import decision, wallet_player


@pytest.fixture
def wallet(airflow_db, path):
    made = SqlWallet()
    made.load([Player(player="ada", currency="EUR", balance=Decimal(100))])
    made.debit(Ticket(ticket="1", player="ada", amount=Decimal(10)))
    yield made
    made.close()


def test_books_that_are_right_are_told_in_a_line(cli, wallet):
    assert cli("wallet", "verify") == (0, "All is right. Players: 1, tickets: 1, entries: 2.\n", "")
    assert cli("wallet", "verify", "-o", "json")[:2] == (0, "[]\n")


def test_a_contradiction_is_listed_until_it_is_closed(cli, wallet):
    wallet.settle(Change(ticket="1", player="ada", state="RESOLVED", amount=Decimal("18.5")))
    for ticket, amount in (("1", 19), ("2", 5)):
        with pytest.raises(Refused):
            wallet.settle(Change(ticket=ticket, player="ada", state="RESOLVED", amount=Decimal(amount)))
    status, out, _ = cli("wallet", "verify", "-o", "json", "--conn-id", "mobadoo_default")
    rows = {row["ticket"]: row for row in json.loads(out)}
    assert status == 1
    assert (rows["1"]["kind"], rows["1"]["what"]) == (
        "contradiction",
        "settle 19: the ticket is settled 18.50",
    )
    assert (rows["2"]["kind"], rows["2"]["what"]) == ("early", "settle 5: the ticket is not known")
    assert cli("wallet", "verify", "--conn-id", "another")[0] == 0
    for row in rows.values():
        assert cli("wallet", "close", row["id"], "--yes")[:2] == (0, "Closed.\n")
        assert cli("wallet", "close", row["id"], "--yes")[0] == 1
    assert cli("wallet", "verify")[0] == 0


def test_a_closing_leaves_a_trail_with_its_user(cli, wallet):
    with pytest.raises(Refused):
        wallet.settle(Change(ticket="2", player="ada", state="RESOLVED", amount=Decimal(5)))
    [note] = json.loads(cli("wallet", "verify", "-o", "json")[1])
    assert cli("wallet", "close", note["id"], "--yes")[0] == 0
    with wallet._databases.wallet.read() as connection:
        [row] = connection.execute(sa.select(decision)).mappings()
    assert (row["ledger_id"], row["conn_id"], row["answer"]) == (note["id"], "mobadoo_default", "closed")
    assert (row["through"], row["decided_by"]) == ("cli", user_of_process())


def test_a_balance_that_is_not_the_sum_of_its_entries_ends_with_1(cli, wallet):
    with wallet._databases.wallet.begin() as connection:
        connection.execute(sa.update(wallet_player).values(balance=8999))
    status, out, _ = cli("wallet", "verify", "-o", "json")
    [row] = json.loads(out)
    assert (status, row["kind"]) == (1, "wrong")
    assert row["what"] == "the balance is 8999; the sum of the entries is 9000"


def test_without_a_database_there_is_no_wallet(cli, airflow_db, path):
    assert cli("wallet", "verify")[:2] == (0, "There is no wallet yet.\n")
    assert not path.exists()


def test_a_connection_that_is_no_database_is_refused_by_the_name_of_the_option(cli, airflow_db, monkeypatch):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WALLET_CONN_ID", "bank")
    monkeypatch.setenv("AIRFLOW_CONN_BANK", '{"conn_type": "http"}')
    status, _, err = cli("wallet", "verify")
    assert (status, 'connection "bank" has type "http"' in err) == (1, True)


def test_a_wallet_may_have_a_database_of_its_own(cli, airflow_db, tmp_path, path, monkeypatch):
    bank = tmp_path / "bank.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WALLET_CONN_ID", "bank")
    monkeypatch.setenv("AIRFLOW_CONN_BANK", json.dumps({"conn_type": "sqlite", "host": str(bank)}))
    made = SqlWallet("bank")
    made.load(
        [Player(player="ada", currency="EUR", balance=Decimal(100), hash="session-of-ada-and-nobody-else")]
    )
    assert made.credit("session-of-ada-and-nobody-else").player == "ada"
    made.close()
    assert cli("wallet", "verify")[1] == "All is right. Players: 1, tickets: 0, entries: 1.\n"
    # Sessions stay where launch URLs keep them.
    from airflow_provider.store.sessions import player_of

    assert player_of("mobadoo_default", "session-of-ada-and-nobody-else") == "ada"
