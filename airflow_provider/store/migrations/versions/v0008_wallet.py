"""The wallet: players and balances, tickets, the entries that move money, and what a person has to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

revision = "0008"
down_revision = "0007"

metadata = sa.MetaData()

wallet_player = sa.Table(
    "vendor_apis_wallet_player",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("display_name", sa.String(250)),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("decimals", sa.Integer, nullable=False),
    sa.Column("balance", sa.BigInteger, nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.CheckConstraint("balance >= 0", name="vendor_apis_wallet_player_balance"),
    sa.Index("vendor_apis_wallet_player_conn_id", "conn_id"),
)

wallet_ticket = sa.Table(
    "vendor_apis_wallet_ticket",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("player_id", sa.String(32), nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("ticket", sa.String(250), nullable=False),
    sa.Column("transaction_id", sa.String(250)),
    sa.Column("session", sa.String(64)),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("stake", sa.BigInteger),
    sa.Column("won", sa.BigInteger),
    sa.Column("code", sa.Integer),
    sa.Column("reason", sa.String(250)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_wallet_ticket_player_id", "player_id"),
    sa.Index("vendor_apis_wallet_ticket_session", "session"),
)

wallet_entry = sa.Table(
    "vendor_apis_wallet_entry",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("player_id", sa.String(32), nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("ticket", sa.String(250)),
    sa.Column("movement", sa.String(10), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("balance_after", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.CheckConstraint("balance_after >= 0", name="vendor_apis_wallet_entry_balance_after"),
    sa.Index("vendor_apis_wallet_entry_number", "player_id", "number", unique=True),
)

wallet_note = sa.Table(
    "vendor_apis_wallet_note",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("ticket", sa.String(250), nullable=False),
    sa.Column("transaction_id", sa.String(250)),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("movement", sa.String(10), nullable=False),
    sa.Column("amount", sa.String(60)),
    sa.Column("state", sa.String(10)),
    sa.Column("recorded", sa.String(60)),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("closed_at", sa.Double),
    sa.Index("vendor_apis_wallet_note_closed_at", "closed_at"),
)


def upgrade(op: Operations) -> None:
    bind = op.get_bind()
    if bind.dialect.name == "mysql":
        # It may have made some of them, and been interrupted before the revision was noted. Nothing is in
        # them then.
        metadata.drop_all(bind)
    metadata.create_all(bind)
