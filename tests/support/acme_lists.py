"""An operator that reads the documents of ``changes.Vendor``, without any network."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

from airflow_provider.extract.incremental import IncrementalListOperator
from airflow_provider.extract.listing import Query
from tests.support.changes import Vendor, documents, listing


class AcmeListOperator(IncrementalListOperator):
    """Reads documents.

    :param vendor: who answers
    :param kind: how it pages
    :param options: of the listing
    """

    largest_page: ClassVar[int] = 1000

    def __init__(self, *, vendor: Vendor, kind: str = "after", options: Any = None, **kwargs: Any) -> None:
        super().__init__(**{"task_id": "read", "page_size": 2, **kwargs})
        self.vendor = vendor
        self.kind = kind
        self.options = options or {}

    def hook(self) -> Any:
        hook = SimpleNamespace(
            conn_id="acme_default",
            options=SimpleNamespace(conn_type="acme", base_url="https://acme.test"),
            requests=0,
            close=lambda: None,
            request_counter=lambda: None,
        )

        def run(call: Any) -> Any:
            hook.requests += 1
            return self.vendor.run(call)

        hook.run = run
        return hook

    def query(self, hook: Any) -> Query[Any]:
        wanted = listing(self.kind, **self.options)
        return Query(listing=wanted, ask=partial(documents), size=self.page_size, most=self.max_pages)


def read(vendor: Vendor, *, run_id: str = "run-1", events: Any = None, **options: Any) -> dict[str, Any]:
    """Run the operator as one try of a task."""
    operator = AcmeListOperator(vendor=vendor, **options)
    instance = SimpleNamespace(dag_id="dag", run_id=run_id, task_id="read", map_index=-1)
    context: Any = {"ti": instance, **({} if events is None else {"outlet_events": events})}
    return operator.finish(context, operator.work(context))
