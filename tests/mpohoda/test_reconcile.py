"""Records whose answer was lost are looked up in the next try."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.batch import reconcile
from airflow_provider.exceptions import (
    InvalidInput,
    OutcomePending,
    OutcomeUnknown,
    QuotaExhausted,
    StoreUnavailable,
)
from airflow_provider.ledger.ledger import Ledger
from airflow_provider.mpohoda.lookup import MpohodaLookup
from tests.support.batches import counts
from tests.support.creates import create, invoice, posted, read, seed, synchronize
from tests.support.postgres import MISSING
from tests.support.sandbox import ROOT, SandboxProcess

pytestmark = pytest.mark.usefixtures("sandbox", "no_waiting")

LOST = {"vendor": "mpohoda", "path": "v1/IssuedInvoices", "method": "POST", "action": "reset", "after": True}
UNSENT = {**LOST, "after": False}


def invoices(sandbox: SandboxProcess) -> Counter[str]:
    records = sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]
    return Counter(record["OrderNumber"] for record in records)


def age(ledger_path: Path, seconds: float) -> None:
    """Let everything in the ledger have happened some time ago."""
    connection = sqlite3.connect(ledger_path)
    with connection:
        connection.execute(
            "UPDATE vendor_apis_ledger SET created_at = created_at - ?, updated_at = updated_at - ?",
            (seconds, seconds),
        )
    connection.close()


def test_a_lost_answer_is_found_in_the_next_try_and_nothing_is_sent_again(sandbox, ledger_path):
    synchronize(sandbox)
    sandbox.fault(**LOST)
    with pytest.raises(OutcomePending, match="next try looks for it") as caught:
        create([invoice("A-1")], reconcile=True)
    assert not isinstance(caught.value, AirflowFailException)
    result = create([invoice("A-1"), invoice("A-2")], try_number=2, reconcile=True)
    assert counts(result) == {"total": 2, "created": 1, "replayed": 1}
    assert result["reconciled"] == {"found": 1, "resent": 0, "unknown": 0}
    assert result["records"][0]["issued_invoice"]["number"]
    assert invoices(sandbox) == {"A-1": 1, "A-2": 1}
    assert counts(create([invoice("A-1")], "run-2")) == {"total": 1, "replayed": 1}


def test_what_the_vendor_may_have_done_while_its_list_was_read_is_not_sent_again(sandbox, monkeypatch):
    """That the list does not have it says how it was when the reading began."""
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    now, read_list = [time.time()], MpohodaLookup.recent

    def slowly(lookup: MpohodaLookup, since: float) -> Any:
        found = read_list(lookup, since)
        now[0] += 10_000
        return found

    monkeypatch.setattr(reconcile, "time", SimpleNamespace(time=lambda: now[0]))
    monkeypatch.setattr(MpohodaLookup, "recent", slowly)
    result = create([invoice("A-1")], try_number=2, reconcile=True, on_error="continue")
    assert counts(result) == {"total": 1, "unknown": 1}
    assert result["reconciled"] == {"found": 0, "resent": 0, "unknown": 1}
    # The next try begins when nobody can be working on it any more.
    result = create([invoice("A-1")], try_number=3, reconcile=True)
    assert result["reconciled"] == {"found": 0, "resent": 1, "unknown": 0}


def test_a_database_that_is_away_while_lost_answers_are_looked_for_costs_no_try(sandbox, monkeypatch):
    away = StoreUnavailable("it is restarted")
    away.temporary = True
    asked: list[str] = []

    def failing_first(work: Any) -> Any:
        def ask(*given: Any, **named: Any) -> Any:
            asked.append(work.__name__)
            if asked.count(work.__name__) == 1:
                raise away
            return work(*given, **named)

        return ask

    synchronize(sandbox)
    sandbox.fault(**LOST)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    monkeypatch.setattr(Ledger, "doubts", failing_first(Ledger.doubts))
    monkeypatch.setattr(Ledger, "decide", failing_first(Ledger.decide))
    result = create([invoice("A-1")], try_number=2, reconcile=True)
    assert asked == ["doubts"] * 2 + ["decide"] * 2
    assert counts(result) == {"total": 1, "replayed": 1}


def test_without_reconcile_a_lost_answer_waits_for_a_person(sandbox):
    sandbox.fault(**LOST)
    for number in (1, 2):
        with pytest.raises(OutcomeUnknown) as caught:
            create([invoice("A-1")], try_number=number)
        assert isinstance(caught.value, AirflowFailException)
    assert read(sandbox, "v1/IssuedInvoices") == 0


def test_what_is_not_there_is_sent_again_when_the_vendor_can_no_longer_work_on_it(sandbox, ledger_path):
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    options: dict[str, Any] = {"reconcile": True, "on_error": "continue"}
    assert counts(create([invoice("A-1")], **options)) == {"total": 1, "unknown": 1}
    early = create([invoice("A-1")], try_number=2, **options)
    assert counts(early) == {"total": 1, "unknown": 1}
    assert early["reconciled"] == {"found": 0, "resent": 0, "unknown": 1}
    assert "may still be working on it" in early["failures"][0]["reason"]
    # A look does not begin the time anew.
    age(ledger_path, 450)
    assert create([invoice("A-1")], try_number=3, **options)["unknown"] == 1
    age(ledger_path, 450)
    late = create([invoice("A-1")], try_number=4, **options)
    assert counts(late) == {"total": 1, "created": 1}
    assert late["reconciled"] == {"found": 0, "resent": 1, "unknown": 0}
    assert invoices(sandbox) == {"A-1": 1}


def test_how_long_to_wait_is_a_setting(sandbox):
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    result = create([invoice("A-1")], try_number=2, reconcile=True, resend_after=0)
    assert counts(result) == {"total": 1, "created": 1}


def test_several_with_the_key_stay_unknown_and_it_is_said(sandbox, ledger_path):
    synchronize(sandbox)
    sandbox.fault(**LOST)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    age(ledger_path, 3000)
    result = create([invoice("A-1")], try_number=2, reconcile=True, on_error="continue")
    assert counts(result) == {"total": 1, "unknown": 1}
    assert "2 records at the vendor have its key" in result["failures"][0]["reason"]
    assert len(posted(sandbox)) == 1


def test_only_what_was_changed_since_is_read_and_only_if_something_is_unknown(sandbox):
    synchronize(sandbox)
    create([invoice("A-0")], reconcile=True)
    assert read(sandbox, "v1/IssuedInvoices") == 0
    sandbox.control(
        "POST",
        "mpohoda/records",
        {"resource": "IssuedInvoices", "count": 1000, "first": "2020-01-01T00:00:00Z"},
    )
    sandbox.fault(**LOST)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    # Another batch with other records has no reason to look.
    create([invoice("B-1")], reconcile=True)
    assert read(sandbox, "v1/IssuedInvoices") == 0
    create([invoice("A-1")], try_number=2, reconcile=True)
    [look] = [one for one in sandbox.requests("mpohoda", path="v1/IssuedInvoices") if one["method"] == "GET"]
    since = look["query"]["ModifiedSince"]
    assert since.endswith("Z")
    # Whichever zone mPOHODA reads the time in, and compares it with.
    assert 14 * 3600 < time.time() - datetime.fromisoformat(since).timestamp() < 49 * 3600


def test_a_list_that_cannot_be_read_sends_nothing(sandbox):
    synchronize(sandbox)
    sandbox.fault(**LOST)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=503, times=None)
    with pytest.raises(Exception, match="503"):
        create([invoice("A-1"), invoice("A-2")], try_number=2, reconcile=True)
    assert invoices(sandbox) == {"A-1": 1}


def test_a_list_that_speaks_of_more_than_it_has_proves_nothing(sandbox, ledger_path):
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    age(ledger_path, 3000)
    page = {"Items": [], "TotalItemCount": 1, "Pagination": {"PageNumber": 1, "PageSize": 100, "After": None}}
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=200, json=page)
    result = create([invoice("A-1")], try_number=2, reconcile=True, on_error="continue")
    assert counts(result) == {"total": 1, "unknown": 1}
    assert "changed while it was read" in result["failures"][0]["reason"]


def test_another_run_that_was_faster_is_not_overtaken(sandbox, ledger_path, monkeypatch):
    """Between the look and its record another run has sent it: what the look saw counts no more."""
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    age(ledger_path, 3000)
    from airflow_provider.mpohoda.lookup import MpohodaLookup

    true = MpohodaLookup.recent

    def slow(self: MpohodaLookup, since: float) -> Any:
        found = true(self, since)
        monkeypatch.setattr(MpohodaLookup, "recent", true)
        create([invoice("A-1")], "run-2", reconcile=True)
        return found

    monkeypatch.setattr(MpohodaLookup, "recent", slow)
    result = create([invoice("A-1")], try_number=2, reconcile=True)
    assert counts(result) == {"total": 1, "replayed": 1}
    assert result.get("reconciled") == {"found": 0, "resent": 0, "unknown": 0}
    assert invoices(sandbox) == {"A-1": 1}


def test_what_was_lost_is_found_by_a_look_at_the_whole_list_too(sandbox):
    sandbox.fault(**LOST)
    create([invoice("A-1")], on_error="continue")
    result = create([invoice("A-1")], "run-2", existing="skip")
    assert counts(result) == {"total": 1, "existing": 1}
    assert counts(create([invoice("A-1")], "run-3")) == {"total": 1, "replayed": 1}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"record_key": "DocumentNumber"}, id="mPOHODA gives it"),
        pytest.param({"exclude": ["OrderNumber", "DocumentNumber"]}, id="left out"),
        pytest.param({"include": ["Items"]}, id="not among what is sent"),
    ],
)
def test_a_key_that_is_not_sent_cannot_be_looked_for(sandbox, ledger_path, options):
    """mPOHODA would have it under another key, or none: it would be sent twice."""
    synchronize(sandbox)
    record = invoice("A-1", DocumentNumber="26F1")
    sandbox.fault(**LOST)
    assert create([record], on_error="continue", **options)["unknown"] == 1
    age(ledger_path, 3000)
    with pytest.raises(InvalidInput, match="is not sent") as caught:
        create([record], try_number=2, reconcile=True, **options)
    assert caught.value.field == "record_key"
    assert len(posted(sandbox)) == 1


def test_a_key_with_other_capitals_proves_nothing(sandbox, ledger_path):
    """For the ledger they are two orders: that one is there says nothing of the other."""
    synchronize(sandbox)
    create([invoice("a-1")])
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    age(ledger_path, 3000)
    result = create([invoice("A-1")], try_number=2, reconcile=True, on_error="continue")
    assert counts(result) == {"total": 1, "unknown": 1}
    assert "other capitals" in result["failures"][0]["reason"]
    assert invoices(sandbox) == {"a-1": 1}


def test_what_is_there_with_other_capitals_is_neither_taken_nor_sent(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "a-1"})
    result = create([invoice("A-1"), invoice("A-2")], existing="skip", on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "other capitals" in result["failures"][0]["reason"]
    assert invoices(sandbox) == {"a-1": 1, "A-2": 1}


@pytest.mark.parametrize(
    ("total", "orders"),
    [
        pytest.param(2, [1, 1], id="one-twice-and-another-never"),
        pytest.param(None, [1], id="without-a-count"),
    ],
)
def test_a_list_in_which_one_may_be_missing_proves_nothing(sandbox, ledger_path, total, orders):
    synchronize(sandbox)
    sandbox.fault(**UNSENT)
    create([invoice("A-1")], reconcile=True, on_error="continue")
    age(ledger_path, 3000)
    items = [{"Id": f"11111111-1111-4111-8111-{one:012d}", "OrderNumber": f"B-{one}"} for one in orders]
    page = {
        "Items": items,
        "TotalItemCount": total,
        "Pagination": {"PageNumber": 1, "PageSize": 100, "After": None},
    }
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=200, json=page)
    result = create([invoice("A-1")], try_number=2, reconcile=True, on_error="continue")
    assert counts(result) == {"total": 1, "unknown": 1}
    assert invoices(sandbox) == {}


@pytest.mark.parametrize("option", [{"resend_unknown": True}, {"redo": "all"}])
def test_to_look_and_to_send_without_a_look_exclude_each_other(option):
    with pytest.raises(InvalidInput, match="Choose one"):
        create([], reconcile=True, **option)


@pytest.mark.parametrize("effect", [True, False], ids=["it took effect", "it did not"])
def test_a_process_that_is_killed_between_request_and_answer_is_reconciled(sandbox, ledger_path, effect):
    synchronize(sandbox)
    sandbox.fault(**{**LOST, "action": "hang", "after": effect, "skip": 1})
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.create_worker",
            '["A-1", "A-2", "A-3"]',
            '{"max_concurrency": 1}',
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while len(posted(sandbox)) < 2:
        assert time.monotonic() < until
        assert worker.poll() is None
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    age(ledger_path, 1000)
    records = [invoice(order) for order in ("A-1", "A-2", "A-3")]
    result = create(records, try_number=2, reconcile=True)
    assert counts(result) == {"total": 3, "created": 1 if effect else 2, "replayed": 2 if effect else 1}
    assert result["reconciled"] == {"found": int(effect), "resent": int(not effect), "unknown": 0}
    assert invoices(sandbox) == {"A-1": 1, "A-2": 1, "A-3": 1}


def test_what_is_done_stays_known_when_it_could_not_be_sent_again(sandbox):
    first = create([invoice("A-1")])
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="POST", status=429, json={})
    with pytest.raises(QuotaExhausted):
        create([invoice("A-1")], "run-2", redo="all")
    later = create([invoice("A-1", Text="other")], "run-3")
    assert counts(later) == {"total": 1, "replayed": 1}
    assert later["changed"]["records"] == 1
    assert later["records"][0]["issued_invoice"] == first["records"][0]["issued_invoice"]
    assert invoices(sandbox) == {"A-1": 1}


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_names_and_lost_answers_are_looked_up_with_a_ledger_in_postgres(
    sandbox, monkeypatch, postgres_server
):
    postgres_server.execute("DROP SCHEMA public CASCADE")
    postgres_server.execute("CREATE SCHEMA public")
    for name, value in postgres_server.environment.items():
        monkeypatch.setenv(name, value)
    synchronize(sandbox)
    options: dict[str, Any] = {"resolve": {"CurrencyId": "Code"}, "reconcile": True, "on_error": "continue"}
    records = [invoice(f"A-{number}", CurrencyId="CZK") for number in range(5)]
    sandbox.fault(**{**LOST, "skip": 2})
    first = create(records, **options)
    assert counts(first) == {"total": 5, "created": 4, "unknown": 1}
    records[0] = invoice("A-0", CurrencyId="CZK", Text="other")
    second = create(records, try_number=2, **options)
    assert counts(second) == {"total": 5, "replayed": 5}
    assert second["reconciled"] == {"found": 1, "resent": 0, "unknown": 0}
    assert second["changed"]["records"] == 1
    assert read(sandbox, "v1/Currencies") == 1
    assert set(invoices(sandbox).values()) == {1}
