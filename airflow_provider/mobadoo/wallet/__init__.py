"""The operator's side of the wallet: who has how much, and what tickets do to it.

``Wallet`` is what answers Mobadoo's callbacks, ``SqlWallet`` the one of this package, ``Refused`` how a
wallet says no. ``SqlWallet`` is imported when it is used: it needs SQLAlchemy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.mobadoo.wallet.protocol import Change, Credit, Refused, Ticket, Wallet

if TYPE_CHECKING:
    from airflow_provider.mobadoo.wallet.sql import SqlWallet

__all__ = ["Change", "Credit", "Refused", "SqlWallet", "Ticket", "Wallet"]


def __getattr__(name: str) -> Any:
    if name == "SqlWallet":
        from airflow_provider.mobadoo.wallet import sql

        return sql.SqlWallet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
