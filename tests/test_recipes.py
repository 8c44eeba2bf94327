"""The recipes for many workers say what Airflow and this package read."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.get_provider_info import get_provider_info
from airflow_provider.store.location import SECTION
from tests.support.postgres import Postgres
from tests.support.processes import run_module
from tests.support.sandbox import ROOT, SandboxProcess
from tests.support.secrets_worker import CONNECTION

yaml: Any = importlib.import_module("yaml")
"""It has no types, and Airflow brings it along."""

DEPLOY = ROOT / "docs" / "deploy"
CELERY = {"celery", "celery_broker_transport_options"}
"""Sections that only Airflow's Celery provider knows."""

LONGEST_BATCH = 24 * 3600
"""Seconds that the recipes reckon with."""

Options = dict[tuple[str, str], str]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "workers.compose.yaml").read_text(encoding="utf-8"))
    return found


def values() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "values.yaml").read_text(encoding="utf-8"))
    return found


def of_compose() -> Options:
    """Return the options that the compose file sets, by section and key."""
    found = {}
    for name, value in compose()["x-vendor-apis"].items():
        if match := re.fullmatch(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", name):
            found[match[1].lower(), match[2].lower()] = str(value)
    return found


def of_values() -> Options:
    """Return the options that the chart's values set."""
    return {
        (section, key): str(value)
        for section, options in values()["config"].items()
        for key, value in options.items()
    }


def known() -> Iterator[tuple[str, str]]:
    """Yield the options that Airflow, its Celery provider and this package have."""
    from airflow.configuration import retrieve_configuration_description

    described = [retrieve_configuration_description(include_providers=False), get_provider_info()["config"]]
    if find_spec("airflow.providers.celery"):
        celery: Any = importlib.import_module("airflow.providers.celery.get_provider_info")
        described.append(celery.get_provider_info()["config"])
    for sections in described:
        for section, found in sections.items():
            yield from ((section, key) for key in found["options"])


@pytest.mark.parametrize("options", [of_compose(), of_values()], ids=["compose", "values"])
def test_the_files_set_options_that_are_read(options: Options) -> None:
    assert options[SECTION, "ledger_conn_id"] == "vendor_ledger"
    unknown = options.keys() - set(known())
    if not find_spec("airflow.providers.celery"):
        unknown = {option for option in unknown if option[0] not in CELERY}
    assert not unknown


def test_both_files_set_the_same() -> None:
    only_as_secret = {("core", "fernet_key")}
    assert of_compose().items() >= of_values().items()
    assert of_compose().keys() - of_values().keys() == only_as_secret


@pytest.mark.parametrize("options", [of_compose(), of_values()], ids=["compose", "values"])
def test_no_task_is_given_out_twice_while_it_runs(options: Options) -> None:
    assert int(options["celery_broker_transport_options", "visibility_timeout"]) >= LONGEST_BATCH
    assert int(options["scheduler", "task_instance_heartbeat_timeout"]) >= 60


def test_a_worker_that_ends_has_time_for_its_batches() -> None:
    worker = compose()["services"]["airflow-worker"]
    assert worker["stop_grace_period"] == "30m"
    assert values()["workers"]["terminationGracePeriodSeconds"] == 30 * 60
    # Else the signal reaches the tasks as well.
    assert worker["environment"]["DUMB_INIT_SETSID"] == "0"


def test_every_component_has_the_key_and_the_ledger() -> None:
    services = compose()["services"]
    names = {"worker", "scheduler", "dag-processor", "triggerer", "apiserver"}
    assert services.keys() == {f"airflow-{name}" for name in names}
    for service in services.values():
        assert compose()["x-vendor-apis"].items() <= service["environment"].items()


def test_every_connection_that_is_named_is_given() -> None:
    for given in (compose()["x-vendor-apis"], {one["envName"] for one in values()["secret"]}):
        assert {"AIRFLOW_CONN_VENDOR_LEDGER", "AIRFLOW_CONN_FILES"} <= set(given)


def test_the_rule_of_the_bucket_removes_unfinished_uploads_and_nothing_else() -> None:
    [rule] = json.loads((DEPLOY / "lifecycle.json").read_text(encoding="utf-8"))["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 1
    assert rule.keys() == {"ID", "Status", "Filter", "AbortIncompleteMultipartUpload"}


def test_connections_of_a_secrets_backend_are_used(
    sandbox: SandboxProcess, postgres_server: Postgres, tmp_path: Path
) -> None:
    imbee = json.loads(sandbox.connections["AIRFLOW_CONN_IMBEE_DEFAULT"])
    path = tmp_path / "connections.json"
    path.write_text(json.dumps({CONNECTION: imbee, "vendor_ledger": postgres_server.connection}))
    done = run_module(
        "tests.support.secrets_worker",
        AIRFLOW__SECRETS__BACKEND="airflow.secrets.local_filesystem.LocalFilesystemBackend",
        AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps({"connections_file_path": str(path)}),
        AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID="vendor_ledger",
    )
    assert done.returncode == 0, done.stderr
    rows = postgres_server.execute(f"SELECT state FROM vendor_apis_ledger WHERE conn_id = '{CONNECTION}'")
    assert rows == [("done",)]
