"""Airflow's web UI for a test: the API server alone, and what it has stored."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from cryptography.fernet import Fernet

from tests.support.scheduler import Scheduler


class WebAirflow(Scheduler):
    """Airflow's API server with its web UI, where everybody is an admin and connections can be tested."""

    components = ("api-server",)

    def __init__(self) -> None:
        super().__init__("", (), {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"})

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._url

    def add_connection(self, conn_id: str, /, *, extra: dict[str, Any] | None = None, **fields: Any) -> None:
        """Store a connection, as a script does through the REST API."""
        self._api(
            "POST", "connections", {"connection_id": conn_id, "extra": json.dumps(extra or {}), **fields}
        )

    def stored_connection(self, conn_id: str) -> dict[str, Any]:
        """Return what the database has of a connection, decrypted; what is empty is left out."""
        fernet = Fernet(self._environment["AIRFLOW__CORE__FERNET_KEY"])
        columns = ("conn_type", "description", "host", "login", "schema", "port", "password", "extra")
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            query = f"SELECT {', '.join(columns)} FROM connection WHERE conn_id = ?"
            [row] = database.execute(query, [conn_id]).fetchall()
        found = dict(zip(columns, row, strict=True))
        for name in ("password", "extra"):
            if found[name]:
                found[name] = fernet.decrypt(found[name].encode()).decode()
        extra = json.loads(found["extra"] or "{}")
        found["extra"] = {name: value for name, value in extra.items() if value is not None}
        return {name: value for name, value in found.items() if value not in (None, "")}
