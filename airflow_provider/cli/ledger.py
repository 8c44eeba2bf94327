"""``airflow vendor-apis ledger``: inspect the ledger, and decide about rows of unknown outcome."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, positive_int

from airflow_provider.cli.common import (
    OUTPUT,
    YES,
    as_text,
    confirm,
    duration,
    one_line,
    opened,
    plain,
    print_rows,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from airflow_provider.ledger.admin import Choice

LISTED = ("id", "state", "conn_id", "operation", "key", "attempts", "updated_at")
"""The columns of a list for people; JSON and YAML have all."""


def group() -> GroupCommand:
    """Return the commands."""
    connection = Arg(("--conn-id",), help="Only rows of this connection", metavar="ID", type=plain)
    operation = Arg(
        ("--operation",),
        help="Only rows of this operation, by the name that a list shows",
        metavar="NAME",
        type=plain,
    )
    task = Arg(
        ("--task",), help="Only rows whose task begins with this: DAG, DAG/RUN or DAG/RUN/TASK", type=plain
    )
    return GroupCommand(
        name="ledger",
        help="Inspect the ledger of what batches have sent",
        subcommands=[
            ActionCommand(
                name="list",
                help="List rows, those that changed last first",
                func=list_rows,
                args=(
                    connection,
                    operation,
                    task,
                    _states("Only rows in this state; may be given several times"),
                    Arg(("--older-than",), help=_OLDER, type=duration, metavar="AGE"),
                    Arg(
                        ("--limit",),
                        help="List this many at most (default: 100)",
                        type=positive_int(allow_zero=False),
                        default=100,
                    ),
                    OUTPUT,
                ),
            ),
            ActionCommand(
                name="show",
                help="Show one row with all its columns; secrets stay sealed",
                func=show,
                args=(Arg(("id",), help="Id of the row", metavar="ID", type=plain), OUTPUT),
            ),
            ActionCommand(
                name="stats",
                help="Count rows by connection, operation and state",
                func=stats,
                args=(OUTPUT,),
            ),
            ActionCommand(
                name="resolve",
                help="Decide about rows that may or may not have been sent",
                description=(
                    "Decide about unknown rows: records that may or may not have been sent. "
                    "Look them up at the vendor first."
                ),
                func=resolve,
                args=(
                    Arg(("id",), help="Ids of the rows", metavar="ID", nargs="*", type=plain),
                    connection,
                    operation,
                    task,
                    Arg(
                        ("--as",),
                        dest="decision",
                        help=(
                            "done: it was sent, so it is not sent again; "
                            "resend: it was not, so the next run sends it"
                        ),
                        choices=("done", "resend"),
                        required=True,
                    ),
                    Arg(
                        ("--result",),
                        help=(
                            "With --as done and one ID: what the vendor answered, as a JSON file "
                            "or - for standard input; its secrets are sealed. Without it later "
                            "runs get a result whose values are all null"
                        ),
                        metavar="FILE",
                    ),
                    YES,
                ),
            ),
            ActionCommand(
                name="reseal",
                help="Seal the stored results again with the current Fernet key",
                description=(
                    "Seal the secrets of stored results again with the first key of fernet_key, so that "
                    "the others can be removed. It may be interrupted and run again, also while batches "
                    "run. The exit status is 1 where no key opens a row; such rows are named and stay."
                ),
                func=reseal,
                args=(Arg(("--dry-run",), help="Count, and change nothing", action="store_true"),),
            ),
            ActionCommand(
                name="purge",
                help="Remove old rows",
                description=(
                    "Remove rows that have not changed for some time. Their records may be sent "
                    "again. Unknown and sent rows stay, unless --include-unknown is given."
                ),
                func=purge,
                args=(
                    connection,
                    operation,
                    task,
                    _states("Only rows in this state; may be given several times"),
                    Arg(
                        ("--older-than",),
                        help=_OLDER,
                        type=duration,
                        metavar="AGE",
                        required=True,
                    ),
                    Arg(
                        ("--include-unknown",),
                        help="Remove unknown and interrupted rows, too",
                        action="store_true",
                    ),
                    YES,
                ),
            ),
        ],
    )


_OLDER = "Only rows unchanged for so long, like 90d, 12h, 30m"


def _states(help: str) -> Arg:
    return Arg(("--state",), help=help, action="append", choices=("sent", "done", "failed", "unknown"))


@one_line
def list_rows(args: Namespace) -> None:
    """List rows."""
    from airflow_provider.ledger import admin as ledger_admin

    choice = _choice(args, args.state)
    with opened() as database:
        rows = ledger_admin.rows(database, choice, limit=args.limit)
        total = ledger_admin.count(database, choice) if len(rows) == args.limit else len(rows)
    print_rows([_brief(row) for row in rows] if args.output in ("table", "plain") else rows, args.output)
    if total > len(rows):
        print(f"{total:,} rows; the {len(rows):,} that changed last are listed.", file=sys.stderr)


@one_line
def show(args: Namespace) -> None:
    """Show one row."""
    from airflow_provider.ledger import admin as ledger_admin

    with opened() as database:
        row = ledger_admin.row(database, args.id)
    if args.output in ("table", "plain"):
        print_rows([{"column": name, "value": as_text(value)} for name, value in row.items()], args.output)
    else:
        print_rows(row, args.output)


@one_line
def stats(args: Namespace) -> None:
    """Count rows."""
    from airflow_provider.ledger import admin as ledger_admin

    with opened() as database:
        print_rows(ledger_admin.stats(database), args.output)


@one_line
def resolve(args: Namespace) -> None:
    """Mark unknown rows as done, or forget them."""
    from airflow_provider.ledger import admin as ledger_admin
    from airflow_provider.ledger.resolution import result_of

    filters = (args.conn_id, args.operation, args.task)
    if bool(args.id) == any(filters):
        raise SystemExit("Give either ids, or at least one of --conn-id, --operation and --task.")
    if args.result and (args.decision != "done" or len(args.id) != 1):
        raise SystemExit("--result belongs to --as done and a single id.")
    with opened() as database:
        until = time.time()
        rows = ledger_admin.resolvable(database, _choice(args))
        count = _rows(len(rows))
        if args.decision == "resend":
            confirm(
                args,
                f"Let the next run send {count} again? If the vendor has them already, it gets them twice.",
            )
            changed = ledger_admin.forget(database, [row["id"] for row in rows], until=until)
            print(f"{_rows(changed)} forgotten: the next run of their task sends them.")
        else:
            given = _read_json(args.result) if args.result else None
            results = [(row["id"], result_of(row["operation"], given)) for row in rows]
            confirm(args, f"Mark {count} as done? They will not be sent again.")
            changed = ledger_admin.mark_done(database, results, until=until)
            print(f"{_rows(changed)} marked as done.")
    if changed < len(rows):
        print(f"{_rows(len(rows) - changed)} have changed since and stayed as they are.", file=sys.stderr)


@one_line
def reseal(args: Namespace) -> None:
    """Seal stored results again with the current key."""
    from airflow_provider.ledger.reseal import reseal_results

    with opened() as database:
        found = reseal_results(database, dry_run=args.dry_run)
    done = "would be sealed again" if args.dry_run else "sealed again"
    print(f"{_rows(found.changed)} {done}; {_rows(found.current)} had the current key already.")
    for ids, what in (
        (found.unopened, "with a value that no key opens: add the key it was sealed with to fernet_key"),
        (found.busy, "that batches were changing: run the command again"),
    ):
        if ids:
            print(f"{_rows(len(ids))} {what}.", *ids, sep="\n", file=sys.stderr)
    if found.unopened or found.busy:
        raise SystemExit(1)


@one_line
def purge(args: Namespace) -> None:
    """Remove old rows."""
    from airflow_provider.ledger import admin as ledger_admin

    choice, unsettled = _choice(args, args.state), args.include_unknown
    if args.state and {"sent", "unknown"} & set(args.state) and not unsettled:
        raise SystemExit("Sent and unknown rows are removed with --include-unknown only.")
    with opened() as database:
        counts = ledger_admin.purgeable(database, choice, unsettled=unsettled)
        for_ever, total = counts.pop("forever"), sum(counts.values())
        if not total:
            print("There is nothing to remove.")
            return
        print(
            "To be removed: " + ", ".join(f"{rows:,} {state}" for state, rows in sorted(counts.items())) + "."
        )
        if for_ever:
            print(
                f'For ever (ledger_scope="forever"): {for_ever:,}. Without these rows a later run may send '
                "their records again."
            )
        confirm(args, f"Remove {_rows(total)}?")
        print(f"{_rows(ledger_admin.purge(database, choice, unsettled=unsettled))} removed.")


def _choice(args: Namespace, states: Sequence[str] | None = None) -> Choice:
    from airflow_provider.ledger.admin import Choice

    age = getattr(args, "older_than", None)
    return Choice(
        ids=getattr(args, "id", ()),
        conn_id=args.conn_id,
        operation=args.operation,
        task=args.task,
        states=states or (),
        before=time.time() - age if age is not None else None,
    )


def _read_json(path: str) -> Any:
    from airflow_provider.exceptions import InvalidInput

    try:
        if path == "-":
            return json.load(sys.stdin)
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise InvalidInput(f"--result: {path} cannot be read: {error.strerror}.", field="--result") from None
    except ValueError:
        raise InvalidInput(f"--result: {path} is not JSON.", field="--result") from None


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    return {name: as_text(row[name]) for name in LISTED}


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
