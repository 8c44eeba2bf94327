"""Read the simulated mPOHODA with the operators, as one try of a task."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_provider.http.oauth import forget_tokens
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.mpohoda.operators import MpohodaListOperator
from tests.sandbox.mpohoda.client import Mpohoda
from tests.support.sandbox import SandboxProcess

QUICK = RequestPolicy(attempts=1, backoff=0.0)
FIRST = "2026-01-01T00:00:00Z"


class Company:
    """The company of the sandbox, and what was asked about it.

    :param sandbox: the vendors
    """

    def __init__(self, sandbox: SandboxProcess) -> None:
        forget_tokens()
        self.sandbox = sandbox
        self.api = Mpohoda(sandbox)
        self.seed = self.api.seed
        self.switch = self.api.switch

    def generate(self, count: int, resource: str = "IssuedInvoices", **more: Any) -> dict[str, Any]:
        """Add records, each changed a second later than the one before."""
        return self.api.generate(count, resource, **{"first": FIRST, "step": 1, **more})

    def queries(self, path: str = "IssuedInvoices") -> list[dict[str, str]]:
        """Return the queries of a list that were answered or refused."""
        return [one["query"] for one in self.sandbox.requests("mpohoda", path=path)]

    def change(self, id: str, at: str, resource: str = "IssuedInvoices") -> None:
        self.seed(resource, {"Id": id, "ModificationInfo": {"ModifiedDate": at}})

    def remove(self, id: str, resource: str = "IssuedInvoices") -> None:
        self.sandbox.control("DELETE", f"mpohoda/records/{resource}/{id}")


def read(*, run_id: str = "run-1", resource: str = "IssuedInvoices", **options: Any) -> dict[str, Any]:
    """Read a list as one try of a task of a run."""
    operator = MpohodaListOperator(
        **{"task_id": "read", "resource": resource, "request_policy": QUICK, **options}
    )
    instance = SimpleNamespace(
        dag_id="dag", run_id=run_id, task_id=operator.task_id, map_index=-1, try_number=1
    )
    context: Any = {"ti": instance}
    return operator.finish(context, operator.work(context))


def lines(path: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def ids(path: Any) -> list[str]:
    return [one["Id"] for one in lines(path)]
