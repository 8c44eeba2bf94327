"""The example Dags: they parse, work without a logical date, and the docs can include them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.execution_time.macros import ds_add

from airflow_provider.get_provider_info import get_provider_info
from tests.support.examples import EXAMPLES, load

if TYPE_CHECKING:
    pass

MARKERS = {
    "example_imbee_create_access_tokens": "howto_operator_imbee_create_access_tokens",
    "example_imbee_create_chats": "howto_operator_imbee_create_chats",
    "example_imbee_create_users": "howto_operator_imbee_create_users",
    "example_mobadoo_event_sensor": "howto_sensor_mobadoo_event",
    "example_mobadoo_launch_urls": "howto_operator_mobadoo_launch_urls",
    "example_mobadoo_match_sensor": "howto_sensor_mobadoo_match",
    "example_mobadoo_matches": "howto_operator_mobadoo_list_matches",
    "example_mobadoo_players": "howto_operator_mobadoo_load_players",
    "example_mobadoo_reconciliation": "howto_operator_mobadoo_reconcile_tickets",
    "example_mobadoo_resync": "howto_operator_mobadoo_resync",
    "example_mobadoo_ticket_ends": "howto_operator_mobadoo_ticket_ends",
    "example_mobadoo_tickets": "howto_operator_mobadoo_tickets",
    "example_mobadoo_stream": "howto_mobadoo_stream",
    "example_mobadoo_webhook": "howto_mobadoo_webhook",
    "example_websocket": "howto_websocket",
    "example_mpohoda_backfill": "howto_mpohoda_backfill",
    "example_mpohoda_code_lists": "howto_mpohoda_code_lists",
    "example_mpohoda_extract": "howto_operator_mpohoda_list",
    "example_mpohoda_receivables": "howto_operator_mpohoda_get",
    "example_mpohoda_stock": "howto_operator_mpohoda_stock",
    "example_mpohoda_bank_payments": "howto_operator_mpohoda_bank_payments",
    "example_mpohoda_order_transfer": "howto_operator_mpohoda_order_transfer",
    "example_mpohoda_hand_over": "howto_operator_mpohoda_download",
    "example_mpohoda_sensors": "howto_sensor_mpohoda",
    "example_mpohoda_orders_to_invoices": "howto_operator_mpohoda_orders_to_invoices",
    "example_mpohoda_partners": "howto_operator_mpohoda_partners",
    "example_mpohoda_received_invoices": "howto_operator_mpohoda_received_invoices",
    "example_quota_approval": "howto_quota_approval",
    "example_quota_reservation": "howto_operator_quota_reservation",
    "example_sharded_batch": "howto_sharded_batch",
    "example_wolkvox_activities": "howto_operator_wolkvox_activities",
    "example_wolkvox_cases": "howto_operator_wolkvox_cases",
    "example_wolkvox_collections": "howto_operator_wolkvox_collections",
    "example_wolkvox_gestiones": "howto_operator_wolkvox_gestiones",
    "example_wolkvox_query_update": "howto_wolkvox_query_update",
    "example_wolkvox_quota_sensor": "howto_sensor_wolkvox_quota",
    "example_wolkvox_records": "howto_operator_wolkvox_records",
    "example_wolkvox_reports": "howto_operator_wolkvox_reports",
    "example_wolkvox_token_information": "howto_operator_wolkvox_token_information",
    "invoice_orders": "invoice_orders",
    "provision_customers": "provision_customers",
}
STARTED_BY_EVENTS = {
    "example_mobadoo_resync",
    "example_mobadoo_stream",
    "example_mobadoo_webhook",
    "example_websocket",
}
"""Examples that start when a vendor tells something, and send nothing."""


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_parses_and_explains_itself(name: str) -> None:
    dag = load(name)
    by_events = name in STARTED_BY_EVENTS
    assert by_events or dag.schedule is None, "an example must not start by itself: it sends messages"
    assert not dag.catchup
    assert EXAMPLES[name].read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_works_in_a_run_without_a_logical_date(name: str) -> None:
    dag = load(name)
    params = {"params": dag.params.dump()}
    # As a worker gets it: times are plain datetimes, and what depends on a logical date is not there.
    started = datetime(2026, 3, 31, 5, tzinfo=UTC)
    dag_run = SimpleNamespace(run_after=started, data_interval_start=None, data_interval_end=None, conf={})
    environment = dag.get_template_env()
    macros = SimpleNamespace(ds_add=ds_add, timedelta=timedelta)
    for task in dag.tasks:
        for template in templates(task):
            # Results of other tasks are known only in the run.
            if "xcom_pull" not in template:
                context = {"run_id": "manual__1", "dag_run": dag_run, "macros": macros, **params}
                environment.from_string(template).render(context)


def templates(task: Any) -> list[str]:
    """Return all texts of a task that Airflow renders, at any depth."""

    def inside(value: Any) -> list[str]:
        if isinstance(value, str):
            return [value] if "{" in value else []
        if isinstance(value, dict):
            value = list(value.values())
        return [text for one in value for text in inside(one)] if isinstance(value, (list, tuple)) else []

    values = {**getattr(task, "partial_kwargs", {}), **vars(task)}
    return [text for field in task.template_fields for text in inside(values.get(field))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_docs_find_the_markers_of_an_example(name: str) -> None:
    found = re.findall(
        r"^ *# \[(START|END) (\w+)\]$", EXAMPLES[name].read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found == [("START", MARKERS[name]), ("END", MARKERS[name])]


def belongs(value: type, module: str) -> bool:
    """Say whether a class is the vendor's own, in this module or in one like ``query_operators``."""
    package, _, name = module.rpartition(".")
    place, _, file = value.__module__.rpartition(".")
    return place == package and file.endswith(name)


def test_every_operator_and_sensor_has_an_example() -> None:
    info = get_provider_info()
    modules = [
        name for kind in ("operators", "sensors") for part in info[kind] for name in part["python-modules"]
    ]
    bases = {
        "ImbeeBatchOperator",
        "MobadooBatchOperator",
        "MpohodaBatchOperator",
        "MpohodaSensor",
        "WolkvoxBatchOperator",
        "WolkvoxFieldQueryOperator",
        "WolkvoxFieldsOperator",
        "WolkvoxInsertOperator",
        "WolkvoxModuleOperator",
        "WolkvoxNumbersAsTextOperator",
        "WolkvoxPagesOperator",
        "WolkvoxWriteCasesOperator",
    }
    offered = {
        name
        for module in modules
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type) and belongs(value, module) and name not in bases
    }
    shown = {
        task.task_type
        for name in EXAMPLES
        if name not in ("invoice_orders", "provision_customers")
        for task in load(name).tasks
    }
    assert offered
    assert offered <= shown
