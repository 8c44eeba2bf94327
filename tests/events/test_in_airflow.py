"""A delivery in a real Airflow: from the webhook in its API server to the task that it starts."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from requests import Response, Session

from tests.support.plugin import plugin_path
from tests.support.sandbox import ROOT
from tests.support.scheduler import Scheduler

DAG = "example_mobadoo_webhook"
SECRET = "canary-secret"
MATCH = {
    "message": "MODEL_CHANGED",
    "entity": "Match",
    "origin": "WS_LISTENER",
    "videogame": "lol",
    "result": {"id": 7, "status": "RU", "name": "canary payload"},
}


class WithWebhook(Scheduler):
    """Airflow with the receiver in its API server."""

    def deliver(self, body: Any, **options: Any) -> Response:
        with Session() as http:
            http.trust_env = False
            url = f"{self._url}/vendor-apis/webhooks/mobadoo_default"
            options = {"params": {"secret": SECRET}, "timeout": 30, **options}
            return http.post(url, json=body, **options)

    def get(self, path: str, **options: Any) -> Response:
        return self._http.get(f"{self._url}/{path}", timeout=30, **options)

    def runs(self) -> list[dict[str, Any]]:
        return list(self._api("GET", f"dags/{DAG}/dagRuns")["dag_runs"])

    def log(self, name: str = "api-server") -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changes") / "mobadoo.db"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[WithWebhook]:
    source = (ROOT / "dags_examples" / f"{DAG}.py").read_text(encoding="utf-8")
    connection = {
        "conn_type": "mobadoo",
        "password": "canary-token",
        "extra": {"webhook_secret": SECRET},
    }
    variables = {
        "AIRFLOW_CONN_MOBADOO_DEFAULT": json.dumps(connection),
        "AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS": "mobadoo_default",
    }
    path = [*plugin_path(tmp_path_factory.mktemp("plugin")), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
        running = WithWebhook(source.replace("/data/mobadoo.db", str(database)), [DAG], variables)
    with running:
        yield running


def test_a_delivery_starts_one_run_however_often_it_is_sent(airflow, database):
    with airflow.explained():
        answers = [airflow.deliver(MATCH) for _ in range(3)]
        assert [(one.status_code, one.json()["outcome"]) for one in answers] == [
            (202, "accepted"),
            (200, "repeated"),
            (200, "repeated"),
        ]
        airflow.wait_for(
            "the run to succeed", lambda: [run["state"] for run in airflow.runs()] == ["success"]
        )
        [run] = airflow.runs()
        assert airflow.result(DAG, run["dag_run_id"], "keep_changes") == 1
        [log] = airflow.home.glob(f"logs/dag_id={DAG}/**/*.log")
        assert '"name": "canary payload"' in log.read_text().replace("\\", "")
    with sqlite3.connect(database) as changes:
        [(payload,)] = changes.execute("SELECT payload FROM changes").fetchall()
    assert json.loads(payload) == MATCH


def test_other_deliveries_start_no_run_of_it(airflow):
    before = len(airflow.runs())
    for body in ({**MATCH, "videogame": "dota2"}, {**MATCH, "entity": "League"}, {"hello": 1}):
        answer = airflow.deliver(body)
        assert (answer.status_code, answer.json()["outcome"]) == (202, "no_subscribers")
    assert len(airflow.runs()) == before


def test_those_who_are_logged_in_see_what_has_come(airflow):
    airflow.deliver({"seen": "canary"})
    found = airflow.get("vendor-apis/api/deliveries", params={"limit": 1}).json()["deliveries"]
    assert [set(one) for one in found] == [
        {"id", "conn_id", "received_at", "family", "outcome", "repeats", "asset_events", "runs"}
    ]
    assert (found[0]["conn_id"], found[0]["outcome"]) == ("mobadoo_default", "no_subscribers")
    one = airflow.get(f"vendor-apis/api/deliveries/{found[0]['id']}").json()
    assert one["payload"] == {"seen": "canary"}
    older = airflow.get(
        "vendor-apis/api/deliveries", params={"conn_id": "mobadoo_default", "before": found[0]["id"]}
    )
    assert all(row["id"] < found[0]["id"] for row in older.json()["deliveries"])
    assert airflow.get("vendor-apis/api/deliveries/999999").status_code == 404
    assert airflow.get("vendor-apis/api/deliveries/x").status_code == 422
    assert airflow.get(f"vendor-apis/api/deliveries/{10**30}").status_code == 404


def test_the_plugin_shows_itself_and_the_health_of_the_receiver(airflow):
    plugins = airflow._api("GET", "plugins")["plugins"]
    [app] = [app for plugin in plugins if plugin["name"] == "vendor_apis" for app in plugin["fastapi_apps"]]
    assert app["url_prefix"] == "/vendor-apis"
    assert airflow.get("vendor-apis/health").json() == {"status": "ok"}


def test_no_secret_is_in_the_log_of_the_api_server(airflow):
    assert airflow.deliver({}, params={"secret": "canary-guess"}).status_code == 401
    assert airflow.deliver({}, params={}, auth=("user", SECRET)).status_code == 202
    assert airflow.get("vendor-apis/callbacks/mobadoo_default/canary-path/credit").status_code == 404
    assert airflow.get("vendor-apis/webhooks/mobadoo_default?secret=canary-query").status_code == 405
    airflow.get("/vendor-apis/callbacks/mobadoo_default/canary-stray/credit?hash=canary-session")
    airflow.deliver({"hash": "canary-session"})
    log = airflow.wait_for("the access log", lambda: "/callbacks/" in airflow.log() and airflow.log())
    assert "/vendor-apis/callbacks/mobadoo_default/***" in log
    assert "/vendor-apis/webhooks/mobadoo_default" in log
    assert "//vendor-apis/***" in log
    assert [line for line in log.splitlines() if "canary" in line] == []
