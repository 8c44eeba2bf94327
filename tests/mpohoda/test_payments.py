"""Payments against the sandbox: the right document, once, and who is told what went wrong."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, QuotaExhausted, StoreUnavailable
from airflow_provider.ledger.sources import bind_sources, stand_for
from airflow_provider.mpohoda import transactions
from airflow_provider.mpohoda.operators import (
    MpohodaLiquidateOperator,
)
from airflow_provider.mpohoda.transactions import Transactions
from tests.support.batches import counts, execute, lines
from tests.support.creates import pay
from tests.support.processes import answer_of
from tests.support.sandbox import SandboxProcess

ID = "55555555-5555-4555-8555-{:012d}"
ABROAD = {"ExchangeRate": 25.12, "ExchangeRateQuantity": 1}


def invoice(number: int, symbol: str, **fields: Any) -> dict[str, Any]:
    return {"Id": ID.format(number), "DocumentNumber": f"26F{number}", "VariableSymbol": symbol, **fields}


INVOICES = [
    invoice(1, "0012"),
    invoice(2, "12"),
    invoice(3, "0345"),
    invoice(4, "777"),
    invoice(5, "0777"),
    invoice(6, "900"),
    invoice(7, "900"),
]


@pytest.fixture
def invoices(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    """The invoices of the company; each costs 2,420."""
    sandbox.control("POST", "mpohoda/records", {"resource": "IssuedInvoices", "records": INVOICES})
    return INVOICES


def paid(sandbox: SandboxProcess) -> list[str]:
    """Return the documents that were paid, one for each payment."""
    posts = [request for request in sandbox.requests("mpohoda") if request["method"] == "POST"]
    return [request["path"].split("/")[2] for request in posts if request["status"] == 201]


def payment(transaction: str, symbol: Any, **fields: Any) -> dict[str, Any]:
    return {"transaction": transaction, "variable_symbol": symbol, **fields}


# Which document


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        pytest.param("0012", 1, id="as-it-is-written"),
        pytest.param("12", 2, id="another-without-zeros"),
        pytest.param("345", 3, id="the-bank-left-out-a-zero"),
        pytest.param("0000000345", 3, id="the-bank-filled-up-with-zeros"),
        pytest.param(345, 3, id="a-number"),
        pytest.param(" 0012 ", 1, id="with-blanks"),
    ],
)
def test_a_payment_finds_its_document_by_the_variable_symbol(sandbox, invoices, symbol, number):
    result = pay([payment("T1", symbol)], documents=invoices)
    assert counts(result) == {"total": 1, "created": 1}
    assert paid(sandbox) == [ID.format(number)]
    [record] = result["records"]
    assert record["liquidation"]["document_id"] == ID.format(number)
    assert record["liquidation"]["amount"] == "2420.00"


@pytest.mark.parametrize(
    ("symbol", "told"),
    [
        pytest.param("900", '2 documents in "documents" have the variable symbol', id="twice"),
        pytest.param("00777", "2 documents", id="only-zeros-tell-them-apart"),
        pytest.param("4711", 'no document in "documents" has the variable symbol', id="missing"),
        pytest.param("0000000000", "no document", id="no-symbol-as-banks-write-it"),
        pytest.param("12/2026", "no document", id="no-number"),
    ],
)
def test_a_document_that_is_not_certain_fails_its_payment_alone(sandbox, invoices, symbol, told):
    records = [payment("T1", symbol), payment("T2", "0345")]
    result = pay(records, documents=invoices)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert paid(sandbox) == [ID.format(3)]
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (1, "InvalidInput", "variable_symbol")
    assert told in failure["reason"]
    assert symbol not in failure["reason"]


@pytest.mark.parametrize("column", ["DocumentNumber", "Number"])
def test_a_payment_finds_its_document_by_the_number_also_of_the_list_of_unpaid_ones(
    sandbox, invoices, column
):
    documents = [{"Id": one["Id"], column: one["DocumentNumber"]} for one in invoices]
    result = pay([{"transaction": "T1", "number": "26F3"}], match="number", documents=documents)
    assert counts(result) == {"total": 1, "created": 1}
    assert paid(sandbox) == [ID.format(3)]
    # Letters and zeros of a number are a part of it.
    assert counts(pay([{"number": "026F3"}], match="number", documents=documents))["failed"] == 1


def test_a_document_that_an_extract_has_twice_counts_as_it_came_last(sandbox, invoices):
    documents = [invoice(3, "900"), *invoices[:3]]
    assert counts(pay([payment("T1", "345")], documents=documents)) == {"total": 1, "created": 1}
    assert counts(pay([payment("T2", "900")], documents=documents)) == {"total": 1, "failed": 1}


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "csv", "parquet", "result", "results", "records"])
def test_documents_may_be_what_a_list_operator_leaves(sandbox, invoices, tmp_path, form):
    if form in ("records", "result", "results"):
        path = write(tmp_path / "documents.jsonl", invoices)
        documents: Any = {"records": invoices, "output": None, "complete": True}
        if form == "result":
            documents = {"output": path, "complete": True}
        elif form == "results":
            older = write(tmp_path / "older.jsonl", [invoice(3, "900")])
            documents = [older, {"output": path, "complete": True}]
    else:
        documents = write(tmp_path / f"documents.{form}", invoices)
    assert counts(pay([payment("T1", "345")], documents=documents)) == {"total": 1, "created": 1}
    assert paid(sandbox) == [ID.format(3)]


def write(path: Path, documents: list[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        parquet.write_table(arrow.Table.from_pylist(documents), path)
    elif path.suffix == ".csv":
        rows = [",".join(documents[0]), *(",".join(map(str, one.values())) for one in documents)]
        path.write_text("\n".join(rows) + "\n")
    else:
        text = "".join(json.dumps(one) + "\n" for one in documents).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return str(path)


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        pytest.param([{"Id": ID.format(1)}], "has no VariableSymbol; it has Id", id="no-column-in-a-list"),
        pytest.param([{"VariableSymbol": "1"}], '"Id" must be an id', id="no-ids"),
        pytest.param(
            "a.csv", "has no Id and no VariableSymbol; it has Number, Rest", id="no-column-in-a-file"
        ),
        pytest.param("none.jsonl", "none.jsonl cannot be opened", id="no-file"),
        pytest.param("cut.jsonl", "row 2: line 2", id="a-line-that-is-cut-off"),
        pytest.param({"output": "x.jsonl", "complete": False}, "not read to its end", id="not-complete"),
        pytest.param({"total": 3}, '"documents" is a dict', id="no-result"),
        pytest.param([invoice(1, "1"), {"Id": "x"}], "row 2", id="a-document-without-an-id"),
    ],
)
def test_documents_that_cannot_be_used_end_the_task_before_a_request(
    sandbox, invoices, tmp_path, monkeypatch, documents, told
):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("Number,Rest\n1,2\n")
    Path("cut.jsonl").write_text(json.dumps(INVOICES[0]) + '\n{"Id": "5555')
    with pytest.raises(InvalidInput) as caught:
        pay([payment("T1", "345")], documents=documents)
    assert caught.value.field == "documents"
    assert told in str(caught.value)
    assert not str(caught.value).startswith('"records"')
    assert sandbox.requests("mpohoda") == []


@pytest.mark.parametrize("match", ["number", "variable_symbol"])
def test_without_documents_nothing_is_looked_up(match):
    with pytest.raises(InvalidInput, match="MpohodaListOperator"):
        MpohodaLiquidateOperator(task_id="pay", resource="IssuedInvoices", records=[], match=match)


def test_a_template_that_gives_no_documents_is_refused_before_a_request(sandbox):
    task = MpohodaLiquidateOperator(
        task_id="pay", resource="IssuedInvoices", records=[payment("T1", "1")], match="number", documents="x"
    )
    task.documents = None
    with pytest.raises(InvalidInput, match='match="number" needs "documents"'):
        execute(task)


def test_the_field_may_have_another_name(sandbox, invoices):
    result = pay([{"vs": "345"}], documents=invoices, fields={"variable_symbol": "vs"}, record_key=None)
    assert counts(result) == {"total": 1, "created": 1}


def test_a_hundred_thousand_documents_take_little_memory():
    small, large = (answer_of("tests.support.documents_memory", str(count)) for count in (1_000, 100_000))
    assert (small["found"], large["found"]) == (10, 1_000)
    assert large["peak"] - small["peak"] < 24 * 1024


# How much


def test_every_digit_of_an_amount_is_sent_and_returned(sandbox, invoices, tmp_path):
    source = tmp_path / "bank.csv"
    source.write_text("transaction,variable_symbol,amount,date\nT1,0345,1000.10,2026-11-10\nT2,345,0.0001,\n")
    output = tmp_path / "paid.jsonl"
    result = pay(str(source), documents=invoices, output=str(output), max_concurrency=1)
    assert counts(result) == {"total": 2, "created": 2}
    assert [line["liquidation"]["amount"] for line in lines(output)] == ["1000.10", "0.0001"]
    [invoice_] = sandbox.control("GET", f"mpohoda/records/IssuedInvoices/{ID.format(3)}")["records"]
    state = sandbox.get(
        f"mpohoda/v1/IssuedInvoices/{invoice_['Id']}/RestToPay", headers={"Api-Key": "sandbox-api-key"}
    )
    assert '"RestToPay":1419.8999' in state.text.replace(" ", "")


def test_a_transaction_pays_once_whatever_it_names_its_document_by(sandbox, invoices):
    part = {"amount": "10"}
    assert counts(pay([payment("T1", "345", **part)], documents=invoices)) == {"total": 1, "created": 1}
    again = pay([payment("T1", "0345", **part)], "run-2", documents=invoices)
    assert counts(again) == {"total": 1, "replayed": 1}
    by_number = [{"transaction": "T1", "number": "26F3", **part}]
    assert counts(pay(by_number, "run-3", match="number", documents=invoices))["replayed"] == 1
    by_id = [{"transaction": "T1", "id": ID.format(3).upper(), **part}]
    assert counts(pay(by_id, "run-4", match="id"))["replayed"] == 1
    assert len(paid(sandbox)) == 1


AMOUNTS = [pytest.param({"amount": "10"}, id="in-part"), pytest.param({}, id="in-full")]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_transaction_that_a_later_run_takes_to_pay_another_document_is_not_recorded_twice(
    sandbox, invoices, amount
):
    """The extract of the second run has an invoice whose variable symbol is exactly that of the payment."""
    assert counts(pay([payment("T1", "345", **amount)], documents=invoices)) == {"total": 1, "created": 1}
    later = [payment("T1", "345", **amount), payment("T2", "0012", **amount)]
    newer = [*invoices, invoice(8, "345")]
    result = pay(later, "run-2", documents=newer)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (1, "InvalidInput", "record_key")
    assert "recorded this transaction as the payment of something else" in failure["reason"]
    assert "T1" not in failure["reason"]
    assert paid(sandbox) == [ID.format(3), ID.format(1)]
    # It is refused whenever it comes, and the first document is still paid by it.
    assert counts(pay(later, "run-3", documents=newer)) == {"total": 2, "replayed": 1, "failed": 1}
    assert counts(pay(later, "run-4", documents=invoices)) == {"total": 2, "replayed": 2}


def test_a_transaction_whose_amount_is_filled_in_later_is_not_recorded_twice(sandbox, invoices):
    assert counts(pay([payment("T1", "345")], documents=invoices)) == {"total": 1, "created": 1}
    later = pay([payment("T1", "345", amount="10")], "run-2", documents=invoices)
    assert counts(later) == {"total": 1, "failed": 1}
    assert len(paid(sandbox)) == 1


@pytest.mark.parametrize("amount", AMOUNTS)
def test_one_transaction_may_pay_several_documents_of_one_file(sandbox, invoices, amount):
    both = [payment("T1", "0345", **amount), payment("T1", "0012", **amount)]
    assert counts(pay(both, documents=invoices)) == {"total": 2, "created": 2}
    assert counts(pay(both, "run-2", documents=invoices)) == {"total": 2, "replayed": 2}


def test_the_rest_of_the_payments_of_a_transaction_is_recorded_by_the_next_try(sandbox, invoices):
    both = [payment("T1", "0345", amount="10"), payment("T1", "0012", amount="10")]
    sandbox.fault(vendor="mpohoda", status=429, skip=1, times=1)
    with pytest.raises(QuotaExhausted):
        pay(both, documents=invoices, max_concurrency=1)
    assert len(paid(sandbox)) == 1
    assert counts(pay(both, documents=invoices)) == {"total": 2, "created": 1, "replayed": 1}


def test_of_two_runs_at_once_one_alone_records_a_transaction(sandbox, invoices, monkeypatch):
    prepare, others = Transactions.prepare, []

    def prepare_before_another_run(self, database, **known):
        prepare(self, database, **known)
        monkeypatch.setattr(Transactions, "prepare", prepare)
        others.append(pay([payment("T1", "0012", amount="10")], "run-2", documents=invoices))

    monkeypatch.setattr(Transactions, "prepare", prepare_before_another_run)
    first = pay([payment("T1", "0345", amount="10")], documents=invoices)
    assert counts(others[0]) == {"total": 1, "created": 1}
    assert counts(first) == {"total": 1, "failed": 1}
    assert paid(sandbox) == [ID.format(1)]


def test_a_transaction_whose_payment_was_refused_may_pay_another_document(sandbox, invoices):
    assert counts(pay([payment("T0", "0345")], documents=invoices))["created"] == 1
    refused = pay([payment("T1", "0345", amount="10")], "run-2", documents=invoices)
    assert counts(refused) == {"total": 1, "failed": 1}
    assert counts(pay([payment("T1", "0012", amount="10")], "run-3", documents=invoices))["created"] == 1


def test_a_transaction_of_unknown_outcome_may_have_paid(sandbox, invoices, no_waiting):
    sandbox.fault(vendor="mpohoda", action="reset", after=True, times=1)
    assert counts(pay([payment("T1", "0345")], documents=invoices)) == {"total": 1, "unknown": 1}
    later = pay([payment("T1", "0012")], "run-2", documents=invoices)
    assert counts(later) == {"total": 1, "failed": 1}
    assert len([one for one in sandbox.requests("mpohoda") if one["method"] == "POST"]) == 1


def test_a_person_may_let_a_transaction_pay_another_document(sandbox, invoices):
    pay([payment("T1", "0345", amount="10")], documents=invoices)
    other = [payment("T1", "0012", amount="10")]
    assert counts(pay(other, "run-2", documents=invoices, redo="all", retries=0))["created"] == 1


def test_two_parts_with_one_key_are_not_taken_for_one(sandbox, invoices):
    """A column that is not the transaction's own, like the day's statement, would lose a payment."""
    records = [payment("S1", "345", amount=amount) for amount in ("100.00", "200", 100)]
    result = pay(records, documents=invoices, max_concurrency=1)
    assert counts(result) == {"total": 3, "created": 1, "replayed": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["field"]) == (2, "record_key")
    assert "same key, and other content" in failure["reason"]
    later = pay([payment("S1", "345", amount=200)], "run-2", documents=invoices)
    assert counts(later) == {"total": 1, "replayed": 1}
    assert later["changed"] == {"records": 1, "rows": [{"row": 1}]}
    assert len(paid(sandbox)) == 1


def test_a_part_without_a_key_of_its_own_is_refused(sandbox, invoices):
    result = pay([payment("T1", "345", amount="10")], documents=invoices, record_key=None)
    assert "no key of its own" in result["failures"][0]["reason"]
    assert paid(sandbox) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({}, {"amount": "1"}, id="paid-already"),
        pytest.param({"amount": "2000"}, {"amount": "420.01"}, id="more-than-is-left"),
    ],
)
def test_a_refused_payment_fails_alone_and_says_what_to_do(sandbox, invoices, first, second):
    records = [payment("T1", "345", **first), payment("T2", "345", **second), payment("T3", "0012")]
    result = pay(records, documents=invoices, max_concurrency=1)
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (2, "VendorRejected")
    assert "HTTP 400" in failure["reason"]
    assert 'part="payment" tells its RestToPay' in failure["reason"]


def test_the_vendor_may_take_more_than_is_left(sandbox, invoices):
    sandbox.switch({"mpohoda.over_payment": "accept"})
    result = pay([payment("T1", "345", amount="5000")], documents=invoices)
    assert result["records"][0]["liquidation"]["amount"] == "5000"


@pytest.mark.parametrize("match", ["id", "variable_symbol"])
def test_a_part_of_a_document_in_another_currency_needs_the_amount_at_home(sandbox, invoices, match):
    euro = next(
        one["Id"]
        for one in sandbox.control("GET", "mpohoda/records/Currencies")["records"]
        if one["Code"] == "EUR"
    )
    abroad = [invoice(8, "808", CurrencyId=euro, **ABROAD)]
    sandbox.control("POST", "mpohoda/records", {"resource": "IssuedInvoices", "records": abroad})
    records = [
        {"id": ID.format(8), **payment("T1", "808", amount="10")},
        {"id": ID.format(8), **payment("T2", "808", amount="10", home_amount="251.2")},
        {"id": ID.format(3), **payment("T3", "345", amount="10")},
        {"id": ID.format(8), **payment("T4", "808")},
    ]
    result = pay(records, documents=[*invoices, *abroad], match=match, max_concurrency=1)
    assert counts(result) == {"total": 4, "created": 3, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (1, "InvalidInput", "home_amount")
    assert paid(sandbox) == [ID.format(8), ID.format(3), ID.format(8)]


def test_an_advance_invoice_is_paid_in_full_and_never_in_part(sandbox):
    advance = invoice(9, "0909")
    sandbox.control("POST", "mpohoda/records", {"resource": "IssuedAdvanceInvoices", "records": [advance]})
    options: dict[str, Any] = {"resource": "IssuedAdvanceInvoices", "documents": [advance]}
    result = pay([payment("T1", "909", amount="1"), payment("T2", "909")], **options)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "can be paid in full alone" in result["failures"][0]["reason"]


@pytest.mark.parametrize("after", [False, True])
def test_a_payment_whose_answer_is_lost_is_unknown_and_not_sent_again(sandbox, invoices, after, no_waiting):
    sandbox.fault(vendor="mpohoda", path="Liquidate/Standalone/Partially", action="reset", after=after)
    records = [payment("T1", "345", amount="10")]
    assert counts(pay(records, documents=invoices)) == {"total": 1, "unknown": 1}
    again = pay(records, "run-2", documents=invoices)
    assert counts(again) == {"total": 1, "unknown": 1}
    assert again["requests"] == 0


def test_a_database_that_is_away_while_transactions_are_compared_costs_no_try(sandbox, invoices, monkeypatch):
    """Nor does it hold up what is under way: it is waited for in a thread."""
    away = StoreUnavailable("it is restarted")
    away.temporary = True
    asked: list[str] = []

    def failing_first(work: Any) -> Any:
        def ask(*given: Any) -> Any:
            asked.append(f"{work.__name__} {threading.current_thread() is threading.main_thread()}")
            if asked.count(asked[-1]) == 1:
                raise away
            return work(*given)

        return ask

    for work in (bind_sources, stand_for):
        monkeypatch.setattr(transactions, work.__name__, failing_first(work))
    assert counts(pay([payment("T1", "0012")], documents=invoices)) == {"total": 1, "created": 1}
    assert asked == ["bind_sources True"] * 2 + ["stand_for False"] * 2
    assert paid(sandbox) == [ID.format(1)]
