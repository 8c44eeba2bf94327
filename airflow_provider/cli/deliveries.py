"""``airflow vendor-apis deliveries``: what vendors have sent, and what became of it."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider.cli.common import (
    OUTPUT,
    YES,
    as_text,
    confirm,
    one_line,
    plain,
    print_rows,
    quiet_models,
)
from airflow_provider.processes import user_of_process

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

LARGEST = 2**63 - 1


def group() -> GroupCommand:
    """Return the commands."""
    id_ = Arg(("id",), help="Id of the delivery, as the list shows it", metavar="ID", type=_id)
    return GroupCommand(
        name="deliveries",
        help="Show, replay and delete what vendors have sent",
        subcommands=[
            ActionCommand(
                name="list",
                help="List the deliveries, the newest first",
                func=list_deliveries,
                args=(
                    Arg(
                        ("--conn-id",),
                        help="Only those of this connection; may be given several times",
                        metavar="ID",
                        type=plain,
                        action="append",
                    ),
                    Arg(
                        ("--limit",),
                        help="How many at most (default: 50)",
                        metavar="COUNT",
                        type=_count,
                        default=50,
                    ),
                    Arg(("--before",), help="Only those with a lower id", metavar="ID", type=_id),
                    OUTPUT,
                ),
            ),
            ActionCommand(
                name="show",
                help="Show a delivery with its payload, its asset events and the runs that got them",
                func=show_delivery,
                args=(id_, OUTPUT),
            ),
            ActionCommand(
                name="replay",
                help="Tell the assets of a delivery again: the Dags that schedule on them run once more",
                func=replay_delivery,
                args=(id_, YES),
            ),
            ActionCommand(
                name="clean",
                help="Delete old deliveries; those older than webhook_keep_days are deleted anyway",
                func=clean,
                args=(
                    Arg(
                        ("--before",),
                        help="Delete those that came before this time, like 2026-11-01T00:00:00Z",
                        metavar="TIME",
                        type=_time,
                        required=True,
                    ),
                    YES,
                ),
            ),
        ],
    )


@one_line
def list_deliveries(args: Namespace) -> None:
    """List deliveries."""
    with _database():
        from airflow_provider.events import deliveries

        found = deliveries.list_deliveries(conn_ids=args.conn_id, limit=args.limit + 1, before=args.before)
    rows = found[: args.limit]
    print_rows(rows, args.output)
    if len(found) > len(rows):
        print(f"There are more. Go on with --before {rows[-1]['id']}.", file=sys.stderr)


@one_line
def show_delivery(args: Namespace) -> None:
    """Show a delivery."""
    with _database():
        from airflow_provider.events import deliveries

        found = deliveries.show_delivery(args.id)
    if found is None:
        raise SystemExit(f"There is no delivery {args.id}.")
    if args.output in ("json", "yaml"):
        print_rows([found], args.output)
    else:
        print_rows([{"field": name, "value": as_text(value)} for name, value in found.items()], args.output)


@one_line
def replay_delivery(args: Namespace) -> None:
    """Tell the assets of a delivery again."""
    confirm(args, f"Tell the assets of delivery {args.id} again?")
    with _database():
        from airflow_provider.events import deliveries

        events = deliveries.replay_delivery(args.id, by=user_of_process())
    if events is None:
        raise SystemExit(f"There is no delivery {args.id}.")
    if not events:
        raise SystemExit("No Dag mentions an asset of this delivery, so there is nobody to tell.")
    print(f"{events} asset event{'' if events == 1 else 's'} registered.")


@one_line
def clean(args: Namespace) -> None:
    """Delete old deliveries."""
    confirm(args, f"Delete all deliveries that came before {args.before.isoformat()}?")
    with _database():
        from airflow_provider.events.retention import delete_before

        deleted = delete_before(args.before)
    print(f"{deleted:,} deliver{'y' if deleted == 1 else 'ies'} deleted.")


@contextmanager
def _database() -> Iterator[None]:
    """End with one line where Airflow's database cannot be used."""
    from sqlalchemy.exc import SQLAlchemyError

    with quiet_models():
        try:
            yield
        except SQLAlchemyError as error:
            from airflow_provider.events import faults

            raise SystemExit(f"{faults.describe(error)}.") from None


def _id(text: str) -> int:
    if not text.isdecimal() or len(text) > 19 or int(text) > LARGEST:
        raise argparse.ArgumentTypeError("it must be the id of a delivery: a whole number")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text[:9]) <= 100_000 or len(text) > 6:
        raise argparse.ArgumentTypeError("it must be a whole number from 1 to 100000")
    return int(text)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError("it must be a time like 2026-11-01T00:00:00Z") from None
    # Without an offset, as Airflow itself reads times.
    return found if found.tzinfo else found.replace(tzinfo=UTC)
