"""Opening the store of quotas, and going on without it where it cannot be used."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider.exceptions import VendorError
from airflow_provider.store.location import aconfigured, configured

if TYPE_CHECKING:
    from airflow_provider.store.engine import Database

log = logging.getLogger(__name__)


def open_database(conn_id: str) -> Database | None:
    """Open the database of the quotas, outside of an event loop.

    Requests can be sent without it, so an error is only logged.

    :param conn_id: id of the connection whose quota it is, for the log
    :return: None where it cannot be used
    """
    try:
        return configured()
    except Exception as error:
        not_counted(conn_id, error)
        return None


async def aopen_database(conn_id: str) -> Database | None:
    """Open it without blocking the event loop; see :func:`open_database`."""
    try:
        return await aconfigured()
    except Exception as error:
        not_counted(conn_id, error)
        return None


def not_counted(conn_id: str, error: Exception) -> None:
    """Log that the store cannot be used.

    :param conn_id: id of the connection
    :param error: why
    """
    # An error that is not ours may quote anything.
    why = str(error) if isinstance(error, VendorError) else type(error).__name__
    log.warning("The store of quotas cannot be used, so requests of %s are not counted: %s", conn_id, why)
