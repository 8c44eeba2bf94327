"""What Airflow mounts, and what its other processes pay for it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider import plugin
from tests.support.sandbox import ROOT


@pytest.fixture
def apps(airflow_db, monkeypatch):
    """A function that returns what is mounted."""

    def found(**options: str):
        for name, value in options.items():
            monkeypatch.setenv(f"AIRFLOW__VENDOR_APIS__{name.upper()}", value)
        plugin._apps.cache_clear()
        return plugin.VendorApisPlugin().fastapi_apps

    yield found
    plugin._apps.cache_clear()


def paths(app) -> set[str]:
    return {route.path for route in app.routes}


def request(apps, path: str, prefix: str = "/vendor-apis") -> tuple[int, str]:
    """Send a request as Airflow would get it; return the status, and what its access log has of the address."""
    import asyncio
    from urllib.parse import unquote

    server = Starlette(routes=[Mount(one["url_prefix"], one["app"]) for one in apps])
    for one in plugin.VendorApisPlugin().fastapi_root_middlewares:
        server.add_middleware(one["middleware"], *one.get("args", []), **one.get("kwargs", {}))
    raw, _, query = f"{prefix}{path}".partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message) -> None:
        sent.append(message)

    asyncio.run(server(scope, receive, send))
    return sent[0]["status"], "?".join(filter(None, (scope["path"], scope["query_string"].decode())))


def test_the_receiver_is_in_the_api_server_unless_configured_otherwise(apps):
    [mounted] = apps()
    assert (mounted["url_prefix"], mounted["name"]) == ("/vendor-apis", "Vendor APIs")
    assert paths(mounted["app"]) >= {"", "/api/deliveries"}


def test_what_has_come_is_shown_also_where_another_process_receives_it(apps):
    [mounted] = apps(receiver="process")
    assert "/api/deliveries" in paths(mounted["app"])
    assert "" not in paths(mounted["app"])


@pytest.mark.parametrize("options", [{"receiver": "off"}, {"webhook_rate_limit": "many"}], ids=str)
def test_without_a_receiver_only_what_people_look_at_is_mounted(apps, options):
    [mounted] = apps(**options)
    assert paths(mounted["app"]) >= {"/", "/unknown", "/api/deliveries"}
    assert "" not in paths(mounted["app"])


SECRET_PATH = "/callbacks/mobadoo_default/canary-path/credit?hash=canary-session"


@pytest.mark.parametrize(
    "options",
    [{}, {"receiver": "process"}, {"receiver": "off"}, {"webhook_rate_limit": "many"}],
    ids=str,
)
def test_a_secret_is_kept_out_of_the_log_also_where_nothing_is_received(apps, options):
    """A vendor may go on calling the API server when a process of its own has taken over."""
    status, logged = request(apps(webhook_connections="mobadoo_default", **options), SECRET_PATH)
    assert status == 404
    assert "canary" not in logged
    assert logged.startswith("/vendor-apis/")


@pytest.mark.parametrize(
    "path",
    [
        f"//vendor-apis{SECRET_PATH}",
        f"/Vendor-APIs{SECRET_PATH}",
        f"/airflow/vendor-apis{SECRET_PATH}",
        f"/vendor-apis/{SECRET_PATH}",
        f"/%2Fvendor-apis{SECRET_PATH}",
        SECRET_PATH,
        f"/{SECRET_PATH}",
    ],
)
def test_a_secret_in_an_address_that_is_not_quite_right_is_kept_out_of_the_log(apps, path):
    status, logged = request(apps(webhook_connections="mobadoo_default"), path, prefix="")
    assert status == 404
    assert "canary" not in logged
    assert "***" in logged


@pytest.mark.parametrize(
    "path", ["/plugin/vendor-apis", "/plugin/vendor-apis/", "/api/v2/dags?x=1", "/vendor-apis/health", "/"]
)
def test_every_other_address_stays_in_the_log(apps, path):
    assert request(apps(), path, prefix="")[1] == path


def test_a_mistake_in_the_configuration_does_not_keep_the_api_server_from_starting(apps, caplog):
    assert len(apps(webhook_rate_limit="many")) == 1
    assert "webhook_rate_limit" in caplog.text


def test_a_wallet_that_cannot_be_made_does_not_keep_the_api_server_from_starting(apps, caplog):
    [mounted] = apps(callbacks="True", wallet="nowhere.Wallet")
    assert "" not in paths(mounted["app"])
    assert "[vendor_apis] wallet names nowhere.Wallet" in caplog.text


@pytest.mark.parametrize(
    ("base_url", "path"), [("http://x/airflow/", "/airflow"), ("http://x", ""), ("", "")]
)
def test_the_page_is_in_the_menu_below_the_path_of_airflow(airflow_db, monkeypatch, base_url, path):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    plugin._views.cache_clear()
    [view] = plugin.VendorApisPlugin().external_views
    plugin._views.cache_clear()
    assert (view["href"], view["destination"]) == (f"{path}/vendor-apis/", "nav")


def test_the_apps_are_made_once(apps):
    assert apps() is plugin.VendorApisPlugin.fastapi_apps


def test_to_make_the_apps_starts_no_thread(apps):
    before = set(threading.enumerate())
    apps(webhook_connections="mobadoo_default")
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize(("receiver", "sweeps"), [("api-server", 1), ("off", 1), ("process", 0)])
def test_gaps_of_sockets_are_told_also_where_nothing_is_received(apps, monkeypatch, receiver, sweeps):
    import asyncio

    from airflow_provider.events import upkeep

    told = threading.Event()
    monkeypatch.setattr(upkeep, "SWEEP_INTERVAL", 0.01)
    monkeypatch.setattr(upkeep, "sweep", lambda: 0)
    monkeypatch.setattr(upkeep, "sweep_watched", lambda: 0)
    monkeypatch.setattr(upkeep, "tell_noted", lambda settings: told.set())
    [mounted] = apps(receiver=receiver)

    async def live() -> bool:
        async with mounted["app"].router.lifespan_context(mounted["app"]):
            return await asyncio.to_thread(told.wait, 10 if sweeps else 0.5)

    assert asyncio.run(live()) == bool(sweeps)
    assert not [thread for thread in threading.enumerate() if thread.name == "vendor-apis-sweep"]


@pytest.mark.parametrize(("listed", "started"), [("mobadoo_default", True), ("", False)])
def test_the_background_works_from_the_start_of_the_server_to_its_end(apps, listed, started):
    import asyncio

    [mounted] = apps(webhook_connections=listed)

    def ours() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("vendor-apis")]

    async def live() -> list[str]:
        # As Airflow does it.
        async with mounted["app"].router.lifespan_context(mounted["app"]):
            return ours()

    names = asyncio.run(live())
    assert any("writer" in name for name in names) is started
    # Where nothing is received, what WebSockets tell is looked after all the same.
    assert names.count("vendor-apis-sweep") == 1
    assert ours() == []


def test_every_other_process_loads_next_to_nothing():
    """Every process imports the plugin: what it needs for its work is imported by the API server alone."""
    script = """
import json, sys, time
import airflow.plugins_manager
from airflow.sdk.plugins_manager import AirflowPlugin
known = set(sys.modules)
import airflow_provider.plugin
print(json.dumps(sorted(set(sys.modules) - known)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded <= {"airflow_provider", "airflow_provider.plugin"}


def test_the_server_emits_what_it_counts(apps, monkeypatch):
    """Airflow prepares the metrics of the task SDK for tasks alone."""
    import asyncio

    from airflow.sdk.observability.metrics import statsd_logger

    emitted: list[tuple[str, dict[str, str]]] = []

    class Backend:
        def incr(self, name: str, *_: object, tags: dict[str, str], **__: object) -> None:
            emitted.append((name, tags))

    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    monkeypatch.setattr(statsd_logger, "get_statsd_logger", Backend)
    from airflow_provider.events.service import Service
    from tests.support.receiving import settings

    service = Service(settings(webhook_connections=""))

    async def live() -> None:
        async with service.running():
            service.receiver.counts.add("refused")

    try:
        asyncio.run(live())
    finally:
        monkeypatch.undo()
        from airflow_provider.http import metrics

        metrics.start()
    assert emitted == [("vendor_apis.webhook.refused", {"outcome": "refused"})]
