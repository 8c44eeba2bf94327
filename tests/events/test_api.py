"""Who may look at deliveries through the API server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider import plugin
from airflow_provider.events import deliveries

ROWS: list[dict[str, Any]] = [
    {"id": 3, "conn_id": "mobadoo_two", "outcome": "accepted"},
    {"id": 2, "conn_id": "mobadoo_one", "outcome": "accepted"},
]


@pytest.fixture(scope="module")
def client(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API server with the plugin, and people with different roles."""
    from starlette.testclient import TestClient

    passwords = tmp_path_factory.mktemp("passwords") / "passwords.json"
    passwords.write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
        plugin._apps.cache_clear()
        apps = plugin.VendorApisPlugin().fastapi_apps
        plugin._apps.cache_clear()
        patch.setattr("airflow.plugins_manager.get_fastapi_plugins", lambda: (apps, []))
        from airflow.api_fastapi.app import create_app, purge_cached_app

        with TestClient(create_app(apps="core")) as found:
            yield found
        purge_cached_app()


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(*, conn_ids: list[str], limit: int, before: int | None) -> list[dict[str, Any]]:
        assert limit == deliveries.PAGE
        return [row for row in ROWS if row["conn_id"] in conn_ids and (before is None or row["id"] < before)]

    monkeypatch.setattr(deliveries, "known_connections", lambda: ["mobadoo_one", "mobadoo_two"])
    monkeypatch.setattr(deliveries, "list_deliveries", listed)
    monkeypatch.setattr(
        deliveries, "show_delivery", lambda number: next((row for row in ROWS if row["id"] == number), None)
    )


def headers(role: str, **attributes: Any) -> dict[str, str]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=role, role=role, **attributes)
    return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}


def get(client: Any, path: str, role: str | None, **parameters: Any) -> Any:
    url = f"/vendor-apis/api/deliveries{path}"
    return client.get(url, params=parameters, headers=headers(role) if role else {})


@pytest.mark.parametrize("role", ["admin", "op"])
def test_who_may_look_at_connections_sees_their_deliveries(client, role):
    answer = get(client, "", role)
    assert (answer.status_code, answer.json()) == (200, {"deliveries": ROWS})
    assert answer.headers["cache-control"] == "no-store"
    assert get(client, "", role, conn_id="mobadoo_one", before=3).json() == {"deliveries": ROWS[1:]}
    assert get(client, "/3", role).json() == ROWS[0]
    assert get(client, "/4", role).status_code == 404


@pytest.mark.parametrize("role", ["user", "viewer"])
def test_who_may_not_sees_none(client, role):
    assert get(client, "", role).json() == {"deliveries": []}
    assert get(client, "", role, conn_id="mobadoo_one").status_code == 403
    assert get(client, "/3", role).status_code == 403


def test_who_may_look_at_one_connection_sees_its_deliveries_alone(client, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    def of_one(*, method: str, details: Any, user: Any) -> bool:
        return method == "GET" and details.conn_id == "mobadoo_one"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_connection", of_one)
    assert get(client, "", "user").json() == {"deliveries": ROWS[1:]}
    assert get(client, "/2", "user").status_code == 200
    assert get(client, "/3", "user").status_code == 403


def test_a_connection_of_a_team_is_shown_to_its_team_alone(client, monkeypatch):
    from airflow.models.connection import Connection

    teams = {"mobadoo_one": "theirs", "mobadoo_two": "ours"}
    monkeypatch.setattr(
        Connection,
        "get_conn_id_to_team_name_mapping",
        staticmethod(lambda conn_ids: {conn_id: teams[conn_id] for conn_id in conn_ids}),
    )
    us = headers("op", teams=["ours"])
    assert client.get("/vendor-apis/api/deliveries", headers=us).json() == {"deliveries": ROWS[:1]}
    assert client.get("/vendor-apis/api/deliveries?conn_id=mobadoo_one", headers=us).status_code == 403
    assert client.get("/vendor-apis/api/deliveries/2", headers=us).status_code == 403
    assert client.get("/vendor-apis/api/deliveries/3", headers=us).json() == ROWS[0]


@pytest.mark.parametrize("path", ["", "/3", "/4"])
def test_who_is_not_logged_in_gets_nothing(client, path):
    assert get(client, path, None).status_code == 401
    assert get(client, path, None, secret="x").status_code == 401


@pytest.mark.parametrize(
    "parameters", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"before": -1}, {"before": 2**63}], ids=str
)
def test_a_parameter_that_cannot_be_is_refused(client, parameters):
    assert get(client, "", "admin", **parameters).status_code == 422


def test_a_database_without_the_table_is_no_error_of_the_server(client, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def missing(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("no such table: vendor_apis_delivery"))

    monkeypatch.setattr(deliveries, "list_deliveries", missing)
    monkeypatch.setattr(deliveries, "show_delivery", missing)
    for path in ("", "/3"):
        answer = get(client, path, "admin")
        assert answer.status_code == 503
        assert "airflow db migrate" in answer.json()["detail"]
        assert "retry-after" in answer.headers


def test_nothing_can_be_changed(client):
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        url = "/vendor-apis/api/deliveries/3"
        assert client.request(method, url, headers=headers("admin")).status_code in (404, 405)
