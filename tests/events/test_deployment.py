"""The examples of deployment say what the code does."""

from __future__ import annotations

import argparse
import configparser
import importlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider.cli import receive
from airflow_provider.events import body, callbacks, receiver, settings
from airflow_provider.events.intake import STOP_TIMEOUT
from airflow_provider.events.unlogged import PREFIX
from airflow_provider.get_provider_info import get_provider_info
from tests.support.sandbox import ROOT

yaml: Any = importlib.import_module("yaml")
"""It has no types, and Airflow brings it along."""

DEPLOY = ROOT / "docs" / "deploy"
WITHOUT_VARIABLES = {"nginx.conf", "lifecycle.json", "values.yaml"}
ENDS_WITHIN = receive.GRACE + STOP_TIMEOUT
"""Seconds that the process may take to end after SIGTERM."""


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(text("airflow-vendor-apis-receive.service"))
    return parser


@pytest.fixture
def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load(text("compose.yaml"))["services"]
    return services


@pytest.fixture
def kubernetes() -> dict[str, Any]:
    return {one["kind"]: one for one in yaml.safe_load_all(text("kubernetes.yaml"))}


def parsed(words: list[str]) -> argparse.Namespace:
    """Read the arguments that follow ``airflow``, as Airflow does."""
    from airflow.cli.cli_parser import _add_command

    from airflow_provider.cli import get_cli_commands

    parser = argparse.ArgumentParser("airflow")
    for command in get_cli_commands():
        _add_command(parser.add_subparsers(), command)
    return parser.parse_args(words)


def commands() -> Iterator[list[str]]:
    """Find each command of the examples that starts the receiver."""
    for path in DEPLOY.iterdir():
        for found in re.findall(r"vendor-apis[, ]+receive\b(?!\.)[^\n\]]*--[^\n\]]*", path.read_text()):
            yield shlex.split(found.replace(",", " "))


def test_each_command_is_one_that_airflow_takes():
    found = [parsed(words) for words in commands()]
    assert len(found) == 3
    assert {one.func for one in found} == {receive.receive}
    assert {one.port for one in found} == {receive.PORT}


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_each_setting_exists(path):
    named = re.findall(r"AIRFLOW__VENDOR_APIS__([A-Z_]+)", path.read_text(encoding="utf-8"))
    assert {name.lower() for name in named} <= set(get_provider_info()["config"][settings.SECTION]["options"])
    assert bool(named) is (path.name not in WITHOUT_VARIABLES)


def test_where_the_process_receives_the_api_server_does_not(compose):
    for name in ("vendor-apis-receive", "airflow-apiserver"):
        assert compose[name]["environment"]["AIRFLOW__VENDOR_APIS__RECEIVER"] == "process"


def test_nobody_kills_the_process_while_it_stores(unit, compose, kubernetes):
    assert int(unit["Service"]["TimeoutStopSec"]) >= ENDS_WITHIN
    assert int(compose["vendor-apis-receive"]["stop_grace_period"].removesuffix("s")) >= ENDS_WITHIN
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= ENDS_WITHIN


def test_the_probes_ask_for_the_health_of_the_process(compose, kubernetes):
    [container] = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    for probe in (container["readinessProbe"], container["livenessProbe"]):
        assert probe["httpGet"] == {"path": f"{PREFIX}/health", "port": "http"}
    assert (
        f"http://127.0.0.1:{receive.PORT}{PREFIX}/health"
        in compose["vendor-apis-receive"]["healthcheck"]["test"][3]
    )
    assert container["ports"] == [{"name": "http", "containerPort": receive.PORT}]


def caddyfile() -> str:
    """What the proxy of Docker Compose is told."""
    return str(yaml.safe_load(text("compose.yaml"))["configs"]["vendor-apis-proxy"]["content"])


def test_nothing_but_what_vendors_send_is_reached_from_outside(kubernetes):
    paths = [
        path["path"] for rule in kubernetes["Ingress"]["spec"]["rules"] for path in rule["http"]["paths"]
    ]
    assert paths == [f"{PREFIX}/webhooks/", f"{PREFIX}/callbacks/"]
    assert re.findall(r"@vendors path (.*)", caddyfile()) == [f"{PREFIX}/webhooks/* {PREFIX}/callbacks/*"]
    assert [*locations()] == [f"{PREFIX}/webhooks/", f"{PREFIX}/callbacks/", "/"]


def locations():
    """What the proxy lets through, and how."""
    return dict(re.findall(r"location (\S+) \{(.*?)\n    \}", text("nginx.conf"), re.DOTALL))


def test_the_proxy_writes_no_path_that_may_have_the_secret(kubernetes):
    assert "access_log off;" in locations()[f"{PREFIX}/callbacks/"]
    assert "access_log off;" in locations()["/"]
    annotations = kubernetes["Ingress"]["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/enable-access-log"] == "false"
    # Caddy quotes the address in what it logs of an upstream that is away, and of one that breaks off.
    assert "exclude http.log.error http.handlers.reverse_proxy\n" in caddyfile()
    assert caddyfile().count("log {") == 1


def test_callbacks_can_be_answered_where_the_examples_run():
    for name in ("compose.yaml", "kubernetes.yaml"):
        commented = set(re.findall(r"# .*AIRFLOW__VENDOR_APIS__([A-Z_]+)", text(name)))
        assert commented == {"LEDGER_CONN_ID", "CALLBACKS", "WALLET"}


def test_the_log_of_the_proxy_has_no_query():
    [written] = re.findall(r"log_format without_query '(.*)'", text("nginx.conf"))
    assert not {"$request", "$request_uri", "$args", "$query_string"} & set(re.findall(r"\$\w+", written))
    assert "access_log /var/log/nginx/webhooks.log without_query;" in text("nginx.conf")


def test_the_proxy_waits_longer_than_the_receiver():
    webhooks, calls = re.findall(r"proxy_read_timeout (\d+)s", text("nginx.conf"))
    assert int(webhooks) > receiver.STORED_WITHIN + body.SECONDS
    assert int(calls) > callbacks.ANSWERED_WITHIN + receiver.STORED_WITHIN + body.SECONDS
    assert settings.OPTIONS["webhook_max_body_bytes"]["default"] == str(1024 * 1024)
    assert "client_max_body_size  1m;" in text("nginx.conf")
