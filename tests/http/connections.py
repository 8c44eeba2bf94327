"""Connections as people enter them, and what is read of them."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import Connection

from airflow_provider.imbee.connection import ImbeeOptions
from airflow_provider.wolkvox.connection import WolkvoxOptions

SECRET = "s3cr3t-value"

IMBEE: dict[str, Any] = {
    "conn_type": "imbee",
    "host": "imbee.example.com",
    "password": "Basic " + SECRET,
    "extra": {"corporate_token": "corporate-" + SECRET},
}
WOLKVOX = {
    "conn_type": "wolkvox",
    "host": "crm0001.wolkvox.com",
    "login": "demo",
    "password": "token-" + SECRET,
    "extra": {},
}


def connection(base: dict[str, Any], **changes: Any) -> Connection:
    fields = {**base, **changes}
    extra = fields.pop("extra")
    text = extra if isinstance(extra, str) else json.dumps(extra)
    return Connection(conn_id="mine", extra=text, **fields)


def imbee(extra: dict[str, Any] | None = None, **changes: Any) -> ImbeeOptions:
    return ImbeeOptions.read(connection(IMBEE, extra={**IMBEE["extra"], **(extra or {})}, **changes))


def wolkvox(extra: dict[str, Any] | None = None, **changes: Any) -> WolkvoxOptions:
    return WolkvoxOptions.read(connection(WOLKVOX, extra=extra or {}, **changes))


def read_uri(uri: str) -> ImbeeOptions:
    return ImbeeOptions.read(Connection.from_uri(uri, conn_id="mine"))
