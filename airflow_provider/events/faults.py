"""What an error of Airflow's database means for a delivery."""

from __future__ import annotations

from sqlalchemy import exc


def is_conflict(error: Exception) -> bool:
    """Say whether the transaction may simply be tried again: another one was in its way.

    :param error: what the database raised
    """
    if isinstance(error, exc.IntegrityError):
        return True
    # PostgreSQL's codes for a deadlock and a serialization failure, and MySQL's for a deadlock.
    return _sqlstate(error) in ("40P01", "40001") or _number(error) == 1213


def is_outage(error: Exception) -> bool:
    """Say whether the database refuses every delivery: it is away, locked, full, or has no table.

    :param error: what the database raised
    """
    unavailable = (exc.OperationalError, exc.ProgrammingError, exc.InterfaceError, exc.TimeoutError)
    return isinstance(error, unavailable) and not is_conflict(error)


def describe(error: Exception) -> str:
    """Say what is wrong in words that have nothing of a delivery in them.

    :param error: what was raised
    """
    if _sqlstate(error) == "42P01" or _number(error) == 1146 or "no such table" in str(_cause(error)):
        return "Airflow's database lacks a table: run `airflow db migrate`"
    if "database is locked" in str(_cause(error)):
        return "Airflow's database (SQLite) was locked for too long: use PostgreSQL for more than trying out"
    # Messages of drivers may quote values.
    return f"Airflow's database cannot be used ({type(error).__name__})"


def _cause(error: Exception) -> object:
    return error.orig if isinstance(error, exc.DBAPIError) else None


def _sqlstate(error: Exception) -> str | None:
    # psycopg's and psycopg2's.
    cause = _cause(error)
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _number(error: Exception) -> object:
    arguments = getattr(_cause(error), "args", ())
    return arguments[0] if arguments else None
