"""What the errors of a database mean: codes of PostgreSQL, numbers of MySQL, words of SQLite."""

from __future__ import annotations

import re

from sqlalchemy import exc

_REFUSED = re.compile(
    "password authentication failed|SASL authentication failed|no password supplied|pg_hba.conf|"
    "is not permitted to log in|permission denied for database|"
    '(?:role|database) "[^"]*" does not exist|no such (?:user|database)'
)


def driver_error(error: BaseException | None) -> BaseException | None:
    """Return what the driver raised; None where SQLAlchemy itself, or something else, raised the error.

    :param error: the error
    """
    return error.orig if isinstance(error, exc.DBAPIError) else None


def sqlstate(error: BaseException | None) -> str | None:
    """Return the code of five characters that PostgreSQL ended a statement with.

    :param error: the error
    """
    cause = driver_error(error)
    # psycopg's and psycopg2's.
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def is_deadlock(error: BaseException | None) -> bool:
    """Say whether the database undid a transaction that may simply be tried again.

    :param error: the error
    """
    # PostgreSQL's codes for a deadlock and a serialization failure, and MySQL's for a deadlock.
    return sqlstate(error) in ("40P01", "40001") or _number(error) == 1213


def is_missing_table(error: BaseException | None) -> bool:
    """Say whether a statement failed because the database has no such table.

    :param error: the error
    """
    cause = driver_error(error)
    return sqlstate(error) == "42P01" or _number(error) == 1146 or "no such table" in str(cause)


def is_full(error: BaseException | None) -> bool:
    """Say whether the disk of the server is full, or the table has all the room that it may have.

    :param error: the error
    """
    return sqlstate(error) == "53100" or _number(error) in (1021, 1114)


def is_forbidden(error: BaseException | None) -> bool:
    """Say whether a server lets somebody in who lacks a right on a schema or a table.

    :param error: the error
    """
    return sqlstate(error) == "42501" or _number(error) in (1142, 1143)


def is_refused(error: BaseException | None) -> bool:
    """Say whether a server is there and lets nobody in with this login, password or schema.

    :param error: the error
    """
    # PostgreSQL's drivers tell no code of a connection that fails, only words; in another language than
    # English they are not known, and the server is waited for. MySQL has numbers.
    text = str(driver_error(error))
    attempts = [line for line in text.splitlines() if line.startswith("- host")]
    # One of several servers may be away, and take the login when it is back.
    attempts = attempts or text.split("connection to server ")[1:]
    refused = bool(attempts) and all(map(_REFUSED.search, attempts))
    return refused or _number(error) in (1044, 1045, 1049, 1698)


def _number(error: BaseException | None) -> object:
    arguments = getattr(driver_error(error), "args", ())
    return arguments[0] if arguments else None
