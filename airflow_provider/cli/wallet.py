"""``airflow vendor-apis wallet``: prove that the books are right, and list what a person has to see."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider.cli.common import (
    OUTPUT,
    YES,
    confirm,
    database_if_there,
    one_line,
    plain,
    print_rows,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from contextlib import AbstractContextManager

    from airflow_provider.store.engine import Database

SHOWN = 100_000
"""Notes that are listed at most."""


def group() -> GroupCommand:
    """Return the commands."""
    return GroupCommand(
        name="wallet",
        help="Check the books of wallets: balances, tickets and entries",
        subcommands=[
            ActionCommand(
                name="verify",
                help="Prove that every balance is the sum of its entries, and list what a person has to see",
                description=(
                    "Prove that every balance is the sum of its entries, one after the other, and that "
                    "tickets have the entries that they must have; what is wrong is told in minor units. "
                    "Contradictions, and settlements that could not be booked, are listed until they are "
                    "settled or closed. The exit status is 1 if there is anything to see."
                ),
                func=verify,
                args=(
                    Arg(("--conn-id",), help="Only the players of this connection", metavar="ID", type=plain),
                    OUTPUT,
                ),
            ),
            ActionCommand(
                name="close",
                help="Close what a person has seen to, as verify lists it; no money moves",
                func=close,
                args=(
                    Arg(("id",), help="Its id, as verify shows it", metavar="ID", type=plain),
                    YES,
                ),
            ),
        ],
    )


@one_line
def verify(args: Namespace) -> None:
    """Check the books."""
    from airflow_provider.store import wallet_check, wallet_notes

    with _database() as database:
        if database is None:
            print("There is no wallet yet.")
            return
        books = wallet_check.check(database, args.conn_id)
        conn_ids = None if args.conn_id is None else [args.conn_id]
        notes = wallet_notes.open_notes(database, conn_ids, limit=SHOWN)
    rows = [_fault(one) for one in books.faults] + [_note(one) for one in notes]
    if rows or args.output in ("json", "yaml"):
        print_rows(rows, args.output)
    else:
        counts = f"Players: {books.players:,}, tickets: {books.tickets:,}, entries: {books.entries:,}."
        print(f"All is right. {counts}")
    if rows:
        raise SystemExit(1)


@one_line
def close(args: Namespace) -> None:
    """Close a note, and write down who has."""
    from airflow_provider.ledger.decisions import Decider, write_down_closing
    from airflow_provider.store import wallet_notes

    confirm(args, f"Close {args.id}? No money is moved.")
    closed = False
    with _database() as database:
        if database is not None:
            by = Decider.of_process()
            closed = wallet_notes.close_note(
                database, args.id, lambda connection, note: write_down_closing(connection, note, by)
            )
    if not closed:
        raise SystemExit(f"There is nothing open with the id {args.id}.")
    print("Closed.")


def _database() -> AbstractContextManager[Database | None]:
    from airflow_provider.store.location import wallet_conn_id

    return database_if_there(wallet=wallet_conn_id())


def _fault(fault: Any) -> dict[str, Any]:
    return _row("", "wrong", fault.conn_id, fault.player, fault.ticket, fault.fault, "", "")


def _note(note: dict[str, Any]) -> dict[str, Any]:
    asked = " ".join(filter(None, (note["movement"], note["amount"])))
    if note["kind"] == "early":
        text = f"{asked}: the ticket is not known"
    else:
        text = f"{asked}: the ticket is {' '.join(filter(None, (note['state'], note['recorded'])))}"
    since = datetime.fromtimestamp(note["created_at"], UTC).isoformat(timespec="seconds")
    return _row(
        note["id"], note["kind"], note["conn_id"], note["player"], note["ticket"], text, note["times"], since
    )


def _row(*values: Any) -> dict[str, Any]:
    names = ("id", "kind", "conn_id", "player", "ticket", "what", "times", "since")
    return dict(zip(names, values, strict=True))
