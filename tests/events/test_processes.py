"""Processes that are killed, and several that get the same deliveries at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.support.airflow_databases import count
from tests.support.deliveries import Cut, arrival, deliver, rows, subscribe
from tests.support.delivery_worker import WHERE, die
from tests.support.processes import environment

pytestmark = pytest.mark.usefixtures("airflow_database")

WORKER = "tests.support.delivery_worker"
THINGS = 40
COPIES = 3


@pytest.mark.parametrize("where", WHERE)
def test_a_process_that_is_killed_leaves_one_row_and_one_event_after_the_vendors_retry(where):
    subscribe()
    assert die(where) == -signal.SIGKILL
    kept = where == "after_commit"
    assert [count("vendor_apis_delivery"), count("asset_event")] == [int(kept)] * 2
    # The vendor has had no answer in any of the cases, so it sends the same again.
    assert deliver(arrival(1)) == ["repeated" if kept else "accepted"]
    assert [count("vendor_apis_delivery"), count("asset_event")] == [1, 1]
    assert Cut().runs() == {"reader": [rows("id")]}


def test_copies_that_come_at_once_in_two_processes_are_told_once():
    subscribe()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", WORKER, "0", str(THINGS), str(COPIES)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None, process.stderr.read()
    total: Counter[str] = Counter()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        total.update(json.loads(output.splitlines()[-1]))
    assert total == {"accepted": THINGS, "repeated": THINGS * (2 * COPIES - 1)}
    assert sum(rows("repeats")) == THINGS * (2 * COPIES - 1)
    assert [count("vendor_apis_delivery"), count("asset_event")] == [THINGS, THINGS]
    assert Cut().runs() == {"reader": [rows("id")]}
