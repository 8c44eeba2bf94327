"""What the commands share: one line for an error, Airflow's own output formats, the database.

Every ``airflow`` command imports these modules, so they import only what is loaded anyway; what a
command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import re
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import Arg

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from airflow_provider.store.engine import Database

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def plain(text: str) -> str:
    """Read a text that a database can be asked for.

    :param text: the text
    """
    try:
        text.encode()
    except UnicodeError:
        raise argparse.ArgumentTypeError("it is not UTF-8 text") from None
    return text.strip()


OUTPUT = Arg(
    ("-o", "--output"),
    help="Output format (default: table)",
    choices=("table", "json", "yaml", "plain"),
    default="table",
)
YES = Arg(("-y", "--yes"), help="Do not ask for confirmation", action="store_true")


def duration(text: str) -> float:
    """Read a duration like ``90d`` or ``12h``.

    :param text: a whole number and one of s, m, h, d, w
    :return: seconds
    """
    found = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write it like 90d, 12h or 30m")
    return int(found[1]) * UNITS[found[2]]


def one_line(command: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """End a command that fails with one line and exit status 1."""

    @functools.wraps(command)
    def run(args: Namespace) -> None:
        from airflow.sdk.exceptions import AirflowException

        from airflow_provider.exceptions import VendorError

        _keep_logs_apart()
        try:
            command(args)
        except (VendorError, AirflowException) as error:
            raise SystemExit(" ".join(str(error).split())) from None

    return run


def _keep_logs_apart() -> None:
    """Keep log lines out of JSON output: Airflow 3.3 does this itself, 3.2 does not."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


@contextmanager
def opened() -> Iterator[Database]:
    """Open the ledger as it is; an error where there is none yet."""
    from airflow.models.connection import Connection

    from airflow_provider.ledger.admin import open_ledger

    with quiet_models():
        # A task would ask its supervisor for the connection; here Airflow's own database is at hand.
        database = open_ledger(Connection.get_connection_from_secrets)
    try:
        yield database
    finally:
        database.close()


def located_database(*, wallet: str = "") -> Database:
    """Return the database that the configuration names, untouched.

    :param wallet: connection of a wallet's database, which may be another one
    """
    from airflow.models.connection import Connection

    from airflow_provider.store.location import located

    return located(Connection.get_connection_from_secrets, wallet=wallet)


@contextmanager
def database_if_there(*, wallet: str = "") -> Iterator[Database | None]:
    """Open the database that the configuration names; None where there is none yet.

    :param wallet: connection of a wallet's database, which may be another one
    """
    from airflow_provider.store.engine import if_there

    with quiet_models():
        database = located_database(wallet=wallet)
    with if_there(database) as found:
        yield found


@contextmanager
def quiet_models() -> Iterator[None]:
    """Keep the warnings of Airflow 3.2 about its own models out of the output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def confirm(args: Namespace, question: str) -> None:
    """Ask before something is changed, unless ``--yes`` was given."""
    if args.yes:
        return
    try:
        answer = input(f"{question} (y/N) ")
    except EOFError:
        raise SystemExit("Nothing was changed: there is no terminal to confirm on. Use --yes.") from None
    if answer.strip().lower() not in ("y", "yes"):
        raise SystemExit("Nothing was changed.")


def as_text(value: Any) -> str:
    """Return a value as a cell of a table shows it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def print_rows(data: Any, output: str) -> None:
    """Print in Airflow's own formats, with numbers as numbers and nothing taken for markup."""
    from airflow.cli.simple_table import AirflowConsole, SimpleTable

    console = AirflowConsole(markup=False, emoji=False, highlight=False)
    if output == "json":
        console.print_as_json(data)
    elif output == "yaml":
        console.print_as_yaml(data)
    elif output == "plain":
        console.print_as_plain_table(data)
    elif not data:
        console.print("No data found")
    else:
        table = SimpleTable(show_header=True)
        for name in data[0]:
            # An id is there to be copied.
            table.add_column(name, no_wrap=name == "id")
        for row in data:
            table.add_row(*(str(value) for value in row.values()))
        console.print(table)
