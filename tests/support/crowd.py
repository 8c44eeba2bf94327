"""Many processes that prepare the same database in the same moment.

``python -m tests.support.crowd URL NUMBER`` prints as JSON, in the last line, which of them took the key that all of
them claim.
"""

from __future__ import annotations

import json
import sys

import sqlalchemy as sa

from airflow_provider.ledger.ledger import ClaimStatus, Ledger
from airflow_provider.processes import new_owner
from airflow_provider.store.engine import Database

# Imported before the processes part, so that they meet in the database and not at the import.
from airflow_provider.store.migrations import env  # noqa: F401
from tests.support.processes import crowd


def prepare(url: sa.URL, number: int) -> bool:
    database = Database(url, shared=True)
    database.prepare()
    ledger = Ledger("c", "o", "", "t", new_owner(), 60.0, once=True)
    claims = database.run(lambda connection: ledger.claim(connection, [(f"own-{number}",), ("everybody's",)]))
    found = {id_: claim.status for id_, claim in claims.items()}
    assert found[ledger.id_of((f"own-{number}",))] is ClaimStatus.TAKEN
    return found[ledger.id_of(("everybody's",))] is ClaimStatus.TAKEN


if __name__ == "__main__":
    url = sa.make_url(sys.argv[1])
    print(json.dumps(crowd(int(sys.argv[2]), lambda number: prepare(url, number))))
