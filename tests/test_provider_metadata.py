"""What Airflow knows of this provider without importing it, and what it makes of that."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator, Connection

from airflow_provider import __version__
from airflow_provider.get_provider_info import get_provider_info
from airflow_provider.http.options import VendorOptions
from airflow_provider.imbee.connection import ImbeeOptions
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.mobadoo.connection import MobadooOptions
from airflow_provider.mobadoo.hooks import MobadooHook
from airflow_provider.mpohoda.connection import MpohodaOptions
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.wolkvox.connection import WolkvoxOptions
from airflow_provider.wolkvox.hooks import WolkvoxHook

DISTRIBUTION = "airflow-provider-vendor-apis"
INFO = get_provider_info()
TYPES = INFO["connection-types"]
CONNECTION_TYPES = {entry["connection-type"]: entry for entry in TYPES}
VENDORS: dict[str, tuple[type[VendorOptions], Any]] = {
    "imbee": (ImbeeOptions, ImbeeHook),
    "mobadoo": (MobadooOptions, MobadooHook),
    "mpohoda": (MpohodaOptions, MpohodaHook),
    "wolkvox": (WolkvoxOptions, WolkvoxHook),
}
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def airflows_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((Path(airflow.__path__[0]) / name).read_text())
    return schema


# --- the metadata ------------------------------------------------------------------------------------------


def test_the_metadata_follows_airflows_schema():
    jsonschema.validate(INFO, airflows_schema("provider_info.schema.json"))


def test_the_metadata_is_plain_json():
    assert json.loads(json.dumps(INFO)) == INFO


def strict(schema: Any) -> Any:
    """Return a schema that allows no key that it does not name."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


def test_the_metadata_has_no_key_that_airflow_does_not_know():
    schema = strict(airflows_schema("provider_info.schema.json"))
    # The details of the form and the versions are described in the schema of provider.yaml only.
    assert "versions" in airflows_schema("provider.yaml.schema.json")["properties"]
    types = [{name: entry[name] for name in ("connection-type", "hook-class-name")} for entry in TYPES]
    known = {name: value for name, value in INFO.items() if name != "versions"} | {"connection-types": types}
    jsonschema.validate(known, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**known, "connection-tpyes": types}, schema)


@every_vendor
def test_the_connection_form_follows_airflows_schema(vendor):
    schema = airflows_schema("provider.yaml.schema.json")
    form = {**schema["properties"]["connection-types"], "definitions": schema.get("definitions", {})}
    entry = dict(CONNECTION_TYPES[vendor])
    if "hook-name" not in form["items"]["properties"]:
        # Airflow 3.2 reads it, but its schema does not name it.
        del entry["hook-name"]
    jsonschema.validate([entry], form)
    jsonschema.validate([entry], strict(form))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"connection-type": 1},
        {"conn-fields": {"timeout": {"label": 1}}},
        {"ui-field-behaviour": {"hidden-fields": "port"}},
    ],
    ids=str,
)
def test_the_schema_of_the_form_would_notice_a_mistake(spoiled):
    schema = airflows_schema("provider.yaml.schema.json")["properties"]["connection-types"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{**CONNECTION_TYPES["imbee"], **spoiled}], schema)


def test_the_package_name_is_that_of_the_installed_distribution():
    assert importlib.metadata.version(INFO["package-name"]) == __version__ == INFO["versions"][0]
    entries = importlib.metadata.distribution(INFO["package-name"]).entry_points
    [entry] = [entry for entry in entries if entry.group == "apache_airflow_provider"]
    assert entry.load()() == INFO


@pytest.mark.parametrize(
    ("kind", "base"),
    [("hooks", BaseHook), ("operators", BaseOperator), ("sensors", BaseSensorOperator)],
)
def test_every_module_of_the_metadata_has_what_it_is_listed_for(kind, base):
    integrations = {integration["integration-name"] for integration in INFO["integrations"]}
    for entry in INFO[kind]:
        assert entry["integration-name"] in integrations
        for name in entry["python-modules"]:
            module = importlib.import_module(name)
            # Its own, or one of a module beside it that it offers.
            room = name.rpartition(".")[0]
            own = [
                one
                for one in vars(module).values()
                if inspect.isclass(one) and one.__module__.startswith(f"{room}.")
            ]
            assert any(issubclass(one, base) for one in own), name


def test_every_module_of_a_vendor_is_in_the_metadata():
    package = Path(importlib.import_module("airflow_provider").__path__[0])
    for kind in ("hooks", "operators", "sensors", "triggers"):
        listed = {name for entry in INFO.get(kind, []) for name in entry["python-modules"]}
        found = {f"airflow_provider.{path.parent.name}.{kind}" for path in package.glob(f"*/{kind}.py")}
        assert listed == found


# --- hooks and forms ---------------------------------------------------------------------------------------


@every_vendor
def test_the_hook_says_the_same_as_the_metadata(vendor):
    _, hook = VENDORS[vendor]
    entry = CONNECTION_TYPES[vendor]
    assert (hook.conn_type, hook.hook_name) == (vendor, entry["hook-name"])
    assert entry["hook-class-name"] == f"{hook.__module__}.{hook.__qualname__}"
    assert (hook.conn_name_attr, hook.default_conn_name) == (f"{vendor}_conn_id", f"{vendor}_default")
    parameter = inspect.signature(hook).parameters[hook.conn_name_attr]
    assert parameter.default == hook.default_conn_name


@every_vendor
def test_the_form_has_each_field_of_the_options_under_its_label(vendor):
    options, _ = VENDORS[vendor]
    entry = CONNECTION_TYPES[vendor]
    behaviour = entry["ui-field-behaviour"]
    shown = {name: form["label"] for name, form in options.forms().items() if not form["standard"]}
    standard = {form["standard"]: form["label"] for form in options.forms().values() if form["standard"]}
    assert {name: field["label"] for name, field in entry["conn-fields"].items()} == shown
    assert behaviour["relabeling"] == standard
    assert not set(behaviour["hidden-fields"]) & set(standard)
    assert set(behaviour["hidden-fields"]) | set(standard) == {"host", "login", "password", "port", "schema"}


LABELS = {
    "imbee": {"host": "HOST", "password": "Authorization (myAuth)", "port": "Port"},
    "mobadoo": {"host": "Endpoint URL", "password": "Token", "port": "Port"},
    "mpohoda": {
        "host": "API host",
        "login": "Client Id",
        "password": "Client Secret / API key",
        "port": "Port",
    },
    "wolkvox": {
        "host": "Wolkvox-Server",
        "login": "operation",
        "password": "Wolkvox-Token",
        "port": "Port",
    },
}
EXTRAS = {
    "imbee": {"corporate_token": "Corporate token (myCorporateToken)"},
    "mobadoo": {
        "environment": "Environment",
        "client_id": "client_id",
        "profile": "profile",
        "ws_url": "Websocket",
        "online_url": "Online URL",
        "calls": "Calls",
    },
    "mpohoda": {
        "country": "Country",
        "client_authentication": "Client authentication",
        "mcal_extensions": "mCAL extensions",
    },
    "wolkvox": {"domain": "Domain", "information_method": "Method of token information"},
}
SECRET_EXTRAS = {
    "imbee": {"corporate_token", "proxy"},
    "mobadoo": {"webhook_secret", "proxy"},
    "mpohoda": {"proxy"},
    "wolkvox": {"proxy"},
}
REQUIRED = {"imbee": "host", "mobadoo": "password", "mpohoda": "password", "wolkvox": "host"}


@every_vendor
def test_airflow_shows_the_form_in_the_vendors_words(vendor):
    manager = ProvidersManager()
    manager.initialize_providers_hooks()
    behaviour = manager.field_behaviours[vendor]
    assert behaviour["relabeling"] == LABELS[vendor]
    widgets = {
        key.removeprefix(f"extra__{vendor}__"): widget
        for key, widget in manager.connection_form_widgets.items()
        if key.startswith(f"extra__{vendor}__")
    }
    assert EXTRAS[vendor].items() <= {name: label(widget) for name, widget in widgets.items()}.items()
    assert {name for name, widget in widgets.items() if is_password(widget)} == SECRET_EXTRAS[vendor]
    assert {"timeout", "max_connections", "requests_per_second", "verify", "proxy"} <= set(widgets)


def field_of(widget: Any) -> dict[str, Any]:
    field = widget.field
    found: dict[str, Any] = field if isinstance(field, dict) else field.dump()
    return found


def label(widget: Any) -> str:
    return str(field_of(widget)["schema"].get("title"))


def is_password(widget: Any) -> bool:
    return bool(field_of(widget)["schema"].get("format") == "password")


@every_vendor
def test_airflow_finds_the_hook_of_the_connection_type(sandbox, vendor):
    manager = ProvidersManager()
    info = manager.hooks[vendor]
    assert info is not None
    assert (info.package_name, info.hook_name) == (DISTRIBUTION, VENDORS[vendor][1].hook_name)
    hook = BaseHook.get_hook(f"{vendor}_default")
    assert type(hook) is VENDORS[vendor][1]
    assert hook.conn_id == f"{vendor}_default"


# --- the Test button ---------------------------------------------------------------------------------------


def stored(vendor: str) -> Any:
    """Return the connection as the API server has it when somebody presses Test."""
    from airflow.models.connection import Connection as StoredConnection

    sdk = Connection.get(f"{vendor}_default")
    return StoredConnection(
        conn_id=f"{vendor}_default",
        conn_type=vendor,
        host=sdk.host,
        login=sdk.login,
        password=sdk.password,
        extra=sdk.extra,
    )


@every_vendor
def test_the_test_button_works_and_says_what_it_checked(sandbox, vendor):
    works, message = stored(vendor).test_connection()
    assert works, message
    assert ("credentials were not checked" in message) == (vendor == "imbee")
    assert [request["method"] for request in sandbox.requests()] == ["HEAD" if vendor == "imbee" else "GET"]
    assert sandbox.state()["imbee"] == {"users": 0, "chats": 0, "tokens": 0, "messages": 0}


@every_vendor
def test_the_test_button_says_what_is_wrong(sandbox, set_connection, vendor):
    set_connection(f"{vendor}_default", **{REQUIRED[vendor]: None})
    works, message = stored(vendor).test_connection()
    assert not works
    assert f'"{LABELS[vendor][REQUIRED[vendor]]}" is missing' in message
    assert sandbox.requests() == []


def test_the_test_button_notices_a_refused_token(sandbox, set_connection):
    set_connection("wolkvox_default", password="another-token-altogether")
    works, message = stored("wolkvox").test_connection()
    assert not works
    assert "Wolkvox-Token" in message
    assert "another-token-altogether" not in message


# --- the command line --------------------------------------------------------------------------------------


def test_airflow_lists_the_provider(airflow_db):
    command = [sys.executable, "-m", "airflow", "providers", "list", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    listed = {row["package_name"]: row for row in json.loads(done.stdout[done.stdout.index("[{") :])}
    assert listed[DISTRIBUTION]["version"] == __version__
    for name in ("Imbee", "Mobadoo", "mPOHODA", "wolkvox CRM"):
        assert name in listed[DISTRIBUTION]["description"]


def test_airflow_takes_no_default_of_a_form_for_a_secret():
    """Else it would put three asterisks in place of that very word in every log."""
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    hidden = {
        f"{form['connection-type']}.{name}"
        for form in INFO["connection-types"]
        for name, field in form["conn-fields"].items()
        if should_hide_value_for_key(name) and len(str(field["schema"].get("default") or "")) >= 5
    }
    assert hidden == set()
