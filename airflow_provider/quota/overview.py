"""What is known of a connection's quota, for people: on the command line and on the operations page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.quota.readings import QuotaState

if TYPE_CHECKING:
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.store.engine import Database


def summary(hook: MeteredHook[Any], database: Database | None) -> dict[str, Any]:
    """Return what is known of the quota of a connection: as the vendor said last, less what was sent since.

    :param hook: the hook, its connection read
    :param database: the provider's database; None where there is none yet
    :return: plain values, times in ISO 8601
    :raises StoreUnavailable: the database cannot be used
    """
    state = QuotaState()
    if database is not None:
        state = hook.quota_store(database).look()
    now = clock.now()
    reading = state.estimate
    known = state.reading
    over = known is not None and known.resets_at is not None and known.resets_at <= now
    return {
        "conn_id": hook.conn_id,
        "vendor": hook.options.conn_type,
        "limit": reading.limit if reading else None,
        "used": reading.used if reading else None,
        "remaining": reading.remaining if reading else None,
        "reserved": state.reserved_for_others(),
        "resets_at": reading.resets_at.isoformat() if reading and reading.resets_at else None,
        "observed_at": known.observed_at.isoformat() if known else None,
        "source": known.source if known else None,
        "sent_since": state.counted if known else None,
        "note": _note(state, over),
    }


def _note(state: QuotaState, over: bool) -> str:
    notes = ["reset since: probe again" if over else ""]
    if state.reading is None:
        notes.append("nothing is known yet")
    if state.refusal is not None and (state.reading is None or state.refusal.at >= state.reading.observed_at):
        notes.append(f"refused: {state.refusal.message}")
    if state.probing_until is not None:
        notes.append("being probed now")
    return "; ".join(filter(None, notes))
