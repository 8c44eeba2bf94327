"""Migrations that are killed: after the first statement, then after the second, and so on, until one ends.

``python -m tests.support.killed_migration URL`` prints as JSON how many were killed, and what each left behind:
the tables that were there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from typing import Any

import sqlalchemy as sa

from airflow_provider.store.engine import Database
from airflow_provider.store.migrations import env  # noqa: F401


def killed(url: sa.URL, after: int) -> bool:
    """Prepare a database in a process that is killed after a number of statements; say whether it was."""
    child = os.fork()
    if not child:
        status = 1
        try:
            database = Database(url, shared=True)
            sent = 0

            def kill(*ignored: Any) -> None:
                nonlocal sent
                sent += 1
                if sent == after:
                    os.kill(os.getpid(), signal.SIGKILL)

            sa.event.listen(database.engine, "after_cursor_execute", kill)
            database.prepare()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def tables(url: sa.URL) -> list[str]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
    engine.dispose()
    return sorted(name for name in names if name.startswith("vendor_apis_"))


def main(url: sa.URL) -> dict[str, Any]:
    left: list[list[str]] = []
    while killed(url, len(left) + 1):
        left.append(tables(url))
    return {"killed": len(left), "left": left, "end": tables(url)}


if __name__ == "__main__":
    print(json.dumps(main(sa.make_url(sys.argv[1]))))
