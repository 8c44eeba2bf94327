"""``airflow vendor-apis quota``: what remains of each connection's quota."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import ActionCommand, Arg

from airflow_provider.cli.common import OUTPUT, located_database, one_line, print_rows, quiet_models

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.store.engine import Database


def command() -> ActionCommand:
    """Return the command."""
    return ActionCommand(
        name="quota",
        help="Show what remains of the quota of each connection",
        description=(
            "Show what remains of the quota of each connection: as the vendor said last, less what was sent "
            "since. It probes no vendor without --probe."
        ),
        func=show,
        args=(
            Arg(("--conn-id",), help="Only this connection; may be given several times", action="append"),
            Arg(
                ("--probe",),
                help="Probe the vendor first, which may cost one request of the quota for each connection",
                action="store_true",
            ),
            OUTPUT,
        ),
    )


@one_line
def show(args: Namespace) -> None:
    """Print one line for each connection."""
    from airflow.sdk.exceptions import AirflowException

    from airflow_provider.exceptions import VendorError
    from airflow_provider.quota.overview import summary
    from airflow_provider.store.engine import if_there

    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    with quiet_models(), if_there(located_database(), create=args.probe) as database:
        for conn_id in args.conn_id or _known(database):
            try:
                hook = _hook(conn_id)
            except (VendorError, AirflowException) as error:
                failures.append(" ".join(str(error).split()))
                continue
            try:
                if args.probe:
                    _probe(hook, database)
            except VendorError as error:
                failures.append(" ".join(str(error).split()))
            rows.append(summary(hook, database))
    if args.output in ("table", "plain"):
        rows = [_brief(row) for row in rows]
    if rows or not failures:
        print_rows(rows, args.output)
    for failure in failures:
        print(failure, file=sys.stderr)
    if failures:
        raise SystemExit(1)


def _known(database: Database | None) -> list[str]:
    """Name the connections that have a quota: those in Airflow's database and those in ours."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider.quota.hook import metered_types
    from airflow_provider.quota.store import rows

    with create_session() as session:
        query = select(Connection.conn_id).where(Connection.conn_type.in_(metered_types()))
        found = set(session.scalars(query))
    return sorted(found | {row.conn_id for row in (rows(database) if database else ())})


def _hook(conn_id: str) -> MeteredHook[Any]:
    from airflow.models.connection import Connection

    from airflow_provider.quota.hook import metered_hook

    # A task reads a connection through its supervisor; a command has Airflow's own database.
    return metered_hook(conn_id, Connection.get_connection_from_secrets)


def _probe(hook: MeteredHook[Any], database: Database | None) -> None:
    import asyncio

    from airflow_provider.exceptions import InvalidInput
    from airflow_provider.quota.monitor import QuotaMonitor

    if hook.quota_call() is None:
        raise InvalidInput(
            f'connection "{hook.conn_id}": its vendor cannot be asked about the quota.', field="--probe"
        )
    asyncio.run(QuotaMonitor(hook, database).probe())


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as a table for people shows it."""
    from datetime import datetime

    from airflow_provider import clock

    shown = {name: "" if value is None else value for name, value in row.items()}
    if row["resets_at"]:
        shown["resets_at"] = f"{datetime.fromisoformat(row['resets_at']):%Y-%m-%d %H:%M %Z}"
    if row["observed_at"]:
        shown["observed_at"] = _age(datetime.fromisoformat(row["observed_at"]), clock.now())
    return shown


def _age(moment: datetime, now: datetime) -> str:
    seconds = max(0, round((now - moment).total_seconds()))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name} ago"
    return f"{seconds} s ago"
