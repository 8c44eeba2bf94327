"""Players of a file come into the wallet once; a balance that tickets have moved is never overwritten unasked."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk import DAG

from airflow_provider.exceptions import BatchFailed, InvalidInput, StoreUnavailable
from airflow_provider.mobadoo.operators import MobadooLoadPlayersOperator
from airflow_provider.mobadoo.wallet import Change, SqlWallet, Ticket, loading
from airflow_provider.secrets import is_sealed
from airflow_provider.store.sessions import player_of
from airflow_provider.store.tables import wallet_entry
from airflow_provider.store.wallet_check import check
from tests.support.batches import counts, execute, lines

CONN = "mobadoo_default"
HASH = "SessionOfAdaCanary-0123456789"


def player(name: str = "ada", balance: Any = "100.00", currency: Any = "EUR", **more: Any) -> dict[str, Any]:
    return {"player": name, "currency": currency, "balance": balance, **more}


def load(records: Any, run_id: str = "run-1", try_number: int = 1, **options: Any) -> dict[str, Any]:
    operator = MobadooLoadPlayersOperator(task_id="load", records=records, **options)
    return execute(operator, run_id, try_number=try_number)


@pytest.fixture
def wallet():
    made = SqlWallet(mobadoo_conn_id=CONN)
    yield made
    made.close()


def balances(wallet: SqlWallet, *names: str) -> list[str]:
    return [str(wallet.credit_of(name).balance) for name in names]


def entries(wallet: SqlWallet) -> list[tuple[str, str, int]]:
    columns = (wallet_entry.c.player, wallet_entry.c.movement, wallet_entry.c.amount)
    query = sa.select(*columns).order_by(wallet_entry.c.player, wallet_entry.c.number)
    with wallet.database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def bet(wallet: SqlWallet, amount: str, ticket: str = "777", name: str = "ada") -> None:
    wallet.debit(Ticket(ticket=ticket, player=name, amount=Decimal(amount)))


def outcomes(result: dict[str, Any]) -> list[str]:
    return [record["loaded"]["outcome"] for record in result["records"]]


# --- what a user who loads nightly expects ------------------------------------------------------------------


def test_missing_players_are_created_with_their_balance(wallet):
    result = load([player("ada", "100.00", display_name="Ada L."), player("bob", "0")])
    assert counts(result) == {"total": 2, "created": 2}
    assert (result["unchanged"], result["differs"], result["adjusted"], result["requests"]) == (0, 0, 0, 0)
    assert result["records"][0]["loaded"] == {"outcome": "created", "balance": "100.00"}
    assert balances(wallet, "ada", "bob") == ["100.00", "0.00"]
    assert wallet.credit_of("ada").display_name == "Ada L."


def test_loading_the_same_again_changes_nothing(wallet):
    records = [player("ada", display_name="Ada"), player("bob", "7.5")]
    load(records)
    before = entries(wallet)
    result = load(records, "run-2")
    assert counts(result) == {"total": 2, "existing": 2}
    assert (result["unchanged"], outcomes(result)) == (2, ["unchanged", "unchanged"])
    assert entries(wallet) == before


def test_a_balance_that_tickets_have_moved_stays_and_the_difference_is_told(wallet, capsys):
    load([player("ada"), player("bob")])
    bet(wallet, "10.00")
    result = load([player("ada"), player("bob")], "run-2")
    assert balances(wallet, "ada") == ["90.00"]
    assert counts(result) == {"total": 2, "existing": 2}
    assert (result["differs"], result["unchanged"]) == (1, 1)
    assert result["differences"] == [{"row": 1}]
    assert result["records"][0]["loaded"] == {"outcome": "differs", "balance": "90.00"}
    told = capsys.readouterr().out
    assert "Balances that differ from the wallet's, and were not changed: 1." in told
    assert "90.00" not in told


def test_a_difference_may_be_adjusted_with_an_entry_of_its_own(wallet):
    load([player("ada")])
    bet(wallet, "10.00")
    result = load([player("ada", "120.00")], "run-2", differences="adjust")
    assert result["records"][0]["loaded"] == {"outcome": "adjusted", "balance": "120.00", "before": "90.00"}
    assert entries(wallet)[-1] == ("ada", "adjustment", 3000)
    assert (result["adjusted"], result["differences"]) == (1, [{"row": 1}])


def test_a_retry_of_an_adjustment_does_not_undo_what_tickets_have_moved_since(wallet):
    load([player("ada")])
    adjust: dict[str, Any] = {"records": [player("ada", "120.00")], "differences": "adjust"}
    load(run_id="run-2", **adjust)
    bet(wallet, "10.00")
    again = load(run_id="run-2", try_number=2, **adjust)
    assert balances(wallet, "ada") == ["110.00"]
    assert again["records"][0]["loaded"] == {"outcome": "adjusted", "balance": "110.00"}
    # The next night's is another one.
    load(run_id="run-3", **adjust)
    assert balances(wallet, "ada") == ["120.00"]


def test_a_difference_may_be_a_failed_record(wallet):
    load([player("ada"), player("bob")])
    bet(wallet, "10.00")
    result = load(
        [player("ada"), player("bob"), player("cyd")], "run-2", differences="fail", on_error="continue"
    )
    assert counts(result) == {"total": 3, "created": 1, "existing": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["field"]) == (1, "balance")
    assert "not what the wallet has" in failure["reason"]
    assert "90" not in failure["reason"]
    assert balances(wallet, "ada") == ["90.00"]


def test_a_name_and_a_session_are_updated_and_stay_where_none_is_given(wallet):
    load([player("ada", display_name="Ada", hash=HASH)])
    assert wallet.credit(HASH).display_name == "Ada"
    load([player("ada", display_name="Ada L.")], "run-2")
    assert wallet.credit(HASH).display_name == "Ada L."
    load([player("ada", hash=f"{HASH}-new")], "run-3")
    assert (player_of(CONN, HASH), player_of(CONN, f"{HASH}-new")) == (None, "ada")
    assert wallet.credit(f"{HASH}-new").display_name == "Ada L."


def test_a_difference_does_not_keep_the_name_from_being_updated(wallet):
    load([player("ada", display_name="Ada")])
    bet(wallet, "10.00")
    load([player("ada", display_name="Ada L.")], "run-2")
    assert wallet.credit_of("ada").display_name == "Ada L."


def test_a_currency_never_changes(wallet):
    load([player("ada")])
    result = load([player("ada", "100", "CZK")], "run-2", differences="adjust", on_error="continue")
    assert counts(result) == {"total": 1, "failed": 1}
    assert (result["failures"][0]["row"], result["failures"][0]["field"]) == (1, "currency")
    assert wallet.credit_of("ada").currency == "EUR"


def test_players_of_two_connections_are_different_ones(wallet):
    load([player("ada")])
    load([player("ada", "5", "CZK")], mobadoo_conn_id="other")
    assert balances(wallet, "ada") == ["100.00"]
    assert balances(wallet.for_connection("other"), "ada") == ["5.00"]


def test_a_loaded_player_bets_and_wins_to_the_cent(wallet):
    load([player("ada", "0.30")])
    for number in range(3):
        bet(wallet, "0.10", str(number))
    wallet.settle(Change(ticket="0", player="ada", state="RESOLVED", amount=Decimal("0.29")))
    assert balances(wallet, "ada") == ["0.29"]


# --- amounts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "given", "wanted"),
    [
        ("EUR", "10", "10.00"),
        ("EUR", " 10.5 ", "10.50"),
        ("EUR", "10.500", "10.50"),
        ("eur", 7, "7.00"),
        ("EUR", Decimal("0.01"), "0.01"),
        ("EUR", "-0.00", "0.00"),
        ("JPY", "1000", "1000"),
        ("JPY", "1000.0", "1000"),
        ("KWD", "1.234", "1.234"),
        ("EUR", "9999999999999999.99", "9999999999999999.99"),
    ],
)
def test_a_balance_is_exact_in_the_decimals_of_its_currency(wallet, currency, given, wanted):
    load([player("ada", given, currency)])
    assert balances(wallet, "ada") == [wanted]


def test_a_currency_whose_decimals_have_changed_since_keeps_those_of_the_books(wallet, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(loading, "decimals_of", lambda currency: 0)
        load([player("ada", "100")])
    assert load([player("ada", "100.00")], "run-2")["unchanged"] == 1
    result = load([player("ada", "100.50")], "run-3", on_error="continue")
    assert (result["failed"], result["failures"][0]["field"]) == (1, "balance")
    assert balances(wallet, "ada") == ["100"]


@pytest.mark.parametrize(
    ("balance", "told", "remedy"),
    [
        ("10.001", "fraction of a minor unit: the currency has 2 decimals", "10.50"),
        ("-1", "is negative", ""),
        ("10,50", "must be text like 10.50; it is 5 characters of text", "with a point"),
        ("1,000.50", "it is 8 characters of text", "separators of thousands"),
        ("1e2", "it is 3 characters of text", "without exponent"),
        ("1e999999999", "it is 11 characters of text", ""),
        ("9" * 10_000, "it is 10000 characters of text", ""),
        ("9" * 25, "is too large", ""),
        ("NaN", "it is 3 characters of text", ""),
        ("10 EUR", "it is 6 characters of text", "currency"),
        ("٣", "it is 1 characters of text", ""),
        (10.5, "it is a float", "Give it as text"),
        (True, "it is a bool", ""),
        (Decimal("NaN"), '"balance" is empty', ""),
        (Decimal("1e999999999"), "it is a Decimal", ""),
        pytest.param(10**5000, "it is a int", "", id="5,000 digits"),
        ([1], "it is a list", ""),
        ("", '"balance" is empty', ""),
        (None, '"balance" is empty', ""),
    ],
)
def test_a_balance_that_is_not_exact_fails_with_its_row_column_and_shape(wallet, balance, told, remedy):
    result = load([player("bob"), player("ada", balance)], on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["field"]) == (2, "balance")
    assert told in failure["reason"]
    assert remedy in failure["reason"]
    if isinstance(balance, str) and len(balance) > 3:
        assert balance not in failure["reason"]
    assert entries(wallet) == [("bob", "opening", 10000)]


@pytest.mark.parametrize(
    ("record", "field", "told"),
    [
        (player(""), "player", "is empty"),
        (player("a" * 251), "player", "251 characters"),
        (player("ada\0"), "player", "control character"),
        (player(currency="EU"), "currency", "three letters of ISO 4217"),
        (player(currency="XYZ"), "currency", "no currency that balances can be in"),
        (player(currency="XAU"), "currency", "no currency that balances can be in"),
        (player(currency=978), "currency", "it is a int"),
        (player(hash="short"), "hash", "22 to 200 letters"),
        (player(display_name="a" * 251), "display_name", "longer than 250"),
    ],
)
def test_a_record_that_cannot_be_right_fails_by_its_field(wallet, record, field, told):
    result = load([record], on_error="continue")
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == field
    assert told in result["failures"][0]["reason"]


def test_the_second_record_of_a_player_fails(wallet):
    result = load([player("ada"), player("bob"), player("ada", "5")], on_error="continue")
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    assert result["failures"][0]["row"] == 3
    assert balances(wallet, "ada") == ["100.00"]


def test_the_session_of_another_player_is_refused(wallet):
    load([player("ada", hash=HASH)])
    result = load([player("bob", hash=HASH)], "run-2", on_error="continue")
    assert result["failures"][0]["field"] == "hash"
    assert player_of(CONN, HASH) == "ada"


# --- files --------------------------------------------------------------------------------------------------


def write(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def test_a_file_is_loaded_with_renames_and_defaults(wallet, tmp_path):
    source = write(tmp_path / "in.csv", [["id", "credit"], ["ada", "10.50"], ["bob", "007.00"]])
    result = load(
        source,
        output=str(tmp_path / "out.jsonl"),
        fields={"player": "id", "balance": "credit"},
        defaults={"currency": "EUR"},
    )
    assert counts(result) == {"total": 2, "created": 2}
    assert lines(tmp_path / "out.jsonl")[0] == {
        "id": "ada",
        "credit": "10.50",
        "loaded": {"outcome": "created", "balance": "10.50"},
    }
    assert balances(wallet, "ada", "bob") == ["10.50", "7.00"]


def test_more_players_than_a_group_are_loaded_and_a_second_night_changes_nothing(wallet, tmp_path):
    rows = [[f"p{number}", "EUR", f"{number}.25"] for number in range(1203)]
    source = write(tmp_path / "in.csv", [["player", "currency", "balance"], *rows])
    options: dict[str, Any] = {"output": str(tmp_path / "out.csv")}
    assert counts(load(source, **options)) == {"total": 1203, "created": 1203}
    again = load(source, "run-2", **options)
    assert (again["existing"], again["unchanged"]) == (1203, 1203)
    assert balances(wallet, "p0", "p1202") == ["0.25", "1202.25"]


def test_a_bad_record_ends_the_batch_before_its_group_and_a_corrected_file_goes_through(wallet, tmp_path):
    rows = [["ada", "EUR", "1"], ["bob", "EUR", "1.001"], ["cyd", "EUR", "1"]]
    source = write(tmp_path / "in.csv", [["player", "currency", "balance"], *rows])
    with pytest.raises(InvalidInput, match=r"row 2: .*fraction of a minor unit"):
        load(source, output=str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()
    rows[1][2] = "1.01"
    write(tmp_path / "in.csv", [["player", "currency", "balance"], *rows])
    load(source, output=str(tmp_path / "out.csv"))
    assert balances(wallet, "ada", "bob", "cyd") == ["1.00", "1.01", "1.00"]


def test_too_many_failures_end_the_batch():
    records = [player(str(number), "x") for number in range(5)]
    with pytest.raises(BatchFailed, match="more than max_failures=2"):
        load(records, on_error="continue", max_failures=2)


def test_a_session_is_sealed_in_results_and_in_no_log(wallet, tmp_path, ledger_path, capsys):
    output = tmp_path / "out.jsonl"
    load(
        [player("ada", hash=HASH), player("bob", "x", hash=f"{HASH}-2")],
        output=str(output),
        on_error="continue",
    )
    assert is_sealed(lines(output)[0]["hash"])
    for place in (output, tmp_path / "out.failed.jsonl", ledger_path):
        assert HASH.encode() not in place.read_bytes()
    assert HASH not in capsys.readouterr().out


# --- at the same time -----------------------------------------------------------------------------------------


@pytest.fixture
def shared(database, request, monkeypatch, tmp_path):
    """A wallet on each database, which the configuration leads to as well."""
    if database.url.get_backend_name() == "sqlite":
        monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "ledger.db"))
    else:
        for name, value in request.getfixturevalue("postgres_server").environment.items():
            monkeypatch.setenv(name, value)
    made = SqlWallet()
    yield made
    made.close()


@pytest.mark.parametrize("differences", ["report", "adjust"])
def test_players_are_loaded_while_tickets_move_and_the_books_are_right(shared, differences):
    names = [f"p{number}" for number in range(40)]
    records = [player(name, "100.00") for name in names]
    load(records)

    def play(name: str) -> None:
        for number in range(5):
            bet(shared, "1.00", f"{name}-{number}", name)
            if number % 2:
                shared.refund(Change(ticket=f"{name}-{number}", player=name, state="CANCELED"))

    def reload(number: int) -> dict[str, Any]:
        return load(records if number % 2 else records[::-1], f"run-{number}", differences=differences)

    with ThreadPoolExecutor(8) as pool:
        # Two loads of the same players at once, in either order, while all of them play.
        loads = [pool.submit(reload, number) for number in range(4)]
        for one in [pool.submit(play, name) for name in names]:
            one.result()
        assert all(counts(one.result()) == {"total": 40, "existing": 40} for one in loads)
    books = check(shared.database)
    assert books.faults == []
    assert (books.players, books.tickets) == (40, 200)
    adjusted = sum(movement == "adjustment" for _, movement, _ in entries(shared))
    if differences == "report":
        assert adjusted == 0
        assert set(balances(shared, *names)) == {"97.00"}
    else:
        assert adjusted == sum(one.result()["adjusted"] for one in loads)


# --- parameters ---------------------------------------------------------------------------------------------


def test_the_wallet_of_the_configuration_is_used_and_a_task_may_name_another(
    set_connection, monkeypatch, tmp_path
):
    for name in ("one", "two"):
        set_connection(name, conn_type="sqlite", host=str(tmp_path / f"{name}.db"))
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WALLET_CONN_ID", "one")
    load([player("ada", "1")])
    load([player("ada", "2")], wallet_conn_id="two")
    assert [balances(SqlWallet(name, CONN), "ada") for name in ("one", "two")] == [["1.00"], ["2.00"]]


def test_a_database_that_is_away_is_an_error_that_a_retry_may_mend(set_connection, tmp_path):
    set_connection("gone", conn_type="sqlite", host=str(tmp_path / "no" / "such" / "folder" / "w.db"))
    with pytest.raises(StoreUnavailable):
        load([player("ada")], wallet_conn_id="gone")


def test_a_connection_that_is_not_there_is_told_with_the_option_that_names_it(set_connection):
    with pytest.raises(StoreUnavailable) as error:
        load([player("ada")], wallet_conn_id="nowhere")
    assert '"nowhere"' in str(error.value)
    assert "wallet_conn_id" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("differences", "overwrite"), ("differences", True), ("wallet_conn_id", ""), ("mobadoo_conn_id", None)],
)
def test_a_parameter_that_cannot_be_right_is_refused_where_the_dag_is_parsed(name, value):
    with DAG("d"), pytest.raises(ValueError, match=name):
        MobadooLoadPlayersOperator(task_id="load", records=[], **{name: value})


@pytest.mark.parametrize("name", ["player", "hash", "display_name"])
def test_what_is_another_one_in_each_record_is_no_default(name):
    with pytest.raises(InvalidInput, match=f'"defaults" names {name}'):
        load([player()], defaults={name: "x"})
