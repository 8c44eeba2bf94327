"""Many processes that prepare the same database in the same moment.

``python -m tests.support.crowd URL NUMBER`` prints their exit codes as JSON in the last line.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import sqlalchemy as sa

from airflow_provider.ledger.ledger import ClaimStatus, Ledger
from airflow_provider.ledger.owner import new_owner
from airflow_provider.store.engine import Database

# Imported before the processes part, so that they meet in the database and not at the import.
from airflow_provider.store.migrations import env  # noqa: F401


def prepare(url: sa.URL, number: int) -> None:
    database = Database(url, shared=True)
    database.prepare()
    ledger = Ledger("c", "o", "", "t", new_owner(), 60.0, once=True)
    claims = database.run(lambda connection: ledger.claim(connection, [(f"own-{number}",), ("everybody's",)]))
    standings = {id_: claim.status for id_, claim in claims.items()}
    assert standings[ledger.id_of((f"own-{number}",))] is ClaimStatus.TAKEN
    if standings[ledger.id_of(("everybody's",))] is ClaimStatus.TAKEN:
        print("taken", flush=True)


def main(url: str, number: int) -> list[int]:
    gate, opener = os.pipe()
    children = []
    for index in range(number):
        child = os.fork()
        if not child:
            status = 1
            try:
                os.close(opener)
                # Everybody waits here until the last end of the pipe is closed.
                os.read(gate, 1)
                prepare(sa.make_url(url), index)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(child)
    os.close(opener)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
