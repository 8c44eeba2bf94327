"""What the operations page shows: batches, who has decided about records, and the days of a quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0009"
down_revision = "0008"

LEDGER, QUOTA = "vendor_apis_ledger", "vendor_apis_quota"
UNKNOWN = "vendor_apis_ledger_unknown"

metadata = sa.MetaData()

decision = sa.Table(
    "vendor_apis_decision",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("ledger_id", sa.String(32), nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("answer", sa.String(10), nullable=False),
    sa.Column("decided_by", sa.String(250), nullable=False),
    sa.Column("through", sa.String(10), nullable=False),
    sa.Column("decided_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_decision_conn", "conn_id", "decided_at", "id"),
)

batch = sa.Table(
    "vendor_apis_batch",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("dag_id", sa.String(250), nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("task_id", sa.String(250), nullable=False),
    sa.Column("map_index", sa.Integer, nullable=False),
    sa.Column("try_number", sa.Integer, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("existing", sa.BigInteger, nullable=False),
    sa.Column("replayed", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("unknown", sa.BigInteger, nullable=False),
    sa.Column("fraction", sa.Double),
    sa.Column("requests", sa.BigInteger),
    sa.Column("output", sa.Text),
    sa.Column("report", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Index("vendor_apis_batch_conn", "conn_id", "started_at", "id"),
    sa.Index("vendor_apis_batch_running", "state", "conn_id", "started_at", "id"),
    sa.Index("vendor_apis_batch_run", "dag_id", "run_id"),
    sa.Index("vendor_apis_batch_started_at", "started_at"),
)

quota_day = sa.Table(
    "vendor_apis_quota_day",
    metadata,
    sa.Column("account", sa.String(32), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("granted", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
)


def upgrade(op: Operations) -> None:
    # MySQL may have done a part of it, and been interrupted before the revision was noted.
    inspector = sa.inspect(op.get_bind())
    for table in metadata.sorted_tables:
        if inspector.has_table(table.name):
            table.drop(op.get_bind())
    metadata.create_all(op.get_bind())
    there = {column["name"] for column in inspector.get_columns(QUOTA)}
    for column in (sa.Column("day", sa.String(10)), sa.Column("day_sent", sa.BigInteger)):
        if column.name not in there:
            op.add_column(QUOTA, column)
    if UNKNOWN not in {index["name"] for index in inspector.get_indexes(LEDGER)}:
        only = sa.text("state = 'unknown'")
        columns = ["state", "conn_id", "updated_at", "id"]
        op.create_index(UNKNOWN, LEDGER, columns, postgresql_where=only, sqlite_where=only)
