"""The table of deliveries. It is in Airflow's own database: a delivery and its asset events are one commit.

Each change needs an Alembic revision, see ``events/migrations``.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations of columns
from typing import Any

import sqlalchemy as sa
from airflow.models.base import _get_schema, naming_convention
from airflow.utils.sqlalchemy import UtcDateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

TABLE = "vendor_apis_delivery"
VERSION_TABLE = "alembic_version_vendor_apis"

THING_LENGTH = 250
NAME_LENGTH = 100

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows only in a column of exactly this type."""


class Base(DeclarativeBase):
    metadata = sa.MetaData(schema=_get_schema(), naming_convention=naming_convention)


class Delivery(Base):
    """What a vendor has sent, once; copies of it are counted.

    ``epoch`` tells how often the same body has been news: with the unique key, only one of two processes that
    get the same delivery at once can store it.
    """

    __tablename__ = TABLE
    __table_args__ = (
        sa.UniqueConstraint("conn_id", "digest", "epoch", name="vendor_apis_delivery_twin_uq"),
        sa.Index("idx_vendor_apis_delivery_thing", "conn_id", "thing", "id"),
        sa.Index("idx_vendor_apis_delivery_conn", "conn_id", "id"),
        sa.Index("idx_vendor_apis_delivery_received", "received_at"),
        sa.Index("idx_vendor_apis_delivery_check", "check_at"),
        # An id names a delivery for ever, because Dags are idempotent by it.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(ID, primary_key=True, autoincrement=True)
    conn_id: Mapped[str] = mapped_column(sa.String(250))
    vendor: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    source: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    family: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    entity: Mapped[str | None] = mapped_column(sa.String(NAME_LENGTH))
    group_key: Mapped[str] = mapped_column(sa.String(NAME_LENGTH))
    group_name: Mapped[str | None] = mapped_column(sa.String(NAME_LENGTH))
    thing: Mapped[str] = mapped_column(sa.String(THING_LENGTH))
    digest: Mapped[str] = mapped_column(sa.String(64))
    epoch: Mapped[int] = mapped_column(sa.Integer)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    payload: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    payload_truncated: Mapped[bool] = mapped_column(sa.Boolean)
    gap: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    assets: Mapped[list[str]] = mapped_column(sa.JSON)
    """Names of the assets that the message is about, whether or not a Dag mentions them."""
    outcome: Mapped[str] = mapped_column(sa.String(20))
    repeats: Mapped[int] = mapped_column(sa.Integer, default=0)
    repeated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    events: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    """The asset events: ``event`` and ``asset`` (ids), ``name`` of the asset, ``dags`` yet to get it."""
    retold: Mapped[int] = mapped_column(sa.Integer, default=0)
    """How often its events were registered again because no run had got them."""
    check_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When to see whether runs have got its events; empty once they have."""
