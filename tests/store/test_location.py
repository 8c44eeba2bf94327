from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.sdk import BaseHook, Connection

from airflow_provider.exceptions import InvalidInput, StoreUnavailable
from airflow_provider.store.location import aconfigured, configured, connection_url, driver_options, located
from airflow_provider.store.location import home as airflow_home


@pytest.mark.parametrize(
    "path", ["/proc/nowhere/ledger.db", "{tmp}/file/ledger.db", "{tmp}/missing/ledger.db"]
)
def test_a_place_where_nothing_can_be_written(monkeypatch, tmp_path, path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", path.format(tmp=tmp_path))
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        configured()


@pytest.mark.parametrize("home", ["~/af", "$HOME/af", "${PLACE}/af", "$LATER"])
def test_airflow_home_is_read_as_airflow_reads_it(monkeypatch, tmp_path, home):
    """Otherwise it would be another file in each working directory."""
    for name, value in {"HOME": str(tmp_path), "PLACE": str(tmp_path), "LATER": "~/af"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW_HOME", home)
    assert airflow_home() == str(tmp_path / "af")


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


@pytest.mark.parametrize("option", ["ledger", "wallet"])
def test_a_connection_that_is_not_found_is_told_with_the_option_that_names_it(
    airflow_db, monkeypatch, option
):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "nowhere")
    with pytest.raises(
        StoreUnavailable, match=rf'"nowhere", which \[vendor_apis\] {option}_conn_id names'
    ) as raised:
        configured(wallet="nowhere" if option == "wallet" else "")
    assert "AIRFLOW_CONN_NOWHERE" in raised.value.remedy
    if option == "ledger":
        with pytest.raises(StoreUnavailable, match="ledger_conn_id names, is not found"):
            asyncio.run(aconfigured())


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


@pytest.mark.parametrize(
    ("port", "url"), [(5432, "postgresql+psycopg://db:5432"), (3306, "mysql+pymysql://db:3306")]
)
def test_what_airflow_stores_as_generic_is_known_by_its_port(port, url, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in ("psycopg", "pymysql"))
    connection = Connection(conn_id="x", conn_type="generic", host="db", port=port)
    assert connection_url(connection).render_as_string() == url


def test_a_generic_connection_of_another_port_says_what_to_install():
    with pytest.raises(InvalidInput, match="apache-airflow-providers-postgres") as raised:
        connection_url(Connection(conn_id="x", conn_type="generic", host="db"))
    assert "generic" in str(raised.value)


@pytest.mark.parametrize(
    ("driver", "extra", "options"),
    [
        ("postgresql+psycopg", {"sslmode": "require", "cursor": "dictcursor"}, {"sslmode": "require"}),
        ("postgresql+psycopg2", {"options": "-c statement_timeout=1"}, {"options": "-c statement_timeout=1"}),
        ("mysql+pymysql", {"ssl": {"ca": "/ca.pem"}, "sslmode": "x"}, {"ssl": {"ca": "/ca.pem"}}),
        ("mysql+mysqldb", {"ssl_mode": "REQUIRED"}, {"ssl_mode": "REQUIRED"}),
        ("postgresql+psycopg", None, {}),
        ("sqlite", {"sslmode": "require"}, {}),
    ],
)
def test_the_extra_has_options_of_the_driver(driver, extra, options):
    connection = Connection(conn_id="x", conn_type="postgres", extra=extra and json.dumps(extra))
    assert driver_options(connection, sa.make_url(f"{driver}://")) == options


@pytest.mark.parametrize("extra", ["[1]", '"text"', "{", "7"])
def test_an_extra_that_is_no_object(extra):
    connection = Connection(conn_id="x", conn_type="postgres", extra=extra)
    with pytest.raises(InvalidInput, match="not a JSON object"):
        driver_options(connection, sa.make_url("postgresql+psycopg://"))


def test_an_option_of_the_extra_reaches_the_driver(monkeypatch):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID", "ledger")
    extra = {"sslmode": "require", "connect_timeout": 3}
    monkeypatch.setenv(
        "AIRFLOW_CONN_LEDGER", json.dumps({"conn_type": "postgres", "host": "db", "extra": extra})
    )
    database = located(BaseHook.get_connection)
    seen: dict[str, Any] = {}

    @sa.event.listens_for(database.engine, "do_connect")
    def note(dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> None:
        seen.update(options)
        raise sa.exc.OperationalError("", {}, Exception("not here"))

    with pytest.raises(StoreUnavailable):
        database.exists()
    assert (seen["sslmode"], seen["connect_timeout"]) == ("require", 3)
