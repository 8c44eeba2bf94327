"""The operators that create tickets at Mobadoo and bring them to their end.

Dags import them from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo import operations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.batch.lookup import Lookup
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mobadoo.hooks import MobadooHook

RESEND_AFTER = timedelta(minutes=15)


class MobadooBatchOperator(VendorBatchOperator):
    """What the ticket batches share.

    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "mobadoo_conn_id")
    ui_color = "#e4ddf4"

    def __init__(self, *, mobadoo_conn_id: str = "mobadoo_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mobadoo_conn_id = mobadoo_conn_id
        values.text("mobadoo_conn_id", mobadoo_conn_id)

    def hook(self) -> MobadooHook:
        """Return the Mobadoo hook."""
        from airflow_provider.mobadoo.hooks import MobadooHook

        return MobadooHook(self.mobadoo_conn_id, policy=self.request_policy)

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record.

        :param hook: the hook of the connection
        """
        from airflow_provider.mobadoo.ticket_mapping import TicketMapping

        return TicketMapping(
            self.call_function(hook),
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.takes(),
        )


class MobadooCreateTicketsOperator(MobadooBatchOperator):
    """Create tickets at Mobadoo, each of them once.

    A record has ``transaction_id``, what the ticket is known by on both sides, and ``ticket``, an object with
    its other fields; in a CSV file it is JSON. The result has ``created_ticket``: what Mobadoo answered,
    without the player's session. A ``hash`` in ``ticket`` is sealed in the results.

    **Each ticket takes a bet, and whether Mobadoo notices a repeat is not published.** So a
    ``transaction_id`` is sent once for ever. A request whose outcome is not known is never repeated: its
    record counts as ``unknown`` until a person decides, or ``reconcile`` finds out.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MobadooCreateTicketsOperator`

    :param reconcile: look up a ticket whose request had an unknown outcome, with ``get_ticket``, before
        anything is sent. What is there counts as created; what Mobadoo says is not there is sent again, not
        before ``resend_after``; an answer that says neither leaves the ticket unknown. Give the task retries
        that last longer than that
    :param resend_after: how long Mobadoo may still be working on a request whose connection has broken. The
        vendor does not say it
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    operation = operations.CREATE_TICKET

    def __init__(
        self, *, reconcile: bool = False, resend_after: timedelta = RESEND_AFTER, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.reconcile = values.flag("reconcile", reconcile)
        self.resend_after = values.duration("resend_after", resend_after)
        if self.reconcile and (self.resend_unknown or self.redo == "all"):
            raise InvalidInput(
                'reconcile=True looks for what may be there; resend_unknown=True and redo="all" send it '
                "again without a look.",
                field="reconcile",
                remedy="Choose one of them.",
            )

    def lookup(self, hook: VendorHook[Any], mapping: RecordMapping) -> Lookup | None:
        """Return what looks tickets up; None where nothing is to be looked up.

        :param hook: the hook of the connection
        :param mapping: what makes a call of a record
        """
        if not self.reconcile:
            return None
        from airflow_provider.mobadoo.ticket_lookup import TicketLookup

        mobadoo: Any = hook
        return TicketLookup(mobadoo, self.resend_after.total_seconds())


class MobadooConfirmTicketsOperator(MobadooBatchOperator):
    """Confirm tickets, each of them once; not needed where the account confirms by itself.

    A record has ``transaction_id``, and may have ``details``, an object with further fields of the body: what
    it may have is not published. The result has ``confirmed_ticket``, what Mobadoo answered. A request whose
    outcome is not known is never repeated: its record counts as ``unknown``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MobadooConfirmTicketsOperator`

    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    operation = operations.CONFIRM_TICKET


class MobadooCancelTicketsOperator(MobadooBatchOperator):
    """Cancel tickets, each of them once.

    A record has ``transaction_id``, and may have ``details``. The result has ``canceled_ticket``. Otherwise
    it is as :class:`MobadooConfirmTicketsOperator`.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MobadooCancelTicketsOperator`

    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    operation = operations.CANCEL_TICKET


class MobadooResolveTicketsOperator(MobadooBatchOperator):
    """Resolve tickets, each of them once; not needed where the account resolves by itself.

    A record has ``transaction_id``, and may have ``details``. The result has ``resolved_ticket``. Otherwise
    it is as :class:`MobadooConfirmTicketsOperator`.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MobadooResolveTicketsOperator`

    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    operation = operations.RESOLVE_TICKET
