"""The ledger: what has been sent, so that nothing is sent twice and nothing is lost.

One row for each (connection, operation, scope, key). A row is ``sent`` before its request leaves. After that
it is ``done`` with a result, ``failed`` for good, or ``unknown`` where the outcome is not known. A row that a
dead process left as ``sent`` is sent again where that is harmless, and becomes ``unknown`` where it is not.
"""

from __future__ import annotations

import enum
import hashlib
import json
import sqlite3
import time
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from airflow_provider.ledger.statements import (
    FIND,
    FIND_GROUP,
    INSERT_GROUP,
    LEAVE_IN_DOUBT,
    LOOK,
    MINE,
    RELEASE,
    RESTORE,
    SETTLE,
    SETTLE_GROUP,
)
from airflow_provider.processes import is_gone
from airflow_provider.store.engine import insert_if_absent
from airflow_provider.store.tables import ledger as table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Redo = Literal["never", "failed", "all"]
State = Literal["done", "failed", "unknown", "released"]


class ClaimStatus(enum.Enum):
    """What the ledger says of a key."""

    TAKEN = "taken"
    """This run has it: it is recorded as sent, and to be sent now."""
    DONE = "done"
    """It was done before; the stored result is reused."""
    FAILED = "failed"
    """It was refused before, and is not to be tried again."""
    UNKNOWN = "unknown"
    """It may or may not have been done: not to be sent again without a person's decision."""
    BUSY = "busy"
    """Another run or record is sending it: claim it again later."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The ledger's answer.

    :param status: what to do
    :param result: the stored result of what is done
    :param error: why it failed, or why the outcome is not known
    :param content: the digest that it was done with; None where none was kept
    """

    status: ClaimStatus
    result: dict[str, Any] | None = None
    error: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """How a request ended.

    :param id: id of the row
    :param state: ``done``, ``failed``, ``unknown``, or ``released``: it certainly had no effect, so that
        the row is as it was before
    :param result: of what is done, for later tries, secrets sealed
    :param error: why it failed, or why the outcome is not known
    :param content: a digest of what was sent, where a later run is to compare its own with it
    """

    id: str
    state: State
    result: dict[str, Any] | None = None
    error: str | None = None
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row whose outcome is not known, as it was seen.

    :param id: id of the row
    :param state: ``sent`` or ``unknown``
    :param since: when the key was first sent, in seconds since 1970
    :param last: when it was sent last, or was found to be unknown
    """

    id: str
    state: str
    since: float
    last: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as one run of one batch uses it.

    :param conn_id: id of the vendor's connection
    :param operation: name of the operation, like ``acme.create_user``
    :param scope: what the keys are unique in: a run of a task, or empty for ever
    :param task: the task that sends, for people who look at the row
    :param owner: this run, from :func:`~airflow_provider.processes.new_owner`
    :param lease: seconds after which a row that this run holds may be taken over; longer than any request
        takes
    :param once: whether a request must not be repeated when its outcome is not known
    :param redo: which finished rows are sent again: ``never`` any, those that ``failed``, or ``all``
    :param resend_unknown: whether rows whose outcome is not known are sent again
    """

    conn_id: str
    operation: str
    scope: str
    task: str
    owner: str
    lease: float
    once: bool
    redo: Redo = "failed"
    resend_unknown: bool = False
    _prefix: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        prefix = json.dumps([self.conn_id, self.operation, self.scope]).removesuffix("]")
        object.__setattr__(self, "_prefix", prefix)

    def id_of(self, key: Sequence[str]) -> str:
        """Return the id of a key's row.

        :param key: what makes two calls the same
        """
        # The same text as json.dumps makes of all parts, in a third of the time.
        parts = ", ".join([self._prefix, *map(encode_basestring_ascii, key)])
        return hashlib.blake2b(f"{parts}]".encode(), digest_size=16).hexdigest()

    def claim(self, connection: sa.Connection, keys: Sequence[Sequence[str]]) -> dict[str, ClaimResult]:
        """Claim keys: record as sent what is to be sent now, and return the state of the others.

        :param connection: an open transaction
        :param keys: different keys
        :return: the results by row id
        """
        return self.claim_rows(connection, {self.id_of(key): key for key in keys})

    def claim_rows(
        self, connection: sa.Connection, keys: Mapping[str, Sequence[str]]
    ) -> dict[str, ClaimResult]:
        """Claim keys like :meth:`claim`, where the ids of their rows are known.

        :param connection: an open transaction
        :param keys: different keys by row id
        :return: the results by row id
        """
        # All runs use the same order, so that two cannot wait for each other.
        wanted = dict(sorted(keys.items()))
        found = self._find(connection, list(wanted))
        claims: dict[str, ClaimResult] = {}
        if missing := [id_ for id_ in wanted if id_ not in found]:
            self._insert(connection, {id_: wanted[id_] for id_ in missing})
            if connection.dialect.name != "sqlite":
                # Another run may have inserted the same since the rows were read. To wait for its row here,
                # after the insertion, could be a deadlock.
                mine = set(connection.scalars(MINE, {"ids": missing, "me": self.owner}))
                claims |= {id_: ClaimResult(ClaimStatus.BUSY) for id_ in missing if id_ not in mine}
            claims |= {id_: ClaimResult(ClaimStatus.TAKEN) for id_ in missing if id_ not in claims}
        take, lost = [], []
        now = time.time()
        for id_, row in found.items():
            claim = self._judge(row, now)
            if claim.status is ClaimStatus.TAKEN:
                take.append(row)
            elif claim.status is ClaimStatus.UNKNOWN and row.state == "sent":
                lost.append(id_)
            claims[id_] = claim
        self._take(connection, take, now)
        if lost:
            connection.execute(
                sa.update(table)
                .where(table.c.id.in_(lost))
                .values(state="unknown", error=INTERRUPTED, updated_at=now)
            )
        return claims

    def needed(self, connection: sa.Connection, ids: Sequence[str]) -> set[str]:
        """Say which rows a batch would send now, without claiming any.

        :param connection: an open transaction, which may be one that only reads
        :param ids: ids of rows
        """
        now = time.time()
        found = connection.execute(LOOK, {"ids": ids}) if ids else ()
        settled = {
            row.id
            for row in found
            if self._judge(row, now).status not in (ClaimStatus.TAKEN, ClaimStatus.BUSY)
        }
        return set(ids) - settled

    def doubts(self, connection: sa.Connection) -> dict[str, Doubt]:
        """Return the rows of this operation whose outcome is not known, by id, without claiming any.

        :param connection: an open transaction, which may be one that only reads
        """
        query = sa.select(table).where(
            table.c.state.in_(("sent", "unknown")),
            table.c.conn_id == self.conn_id,
            table.c.operation == self.operation,
            table.c.scope == self.scope,
        )
        now = time.time()
        return {
            row.id: Doubt(row.id, row.state, row.created_at, row.updated_at)
            for row in connection.execute(query)
            if self._judge(row, now).status is ClaimStatus.UNKNOWN
        }

    def decide(self, connection: sa.Connection, doubt: Doubt, completion: Completion) -> bool:
        """Record what became of a row whose outcome was not known.

        :param connection: an open transaction
        :param doubt: the row, as it was seen
        :param completion: ``done``; ``unknown`` with a reason; or ``released``, to send it again
        :return: False where the row is another by now, and was left as it is
        """
        seen = (
            table.c.id == doubt.id,
            table.c.state == doubt.state,
            table.c.updated_at == doubt.last,
        )
        if completion.state == "released":
            return connection.execute(sa.delete(table).where(*seen)).rowcount == 1
        values: dict[str, Any] = {"state": completion.state, "error": _storable(completion.error)}
        if completion.state == "done":
            values |= {"result": json.dumps(completion.result), "updated_at": time.time()}
        # When it was sent last stays there while it is not known.
        return connection.execute(sa.update(table).where(*seen).values(values)).rowcount == 1

    def settle(self, connection: sa.Connection, completions: Sequence[Completion]) -> None:
        """Record how requests ended.

        What was done before and is refused when it is sent again stays done, with the result of then: a later
        run that sends what failed would do it a second time. So what was unknown stays unknown, too.

        :param connection: an open transaction
        :param completions: the ends
        """
        now = time.time()
        # In the order in which claims lock rows, so that neither waits for the other.
        completions = sorted(completions, key=attrgetter("id"))
        released = [{"row": end.id, "me": self.owner} for end in completions if end.state == "released"]
        ended = [
            {
                "row": end.id,
                "state": end.state,
                # What is done has a result, if only null: that is how it is known later that it was done.
                "result": json.dumps(end.result) if end.state == "done" else None,
                "error": _storable(end.error),
                "now": now,
                "me": self.owner,
                "content": end.content,
            }
            for end in completions
            if end.state != "released"
        ]
        failed = [
            {"row": end["row"], "me": self.owner, "now": now, "reason": f"{REFUSED_IN_DOUBT}{end['error']}"}
            for end in ended
            if end["state"] == "failed"
        ]
        if (released or failed) and ended and connection.dialect.name != "sqlite":
            self._find(connection, [end.id for end in completions])
        if released:
            connection.execute(RESTORE, [{**one, "now": now} for one in released])
            connection.execute(RELEASE, released)
        if failed:
            connection.execute(LEAVE_IN_DOUBT, failed)
        if ended and _takes_groups(connection):
            connection.execute(SETTLE_GROUP, {"rows": _json([list(end.values()) for end in ended])})
        elif ended:
            connection.execute(SETTLE, ended)

    def _find(self, connection: sa.Connection, ids: list[str]) -> dict[str, Any]:
        if _takes_groups(connection):
            rows = connection.execute(FIND_GROUP, {"ids": _json(ids)})
        else:
            rows = connection.execute(FIND, {"ids": ids})
        return {row.id: row for row in rows}

    def _insert(self, connection: sa.Connection, keys: dict[str, Sequence[str]]) -> None:
        now = time.time()
        common = {
            "conn_id": self.conn_id,
            "operation": self.operation,
            "scope": self.scope,
            "state": "sent",
            "owner": self.owner,
            "lease_until": now + self.lease,
            "attempts": 1,
            "task": self.task,
            "created_at": now,
            "updated_at": now,
        }
        rows = [(id_, _json(key)) for id_, key in keys.items()]
        if _takes_groups(connection):
            connection.execute(INSERT_GROUP, {**common, "rows": _json(rows)})
        else:
            connection.execute(
                insert_if_absent(table, connection.dialect.name),
                [{"id": id_, "key": key, **common} for id_, key in rows],
            )

    def _take(self, connection: sa.Connection, rows: Sequence[Any], now: float) -> None:
        """Record as sent, once more, what an earlier run has sent."""
        values: dict[str, Any] = {
            "state": "sent",
            "owner": self.owner,
            "lease_until": now + self.lease,
            "attempts": table.c.attempts + 1,
            "task": self.task,
            "updated_at": now,
        }
        # The error of a sent row without a result says that an earlier request may have taken effect.
        doubt = sa.func.coalesce(table.c.error, INTERRUPTED)
        errors: dict[str, dict[str, Any]] = {"failed": {"error": None}, "unknown": {"error": doubt}}
        if self.once:
            errors["sent"] = {"error": doubt}
        for state in {row.state for row in rows}:
            ids = [row.id for row in rows if row.state == state]
            update = sa.update(table).where(table.c.id.in_(ids))
            connection.execute(update.values(values | errors.get(state, {})))

    def _judge(self, row: Any, now: float) -> ClaimResult:
        """Decide what to do about a row that was there already."""
        mine = row.owner == self.owner
        if row.state == "sent":
            if mine or (row.lease_until > now and not is_gone(row.owner)):
                return ClaimResult(ClaimStatus.BUSY)
            if self.once and not self.resend_unknown:
                return ClaimResult(ClaimStatus.UNKNOWN, error=INTERRUPTED)
            return ClaimResult(ClaimStatus.TAKEN)
        # What this run has finished it does not do again, whatever "redo" says: the batch has the record
        # twice.
        if row.state == "done" and (mine or self.redo != "all"):
            # What a person marked as done has none.
            result = json.loads(row.result) if row.result else None
            return ClaimResult(ClaimStatus.DONE, result=result, content=row.content)
        if row.state == "failed" and (mine or self.redo == "never"):
            return ClaimResult(ClaimStatus.FAILED, error=row.error)
        if row.state == "unknown" and (mine or not self.resend_unknown):
            return ClaimResult(ClaimStatus.UNKNOWN, error=row.error)
        return ClaimResult(ClaimStatus.TAKEN)


def _storable(text: str | None) -> str | None:
    """Remove from a vendor's text what databases refuse: NUL, and half surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode() if text else text


INTERRUPTED = (
    "an earlier run was interrupted before the outcome was recorded; the request may have taken effect"
)

REFUSED_IN_DOUBT = "an earlier request may have taken effect; sent again, it was refused: "


def _takes_groups(connection: sa.Connection) -> bool:
    """Say whether the database has the JSON functions of SQLite 3.38."""
    return connection.dialect.name == "sqlite" and sqlite3.sqlite_version_info >= (3, 38)


# json.dumps would make an encoder for each text.
_json = json.JSONEncoder(ensure_ascii=False).encode
