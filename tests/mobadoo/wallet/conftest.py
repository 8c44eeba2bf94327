from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider.mobadoo.wallet import SqlWallet
from airflow_provider.mobadoo.wallet.loading import Player


@pytest.fixture
def wallet(database):
    """A wallet on each database, in which ada has 100 euros and a session."""
    made = SqlWallet(mobadoo_conn_id="mobadoo_default")
    made._databases._wallet = database
    made.load([Player(player="ada", currency="EUR", balance=Decimal("100.00"), hash="session-of-ada")])
    return made
