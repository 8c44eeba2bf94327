"""What is done for WebSockets where Airflow's database is at hand: telling their gaps, and cleaning up."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.exceptions import InvalidInput
from airflow_provider.store.engine import if_there
from airflow_provider.store.location import SECTION, located

if TYPE_CHECKING:
    from airflow_provider.events.settings import Settings

log = logging.getLogger(__name__)

KEPT = timedelta(days=7)
"""How long what a socket has left is kept for another listener."""


def tell_noted(settings: Settings) -> int:
    """Tell what sockets have noted for assets that no watcher tells.

    :param settings: the configuration
    :return: how many notices were told
    :raises InvalidInput: the provider's database is one that cannot be used
    :raises StoreUnavailable: a database cannot be used
    """
    from airflow_provider.events.noticed import tell_notices

    with if_there(located(_connection)) as database:
        return tell_notices(database, settings) if database else 0


def purge_streams() -> None:
    """Delete what sockets have left that nobody watches any more, and say so in the log.

    :raises InvalidInput: the provider's database is one that cannot be used
    :raises StoreUnavailable: it cannot be used
    """
    from airflow_provider.events.left import purge

    with if_there(located(_connection)) as database:
        if database is None:
            return
        deleted = purge(database, (clock.now() - KEPT).timestamp())
    if any(deleted):
        log.warning(
            "WebSockets that nobody has watched for %d days, or that have left too much: %d messages and %d "
            "notices that nobody has been told were deleted.",
            KEPT.days,
            deleted.messages,
            deleted.notices,
        )


def _connection(conn_id: str) -> Any:
    from airflow_provider.events.served import LookupFailed, find_connection

    try:
        found = find_connection(conn_id)
    except LookupFailed as error:
        raise InvalidInput(f'connection "{conn_id}" cannot be read: {error}.', field=SECTION) from None
    if found is None:
        raise InvalidInput(
            f'there is no connection "{conn_id}".',
            field=f"[{SECTION}] ledger_conn_id",
            remedy="Add it where Airflow's API server finds it, too.",
        )
    return found
