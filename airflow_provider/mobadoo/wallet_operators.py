"""What the operators share that work on the wallet's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.mobadoo.record_operators import MobadooRecordOperator
from airflow_provider.values import text

if TYPE_CHECKING:
    from collections.abc import Sequence


class MobadooWalletOperator(MobadooRecordOperator):
    """What the operators share that work on the wallet's database.

    :param wallet_conn_id: connection of the wallet's database; None: ``[vendor_apis] wallet_conn_id``
        (templated)
    :param mobadoo_conn_id: id of the Mobadoo connection whose players they are (templated)
    """

    template_fields: Sequence[str] = (*MobadooRecordOperator.template_fields, "wallet_conn_id")

    def __init__(self, *, wallet_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if wallet_conn_id is not None:
            text("wallet_conn_id", wallet_conn_id)
        self.wallet_conn_id = wallet_conn_id

    def secret_results(self) -> Sequence[str]:
        """Return the secret fields of a result: none."""
        return ()

    def wallet_connection(self) -> str:
        """Return the connection of the wallet's database; empty for the provider's own database."""
        from airflow_provider.store.location import wallet_conn_id

        return wallet_conn_id() if self.wallet_conn_id is None else self.wallet_conn_id
