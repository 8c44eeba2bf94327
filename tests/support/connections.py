"""Connections for one test, in the environment, where Airflow looks for them first."""

from __future__ import annotations

import json
import os
from typing import Any, Protocol

import pytest


class SetConnection(Protocol):
    def __call__(self, conn_id: str, /, *, extra: dict[str, Any] | None = None, **fields: Any) -> None: ...


def connection_setter(monkeypatch: pytest.MonkeyPatch) -> SetConnection:
    """
    Return a function that sets a connection, or changes the one that is there.

    ``set_connection("imbee_default", password="x", extra={"timeout": 1})`` replaces these values and keeps
    the others; None takes one away.
    """

    def set_connection(conn_id: str, /, *, extra: dict[str, Any] | None = None, **fields: Any) -> None:
        name = f"AIRFLOW_CONN_{conn_id.upper()}"
        connection = json.loads(os.environ.get(name, "{}"))
        extras = _merged(connection.get("extra") or {}, extra or {})
        monkeypatch.setenv(name, json.dumps({**_merged(connection, fields), "extra": extras}))

    return set_connection


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **new}.items() if value is not None}
