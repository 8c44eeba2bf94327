"""Setting quota aside before it is spent, so that two Dags do not spend the same remainder."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import StoreUnavailable
from airflow_provider.http.operator import VendorOperator
from airflow_provider.http.outcome import fail_without_retry
from airflow_provider.quota import clock
from airflow_provider.quota.sensor import QuotaSensor, whole
from airflow_provider.run_identity import RunIdentity
from airflow_provider.values import duration, is_later, text, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider.quota.decision import Requirement
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.monitor import QuotaMonitor
    from airflow_provider.quota.readings import Quota
    from airflow_provider.quota.store import Reservation


class ReserveQuotaOperator(QuotaSensor):
    """Set uses of a quota aside for this run of the Dag, and wait for them if need be.

    Other runs and Dags that wait or reserve through this provider no longer count them as left. The requests
    of this run's tasks are taken from them as they are answered. A reservation is a promise among those who
    ask; it does not stop a task that sends without asking.

    It ends with :class:`ReleaseQuotaOperator`, its teardown, or after ``expires_in``. What a reservation that
    has expired had left counts as spent until the vendor's next answer tells.

    It waits like :class:`~airflow_provider.quota.sensor.QuotaSensor`, which has the other parameters. For
    more than the vendor's limit it does not wait but fails at once.

    .. seealso:: :ref:`howto/operator:ReserveQuotaOperator`

    :param conn_id: id of a connection of a vendor with a quota (templated)
    :param amount: how many uses; with ``margin``, at most as many as the limit (templated)
    :param expires_in: after so long the reservation ends by itself: longer than the work takes
    """

    template_fields: Sequence[str] = ("conn_id", "amount")
    ui_color = "#e2ecd8"

    def __init__(
        self,
        *,
        conn_id: str,
        amount: int | str,
        expires_in: timedelta | float = timedelta(hours=12),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        text("conn_id", conn_id)
        self.amount = amount
        self.expires_in = duration("expires_in", expires_in, timedelta(minutes=1))
        if not is_later(amount):
            whole_number("amount", amount, 1)

    def hook(self) -> MeteredHook[Any]:
        """Return the hook for the connection's type."""
        from airflow_provider.quota.hook import metered_hook

        return metered_hook(self.conn_id)

    def need(self) -> Requirement:
        """Say what is wanted: on top of what this run may have set aside elsewhere."""
        from airflow_provider.quota.decision import Requirement

        return Requirement(whole("amount", self.amount), self.margin, field="amount")

    def execute(self, context: Context) -> dict[str, Any]:
        """Set the uses aside.

        :return: ``conn_id``, ``reservation`` (its id), ``amount`` and ``expires_at``
        :raises StoreUnavailable: nothing can be set aside without the store
        """
        self._name(context)
        if context["ti"].try_number > 1:
            # What an earlier try has set aside would stand in this one's way.
            with fail_without_retry():
                _release(self.conn_id, id_=self._id)
        return super().execute(context)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, *, deadline: str | None = None
    ) -> dict[str, Any]:
        """Go on after the trigger has slept, and has looked."""
        self._name(context)
        return super().execute_complete(context, event, deadline=deadline)

    def satisfied(self, hook: MeteredHook[Any], monitor: QuotaMonitor, quota: Quota) -> dict[str, Any] | None:
        """Set the uses aside, unless somebody else has just done so."""
        from airflow_provider.quota.store import MemoryStore

        if isinstance(monitor.store, MemoryStore):
            raise StoreUnavailable(
                f"uses of {hook.conn_id} cannot be set aside without the store",
                remedy="Check that its database is up and that the worker may use it.",
            )
        need = self.need()
        granted = monitor.store.reserve(
            self._id,
            need.amount,
            margin=need.margin,
            run=self._run,
            task=self._task,
            lasts=self.expires_in,
            shared=True,
        )
        if granted is None:
            return None
        return {
            "conn_id": hook.conn_id,
            "reservation": self._id,
            "amount": granted,
            "expires_at": (clock.now() + self.expires_in).isoformat(),
        }

    def _name(self, context: Context) -> None:
        from airflow_provider.quota.store import reservation_id

        identity = RunIdentity.of(context)
        self._run, self._task = identity.run, identity.instance
        self._id = reservation_id(self.conn_id, self._task)


class ReleaseQuotaOperator(VendorOperator):
    """Give back what this run of the Dag has set aside and not spent: the teardown of a reservation.

    .. seealso:: :ref:`howto/operator:ReleaseQuotaOperator`

    :param conn_id: id of the connection (templated)
    :param reservation: id of one reservation, from ``reservation`` of the result that made it; by default
        everything that this run has set aside for the connection (templated)
    """

    template_fields: Sequence[str] = ("conn_id", "reservation")
    ui_color = "#e2ecd8"

    def __init__(self, *, conn_id: str, reservation: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        text("conn_id", conn_id)
        self.reservation = reservation
        if reservation is not None:
            text("reservation", reservation)

    def work(self, context: Context) -> dict[str, Any]:
        """Give it back.

        :return: ``reserved``, ``spent`` and ``released``, in uses
        """
        choice = {"id_": self.reservation} if self.reservation else {"run": RunIdentity.of(context).run}
        found = _release(self.conn_id, **choice)
        result = {
            "reserved": sum(one.amount for one in found),
            "spent": sum(one.spent for one in found),
            "released": sum(one.left for one in found),
        }
        self.log.info(
            "Of %d uses that were set aside, %d were spent and %d are given back.", *result.values()
        )
        return result


def _release(conn_id: str, **choice: str) -> list[Reservation]:
    from airflow_provider.quota.hook import metered_hook
    from airflow_provider.store.location import configured

    hook = metered_hook(conn_id)
    store = hook.quota_store(configured())
    try:
        return store.release(**choice)
    finally:
        store.close()
