"""What an error of Airflow's database means for a delivery."""

from __future__ import annotations

from sqlalchemy import exc

from airflow_provider.store.errors import driver_error, is_deadlock, is_missing_table


def is_conflict(error: Exception) -> bool:
    """Say whether the transaction may simply be tried again: another one was in its way.

    :param error: what the database raised
    """
    return isinstance(error, exc.IntegrityError) or is_deadlock(error)


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
    if is_missing_table(error):
        return "Airflow's database lacks a table: run `airflow db migrate`"
    if "database is locked" in str(driver_error(error)):
        return "Airflow's database (SQLite) was locked for too long: use PostgreSQL for more than trying out"
    # Messages of drivers may quote values.
    return f"Airflow's database cannot be used ({type(error).__name__})"
