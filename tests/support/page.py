"""Rows for the operations page, in the databases of a test, and those that the page shows."""

from __future__ import annotations

import json
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider.store.engine import Database
from airflow_provider.store.tables import batch, ledger, quota, quota_day

SCRIPT = "<script>alert(1)</script>"
"""What nothing on the page may run."""


def add_unknown(
    database: Database, key: str, *, state: str = "unknown", age: float = 60.0, **fields: Any
) -> str:
    """Add a record of unknown outcome; return the id of its row."""
    now = time.time()
    row = {
        "id": uuid.uuid4().hex,
        "conn_id": "imbee_default",
        "operation": "imbee.create_access_token",
        "scope": "",
        "key": json.dumps([key]),
        "state": state,
        "owner": "nobody",
        "lease_until": now,
        "attempts": 1,
        "error": "the connection broke",
        "task": "customers/run_1/tokens",
        "created_at": now - age,
        "updated_at": now - age,
        **fields,
    }
    with database.begin() as connection:
        connection.execute(sa.insert(ledger).values(row))
    return str(row["id"])


def add_batch(database: Database, *, age: float = 60.0, silent: float = 0.0, **fields: Any) -> str:
    """Add a batch; return its id. ``silent``: for so many seconds it has not written."""
    now = time.time()
    state = fields.get("state", "done")
    row = {
        "id": uuid.uuid4().hex,
        "conn_id": "imbee_default",
        "operation": "imbee.create_user",
        "dag_id": "customers",
        "run_id": "run_1",
        "task_id": "users",
        "map_index": -1,
        "try_number": 1,
        "state": state,
        "created": 100,
        "existing": 0,
        "replayed": 0,
        "failed": 0,
        "unknown": 0,
        "fraction": 0.25 if state == "running" else 1.0,
        "started_at": now - age,
        "updated_at": now - silent,
        "ended_at": None if state == "running" else now - age / 2,
        **fields,
    }
    with database.begin() as connection:
        connection.execute(sa.insert(batch).values(row))
    return str(row["id"])


def add_quota(database: Database, **fields: Any) -> str:
    """Add a quota and some days of it; return its account."""
    now = time.time()
    row = {
        "account": uuid.uuid4().hex,
        "conn_id": "wolkvox_default",
        "vendor": "wolkvox",
        "granted": 1000,
        "used": 900,
        "remaining": 100,
        "resets_at": now + 3600,
        "observed_at": now - 60,
        "source": "probe",
        "counted": 10,
        "day": datetime.now(UTC).date().isoformat(),
        "day_sent": 7,
        **fields,
    }
    days = [
        {
            "account": row["account"],
            "day": datetime.fromtimestamp(now - 86400 * number, UTC).date().isoformat(),
            "sent": 100 * number,
            "granted": 1000,
            "remaining": 1000 - 100 * number,
        }
        for number in range(1, 6)
    ]
    with database.begin() as connection:
        connection.execute(sa.insert(quota).values(row))
        connection.execute(sa.insert(quota_day), days)
    return str(row["account"])


def add_delivery(**fields: Any) -> int:
    """Add a delivery to Airflow's database; return its id."""
    from airflow.utils.session import create_session

    from airflow_provider.events.table import Delivery

    values = {
        "conn_id": "mobadoo_default",
        "vendor": "mobadoo",
        "source": "webhook",
        "family": "MODEL_CHANGED",
        "group_key": "videogame",
        "thing": "Match/7",
        "digest": uuid.uuid4().hex,
        "epoch": 0,
        "received_at": datetime.now(UTC),
        "payload": {"name": "a match"},
        "payload_truncated": False,
        "assets": ["mobadoo/mobadoo_default"],
        "outcome": "no_subscribers",
        "events": [],
        **fields,
    }
    with create_session(scoped=False) as session:
        row = Delivery(**values)
        session.add(row)
        session.flush()
        return int(row.id)


def rows(page: Any) -> list[str]:
    """Return the rows of a page's tables as text."""
    assert page.status_code == 200, page.text
    bodies = re.findall(r"<tbody>(.*?)</tbody>", page.text, re.S)
    found = [row for body in bodies for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)]
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found if "colspan" not in row]


def add_note(book: Any, **fields: Any) -> str:
    """Add what a wallet's books cannot follow; return the id of its row."""
    from airflow_provider.store.tables import wallet_note

    values: dict[str, Any] = {
        "player": "ann",
        "ticket": "t-1",
        "kind": "contradiction",
        "movement": "settle",
        "amount": "5.00",
    }
    values |= {"conn_id": "mobadoo_default", "state": "refunded", "recorded": "2.50", "times": 2}
    values |= {"created_at": 1.0, "updated_at": 1.0, **fields}
    id_ = f"note-{time.monotonic_ns()}"
    with book.begin() as connection:
        connection.execute(sa.insert(wallet_note).values(**values, id=id_))
    return id_
