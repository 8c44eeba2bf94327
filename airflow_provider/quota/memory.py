"""What one task knows of a quota by itself, where the store cannot be used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.quota.interface import Turn
from airflow_provider.quota.readings import QuotaState

if TYPE_CHECKING:
    from airflow_provider.quota.interface import Report
    from airflow_provider.quota.readings import Account
    from airflow_provider.quota.reservations import Reservation


class MemoryStore:
    """A store that nobody shares and nothing outlives.

    :param account: whose quota it is
    """

    blocking = False

    def __init__(self, account: Account) -> None:
        self.account = account
        self._state = QuotaState()

    def look(self) -> QuotaState:
        """Return what is known."""
        return self._state

    def take_turn(self, prober: str, seconds: float, known: QuotaState | None = None) -> Turn:
        """Let the only prober probe."""
        return Turn.MINE

    def end_turn(self, prober: str) -> None:
        """Do nothing: there is no other prober."""

    def write(self, connection: Any, report: Report, **details: Any) -> None:
        """Keep what the task has seen."""
        self.report(report)

    def report(self, report: Report, **details: Any) -> None:
        """Keep what the task has seen."""
        state = self._state
        counted = report.sent if report.reading else state.counted + report.sent
        self._state = replace(
            state,
            reading=report.reading or state.reading,
            counted=counted,
            refusal=report.refusal or state.refusal,
        )

    def reserve(self, id_: str, amount: int, **details: Any) -> int | None:
        """Refuse: a reservation that no other task sees is none.

        :raises StoreUnavailable: always
        """
        raise StoreUnavailable(
            f"requests of {self.account.conn_id} cannot be reserved without the store",
            remedy="Check that its database is up and that the worker may use it.",
        )

    def release(self, **choice: Any) -> list[Reservation]:
        """Release nothing: nothing can be reserved."""
        return []

    def close(self) -> None:
        """Do nothing: there is no database."""
