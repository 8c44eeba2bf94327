"""The socket of a connection: where it leads, and whose certificates it trusts."""

from __future__ import annotations

import asyncio
from typing import Any

import certifi
import pytest

from airflow_provider.events.stream import Target
from airflow_provider.events.triggers import WebSocketEventTrigger
from airflow_provider.exceptions import InvalidInput


@pytest.fixture
def target(set_connection):
    """A function that reads a connection of a socket with an extra."""

    def read(**extra: Any) -> Target:
        set_connection("feed", conn_type="http", host="wss://feed.example.com/x", password="s", extra=extra)
        trigger = WebSocketEventTrigger("feed")
        return asyncio.run(trigger.feed(trigger._values).target())

    return read


@pytest.mark.parametrize(
    ("extra", "verify"),
    [
        ({}, True),
        ({"verify": None}, True),
        ({"verify": ""}, True),
        ({"verify": True}, True),
        ({"verify": False}, False),
        # As a URI has it.
        ({"verify": "true"}, True),
        ({"verify": "False"}, False),
        ({"verify": certifi.where()}, certifi.where()),
    ],
)
def test_whether_certificates_are_verified_may_come_as_text(target, extra, verify):
    assert target(**extra).verify == verify


@pytest.mark.parametrize("verify", ["/no/such/file", "perhaps", {"a": 1}])
def test_what_names_no_certificates_is_an_error_before_the_socket_is_opened(target, verify):
    with pytest.raises(InvalidInput, match="the path of a file that is there") as raised:
        target(verify=verify)
    assert raised.value.field == "verify"
    assert "/no/such" not in str(raised.value)
