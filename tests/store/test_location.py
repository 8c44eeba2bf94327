from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store.location import configured, connection_url


@pytest.mark.parametrize(
    "path", ["/proc/nowhere/ledger.db", "{tmp}/file/ledger.db", "{tmp}/missing/ledger.db"]
)
def test_a_place_where_nothing_can_be_written(monkeypatch, tmp_path, path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", path.format(tmp=tmp_path))
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        configured()


def test_without_configuration_it_is_a_file_under_airflow_home(monkeypatch, tmp_path):
    monkeypatch.delenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    database = configured()
    assert (database.place, database.shared) == (str(tmp_path / "vendor_apis.db"), False)
    database.close()
    assert (tmp_path / "vendor_apis.db").exists()


# A connection


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (
            {
                "conn_type": "postgres",
                "host": "db",
                "login": "u",
                "password": "p@/:",
                "port": 5433,
                "schema": "s",
            },
            "postgresql+psycopg://u:***@db:5433/s",
        ),
        ({"conn_type": "sqlite", "host": "/srv/ledger.db"}, "sqlite:////srv/ledger.db"),
        ({"conn_type": "Postgres", "host": "db", "schema": "s"}, "postgresql+psycopg://db/s"),
    ],
)
def test_the_url_of_a_connection(connection, url, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "psycopg")
    assert connection_url(Connection(conn_id="x", **connection)).render_as_string() == url


@pytest.mark.parametrize("kind", ["http", "imbee", "mssql", ""])
def test_a_connection_of_the_wrong_type(monkeypatch, kind):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": kind, "host": "db"}))
    with pytest.raises(InvalidInput, match="cannot be a ledger") as raised:
        configured()
    assert raised.value.field == "[vendor_apis] ledger_conn_id"


def test_a_file_is_one_machines_even_if_a_connection_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    path = str(tmp_path / "shared.db")
    monkeypatch.setenv("AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "sqlite", "host": path}))
    database = configured()
    assert (database.place, database.shared) == (path, False)
    database.close()


@pytest.mark.parametrize("host", ["ledger.db", "./ledger.db", "~/ledger.db", ":memory:", "", None])
def test_a_connection_to_a_file_has_an_absolute_path(host):
    with pytest.raises(InvalidInput, match="absolute path") as raised:
        connection_url(Connection(conn_id="x", conn_type="sqlite", host=host))
    assert raised.value.field == "[vendor_apis] ledger_conn_id"


def test_a_connection_whose_driver_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="driver") as raised:
        connection_url(Connection(conn_id="x", conn_type="mysql", host="db"))
    assert "pip install pymysql" in str(raised.value)
