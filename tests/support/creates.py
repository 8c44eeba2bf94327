"""Records of mPOHODA that are created in the sandbox, and paid."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_provider.mpohoda.operators import MpohodaCreateOperator, MpohodaLiquidateOperator
from tests.support.batches import execute
from tests.support.sandbox import SandboxProcess

LINE = {"TextItem": {"Text": "Work", "Quantity": 1, "UnitPrice": 100, "UnitPriceVatType": "WithoutVat"}}


def invoice(order: str, **fields: Any) -> dict[str, Any]:
    """Return the record of an issued invoice."""
    return {"OrderNumber": order, "Items": [LINE], **fields}


def create(records: Any, run_id: str = "run-1", try_number: int = 1, **options: Any) -> dict[str, Any]:
    """Create issued invoices by their order's number, or what ``options`` say."""
    given = {"resource": "IssuedInvoices", **options}
    if given["resource"] not in ("BusinessPartners", "PaymentMethods"):
        given.setdefault("record_key", "OrderNumber")
    return execute(
        MpohodaCreateOperator(task_id="create", records=records, **given), run_id, try_number=try_number
    )


def pay(records: Any, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    """Pay issued invoices by their variable symbol, or what ``options`` say."""
    given = {"resource": "IssuedInvoices", "match": "variable_symbol", "record_key": "transaction"}
    task = MpohodaLiquidateOperator(
        task_id="pay", records=records, on_error="continue", **{**given, **options}
    )
    return execute(task, run_id)


def posted(sandbox: SandboxProcess, path: str = "v1/IssuedInvoices") -> list[dict[str, Any]]:
    """Return the bodies that were posted."""
    return [one["json"] for one in sandbox.requests("mpohoda", path=path) if one["method"] == "POST"]


def read(sandbox: SandboxProcess, path: str) -> int:
    """Return how often pages of a list were asked for."""
    return sum(one["method"] == "GET" for one in sandbox.requests("mpohoda", path=path))


def seed(sandbox: SandboxProcess, resource: str, *records: dict[str, Any]) -> list[str]:
    """Put records into the company, as if somebody had typed them in."""
    body = {"resource": resource, "records": list(records)}
    found: list[str] = sandbox.control("POST", "mpohoda/records", body)["ids"]
    return found


def ids(sandbox: SandboxProcess, resource: str, by: str) -> dict[str, str]:
    """Return the ids of a list's records by one of their fields."""
    records = sandbox.control("GET", f"mpohoda/records/{resource}")["records"]
    return {one[by]: one["Id"] for one in records}


def synchronize(sandbox: SandboxProcess) -> None:
    """Let the sandbox have the time of this machine, which the ledger goes by."""
    sandbox.clock(now=datetime.now(UTC).isoformat().replace("+00:00", "Z"))
