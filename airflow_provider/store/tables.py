"""The tables of the provider's database, as this version uses them.

A change here needs a revision in ``airflow_provider/store/migrations``, whose docstring says how.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT

metadata = sa.MetaData()

legacy_version = sa.Table(
    "vendor_apis_schema",
    metadata,
    # Packages from before the migrations read it: they refuse a number above 1.
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

ledger = sa.Table(
    "vendor_apis_ledger",
    metadata,
    # A digest of connection, operation, scope and key: the columns themselves are too long for a key in
    # MySQL.
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
    # A digest of what was sent, for operations that tell when a record that is done comes with other content.
    sa.Column("content", sa.String(32)),
    sa.Index("vendor_apis_ledger_state", "state"),
    sa.Index("vendor_apis_ledger_updated_at", "updated_at"),
    # What a person has to decide about. Only such rows are in it, so that it costs a batch nothing.
    sa.Index(
        "vendor_apis_ledger_unknown",
        "state",
        "conn_id",
        "updated_at",
        "id",
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    ),
)

decision = sa.Table(
    "vendor_apis_decision",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
    # The row of the ledger that a person has decided about; it says nothing of the record.
    sa.Column("ledger_id", sa.String(32), nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    # "done", or "not_done": the next run sends it.
    sa.Column("answer", sa.String(10), nullable=False),
    # Who, and whether on the page or on the command line.
    sa.Column("decided_by", sa.String(250), nullable=False),
    sa.Column("through", sa.String(10), nullable=False),
    sa.Column("decided_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_decision_conn", "conn_id", "decided_at", "id"),
)

batch = sa.Table(
    "vendor_apis_batch",
    metadata,
    # A try of a task has one row; nothing but the operations page reads it.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    # Empty outside of a run.
    sa.Column("dag_id", sa.String(250), nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Column("task_id", sa.String(250), nullable=False),
    sa.Column("map_index", sa.Integer, nullable=False),
    sa.Column("try_number", sa.Integer, nullable=False),
    # "running", "done", or "failed": it ended before its last record, or its results were not published.
    sa.Column("state", sa.String(10), nullable=False),
    # Records by how they ended.
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("existing", sa.BigInteger, nullable=False),
    sa.Column("replayed", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("unknown", sa.BigInteger, nullable=False),
    # How much of the input is done, from 0 to 1, where that is known.
    sa.Column("fraction", sa.Double),
    sa.Column("requests", sa.BigInteger),
    sa.Column("output", sa.Text),
    sa.Column("report", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("started_at", sa.Double, nullable=False),
    # A batch that runs writes it every few seconds.
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Index("vendor_apis_batch_conn", "conn_id", "started_at", "id"),
    sa.Index("vendor_apis_batch_running", "state", "conn_id", "started_at", "id"),
    sa.Index("vendor_apis_batch_run", "dag_id", "run_id"),
    sa.Index("vendor_apis_batch_started_at", "started_at"),
)

quota = sa.Table(
    "vendor_apis_quota",
    metadata,
    # A digest of the credentials: they tell whose quota it is.
    sa.Column("account", sa.String(32), primary_key=True),
    # The connection that spoke of it first, for people.
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("vendor", sa.String(50), nullable=False),
    # The latest reading; times in seconds since 1970.
    sa.Column("granted", sa.BigInteger),
    sa.Column("used", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
    sa.Column("resets_at", sa.Double),
    sa.Column("observed_at", sa.Double),
    sa.Column("source", sa.String(10)),
    # Requests sent since.
    sa.Column("counted", sa.BigInteger, nullable=False),
    # The latest refusal that concerns every request of the connection.
    sa.Column("refusal", sa.String(50)),
    sa.Column("refused_at", sa.Double),
    sa.Column("refused_until", sa.Double),
    sa.Column("refusal_text", sa.Text),
    # Who is asking the vendor just now, until when at most, and what had been counted when it began.
    sa.Column("asker", sa.String(200)),
    sa.Column("asking_until", sa.Double),
    sa.Column("asked_count", sa.BigInteger),
    # The day (UTC) of the latest write, like 2026-01-31, and the requests sent on it.
    sa.Column("day", sa.String(10)),
    sa.Column("day_sent", sa.BigInteger),
)

quota_day = sa.Table(
    "vendor_apis_quota_day",
    metadata,
    sa.Column("account", sa.String(32), primary_key=True),
    # A day before the latest one (UTC), like 2026-01-31.
    sa.Column("day", sa.String(10), primary_key=True),
    # Requests sent on it, and what was known of the quota at its end.
    sa.Column("sent", sa.BigInteger, nullable=False),
    sa.Column("granted", sa.BigInteger),
    sa.Column("remaining", sa.BigInteger),
)

reservation = sa.Table(
    "vendor_apis_reservation",
    metadata,
    # A digest of connection, run and task.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("run", sa.String(600), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    # Whether it is for all tasks of the run, or for the one that made it.
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    # How much of it was taken from a shared one, where it belongs when the task ends.
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_reservation_account", "account"),
)

extract = sa.Table(
    "vendor_apis_extract",
    metadata,
    # A digest of the task instance and the output.
    sa.Column("id", sa.String(32), primary_key=True),
    # Connection, listing and task, for people.
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(100), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    # A digest of Dag and task, which all their runs share: a later run removes what an earlier one left.
    sa.Column("series", sa.String(32), nullable=False),
    sa.Column("output", sa.Text, nullable=False),
    # A digest of what is asked: parameters are the data of customers.
    sa.Column("question", sa.String(32), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    # "reading", or "published": the output is in its place.
    sa.Column("state", sa.String(10), nullable=False),
    # JSON: the next position, counts, digests of pages, and the parts. Nothing before the first page.
    sa.Column("progress", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
)

watermark = sa.Table(
    "vendor_apis_watermark",
    metadata,
    # A digest of connection, host, list and key.
    sa.Column("id", sa.String(32), primary_key=True),
    # For people, and for the command line.
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(200), nullable=False),
    sa.Column("state_key", sa.String(1000), nullable=False),
    # The latest change that is in an output, as the vendor writes it. Nothing before the first.
    sa.Column("watermark", sa.String(64)),
    # The task that moved it.
    sa.Column("task", sa.String(1000)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
)

watermark_read = sa.Table(
    "vendor_apis_watermark_read",
    metadata,
    # A digest of the task instance and the watermark: what a run read from, it reads from when it is cleared.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("watermark_id", sa.String(32), nullable=False),
    sa.Column("task", sa.String(1000), nullable=False),
    sa.Column("watermark", sa.String(64)),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_watermark_read_state", "watermark_id", "created_at"),
)

look = sa.Table(
    "vendor_apis_look",
    metadata,
    # A digest of the credentials and the question; or of the credentials alone: the whole connection.
    sa.Column("id", sa.String(32), primary_key=True),
    # Connection and question, for people.
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("about", sa.String(200), nullable=False),
    # The latest answer, as JSON, and when it was asked for; times in seconds since 1970.
    sa.Column("looked_at", sa.Double),
    sa.Column("answer", sa.Text().with_variant(MEDIUMTEXT(), "mysql")),
    # The latest refusal, if no answer came since.
    sa.Column("refusal", sa.String(50)),
    sa.Column("refused_at", sa.Double),
    sa.Column("refused_until", sa.Double),
    sa.Column("refusal_text", sa.Text),
    # Who is looking just now, until when at most.
    sa.Column("looker", sa.String(200)),
    sa.Column("looking_until", sa.Double),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_look_updated_at", "updated_at"),
)

list_index = sa.Table(
    "vendor_apis_list_index",
    metadata,
    # A digest of credentials, run, list and fields: the tasks of a run share one reading of a list.
    sa.Column("id", sa.String(32), primary_key=True),
    # For people.
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("listing", sa.String(200), nullable=False),
    sa.Column("run", sa.String(600), nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    # "reading", or "ready".
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    # When the reading began.
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_list_index_created_at", "created_at"),
)

list_index_part = sa.Table(
    "vendor_apis_list_index_part",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    # Some thousand entries: digests of keys, with ids; compressed.
    sa.Column("content", sa.LargeBinary().with_variant(MEDIUMBLOB(), "mysql"), nullable=False),
)

session = sa.Table(
    "vendor_apis_session",
    metadata,
    # A digest of connection and player: a player has one session.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    # SHA-256 of connection and hash: the hash itself is nowhere here.
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Index("vendor_apis_session_digest", "digest", unique=True),
)

listener = sa.Table(
    "vendor_apis_listener",
    metadata,
    # Who listens to a stream, a digest of what is listened to.
    sa.Column("owner", sa.String(250), primary_key=True),
    sa.Column("stream", sa.String(32), nullable=False),
    # For people.
    sa.Column("conn_id", sa.String(250), nullable=False),
    # Until when everything was heard; times in seconds since 1970.
    sa.Column("heard_at", sa.Double),
    sa.Column("lease_until", sa.Double, nullable=False),
    # 1 once it has ended.
    sa.Column("closed", sa.Integer, nullable=False),
    sa.Index("vendor_apis_listener_stream", "stream"),
)

spool = sa.Table(
    "vendor_apis_spool",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("stream", sa.String(32), nullable=False),
    # The listener that tells it.
    sa.Column("owner", sa.String(250), nullable=False),
    # A digest of what it is about, where only the newest about it is told.
    sa.Column("latest", sa.String(32)),
    sa.Column("received_at", sa.Double, nullable=False),
    # JSON, as it is told.
    sa.Column("event", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
    sa.Index("vendor_apis_spool_owner", "owner", "id"),
    # A row's number is never given to another one: listeners read on from the last.
    sqlite_autoincrement=True,
)

notice = sa.Table(
    "vendor_apis_notice",
    metadata,
    # What a socket has told an asset that no watcher tells.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("vendor", sa.String(100), nullable=False),
    # When it came, and until when a process has it in hand; seconds since 1970.
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("taken_until", sa.Double, nullable=False),
    # JSON.
    sa.Column("message", sa.Text().with_variant(MEDIUMTEXT(), "mysql"), nullable=False),
    sa.Index("vendor_apis_notice_received", "received_at"),
)

wallet_player = sa.Table(
    "vendor_apis_wallet_player",
    metadata,
    # A digest of connection and player: players of two connections are different ones.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("display_name", sa.String(250)),
    # What the balance is in: minor units of this currency, which has so many decimals.
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("decimals", sa.Integer, nullable=False),
    sa.Column("balance", sa.BigInteger, nullable=False),
    # How many entries there are: the number of the latest one.
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.CheckConstraint("balance >= 0", name="vendor_apis_wallet_player_balance"),
    sa.Index("vendor_apis_wallet_player_conn_id", "conn_id"),
)

wallet_ticket = sa.Table(
    "vendor_apis_wallet_ticket",
    metadata,
    # A digest of connection, player and ticket: two players may have tickets of the same id.
    sa.Column("id", sa.String(32), primary_key=True),
    # The row of a player who need not exist.
    sa.Column("player_id", sa.String(32), nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("ticket", sa.String(250), nullable=False),
    sa.Column("transaction_id", sa.String(250)),
    # Digest of the session that it was made in: a repeat has no other player, though the session is over.
    sa.Column("session", sa.String(64)),
    # "accepted", "settled", "refunded", "refused", or "void": refunded before it came.
    sa.Column("state", sa.String(10), nullable=False),
    # In minor units.
    sa.Column("stake", sa.BigInteger),
    sa.Column("won", sa.BigInteger),
    # Why it was refused.
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
    # A digest of connection, player, ticket and movement: each moves money once.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("player_id", sa.String(32), nullable=False),
    # From 1, without a gap.
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    # Nothing where money moves without a ticket.
    sa.Column("ticket", sa.String(250)),
    # "debit", "settle", "refund", "opening" or "adjustment".
    sa.Column("movement", sa.String(10), nullable=False),
    # In minor units; what the player loses is negative.
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("balance_after", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.CheckConstraint("balance_after >= 0", name="vendor_apis_wallet_entry_balance_after"),
    sa.Index("vendor_apis_wallet_entry_number", "player_id", "number", unique=True),
)

wallet_note = sa.Table(
    "vendor_apis_wallet_note",
    metadata,
    # A digest of all that tells one from another: the same thing again is counted.
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("conn_id", sa.String(250), nullable=False),
    sa.Column("player", sa.String(250), nullable=False),
    sa.Column("ticket", sa.String(250), nullable=False),
    sa.Column("transaction_id", sa.String(250)),
    # "early", "invalid" or "contradiction".
    sa.Column("kind", sa.String(20), nullable=False),
    # What was asked for, and what the ticket was by then; amounts as decimals.
    sa.Column("movement", sa.String(10), nullable=False),
    sa.Column("amount", sa.String(60)),
    sa.Column("state", sa.String(10)),
    sa.Column("recorded", sa.String(60)),
    sa.Column("times", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    # When it was settled after all, or a person had seen to it.
    sa.Column("closed_at", sa.Double),
    sa.Index("vendor_apis_wallet_note_closed_at", "closed_at"),
)
