from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider import plugin
from airflow_provider.store.engine import Database
from tests.support.airflow_databases import empty


@pytest.fixture(scope="session")
def server(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API server with the plugin, and people with different roles."""
    from starlette.testclient import TestClient

    passwords = tmp_path_factory.mktemp("passwords") / "passwords.json"
    passwords.write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "False")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "x" * 64)
        patch.setenv("AIRFLOW__API__SECRET_KEY", "y" * 64)
        plugin._apps.cache_clear()
        apps = plugin.VendorApisPlugin().fastapi_apps
        plugin._apps.cache_clear()
        patch.setattr("airflow.plugins_manager.get_fastapi_plugins", lambda: (apps, []))
        from airflow.api_fastapi.app import create_app, purge_cached_app

        with TestClient(create_app(apps="core"), follow_redirects=False) as found:
            yield found
        purge_cached_app()


@pytest.fixture
def client(server: Any) -> Any:
    empty()
    return server


@pytest.fixture
def book(ledger_path: Path) -> Iterator[Database]:
    """The provider's database, as the page finds it."""
    database = Database(sa.URL.create("sqlite", database=str(ledger_path)), shared=False)
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def look(client: Any) -> Callable[..., Any]:
    """A function that asks for a part of the page as somebody with a role."""

    def look(path: str = "", role: str | None = "admin", **query: Any) -> Any:
        return client.get(f"/vendor-apis/{path}", params=query, headers=login(role) if role else {})

    return look


@pytest.fixture
def press(client: Any) -> Callable[..., Any]:
    """A function that sends a form as somebody with a role, with the token that the page gave them."""

    def press(
        path: str,
        role: str | None = "admin",
        token: str | None = None,
        site: str | None = None,
        **fields: Any,
    ) -> Any:
        own = token_of(role) if token is None and role else token or ""
        headers = {**(login(role) if role else {}), **({"Sec-Fetch-Site": site} if site else {})}
        return client.post(f"/vendor-apis/{path}", data={"token": own, **fields}, headers=headers)

    return press


def login(role: str) -> dict[str, str]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=f"{role}_name", role=role)
    return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}


def token_of(role: str) -> str:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from airflow_provider.pages.access import Viewer

    return Viewer(SimpleAuthManagerUser(username=f"{role}_name", role=role)).token()
