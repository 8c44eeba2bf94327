"""Use the made-up vendor as a Dag author does; the package on the path has it. Prints JSON."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any


def form() -> dict[str, Any]:
    """Return what Airflow makes of the connection form, and which hook it finds."""
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk import BaseHook

    manager = ProvidersManager()
    manager.initialize_providers_hooks()
    hook: Any = BaseHook.get_hook("acme_default")
    return {
        "labels": manager.field_behaviours["acme"]["relabeling"],
        "fields": sorted(
            name for name in manager.connection_form_widgets if name.startswith("extra__acme__")
        ),
        "hook": f"{type(hook).__module__}.{type(hook).__qualname__}",
        "name": manager.hooks["acme"].hook_name,
        "test": hook.test_connection(),
    }


def batch(*names: str, **options: Any) -> Any:
    """Run a batch as a task, and return its result."""
    from importlib import import_module

    operators = import_module("airflow_provider.acme.operators")
    task = operators.AcmeAddMembersOperator(
        task_id="members", records=[{"name": name} for name in names], **options
    )
    fields = {"dag_id": "dag", "run_id": "run", "task_id": "members", "try_number": 1, "map_index": -1}
    return task.execute({"ti": SimpleNamespace(**fields)})


def main() -> None:
    import airflow_provider
    from airflow_provider.get_provider_info import get_provider_info

    found = {
        "package": airflow_provider.__file__,
        "info": get_provider_info(),
        "form": form(),
        "batch": batch("ada", "bob", on_error="continue", max_concurrency=1),
        "again": batch("ada", "bob", on_error="continue", max_concurrency=1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
