"""Records that another machine is sending, or has left behind: they take no place of a request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.batch import ordering
from tests.support.batches import execute, lines, outcomes
from tests.support.imbee import BATCHES, mails, once_received, people, received, tokens
from tests.support.ledger import change, states

HELD = 9
"""As many as a lost process with eight requests leaves."""

LEASE = 20.0
"""Seconds; nothing waits so long unless all places are taken."""


@pytest.fixture
def ledger(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(path))
    return path


@pytest.fixture
def hold(sandbox, ledger, quick) -> Callable[[Any], Callable[[], None]]:
    """Let another machine hold the rows of a batch; what is returned lets their leases run out."""
    began = time.monotonic()

    def end() -> None:
        assert time.monotonic() - began < LEASE, "the others were not sent while the leases ran"
        change(ledger, "lease_until = 0 WHERE owner = 'elsewhere/1/1/1'")

    def begin(task: Any) -> Callable[[], None]:
        nonlocal began
        execute(task)
        began = time.monotonic()
        values = (time.time() + LEASE,)
        change(ledger, "state = 'sent', result = NULL, owner = 'elsewhere/1/1/1', lease_until = ?", *values)
        return end

    return begin


@BATCHES
@pytest.mark.parametrize("ordered", [False, True])
def test_rows_that_another_machine_holds_keep_no_others_waiting(sandbox, hold, tmp_path, batch, ordered):
    """The held ones are the first, so that all places would be taken by them."""
    path = tmp_path / "out.jsonl"
    end = hold(batch(people(HELD)))
    task = batch(people(60), max_concurrency=8, ordered=ordered, output=str(path))
    with once_received(sandbox, 60, end):
        result = execute(task, try_number=2)
    if batch is tokens:
        assert outcomes(result) == {"created": 60 - HELD, "unknown": HELD}
        assert set(mails(sandbox).values()) == {1}
    else:
        assert outcomes(result) == {"created": 60 - HELD, "existing": HELD}
    names = [one["mail"] for one in lines(path)]
    expected = [
        one["mail"] for one in people(60) if batch is not tokens or int(one["mail"][1:].split("@")[0]) >= HELD
    ]
    assert (names if ordered else sorted(names)) == (expected if ordered else sorted(expected))


def test_the_batch_goes_on_where_results_wait_for_a_row_that_another_machine_holds(
    sandbox, ledger, hold, tmp_path, monkeypatch
):
    """The first row is held, so the window of ordered results is full long before the last row."""
    monkeypatch.setattr(ordering, "WINDOW", 20)
    path = tmp_path / "out.jsonl"
    end = hold(tokens(people(1)))
    with once_received(sandbox, 20, end):
        result = execute(tokens(people(100), max_concurrency=4, ordered=True, output=str(path)), try_number=2)
    assert outcomes(result) == {"created": 99, "unknown": 1}
    assert [one["virtual_user"] for one in lines(path)] == [f"u{n}" for n in range(1, 100)]
    assert received(sandbox) == 100
    assert set(states(ledger).values()) == {"done", "unknown"}
