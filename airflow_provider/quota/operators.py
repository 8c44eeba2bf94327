"""Reserving quota before it is spent, so that two Dags do not spend the same remainder."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import clock
from airflow_provider.http.operator import VendorOperator
from airflow_provider.http.outcome import fail_without_retry
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
    from airflow_provider.quota.reservations import Reservation


class ReserveQuotaOperator(QuotaSensor):
    """Reserve requests of a quota for this run of the Dag, and wait until there are enough.

    For other runs and Dags that wait or reserve through this provider they no longer remain. The requests of
    this run's tasks are taken from them as they are answered. A reservation binds those that check the quota;
    it does not stop a task that sends without checking.

    It ends with :class:`ReleaseQuotaOperator`, its teardown, or after ``expires_in``. What remains of a
    reservation when it expires counts as spent until the vendor's next answer.

    It waits like :class:`~airflow_provider.quota.sensor.QuotaSensor`, which has the other parameters. For
    more than the vendor's limit it fails instead of waiting.

    .. seealso:: :ref:`howto/operator:ReserveQuotaOperator`

    :param conn_id: id of a connection of a vendor with a quota (templated)
    :param amount: how many requests; with ``margin``, at most as many as the limit (templated)
    :param expires_in: after so long the reservation ends by itself; choose it longer than the work takes
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

    def requirement(self) -> Requirement:
        """Say what is required: on top of what this run may have reserved elsewhere."""
        from airflow_provider.quota.decision import Requirement

        return Requirement(whole("amount", self.amount), self.margin, field="amount")

    def execute(self, context: Context) -> dict[str, Any]:
        """Reserve the requests.

        :return: ``conn_id``, ``reservation`` (its id), ``amount`` and ``expires_at``
        :raises StoreUnavailable: nothing can be reserved without the store
        """
        self._name(context)
        if context["ti"].try_number > 1:
            # What an earlier try has reserved would stand in this one's way.
            with fail_without_retry():
                _release(self.conn_id, id_=self._id)
        return super().execute(context)

    def execute_complete(
        self, context: Context, event: dict[str, Any] | None = None, *, started: str | None = None
    ) -> dict[str, Any]:
        """Go on after the trigger has checked the quota."""
        self._name(context)
        return super().execute_complete(context, event, started=started)

    def satisfied(self, hook: MeteredHook[Any], monitor: QuotaMonitor, quota: Quota) -> dict[str, Any] | None:
        """Reserve the requests, unless another task has just done so."""
        requirement = self.requirement()
        granted = monitor.store.reserve(
            self._id,
            requirement.amount,
            margin=requirement.margin,
            run=self._run,
            task=self._task,
            lasts=self.expires_in,
            shared=True,
            reset_margin=self.reset_margin,
            recheck_interval=self.recheck_interval,
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
        from airflow_provider.quota.reservations import reservation_id

        identity = RunIdentity.of(context)
        self._run, self._task = identity.run, identity.instance
        self._id = reservation_id(self.conn_id, self._task)


class ReleaseQuotaOperator(VendorOperator):
    """Release what this run of the Dag has reserved and not spent: the teardown of a reservation.

    .. seealso:: :ref:`howto/operator:ReleaseQuotaOperator`

    :param conn_id: id of the connection (templated)
    :param reservation: id of one reservation, from ``reservation`` of the result that made it; by default
        everything that this run has reserved for the connection (templated)
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
        """Release it.

        :return: ``reserved``, ``spent`` and ``released``, in requests
        """
        choice = {"id_": self.reservation} if self.reservation else {"run": RunIdentity.of(context).run}
        found = _release(self.conn_id, **choice)
        result = {
            "reserved": sum(one.amount for one in found),
            "spent": sum(one.spent for one in found),
            "released": sum(one.remaining for one in found),
        }
        self.log.info("Of %d reserved requests, %d were spent and %d are released.", *result.values())
        return result


def _release(conn_id: str, **choice: str) -> Sequence[Reservation]:
    from airflow_provider.quota.hook import metered_hook
    from airflow_provider.store.location import configured

    hook = metered_hook(conn_id)
    store = hook.quota_store(configured())
    try:
        return store.release(**choice)
    finally:
        store.close()
