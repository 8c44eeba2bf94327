"""What the errors of a database mean: codes of PostgreSQL, numbers of MySQL, words of SQLite."""

from __future__ import annotations

from sqlalchemy import exc


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


def _number(error: BaseException | None) -> object:
    arguments = getattr(driver_error(error), "args", ())
    return arguments[0] if arguments else None
