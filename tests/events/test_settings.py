"""The options in ``[vendor_apis]``."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from airflow_provider.events.settings import OPTIONS, SECTION, Settings, load, read
from airflow_provider.exceptions import InvalidInput
from airflow_provider.get_provider_info import get_provider_info

DEFAULTS = Settings(
    receiver="api-server",
    webhook_connections=(),
    webhook_max_body_bytes=1048576,
    webhook_max_event_bytes=65536,
    webhook_rate_limit=0,
    webhook_repeat_window=3600,
    webhook_keep_days=30,
    webhook_writers=1,
    webhook_queue=1000,
    callbacks=False,
    wallet="",
    wallet_conn_id="",
)


def test_nothing_needs_to_be_configured():
    assert load() == read({}) == DEFAULTS


def test_the_metadata_has_every_option():
    described = get_provider_info()["config"][SECTION]["options"]
    assert {field.name for field in fields(Settings)} == set(OPTIONS) <= set(described)


def test_airflows_configuration_is_read(monkeypatch):
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS", " acme_orders, acme_stock,acme_orders ,")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__CALLBACKS", "true")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WALLET", "my_company.Wallet")
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__WEBHOOK_WRITERS", "4")
    loaded = load()
    assert loaded.webhook_connections == ("acme_orders", "acme_stock")
    assert loaded.callbacks is True
    assert loaded.webhook_writers == 4


def test_an_empty_option_is_its_default():
    assert read({"webhook_queue": "", "receiver": ""}) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("receiver", "apiserver", "is none of api-server, process, off"),
        ("webhook_queue", "many", "is no whole number"),
        ("webhook_queue", "0", "is less than 1"),
        ("webhook_writers", "-1", "is less than 1"),
        ("webhook_keep_days", "-1", "is less than 0"),
        ("webhook_repeat_window", "1.5", "is no whole number"),
        ("webhook_repeat_window", "99999999999999", "is more than 315360000"),
        ("webhook_keep_days", "999999999", "is more than 36500"),
        ("webhook_writers", "101", "is more than 100"),
        ("callbacks", "maybe", "is neither True nor False"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_option(name, value, fault):
    with pytest.raises(InvalidInput) as caught:
        read({name: value})
    assert str(caught.value).startswith(f"[vendor_apis] {name} {fault}")
    assert f"AIRFLOW__VENDOR_APIS__{name.upper()}" in str(caught.value)


def test_the_options_load_nothing_but_the_standard_library():
    code = "import sys, airflow_provider.events.settings; print('airflow' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_callbacks_without_a_wallet_are_refused_by_the_name_of_the_option():
    with pytest.raises(InvalidInput, match="wallet is empty although callbacks is True") as error:
        read({"callbacks": "True"})
    assert error.value.field == "[vendor_apis] wallet"
