"""Queries that end on the way, and the next try of the task."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import QuotaExhausted, VendorUnavailable
from tests.support.patience import wait_until
from tests.support.processes import answer_of, environment
from tests.support.wolkvox import bodies, fill, query, spend

ASKED = {"field": "status", "value": "new", "page_size": 5}


def pages(sandbox: Any) -> list[int]:
    return [body["page"] for body in bodies(sandbox, "custom/query.php")]


def read(path: Path) -> bytes:
    return path.read_bytes()


def start(output: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.query_worker", output],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.parquet", "uri.jsonl", "uri.parquet"])
def test_a_query_that_is_killed_goes_on_at_its_page(sandbox, tmp_path, name):
    fill(sandbox, 60)
    whole = tmp_path / f"whole{Path(name).suffix}"
    query(**ASKED, output=str(whole))
    before = len(pages(sandbox))
    output = tmp_path / name
    place = f"file://{output}" if name.startswith("uri") else str(output)
    sandbox.fault(vendor="wolkvox", action="hang", skip=5)
    killed = start(place)
    wait_until(lambda: len(pages(sandbox)) - before >= 6)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert pages(sandbox)[before:] == [1, 2, 3, 4, 5, 6]
    assert not output.exists()

    result = answer_of("tests.support.query_worker", place)
    again = pages(sandbox)[before + 6 :]
    # The answer that was on its way when it was killed is asked for again, and no other.
    assert again == [6, 7, 8, 9, 10, 11, 12]
    assert result["resumed_at"] == 6
    assert (result["total"], result["pages"], result["complete"]) == (60, 12, True)
    assert result["requests"] == len(again)
    assert read(output) == read(whole)
    assert {path.name for path in tmp_path.iterdir()} == {name, whole.name}


def test_a_used_up_quota_keeps_what_was_read_and_the_next_day_goes_on(sandbox, quick, tmp_path):
    fill(sandbox, 30)
    spend(sandbox, 4)
    with pytest.raises(QuotaExhausted):
        query(**ASKED, output=str(tmp_path / "out.jsonl"))
    spend(sandbox, 50)
    result = query(**ASKED, output=str(tmp_path / "out.jsonl"))
    assert (result["total"], result["pages"], result["resumed_at"], result["requests"]) == (30, 6, 5, 2)


def test_an_outage_keeps_what_was_read(sandbox, quick, tmp_path):
    fill(sandbox, 30)
    sandbox.fault(vendor="wolkvox", status=503, skip=3, times=2)
    with pytest.raises(VendorUnavailable):
        query(**ASKED, output=str(tmp_path / "out.jsonl"))
    result = query(**ASKED, output=str(tmp_path / "out.jsonl"))
    assert (result["total"], result["resumed_at"]) == (30, 4)
    assert pages(sandbox) == [1, 2, 3, 4, 4, 4, 5, 6]


def test_another_question_begins_with_the_first_page(sandbox, quick, tmp_path):
    fill(sandbox, 30)
    sandbox.fault(vendor="wolkvox", status=503, skip=3, times=2)
    with pytest.raises(VendorUnavailable):
        query(**ASKED, output=str(tmp_path / "out.jsonl"))
    result = query(**{**ASKED, "page_size": 10}, output=str(tmp_path / "out.jsonl"))
    assert "resumed_at" not in result
    assert (result["total"], result["requests"]) == (30, 3)


def test_without_an_output_it_begins_with_the_first_page(sandbox, quick):
    fill(sandbox, 30)
    sandbox.fault(vendor="wolkvox", status=503, skip=3, times=2)
    with pytest.raises(VendorUnavailable):
        query(**ASKED)
    result = query(**ASKED)
    assert "resumed_at" not in result
    assert (result["requests"], len(result["records"])) == (6, 30)
