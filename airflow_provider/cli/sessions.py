"""``airflow vendor-apis sessions``: whom the hashes in launch URLs stand for, and for how long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider.cli.common import YES, confirm, database_if_there, duration, one_line, plain

if TYPE_CHECKING:
    from argparse import Namespace


def group() -> GroupCommand:
    """Return the commands."""
    return GroupCommand(
        name="sessions",
        help="Look after the sessions of players that launch URLs were made for",
        subcommands=[
            ActionCommand(
                name="purge",
                help="Remove old sessions: their launch URLs stand for nobody from then on",
                func=purge,
                args=(
                    Arg(
                        ("--older-than",),
                        help="Only sessions that are older than this, like 30d or 12h",
                        metavar="AGE",
                        type=duration,
                        required=True,
                    ),
                    Arg(("--conn-id",), help="Only those of this connection", metavar="ID", type=plain),
                    YES,
                ),
            ),
        ],
    )


@one_line
def purge(args: Namespace) -> None:
    """Remove old sessions."""
    from airflow_provider.store import sessions

    before = time.time() - args.older_than
    with database_if_there() as database:
        found = 0 if database is None else sessions.count(database, before, args.conn_id)
        if database is None or not found:
            print("There is nothing to remove.")
            return
        confirm(args, f"Remove {_sessions(found)}?")
        print(f"{_sessions(sessions.purge(database, before, args.conn_id))} removed.")


def _sessions(count: int) -> str:
    return f"{count:,} session{'' if count == 1 else 's'}"
