"""What a year of rows takes in PostgreSQL, indexes included.

``python benchmarks/table_sizes.py`` writes rows of each kind into a PostgreSQL of its own.
It prints the bytes that one takes, and what a million of them take.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.environment import isolate  # noqa: E402

GROUP = 1000
RUN = "provision/scheduled__2026-11-26T04:00:00+00:00/create_users"


def user(number: int) -> tuple[str, list[str], dict[str, Any]]:
    """Return operation, key and result of a user, whose password and key are sealed."""
    from airflow_provider.secrets import seal

    hash_ = f"{number:040x}"
    secret = {"password": seal("p" * 24), "apikey": seal("k" * 40)}
    result = {"unique_id_sha": hash_, "virtual_user": hash_, "previously_registered": False, **secret}
    return "imbee.create_user", [hash_], result


def token(number: int) -> tuple[str, list[str], dict[str, Any]]:
    """Return operation, key and result of an access token, whose URL is sealed."""
    from airflow_provider.secrets import seal

    key = [f"{number:040x}", f"customer-{number}@example.com", "", "bot"]
    url = seal("https://web.example.com/?t=" + "x" * 64)
    return "imbee.create_access_token", key, {"url": url, "user_idsha": key[0], "max_retries": 10}


def record(number: int) -> tuple[str, list[str], dict[str, Any]]:
    """Return operation, key and result of a record of wolkvox, without secrets."""
    return "wolkvox.insert_record", ["contacts", f"{number:012}"], {"code": 0, "wolkvox_id": f"{number:024}"}


def ledger_size(server: Any, make: Any, rows: int) -> float:
    """Write finished rows into the ledger, and return the bytes that one takes."""
    from airflow_provider.ledger.ledger import Completion, Ledger
    from airflow_provider.store.engine import Database
    from airflow_provider.store.tables import ledger as table

    database = Database(server.url, shared=True)
    database.prepare()
    server.execute(f"TRUNCATE {table.name}")
    operation = make(0)[0]
    ledger = Ledger(
        "imbee_default", operation, RUN, RUN, "worker-1/7982/415614/6cdd2bcd843f4b60", 300.0, False
    )
    for first in range(0, rows, GROUP):
        made = [make(number) for number in range(first, first + GROUP)]
        database.run(lambda connection, made=made: ledger.claim(connection, [key for _, key, _ in made]))
        ends = [Completion(ledger.id_of(key), "done", result=result) for _, key, result in made]
        database.run(lambda connection, ends=ends: ledger.settle(connection, ends))
    database.close()
    return size(server, table.name) / rows


def delivery_size(server: Any, rows: int) -> float:
    """Write deliveries with a payload of 600 bytes, and return the bytes that one takes."""
    import sqlalchemy as sa

    from airflow_provider.events.table import Base, Delivery

    engine = sa.create_engine(server.url)
    Base.metadata.create_all(engine)
    asset = {"event": 123456, "asset": 12, "name": "mobadoo://mobadoo_default/matches/football", "dags": []}
    with engine.begin() as connection:
        for first in range(0, rows, GROUP):
            connection.execute(
                sa.insert(Delivery),
                [
                    {
                        "conn_id": "mobadoo_default",
                        "vendor": "mobadoo",
                        "source": "webhook",
                        "family": "match",
                        "group_key": "football",
                        "thing": f"match/{number}",
                        "digest": f"{number:064x}",
                        "epoch": 0,
                        "received_at": datetime.now(UTC),
                        "payload": {"type": "match", "id": number, "text": "n" * 560},
                        "payload_truncated": False,
                        "assets": [asset["name"]],
                        "outcome": "accepted",
                        "events": [asset],
                    }
                    for number in range(first, first + GROUP)
                ],
            )
    engine.dispose()
    return size(server, Delivery.__tablename__) / rows


def size(server: Any, table: str) -> int:
    """Return the bytes of a table with its indexes and long values, after its dead rows are cleared."""
    server.execute(f"VACUUM {table}")
    [(found,)] = server.execute(f"SELECT pg_total_relation_size('{table}')")
    return int(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="rows of each kind (default: 100000)")
    rows = parser.parse_args().rows // GROUP * GROUP
    with tempfile.TemporaryDirectory() as home:
        isolate(os.environ, Path(home))
        from tests.support.postgres import postgres

        with postgres() as server:
            found = {
                "ledger: user, two sealed values": ledger_size(server, user, rows),
                "ledger: access token, one sealed value": ledger_size(server, token, rows),
                "ledger: wolkvox record, no secrets": ledger_size(server, record, rows),
                "delivery of a webhook, 600 bytes": delivery_size(server, rows),
            }
    print(f"{'row':42}{'bytes':>8}{'a million':>14}")
    for name, size_ in found.items():
        print(f"{name:42}{size_:8,.0f}{size_:11,.0f} MB")


if __name__ == "__main__":
    main()
