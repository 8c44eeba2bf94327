"""``airflow vendor-apis streams``: the WebSockets that triggerers listen to, and what waits to be told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider.cli.common import (
    OUTPUT,
    YES,
    as_text,
    confirm,
    database_if_there,
    duration,
    one_line,
    print_rows,
)

if TYPE_CHECKING:
    from argparse import Namespace


def group() -> GroupCommand:
    """Return the commands."""
    return GroupCommand(
        name="streams",
        help="Show the WebSockets that triggerers listen to, and delete what is left of others",
        subcommands=[
            ActionCommand(
                name="list",
                help="List the sockets: who listens, until when all was heard, how many messages wait",
                func=list_streams,
                args=(OUTPUT,),
            ),
            ActionCommand(
                name="purge",
                help="Delete what is left of sockets to which nobody listens; that of a week ago goes anyway",
                func=purge,
                args=(
                    Arg(
                        ("--older-than",),
                        help="Only of sockets to which nobody has listened for so long, like 12h or 2d",
                        metavar="AGE",
                        type=duration,
                        required=True,
                    ),
                    YES,
                ),
            ),
        ],
    )


@one_line
def list_streams(args: Namespace) -> None:
    """List the sockets."""
    from airflow_provider.events import left

    with database_if_there() as database:
        rows = [] if database is None else left.list_streams(database)
    if args.output in ("table", "plain"):
        rows = [{name: as_text(value) for name, value in row.items()} for row in rows]
    print_rows(rows, args.output)


@one_line
def purge(args: Namespace) -> None:
    """Delete what is left of sockets to which nobody listens."""
    from airflow_provider.events import left

    confirm(args, "Delete messages that nobody has been told?")
    with database_if_there() as database:
        deleted = left.Deleted(0, 0, 0)
        if database is not None:
            deleted = left.purge(database, time.time() - args.older_than)
    print(f"{deleted.messages:,} messages and {deleted.notices:,} notices of gaps deleted.")
