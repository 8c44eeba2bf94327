"""The two examples of the demonstration, whose numbers add up, and what its checks notice."""

from __future__ import annotations

import csv
import json
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.examples import CUSTOMERS, ORDERS, ROOT, load, run
from tests.support.sandbox import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def some_customers(tmp_path: Path) -> Path:
    """The first 150 customers, and all that something is wrong with."""
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    ids = [row["customer_id"].strip() for row in rows]
    chosen = [
        row
        for number, row in enumerate(rows)
        if number < 150
        or ids.count(ids[number]) > 1
        or not (row["email"] + row["phone"]).strip()
        or not re.fullmatch(r"20\d\d-\d\d-\d\d|", row["valid_until"].strip())
        or row["valid_until"] in ("2027-02-30", "2027-06-31", "2027-13-01")
    ]
    path = tmp_path / "some customers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(chosen)
    return path


@pytest.fixture
def provision(
    airflow_db: None,
    sandbox: SandboxProcess,
    some_customers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Any]:
    """Run the main example on some customers; return the run as the demonstration sees it."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    demo_summary = import_module("demo_summary")
    known: set[Path] = set()

    def once() -> Any:
        run(load("provision_customers"), customers=str(some_customers), output_folder=str(tmp_path / "out"))
        [summary] = set((tmp_path / "out").glob("*/summary.json")) - known
        known.add(summary)
        assert ":" not in summary.parent.name
        return demo_summary.Run(summary, some_customers, sandbox)

    return once


def test_the_main_example_provisions_everyone_and_reports_the_rest(provision: Callable[[], Any]) -> None:
    first = provision()
    steps, count = first.steps, len(first.rows)
    assert first.repeated_rows == 15
    for name in ("users", "chats"):
        assert (steps[name]["created"], steps[name]["replayed"]) == (count - 15, 15)
    assert (steps["tokens"]["created"], steps["tokens"]["replayed"]) == (count - 46, 15)
    kinds = {field: len(rows) for (_, field), rows in first.rejected_rows.items()}
    assert kinds == {"mail, cellular": 25, "date_limit": 6}
    assert json.dumps(steps).count("sealed:") == 0, "the summary has no secrets, sealed or not"


def test_the_numbers_of_the_main_example_add_up_with_the_sandbox_after_two_runs(
    provision: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    demo_summary = import_module("demo_summary")
    first, again = provision(), provision()
    # Not all of Airflow's home: other tests have made what lies there.
    assert demo_summary.check(first, again, first.folder.parent) == []
    capsys.readouterr()
    demo_summary.show_again(first, again)
    assert "nothing: nobody got a second message, and 179 tokens are" in capsys.readouterr().out


def test_the_demonstration_notices_a_lost_token_a_second_message_and_a_secret(
    provision: Callable[[], Any],
) -> None:
    demo_summary = import_module("demo_summary")
    first, again = provision(), provision()
    first.state["imbee"]["tokens"] -= 1
    first.messages.append(first.messages[0])
    (first.folder / "leak.txt").write_text(f"apikey={first.secrets[7]}!", encoding="utf-8")
    failed = demo_summary.check(first, again, first.folder)
    assert "the sandbox has these tokens" in failed
    assert "the sandbox sent a message to each address" in failed
    assert "nobody got the same message twice" in failed
    assert failed[-1].endswith("secrets is in any file in clear")


def test_the_demonstration_notices_a_second_run_that_sends(
    provision: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo_summary = import_module("demo_summary")
    first = provision()
    # With another ledger nothing is remembered.
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "other.db"))
    failed = demo_summary.check(first, provision(), first.folder)
    assert {"again: nobody got a second message", "again: every token is replayed"} <= set(failed)
    assert "again: no token was asked for" in failed
    assert "nobody got the same message twice" not in failed


@pytest.fixture
def invoice(
    airflow_db: None, sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Any]:
    """Run the example of the orders once more; return its runs as the demonstration sees them."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    invoices = import_module("demo_invoices").Invoices(ORDERS, sandbox)

    def once() -> Any:
        run(load("invoice_orders"), output_folder=str(tmp_path / "out"))
        [summary] = set((tmp_path / "out").glob("*/summary.json")) - {
            folder / "summary.json" for folder in invoices.folders
        }
        invoices.add(summary)
        return invoices

    return once


def quota_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    from airflow.cli.cli_parser import get_parser

    capsys.readouterr()
    command = ["vendor-apis", "quota", "--conn-id", "mpohoda_default", "--output", "json"]
    arguments = get_parser().parse_args(command)
    arguments.func(arguments)
    [row] = json.loads(capsys.readouterr().out)
    return dict(row)


def failed_checks(invoices: Any) -> list[str]:
    checks = import_module("demo_invoices").checks(invoices)
    return [text for text, found, expected in checks if found != expected]


def test_orders_become_invoices_and_a_second_run_makes_none(
    invoice: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    invoice()
    invoices = invoice()
    invoices.quota = quota_of_the_command_line(capsys)
    assert failed_checks(invoices) == []
    assert (len(invoices.stored), invoices.used) == (300, 300)
    import_module("demo_invoices").show(invoices)
    assert "300 of 8,000, 7,700 left" in capsys.readouterr().out


def test_the_demonstration_notices_a_second_invoice_a_lost_line_and_a_wrong_price(
    invoice: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice()
    # With another ledger nothing is remembered.
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "other.db"))
    invoices = invoice()
    invoices.quota = {"used": 300, "limit": 8000, "remaining": 7700}
    invoices.stored[-1]["Items"].pop()
    invoices.stored[-1]["DocumentRecapitulation"]["VatRateSums"][0]["PriceWithoutVat"] = "0.01"
    assert {
        "the sandbox has one invoice of each order",
        "each invoice has the lines of its order",
        "each invoice is over what its order costs",
        "again: every order is replayed",
        "again: no request was sent",
        "again: the sandbox has no more invoices",
        "an invoice costs one request",
        "the command line has counted the requests of the month",
    } <= set(failed_checks(invoices))


@pytest.mark.parametrize("length", [1, 18, 19, 20, 40])
@pytest.mark.parametrize("before", range(9))
def test_a_secret_is_found_wherever_it_lies(
    length: int, before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    demo_summary = import_module("demo_summary")
    secret = "".join(chr(ord("A") + number % 50) for number in range(length))
    (tmp_path / "leak").write_text("." * before + secret + "..", encoding="utf-8")
    (tmp_path / "none").write_text("." * before + secret[:-1] + "..", encoding="utf-8")
    assert demo_summary.files_with_secrets(tmp_path, ["x" * 30, secret]) == ["leak"]
