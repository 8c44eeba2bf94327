"""``airflow vendor-apis state``: up to which change lists have been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider.cli.common import (
    OUTPUT,
    YES,
    as_text,
    confirm,
    database_if_there,
    one_line,
    plain,
    print_rows,
)

if TYPE_CHECKING:
    from argparse import Namespace

LISTED = ("id", "conn_id", "listing", "state_key", "watermark", "updated_at")
"""The columns of a list for people; JSON and YAML have all."""


def group() -> GroupCommand:
    """Return the commands."""
    id_ = Arg(("id",), help="Id of the state, as the list shows it", metavar="ID", type=plain)
    return GroupCommand(
        name="state",
        help="Show and change up to which change lists have been read (incremental=True)",
        subcommands=[
            ActionCommand(
                name="list",
                help="List the states, those that changed last first",
                func=list_states,
                args=(
                    Arg(("--conn-id",), help="Only those of this connection", metavar="ID", type=plain),
                    Arg(("--listing",), help="Only those of this list", metavar="NAME", type=plain),
                    OUTPUT,
                ),
            ),
            ActionCommand(
                name="set",
                help="Set a state: the next run reads what has changed since, also once more",
                func=set_state,
                args=(
                    id_,
                    Arg(("watermark",), help="A time like 2026-11-01T00:00:00Z", metavar="TIME", type=plain),
                    YES,
                ),
            ),
            ActionCommand(
                name="forget",
                help="Forget a state: the next run reads everything",
                func=forget_state,
                args=(id_, YES),
            ),
        ],
    )


@one_line
def list_states(args: Namespace) -> None:
    """List the states."""
    from airflow_provider.extract.watermarks import states

    with database_if_there() as database:
        rows = [] if database is None else states(database, args.conn_id, args.listing)
    if args.output in ("table", "plain"):
        rows = [{name: as_text(row[name]) for name in LISTED} for row in rows]
    print_rows(rows, args.output)


@one_line
def set_state(args: Namespace) -> None:
    """Set a state."""
    from airflow_provider.extract.watermarks import put

    confirm(args, f"Let the next run read what has changed since {args.watermark}?")
    with database_if_there() as database:
        if database is None:
            raise SystemExit("There is no state yet.")
        put(database, args.id, args.watermark)
    print("The state is set.")


@one_line
def forget_state(args: Namespace) -> None:
    """Forget a state."""
    from airflow_provider.extract.watermarks import forget

    confirm(args, "Let the next run read everything?")
    with database_if_there() as database:
        if database is None:
            raise SystemExit("There is no state yet.")
        forget(database, args.id)
    print("The state is forgotten.")
