"""The arguments of ``airflow vendor-apis receive``; ``tests/events/test_process.py`` runs it."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def started(monkeypatch):
    """What the server is started with."""
    import uvicorn

    given: dict[str, object] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: given.update(app=app, **options))
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__RECEIVER", "process")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS", "mobadoo_default")
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")
    return given


def test_it_listens_where_only_a_proxy_of_this_machine_reaches_it(cli, started):
    assert cli("receive")[0] == 0
    assert (started["host"], started["port"], started["workers"]) == ("127.0.0.1", 8090, 1)
    assert os.environ["_AIRFLOW_PROCESS_CONTEXT"] == "server"


def test_it_listens_where_it_is_told_to(cli, started):
    assert cli("receive", "--host", "0.0.0.0", "--port", "9000", "--workers", "4")[0] == 0
    assert (started["host"], started["port"], started["workers"]) == ("0.0.0.0", 9000, 4)


def test_requests_have_time_to_end(cli, started):
    from airflow_provider.events import body, receiver

    cli("receive")
    assert started["timeout_graceful_shutdown"] >= receiver.STORED_WITHIN
    assert started["timeout_graceful_shutdown"] >= body.SECONDS


def test_a_worker_that_starts_slowly_is_not_taken_for_a_hung_one(cli, started):
    # On a busy machine the imports alone take longer than uvicorn waits: it would kill every worker for ever.
    cli("receive", "--workers", "2")
    assert started["timeout_worker_healthcheck"] >= 60


@pytest.mark.parametrize(
    "words", [("--port", "0"), ("--port", "65536"), ("--port", "x"), ("--workers", "0"), ("--workers", "-1")]
)
def test_a_number_that_cannot_be_is_refused(cli, started, words):
    status, _, told = cli("receive", *words)
    assert status == 2
    assert "whole number" in told or "expected one argument" in told
    assert started == {}
