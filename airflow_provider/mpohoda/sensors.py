"""The mPOHODA sensors."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.quota.sensor import QuotaSensor
from airflow_provider.values import duration, flag, is_later, moment, names, one_of, text, whole_number
from airflow_provider.waiting.sensor import WaitingSensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.mpohoda.triggers import MpohodaTrigger
    from airflow_provider.quota.hook import MeteredHook
    from airflow_provider.quota.monitor import QuotaMonitor
    from airflow_provider.quota.readings import Quota
    from airflow_provider.waiting.condition import Condition

COUNTS = ("total", "page")
STATUSES = ("Unfinished", "PartiallyFinished", "Finished", "PermanentDocument")
"""The statuses of an order, from the vendor's OpenAPI file."""

FINAL = ("Finished", "PermanentDocument")
"""The statuses that an order is taken never to leave: the file lists them, and does not say so."""


class MpohodaSensor(WaitingSensor):
    """What the mPOHODA sensors that look at records have in common.

    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    :param resource: name of the list (templated)
    """

    template_fields: Sequence[str] = ("mpohoda_conn_id", "resource")
    ui_color = "#e8f3da"

    def __init__(self, *, resource: str, mpohoda_conn_id: str = "mpohoda_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mpohoda_conn_id = mpohoda_conn_id
        self.resource = resource
        text("mpohoda_conn_id", mpohoda_conn_id)
        text("resource", resource)

    def hook(self) -> MpohodaHook:
        """Return the mPOHODA hook."""
        from airflow_provider.mpohoda.hooks import MpohodaHook

        return MpohodaHook(self.mpohoda_conn_id)

    def trigger(self, **values: Any) -> MpohodaTrigger:
        """Make the trigger that waits."""
        from airflow_provider.mpohoda.triggers import MpohodaTrigger

        return MpohodaTrigger(conn_id=self.mpohoda_conn_id, **values)

    def _resource(self, part: str) -> str:
        """Return the name of the list as the vendor writes it; it must have a part."""
        from airflow_provider.mpohoda.resources import resource

        one = resource(self.resource)
        if part != "list":
            one.path(part, "0" * 8 + "-0000" * 3 + "-" + "0" * 12)
        return one.name


class MpohodaOrderStatusSensor(MpohodaSensor):
    """Wait until an order has one of some statuses.

    The order itself is asked when the sensor begins, and then once in each ``confirm_interval``. In between,
    one list of the orders that changed since the look before tells of all orders that are waited for. That a
    new status counts as a change is not documented: where it does not, ``confirm_interval`` is how late the
    sensor may be.

    A status that an order has only between two looks is not seen.

    .. seealso:: :ref:`howto/sensor:MpohodaOrderStatusSensor`

    :param resource: ``ReceivedOrders`` or ``IssuedOrders`` (templated)
    :param order_id: id of the order (templated)
    :param statuses: the statuses: any of them ends the waiting
    :param final_statuses: statuses that an order never leaves: in one that is not waited for, the task fails
        at once. mPOHODA's OpenAPI file lists the statuses, and does not say which are final
    :param confirm_interval: how often the order itself is asked, whatever the list of changes says; a day at
        most. 0: at each look, and no list is read
    """

    template_fields: Sequence[str] = (*MpohodaSensor.template_fields, "order_id")

    def __init__(
        self,
        *,
        order_id: str,
        resource: str = "ReceivedOrders",
        statuses: Sequence[str] = ("Finished",),
        final_statuses: Sequence[str] = FINAL,
        confirm_interval: timedelta | float = timedelta(days=1),
        **kwargs: Any,
    ) -> None:
        super().__init__(resource=resource, **kwargs)
        self.order_id = order_id
        self.statuses = names("statuses", statuses)
        self.final_statuses = names("final_statuses", final_statuses)
        for field, given in (("statuses", self.statuses), ("final_statuses", self.final_statuses)):
            for status in given:
                one_of(field, status, STATUSES)
        if not self.statuses:
            raise InvalidInput("statuses has no status to wait for.", field="statuses")
        self.confirm_interval = duration("confirm_interval", confirm_interval)
        if self.confirm_interval > timedelta(days=1):
            raise InvalidInput("confirm_interval must be a day at most.", field="confirm_interval")
        text("order_id", order_id)

    def condition(self, started: datetime) -> Condition:
        """Say which order is to have which status."""
        from airflow_provider.mpohoda.conditions import OrderStatus
        from airflow_provider.mpohoda.resources import guid

        return OrderStatus(
            resource=self._resource("status"),
            order_id=guid("order_id", self.order_id),
            statuses=tuple(self.statuses),
            final=tuple(self.final_statuses),
            confirm_interval=self.confirm_interval.total_seconds(),
        )


class MpohodaPaidSensor(MpohodaSensor):
    """Wait until invoices are paid, all of them.

    One reading of all unpaid invoices in each interval answers every sensor that waits on the connection. It
    costs one request for each 100 unpaid invoices of the company. An invoice that is not among them is asked
    about by itself, so one that never existed fails the task, and is not taken for a paid one. That costs one
    request for each invoice, once.

    .. seealso:: :ref:`howto/sensor:MpohodaPaidSensor`

    :param resource: ``IssuedInvoices`` or ``IssuedAdvanceInvoices`` (templated)
    :param invoice_ids: ids of the invoices: a list, or a text with them separated by commas (templated)
    :param sweep: read all unpaid invoices; False where the company has many and few are waited for: each
        invoice is then asked about at each look
    """

    template_fields: Sequence[str] = (*MpohodaSensor.template_fields, "invoice_ids")

    def __init__(
        self,
        *,
        invoice_ids: Sequence[str] | str,
        resource: str = "IssuedInvoices",
        sweep: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(resource=resource, **kwargs)
        self.invoice_ids = invoice_ids
        self.sweep = flag("sweep", sweep)
        if not is_later(invoice_ids):
            names("invoice_ids", invoice_ids)

    def condition(self, started: datetime) -> Condition:
        """Say which invoices are to be paid."""
        from airflow_provider.mpohoda.conditions import Paid
        from airflow_provider.mpohoda.resources import guid

        given = self.invoice_ids
        if isinstance(given, str):
            # What Jinja makes of a list is its text.
            given = re.findall(r"[^\s,;'\"\[\]()]+", given)
        return Paid(
            resource=self._resource("payment"),
            invoice_ids=tuple(
                dict.fromkeys(guid("invoice_ids", one) for one in names("invoice_ids", list(given)))
            ),
            sweep=self.sweep,
            since=started.isoformat(),
        )


class MpohodaModifiedSensor(MpohodaSensor):
    """Wait until a list has new or changed records.

    Without ``modified_since`` and ``state_key`` those count that changed since the sensor began.

    .. seealso:: :ref:`howto/sensor:MpohodaModifiedSensor`

    :param resource: the list, like ``IssuedInvoices`` (templated)
    :param parent_id: id of the parent, of a list that belongs to one (templated)
    :param modified_since: since when, with a time zone (templated)
    :param state_key: the state of an incremental extraction: what it has not read yet counts, and everything
        where it has read nothing. The state is read at each look, and stays as it is (templated)
    :param min_records: how many records there must be
    :param count_by: ``total`` takes the number in the answer (``TotalItemCount``). That this counts after the
        filter is not documented. ``page`` counts the records that come, which needs no such trust and as many
        records in a page; with ``min_records`` 1 both are the same
    """

    template_fields: Sequence[str] = (
        *MpohodaSensor.template_fields,
        "parent_id",
        "modified_since",
        "state_key",
    )

    def __init__(
        self,
        *,
        resource: str,
        parent_id: str | None = None,
        modified_since: datetime | str | None = None,
        state_key: str | None = None,
        min_records: int = 1,
        count_by: str = "total",
        **kwargs: Any,
    ) -> None:
        super().__init__(resource=resource, **kwargs)
        self.parent_id = parent_id
        self.modified_since = modified_since
        self.state_key = state_key
        self.min_records = whole_number("min_records", min_records, 1)
        one_of("count_by", count_by, COUNTS)
        self.count_by = count_by
        if modified_since is not None:
            moment("modified_since", modified_since)
        if state_key is not None:
            text("state_key", state_key)
        if modified_since is not None and state_key is not None:
            raise InvalidInput(
                "modified_since and state_key both say since when.", field="state_key", remedy="Give one."
            )

    def condition(self, started: datetime) -> Condition:
        """Say how many records of which list are to be new or changed."""
        from airflow_provider.mpohoda.calls import moment
        from airflow_provider.mpohoda.conditions import Modified

        since = None
        if self.state_key is None:
            since = moment("modified_since", self.modified_since or started)
        return Modified(
            resource=self._resource("list"),
            parent_id=self.parent_id,
            since=since,
            state_key=self.state_key,
            min_records=self.min_records,
            count_by=self.count_by,
        )


class MpohodaQuotaSensor(QuotaSensor):
    """Wait until enough requests of the month remain, without sending any.

    mPOHODA cannot be asked how many remain. What remains is known from a header of its latest response, if
    it has one; otherwise our own count decides, and ``source`` in the result is ``count``: the limit that
    follows from "mCAL extensions", less what this provider has sent since the first of the month in UTC. See
    :class:`~airflow_provider.quota.sensor.QuotaSensor` for the other parameters.

    .. seealso:: :ref:`howto/sensor:MpohodaQuotaSensor`

    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    :param min_remaining: requests that must remain (templated)
    """

    template_fields: Sequence[str] = (*QuotaSensor.template_fields, "mpohoda_conn_id")
    ui_color = "#e8f3da"

    def __init__(self, *, mpohoda_conn_id: str = "mpohoda_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mpohoda_conn_id = mpohoda_conn_id
        text("mpohoda_conn_id", mpohoda_conn_id)

    def hook(self) -> MpohodaHook:
        """Return the mPOHODA hook."""
        from airflow_provider.mpohoda.hooks import MpohodaHook

        return MpohodaHook(self.mpohoda_conn_id)

    def satisfied(self, hook: MeteredHook[Any], monitor: QuotaMonitor, quota: Quota) -> dict[str, Any] | None:
        """Use what there is enough of, and say where it is only counted here."""
        if quota.source == "count":
            self.log.info("This is our own count: mPOHODA has not said how many requests remain.")
        return super().satisfied(hook, monitor, quota)
