"""Where tasks may run on several machines, a ledger that is a file keeps messages from being sent at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.ledger.executors import CONTAINER_PROGRAM
from tests.support.batches import execute, outcomes
from tests.support.environment import isolate
from tests.support.imbee import people, received, tokens, users
from tests.support.postgres import MISSING, postgres
from tests.support.sandbox import ROOT

CONTAINERS = ("AIRFLOW_IS_K8S_EXECUTOR_POD", "AIRFLOW_IS_EXECUTOR_CONTAINER")

LOCAL_PATH = "airflow.executors.local_executor.LocalExecutor"


@pytest.fixture
def imbee(sandbox, ledger, set_connection):
    set_connection("imbee_default", extra={"timeout": 5})
    return sandbox


def refusal(sandbox: Any, ledger: Path, **options: Any) -> str:
    """Run a batch of messages and return why it was refused; nothing was sent, and no file was made."""
    with pytest.raises(InvalidInput) as raised:
        execute(tokens(people(2), **options))
    assert raised.value.field == "[vendor_apis] ledger_conn_id"
    assert "[vendor_apis] ledger_conn_id" in str(raised.value) or "LEDGER_CONN_ID" in str(raised.value)
    assert received(sandbox) == 0
    assert not ledger.exists()
    return str(raised.value)


@pytest.mark.parametrize("variable", CONTAINERS)
@pytest.mark.parametrize("value", ["True", "1", "true", "False"])
def test_a_container_of_its_own_is_not_the_schedulers_machine(imbee, ledger, monkeypatch, variable, value):
    """The configuration of a pod of KubernetesExecutor says LocalExecutor."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv(variable, value)
    assert variable in refusal(imbee, ledger)
    # What may be repeated is sent all the same.
    assert outcomes(execute(users(people(2)))) == {"created": 2}


@pytest.mark.parametrize("variable", CONTAINERS)
def test_a_variable_without_a_value_says_nothing(imbee, monkeypatch, variable):
    monkeypatch.setenv(variable, "")
    assert outcomes(execute(tokens(people(2)))) == {"created": 2}


def test_what_containers_run_tells_them_from_the_schedulers_machine(imbee, ledger, monkeypatch):
    """Not every executor sets a variable."""
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", ModuleSpec(CONTAINER_PROGRAM, None))
    assert "container" in refusal(imbee, ledger)


def test_the_program_of_containers_is_where_airflow_has_it():
    from importlib.util import find_spec

    assert find_spec(CONTAINER_PROGRAM) is not None


@pytest.mark.parametrize(
    "setting",
    [
        "KubernetesExecutor",
        "LocalExecutor,KubernetesExecutor",
        "KubernetesExecutor,LocalExecutor",
        "LocalExecutor, remote:CeleryExecutor",
        "LocalExecutor:some.module.CeleryExecutor",
        # A class of the same name is another executor.
        "some.module.LocalExecutor",
        "local:some.module.LocalExecutor",
        "LocalExecutor;team_a=CeleryExecutor",
        "LocalExecutor;team_a=LocalExecutor,remote:a.b.EdgeExecutor",
        "=CeleryExecutor",
        "airflow.providers.edge3.executors.EdgeExecutor",
        "airflow.providers.celery.executors.celery_kubernetes_executor.CeleryKubernetesExecutor",
        "LocalKubernetesExecutor",
        " , ",
    ],
)
def test_what_is_not_known_to_be_one_machine_is_refused(imbee, ledger, monkeypatch, setting):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", setting)
    refusal(imbee, ledger)


@pytest.mark.parametrize(
    "setting",
    [
        "LocalExecutor",
        " LocalExecutor ",
        LOCAL_PATH,
        "mine:LocalExecutor",
        f"mine:{LOCAL_PATH}",
        "=LocalExecutor",
        "LocalExecutor;team_a=LocalExecutor;team_b=theirs:LocalExecutor",
    ],
)
def test_local_executors_of_all_teams_share_the_file(imbee, monkeypatch, setting):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", setting)
    assert outcomes(execute(tokens(people(2)))) == {"created": 2}


@pytest.mark.parametrize(
    ("setting", "executor"),
    [
        # The scheduler that has sent the task there has another configuration.
        ("LocalExecutor", "KubernetesExecutor"),
        ("LocalExecutor", "remote"),
        ("LocalExecutor", "some.module.LocalExecutor"),
        ("LocalExecutor,remote:CeleryExecutor", "remote"),
        # Another run of this task, or another task with the same keys, may be elsewhere.
        ("LocalExecutor,CeleryExecutor", "LocalExecutor"),
        ("CeleryExecutor,mine:LocalExecutor", "mine"),
    ],
)
def test_the_executor_that_a_task_names_counts_too(imbee, ledger, monkeypatch, setting, executor):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", setting)
    refusal(imbee, ledger, executor=executor)


@pytest.mark.parametrize(
    ("setting", "executor"),
    [
        ("LocalExecutor", "LocalExecutor"),
        ("LocalExecutor", LOCAL_PATH),
        (LOCAL_PATH, "LocalExecutor"),
        ("mine:LocalExecutor", "mine"),
        ("LocalExecutor;team_a=mine:LocalExecutor", "mine"),
    ],
)
def test_a_task_may_name_the_executor_of_the_schedulers_machine(imbee, monkeypatch, setting, executor):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", setting)
    assert outcomes(execute(tokens(people(2), executor=executor))) == {"created": 2}


def test_a_file_that_pods_share_is_refused_too(imbee, ledger, monkeypatch):
    """SQLite cannot lock a file on a network share reliably."""
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "shared")
    monkeypatch.setenv("AIRFLOW_CONN_SHARED", json.dumps({"conn_type": "sqlite", "host": str(ledger)}))
    refusal(imbee, ledger)


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_pods_that_share_a_database_send(imbee, monkeypatch):
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    with postgres() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert outcomes(execute(tokens(people(5), executor="KubernetesExecutor"))) == {"created": 5}
        assert outcomes(execute(tokens(people(5)), "run-2")) == {"replayed": 5}


DAG = """
from airflow.sdk import DAG

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

with DAG("pod", schedule=None):
    ImbeeCreateAccessTokensOperator(
        task_id="tokens", records=[{"virtual_user": "u1", "mail": "u1@example.com"}],
        defaults={"bot_idsha": "bot"},
    )
"""

WORKER = """
import os, runpy, sys

# The API server is in this process, and in no pod: only the processes of tasks get the variables.
os.register_at_fork(after_in_child=lambda: os.environ.update({variables}))
sys.argv[0] = "worker"
runpy.run_module("tests.kill.airflow_worker", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("pod", [True, False])
def test_a_task_process_of_a_pod_sends_nothing(imbee, tmp_path, pod):
    """A worker's process with the environment that KubernetesExecutor gives the pods of its tasks."""
    home = tmp_path / "home"
    environment = dict(os.environ)
    isolate(environment, home)
    (home / "dags" / "pod.py").write_text(DAG)
    environment |= imbee.connections | {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
    program = [sys.executable, "-c", WORKER.format(variables={CONTAINERS[0]: "True"} if pod else {})]
    finished = subprocess.run(
        [*program, "pod.py", "pod", "tokens", "1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr
    [log] = home.glob("logs/**/attempt=1.log")
    assert ("AIRFLOW_IS_K8S_EXECUTOR_POD" in log.read_text()) is pod
    assert received(imbee) == (0 if pod else 1), log.read_text()
    assert (home / "vendor_apis.db").exists() is not pod
