"""The ledger, quotas and reservations, as ``create_all`` made them before there were revisions.

A database of that time may have some of the tables only. It gets what it lacks, and keeps its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMTEXT

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0001"
down_revision = None

metadata = sa.MetaData()

legacy_version = sa.Table(
    "vendor_apis_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

ledger = sa.Table(
    "vendor_apis_ledger",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("scope", sa.String(1000), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("result", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    sa.Column("error", sa.Text),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_ledger_state", "state"),
    sa.Index("vendor_apis_ledger_updated_at", "updated_at"),
)

quota = sa.Table(
    "vendor_apis_quota",
    metadata,
    sa.Column("account", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("vendor", sa.String(50), nullable=False),
    sa.Column("granted", sa.BigInteger),
    sa.Column("used", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
    sa.Column("resets_at", sa.Double),
    sa.Column("observed_at", sa.Double),
    sa.Column("source", sa.String(10)),
    sa.Column("counted", sa.BigInteger, nullable=False),
    sa.Column("refusal", sa.String(50)),
    sa.Column("refused_at", sa.Double),
    sa.Column("refused_until", sa.Double),
    sa.Column("refusal_text", sa.Text),
    sa.Column("asker", sa.String(200)),
    sa.Column("asking_until", sa.Double),
    sa.Column("asked_count", sa.BigInteger),
)

reservation = sa.Table(
    "vendor_apis_reservation",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("run", sa.String(600), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_reservation_account", "account"),
)


def upgrade(op: Operations) -> None:
    connection = op.get_bind()
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    metadata.create_all(connection, tables=[one for one in metadata.sorted_tables if one.name not in present])
    for table in metadata.sorted_tables:
        if table.name in present:
            _complete(op, table, inspector)
    if connection.scalar(sa.select(sa.func.max(legacy_version.c.version))) is None:
        connection.execute(sa.insert(legacy_version).values(version=1))


def _complete(op: Operations, table: sa.Table, inspector: sa.Inspector) -> None:
    columns = {column["name"] for column in inspector.get_columns(table.name)}
    for column in table.columns:
        if column.name not in columns:
            # Without the table's own indexes, which follow.
            op.add_column(
                table.name,
                sa.Column(
                    column.name, column.type, nullable=column.nullable, server_default=_filling(op, column)
                ),
            )
    indexes = {index["name"] for index in inspector.get_indexes(table.name)}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in indexes:
            op.create_index(str(index.name), table.name, [column.name for column in index.columns])


def _filling(op: Operations, column: sa.Column[object]) -> str | None:
    """Return what a column that is added holds in the rows that are there."""
    if column.nullable:
        return None
    if column.name == "state":
        # The record may or may not have been sent, so a person has to decide.
        return "unknown"
    if not isinstance(column.type, sa.String):
        return "0"
    # MySQL gives no default to a text, and fills it with this by itself.
    unlimited = isinstance(column.type, sa.Text)
    return None if unlimited and op.get_bind().dialect.name == "mysql" else ""
