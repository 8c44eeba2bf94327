"""The requests of a list that is read are counted together with its pages."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from airflow_provider.exceptions import VendorUnavailable
from airflow_provider.extract.store import ExtractStore
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.sync_client import ConnectionSession
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.quota.interface import Report
from airflow_provider.quota.meter import Meter
from airflow_provider.store.engine import Database
from airflow_provider.store.location import configured
from tests.mpohoda.reading import Company, lines, read


@pytest.fixture
def company(sandbox):
    found = Company(sandbox)
    # Nothing but our own count says what was spent.
    sandbox.switch({"mpohoda.quota_headers": "none"})
    return found


@pytest.fixture
def before_each(monkeypatch):
    """Do something before each request leaves."""

    def do(action: Any) -> None:
        request = ConnectionSession.request

        def watched(self: Any, *args: Any, **kwargs: Any) -> requests.Response:
            action()
            return request(self, *args, **kwargs)

        monkeypatch.setattr(ConnectionSession, "request", watched)

    return do


def counted() -> int:
    """How many requests of the month have been counted, as another process sees it."""
    database = configured()
    try:
        return MpohodaHook().quota_store(database).look().counted
    finally:
        database.close()


def test_each_request_is_counted_before_it_leaves_and_none_twice(company, tmp_path, before_each):
    company.generate(450)
    seen: list[int] = []
    before_each(lambda: seen.append(counted()))
    result = read(output=f"{tmp_path}/1.jsonl")
    assert seen == [1, 2, 3, 4, 5]
    assert counted() == result["requests"] == company.api.quota()["used"] == 5


def test_a_try_that_goes_on_counts_its_own_first_request(company, tmp_path, before_each):
    company.generate(450)
    seen: list[int] = []

    def look() -> None:
        seen.append(counted())
        if len(seen) == 3:
            company.sandbox.fault(vendor="mpohoda", status=503, times=1)

    before_each(look)
    with pytest.raises(VendorUnavailable):
        read(output=f"{tmp_path}/1.jsonl")
    assert counted() == 3
    assert read(output=f"{tmp_path}/1.jsonl")["resumed_at"] == 3
    assert seen == [1, 2, 3, 4, 5, 6]
    assert counted() == 6


def test_a_repeated_request_is_counted_before_it_leaves(company, tmp_path, before_each, no_waiting):
    company.generate(250)
    seen: list[int] = []

    def look() -> None:
        seen.append(counted())
        if len(seen) == 2:
            company.sandbox.fault(vendor="mpohoda", status=503, times=1)

    before_each(look)
    read(output=f"{tmp_path}/1.jsonl", request_policy=RequestPolicy(attempts=2, backoff=0.0))
    assert seen == [1, 2, 3, 4]
    assert counted() == 4


def test_a_page_takes_one_transaction(company, tmp_path, monkeypatch):
    company.generate(950)
    begun: list[int] = []
    run = Database.run

    def watched(self: Database, work: Any) -> Any:
        begun.append(1)
        return run(self, work)

    monkeypatch.setattr(Database, "run", watched)
    read(output=f"{tmp_path}/few.jsonl", max_pages=2, run_id="run-1")
    few = len(begun)
    begun.clear()
    read(output=f"{tmp_path}/many.jsonl", max_pages=8, run_id="run-2")
    assert len(begun) == few + 6


def test_what_is_reserved_after_the_first_page_is_all_that_remains(company, tmp_path):
    """The request after the first page is not counted before the rest is reserved."""
    company.generate(450)
    database = configured()
    store = MpohodaHook().quota_store(database)
    # Five requests and the margin of one remain.
    store.report(Report(sent=8000 - 6))
    database.close()
    assert read(output=f"{tmp_path}/1.jsonl", reserve="auto")["requests"] == 5
    assert counted() == 8000 - 1


def test_a_page_that_cannot_be_stored_loses_no_count(company, tmp_path, monkeypatch, before_each):
    """The database is away while the second page is stored: its request is counted with the next one."""
    company.generate(450)
    calls: list[int] = []
    save = ExtractStore.save
    write = Meter.write

    def failing(self: Meter, connection: sa.Connection, report: Any) -> None:
        if len(calls) == 3:
            raise sa.exc.OperationalError("", {}, sqlite3.OperationalError("disk I/O error"))
        write(self, connection, report)

    def saving(self: ExtractStore, *args: Any, **kwargs: Any) -> bool:
        calls.append(1)
        return save(self, *args, **kwargs)

    monkeypatch.setattr(ExtractStore, "save", saving)
    monkeypatch.setattr(Meter, "write", failing)
    seen: list[int] = []
    before_each(lambda: seen.append(counted()))
    result = read(output=f"{tmp_path}/1.jsonl")
    assert result["total"] == len(lines(f"{tmp_path}/1.jsonl")) == 450
    assert seen == [1, 2, 3, 4, 5]
    assert counted() == 5


def test_what_a_page_tells_of_the_quota_is_stored_with_it(company, tmp_path, set_connection):
    set_connection("mpohoda_default", extra={"quota_headers": {"remaining": "X-Left", "limit": "X-Limit"}})
    company.generate(450)
    company.sandbox.fault(vendor="mpohoda", headers={"X-Left": "7000", "X-Limit": "8000"}, times=None)
    read(output=f"{tmp_path}/1.jsonl")
    database = configured()
    try:
        found = MpohodaHook().quota_store(database).look()
    finally:
        database.close()
    assert found.reading is not None
    assert (found.reading.remaining, found.counted) == (7000, 0)
