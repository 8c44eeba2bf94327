"""The Acme operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.acme import operations
from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.values import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.acme.hooks import AcmeHook


class AcmeAddMembersOperator(VendorBatchOperator):
    """Add members.

    :param acme_conn_id: id of the Acme connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "acme_conn_id")
    operation = operations.ADD_MEMBERS

    def __init__(self, *, acme_conn_id: str = "acme_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.acme_conn_id = acme_conn_id
        text("acme_conn_id", acme_conn_id)

    def hook(self) -> AcmeHook:
        """Return the Acme hook."""
        from airflow_provider.acme.hooks import AcmeHook

        return AcmeHook(self.acme_conn_id, policy=self.request_policy)
