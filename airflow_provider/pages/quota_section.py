"""The quotas: how much is used, reserved and free, by whom, and how it was on the days before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.exceptions import VendorError
from airflow_provider.pages.charts import chart, shares
from airflow_provider.quota.history import history
from airflow_provider.quota.hook import metered_hook
from airflow_provider.quota.overview import summary
from airflow_provider.quota.store import rows

if TYPE_CHECKING:
    from airflow_provider.pages.access import Viewer
    from airflow_provider.store.engine import Database


def quotas(database: Database, view: Viewer, conn_id: str = "", *, days: bool = True) -> list[dict[str, Any]]:
    """Return the quotas of connections.

    :param database: the provider's database
    :param view: who looks
    :param conn_id: of this connection alone
    :param days: whether with the days before
    """
    known = rows(database)
    seen = set(view.sees(row.conn_id for row in known))
    return [
        _quota(database, row, days) for row in known if row.conn_id in seen and conn_id in ("", row.conn_id)
    ]


def _quota(database: Database, row: Any, days: bool) -> dict[str, Any]:
    found, reservations = _read(database, row)
    found = {**found, **shares(found["limit"], found["remaining"], found["reserved"])}
    found["reservations"] = reservations
    found["chart"] = chart(history(database, row, clock.now().date())) if days else None
    return found


def _read(database: Database, row: Any) -> tuple[dict[str, Any], list[Any]]:
    from airflow.models.connection import Connection
    from airflow.sdk.exceptions import AirflowException

    try:
        hook = metered_hook(row.conn_id, Connection.get_connection_from_secrets)
        store = hook.quota_store(database)
        if store.account.digest != row.account:
            return _of_row(row, "of credentials that the connection has no longer"), []
        return summary(hook, database), store.reservations()
    except (VendorError, AirflowException) as error:
        words = str(error) if isinstance(error, VendorError) else "the connection cannot be read"
        return _of_row(row, words), []


def _of_row(row: Any, note: str) -> dict[str, Any]:
    """Return what is stored, where the connection tells nothing more."""
    remaining = None if row.remaining is None else max(0, row.remaining - row.counted)
    return {
        "conn_id": row.conn_id,
        "vendor": row.vendor,
        "limit": row.granted,
        "used": row.used,
        "remaining": remaining,
        "reserved": 0,
        "resets_at": row.resets_at,
        "observed_at": row.observed_at,
        "source": row.source,
        "sent_since": row.counted,
        "note": note,
    }
