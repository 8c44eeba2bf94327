"""What a process that receives deliveries does beside."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from airflow_provider.events import upkeep
from airflow_provider.events.intake import Writer
from tests.support.deliveries import settings


class Rounds(threading.Event):
    """Stands for the event that ends the loop: it is set after so many rounds."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self.left -= 1
        return self.left < 0


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def sweep() -> int:
        found.append("sweep")
        return 0

    monkeypatch.setattr(upkeep, "sweep", sweep)
    monkeypatch.setattr(upkeep, "delete_old", lambda days: found.append(f"delete {days}"))
    return found


def test_every_half_minute_it_sweeps_and_every_hour_it_deletes(calls):
    rounds = Rounds(4)
    upkeep.keep_up(settings(webhook_keep_days=7), rounds)
    assert calls == ["sweep", "delete 7", "sweep", "sweep", "sweep"]
    assert all(27 <= wait <= 33 for wait in rounds.waits)
    # Processes that start together drift apart.
    assert len(set(rounds.waits)) > 1


def test_a_round_that_fails_is_not_the_last(calls, monkeypatch, caplog):
    def fail() -> int:
        calls.append("failed")
        raise sa.exc.OperationalError("SELECT", {"name": "Ann"}, ValueError("Ann is away"))

    monkeypatch.setattr(upkeep, "sweep", fail)
    upkeep.keep_up(settings(), Rounds(2))
    assert calls == ["failed", "delete 30", "failed"]
    assert "The sweep failed and will be tried again" in caplog.text
    assert "Ann" not in caplog.text


def test_what_is_told_again_is_logged(calls, monkeypatch, caplog):
    monkeypatch.setattr(upkeep, "sweep", lambda: 3)
    upkeep.keep_up(settings(), Rounds(1))
    assert "3 deliveries had reached no run" in caplog.text


def test_a_writer_that_is_started_sweeps_until_it_is_closed(monkeypatch):
    swept = threading.Event()
    monkeypatch.setattr(upkeep, "SWEEP_INTERVAL", 0.001)
    monkeypatch.setattr(upkeep, "sweep", swept.set)
    monkeypatch.setattr(upkeep, "delete_old", lambda days: 0)
    writer = Writer(settings())
    writer.start()
    assert swept.wait(30)
    writer.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("vendor-apis")]
