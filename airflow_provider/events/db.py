"""How ``airflow db migrate`` finds the table of deliveries; the provider's metadata names the class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow.utils.db_manager import BaseDBManager

from airflow_provider.events.table import VERSION_TABLE, Base

if TYPE_CHECKING:
    from sqlalchemy import MetaData

HERE = Path(__file__).parent


class VendorApisDBManager(BaseDBManager):
    """Creates and migrates the tables that this provider has in Airflow's database."""

    metadata: MetaData = Base.metadata
    version_table_name = VERSION_TABLE
    migration_dir = str(HERE / "migrations")
    alembic_file = str(HERE / "alembic.ini")
    supports_table_dropping = True
