"""The walls of the house: who may import whom, and what an import may cost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider.vendors import VENDORS as ROWS
from tests.support import walls
from tests.support.sandbox import ROOT

HOUSE = ROOT / "airflow_provider"
VENDORS = sorted(walls.vendors(HOUSE))
DAG_MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for name in ("operators", "sensors")
    for path in HOUSE.glob(f"*/{name}.py")
)
HEAVY = {"requests", "aiohttp", "urllib3", "uvicorn", "starlette", "fastapi", "pyarrow"}
"""What a Dag file must not pay for at each parse."""


def loaded(*statements: str) -> set[str]:
    """Return the modules that the last statement loads in a fresh Python, once the others have run."""
    *before, last = statements
    script = "; ".join(
        [
            "import json, sys",
            *before,
            "known = set(sys.modules)",
            last,
            "print(json.dumps(sorted(set(sys.modules) - known)))",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def below(modules: set[str], *packages: str) -> set[str]:
    return {one for one in modules if any(one == name or one.startswith(f"{name}.") for name in packages)}


# --- who imports whom --------------------------------------------------------------------------------------


def test_no_import_breaks_a_wall():
    assert [vendor.conn_type for vendor in ROWS] == VENDORS
    assert walls.breaches(HOUSE) == []


def test_there_is_no_circle_among_files_or_rooms():
    assert walls.circles(HOUSE) == []


def test_nothing_but_its_folder_and_its_row_names_a_vendor():
    names = {name for row in ROWS for name in (row.conn_type, row.name.split()[0])}
    assert walls.named(HOUSE, names) == []


@pytest.mark.parametrize(
    "line", ["if conn_type == 'acme': ...", "# as Acme has it", "class ACMEClient: ...", "acme_default = 1"]
)
def test_a_name_of_a_vendor_is_found(tmp_path, line):
    files = {**GOOD, "vendors.py": line, "sandbox/acme/vendor.py": line}
    assert walls.named(build(tmp_path, files), ["acme"]) == []
    files["http/hook.py"] = f"import requests\n{line}"
    [found] = walls.named(build(tmp_path, files), ["acme"])
    assert found.startswith("http/hook.py:2 names ")


GOOD = {
    "__init__.py": "__version__ = '1'",
    "http/__init__.py": "",
    "http/hook.py": "import requests\nfrom airflow.sdk import BaseHook",
    "acme/__init__.py": "",
    "acme/calls.py": "import re\nfrom house.http.call import Call",
    "acme/hooks.py": "from airflow.sdk import BaseHook\nfrom house.acme import calls",
    "emca/__init__.py": "",
    "emca/calls.py": "",
    "sandbox/__init__.py": "from house import __version__",
    "sandbox/app.py": "import requests\nfrom house.sandbox.clock import Clock",
}
BAD = {
    "a vendor imports another": ("acme/hooks.py", "from house.emca import calls", 1),
    "a vendor imports another relatively": ("acme/hooks.py", "from ..emca.calls import x", 1),
    "a vendor imports another in a function": ("acme/hooks.py", "def f():\n    import house.emca.hooks", 2),
    "a vendor imports another for its types": (
        "acme/hooks.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house import emca",
        3,
    ),
    "a vendor imports another by name": (
        "acme/hooks.py",
        "from importlib import import_module\nimport_module('house.emca')",
        2,
    ),
    "http imports a vendor": ("http/hook.py", "from house.acme.calls import x", 1),
    "batch imports a vendor": ("batch/runner.py", "\nimport house.acme", 2),
    "quota imports a vendor": ("quota/sensor.py", "from house import acme", 1),
    "a room that nobody has heard of imports a vendor": ("new/room.py", "from house.acme import calls", 1),
    "the metadata imports a vendor": ("get_provider_info.py", "from house.acme import connection", 1),
    "calls import Airflow": ("acme/calls.py", "from airflow.sdk import BaseHook", 1),
    "what calls are made of imports Airflow": ("acme/envelope.py", "import airflow.sdk", 1),
    "calls import requests": ("acme/calls.py", "import requests.adapters", 1),
    "calls import the standard library's client": ("acme/calls.py", "import http.client", 1),
    "calls import aiohttp in a function": ("acme/calls.py", "def f():\n    from aiohttp import web", 2),
    "the sandbox imports calls": ("sandbox/app.py", "from house.acme.calls import x", 1),
    "the sandbox imports what is shared": ("sandbox/app.py", "from house.exceptions import VendorError", 1),
    "the sandbox imports the house": ("sandbox/app.py", "import house", 1),
    "a vendor imports the sandbox": ("acme/hooks.py", "from house.sandbox import app", 1),
    "the house imports the sandbox": ("cli.py", "import house.sandbox.app", 1),
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root / "house"


def test_a_house_in_order_breaks_no_wall(tmp_path):
    assert walls.breaches(build(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("name", "text", "line"), BAD.values(), ids=BAD)
def test_a_breach_is_found_and_named(tmp_path, name, text, line):
    [breach] = walls.breaches(build(tmp_path, {**GOOD, name: text}))
    module = name.removesuffix(".py").replace("/", ".")
    assert breach.startswith(f"house.{module}:{line} imports ")


CIRCLES = {
    "two files": {
        "acme/calls.py": "from house.acme import envelope",
        "acme/envelope.py": "import house.acme.calls",
    },
    "two files, one in a function": {
        "http/call.py": "def f():\n    from house.http.hook import x",
        "http/hook.py": "from house.http.call import y",
    },
    "two files, one for its types": {
        "http/call.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.http import hook",
        "http/hook.py": "from house.http.call import y",
    },
    "two rooms, four files": {
        "http/call.py": "from house.quota import meter",
        "quota/meter.py": "",
        "quota/store.py": "from house.http import hook",
    },
    "a room and a file beside it": {
        "http/call.py": "import house.values",
        "values.py": "import house.http.hook",
    },
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_found(tmp_path, files):
    assert walls.circles(build(tmp_path, GOOD)) == []
    assert len(walls.circles(build(tmp_path, {**GOOD, **files}))) >= 1


# --- what an import loads ----------------------------------------------------------------------------------


def test_the_look_at_what_is_loaded_sees_it():
    assert {"json.tool"} == loaded("import json", "import json.tool") & {"json", "json.tool"}
    assert below(loaded("import airflow_provider.http.sync_client"), *HEAVY) >= {"requests", "urllib3"}


@pytest.mark.parametrize("module", ["airflow_provider", "airflow_provider.get_provider_info"])
def test_what_airflow_loads_at_every_start_is_the_standard_library_alone(module):
    modules = loaded(f"import {module}")
    foreign = {one.split(".")[0] for one in modules} - set(sys.stdlib_module_names) - {"airflow_provider"}
    assert foreign == set()


def test_the_metadata_is_made_of_the_standard_library_alone():
    modules = loaded(
        "from airflow_provider.get_provider_info import get_provider_info", "get_provider_info()"
    )
    assert {one.split(".")[0] for one in modules} <= set(sys.stdlib_module_names) | {"airflow_provider"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_calls_load_neither_airflow_nor_an_http_library(vendor):
    modules = loaded(f"import airflow_provider.{vendor}.calls")
    assert f"airflow_provider.{vendor}.calls" in modules
    assert below(modules, "airflow", "sqlalchemy", "httpx", *HEAVY) == set()
    assert below(modules, *(f"airflow_provider.{other}" for other in VENDORS if other != vendor)) == set()


@pytest.mark.parametrize("module", DAG_MODULES)
def test_a_dag_file_loads_no_http_library_and_no_other_vendor(module):
    modules = loaded("import airflow.sdk", f"import {module}")
    vendor = module.split(".")[1]
    assert module in modules
    assert below(modules, "sqlite3", "sqlalchemy", *HEAVY) == set()
    assert below(modules, "airflow_provider.sandbox") == set()
    assert below(modules, *(f"airflow_provider.{other}" for other in VENDORS if other != vendor)) == set()


@pytest.mark.parametrize("module", DAG_MODULES)
def test_a_dag_that_uses_a_module_loads_no_http_library_either(module):
    vendor = module.split(".")[1]
    make = (
        f"import inspect, {module} as module; "
        "kinds = [one for name, one in vars(module).items() "
        "if inspect.isclass(one) and one.__module__.rpartition('.')[0] == module.__package__ "
        "and (hasattr(one, 'operation') or hasattr(one, 'operations') or not hasattr(one, 'mapping'))]; "
        "assert kinds; "
        "required = lambda one: {name for kind in one.__mro__ if 'airflow_provider' in kind.__module__ "
        "for name, parameter in inspect.signature(kind.__init__).parameters.items() "
        "if parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY}; "
        "given = {'amount': 1, 'records': [], 'resource': 'IssuedInvoices', 'part': 'SellingPrices', 'where': {}}; "
        "value = lambda one, name: next(iter(one.operations)) "
        "if name == 'resource' and hasattr(one, 'operations') else given.get(name, 'x'); "
        "[one(task_id='t', **{name: value(one, name) "
        "for name in required(one) | ({'field', 'value'} & set(inspect.signature(one.__init__).parameters)) "
        "| ({'record_key'} if hasattr(one, 'operations') and 'Create' in one.__name__ else set())}) "
        "for one in kinds]"
    )
    modules = loaded("import airflow.sdk", make)
    assert below(modules, *HEAVY) == set()
    assert below(modules, *(f"airflow_provider.{other}" for other in VENDORS if other != vendor)) == set()
