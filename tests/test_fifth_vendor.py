"""A vendor is one folder, a simulation and one row: everything else of the package finds it by itself."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from tests.support import walls
from tests.support.sandbox import ROOT, SandboxProcess

FILES = ROOT / "tests" / "support" / "fifth_vendor"
SCRIPT = ROOT / "tests" / "support" / "fifth_vendor_in_airflow.py"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with a fifth vendor: its two folders, and its row."""
    root = tmp_path_factory.mktemp("copy")
    package = root / "airflow_provider"
    shutil.copytree(ROOT / "airflow_provider", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FILES / "acme", package / "acme")
    shutil.copytree(FILES / "sandbox" / "acme", package / "sandbox" / "acme")
    rows = package / "vendors.py"
    before, begin, after = rows.read_text().partition("\nVENDORS = (\n")
    assert begin
    rows.write_text(before + begin + (FILES / "row.txt").read_text() + after)
    return root


@pytest.fixture
def acme(copy: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(root=copy) as running:
        yield running
        assert "Traceback" not in running.output()


@pytest.fixture
def run(copy: Path, acme: SandboxProcess) -> Run:
    """A function that runs Python with the copy, in an Airflow that has the sandbox's connections."""

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=copy,
            env={**os.environ, **acme.connections, "PYTHONPATH": str(copy), "COLUMNS": "200"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_a_fifth_vendor_breaks_no_wall(copy):
    house = copy / "airflow_provider"
    assert "acme" in walls.vendors(house)
    assert walls.breaches(house) == []
    assert walls.circles(house) == []


@pytest.mark.usefixtures("airflow_db")
def test_a_fifth_vendor_needs_its_folder_its_simulation_and_one_row(copy, acme, run, ledger_path):
    # One letter is sent of which nobody hears whether it was.
    acme.fault(vendor="acme", path="members", skip=1, action="close", after=True)
    done = run(str(SCRIPT))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert Path(found["package"]).is_relative_to(copy)
    check_metadata(found["info"])
    check_form(found["form"])
    check_batch(found, acme)
    check_ledger(run, ledger_path)
    check_quota(run)


def check_metadata(info: dict[str, Any]) -> None:
    schema = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())
    jsonschema.validate(info, schema)
    assert "Acme" in info["description"]
    for kind in ("hooks", "operators"):
        [entry] = [one for one in info[kind] if one["integration-name"] == "Acme"]
        assert entry["python-modules"] == [f"airflow_provider.acme.{kind}"]


def check_form(form: dict[str, Any]) -> None:
    assert form["labels"] == {"host": "Site", "password": "Membership key", "port": "Port"}
    assert {"extra__acme__branch", "extra__acme__timeout"} <= set(form["fields"])
    assert (form["hook"], form["name"]) == ("airflow_provider.acme.hooks.AcmeHook", "Acme")
    assert form["test"] == [True, "Acme is open from 9 to 5."]


def check_batch(found: dict[str, Any], acme: SandboxProcess) -> None:
    first, again = found["batch"], found["again"]
    assert (first["total"], first["created"], first["unknown"]) == (2, 1, 1)
    assert (again["total"], again["replayed"], again["unknown"]) == (2, 1, 1)
    assert [record["member"]["number"] for record in first["records"]] == [1]
    assert first["records"][0]["member"]["pin"].startswith("sealed:")
    assert acme.state()["acme"] == {"members": ["ada", "bob"]}
    assert len([one for one in acme.requests("acme") if one["path"] == "members"]) == 2


def check_ledger(run: Run, path: Path) -> None:
    with closing(sqlite3.connect(path)) as ledger:
        [(id_, key)] = ledger.execute("SELECT id, key FROM vendor_apis_ledger WHERE state = 'unknown'")
        assert key == '["bob"]'
        resolve = ("ledger", "resolve", id_, "--as", "done", "--yes", "--result", "-")
        done = run("-m", "airflow", "vendor-apis", *resolve, stdin='{"number": 2, "pin": "pin-of-bob"}')
        assert "1 row marked as done." in done.stdout, done.stderr
        [(state, text)] = ledger.execute("SELECT state, result FROM vendor_apis_ledger WHERE id = ?", [id_])
    result = json.loads(text)
    assert (state, result["number"]) == ("done", 2)
    assert result["pin"].startswith("sealed:")


def check_quota(run: Run) -> None:
    shown = run("-m", "airflow", "vendor-apis", "quota", "--conn-id", "acme_default", "-o", "json")
    [row] = json.loads(shown.stdout)
    assert (row["conn_id"], row["vendor"], row["limit"]) == ("acme_default", "acme", 100)
    assert row["remaining"] <= 98
