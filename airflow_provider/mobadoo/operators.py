"""The Mobadoo operators."""

from __future__ import annotations

from airflow_provider.mobadoo.launch_operators import MobadooLaunchUrlsOperator
from airflow_provider.mobadoo.list_operators import MobadooListMatchesOperator
from airflow_provider.mobadoo.load_operators import MobadooLoadPlayersOperator
from airflow_provider.mobadoo.reconcile_operators import MobadooReconcileTicketsOperator
from airflow_provider.mobadoo.resync_operators import MobadooResyncOperator
from airflow_provider.mobadoo.ticket_list_operators import MobadooListTicketsOperator
from airflow_provider.mobadoo.ticket_operators import (
    MobadooCancelTicketsOperator,
    MobadooConfirmTicketsOperator,
    MobadooCreateTicketsOperator,
    MobadooResolveTicketsOperator,
)

__all__ = [
    "MobadooCancelTicketsOperator",
    "MobadooConfirmTicketsOperator",
    "MobadooCreateTicketsOperator",
    "MobadooLaunchUrlsOperator",
    "MobadooListMatchesOperator",
    "MobadooListTicketsOperator",
    "MobadooLoadPlayersOperator",
    "MobadooReconcileTicketsOperator",
    "MobadooResolveTicketsOperator",
    "MobadooResyncOperator",
]
