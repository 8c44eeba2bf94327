"""A person decides about the rest of a quota, in a real Airflow with all its processes."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.support.sandbox import ROOT, SandboxProcess
from tests.support.scheduler import Scheduler

DAG = "example_quota_approval"
ENDED = {"success", "failed"}


def ended(airflow: Scheduler, run: str) -> bool:
    return airflow.state(DAG, run) in ENDED


def test_a_person_is_asked_and_the_answer_decides(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch):
    source = (ROOT / "dags_examples" / f"{DAG}.py").read_text(encoding="utf-8")
    name = "AIRFLOW_CONN_WOLKVOX_DEFAULT"
    with Scheduler(source, [DAG], {name: sandbox.connections[name]}) as airflow, airflow.explained():
        answers = {"approved": "Approve", "rejected": "Reject"}
        for run in answers:
            # Of 4,800 requests nearly all are to remain for others.
            airflow.trigger(DAG, run, planned=200, keep=4790)
        for run, option in answers.items():
            airflow.wait_for("the task to wait", partial(airflow.is_over, DAG, run, "ask_a_person"))
            asked = airflow.question(DAG, run, "ask_a_person")
            assert "requests remain until" in asked["body"]
            assert "the work takes 200" in asked["body"]
            token = json.loads(sandbox.connections[name])["password"]
            assert token not in json.dumps(asked)
            airflow.answer(DAG, run, "ask_a_person", option)
        for run in answers:
            airflow.wait_for("the end", partial(ended, airflow, run))
        states = {run: airflow.tasks(DAG, run)["work"]["state"] for run in answers}
        assert states == {"approved": "success", "rejected": "skipped"}
