"""Pages of a table by key: as fast at its end as at its beginning, and no counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

TOGETHER = 50
"""Connections of one statement."""


@dataclass(frozen=True, slots=True)
class Order:
    """How rows are ordered, the newest first, with an index on connection, time and id.

    :param conn_id: the column of the connection
    :param at: the column of the time, in seconds since 1970
    :param id: the column that tells apart rows of the same time
    """

    conn_id: sa.ColumnElement[Any]
    at: sa.ColumnElement[Any]
    id: sa.ColumnElement[Any]


def newest(
    connection: sa.Connection,
    query: sa.Select[Any],
    order: Order,
    conn_ids: Sequence[str],
    *,
    limit: int,
    after: tuple[float, Any] | None = None,
    few: bool = False,
) -> list[sa.RowMapping]:
    """Return rows of some connections, the newest first.

    Each connection is a look of its own at the beginning of its part of the index. One question for all of
    them would sort all their rows.

    :param connection: an open transaction
    :param query: selects the columns of ``order``, and may have conditions
    :param order: the columns that they are ordered by
    :param conn_ids: the connections
    :param limit: how many rows at most
    :param after: time and id of the last row of the page before
    :param few: whether the conditions leave so few rows that they can be sorted
    """
    at, id_ = order.at, order.id
    if after is not None:
        query = query.where(sa.or_(at < after[0], sa.and_(at == after[0], id_ < after[1])))
    query = query.order_by(at.desc(), id_.desc()).limit(limit)
    if few:
        return list(connection.execute(query.where(order.conn_id.in_(conn_ids))).mappings())
    found: list[sa.RowMapping] = []
    for looks in each_of(query, order.conn_id, conn_ids):
        found += connection.execute(looks).mappings()
    names = (str(at.key), str(id_.key))
    found.sort(key=lambda row: tuple(row[name] for name in names), reverse=True)
    return found[:limit]


def distinct(
    scalars: Callable[[sa.Select[Any]], Iterable[Any]],
    column: sa.ColumnElement[Any],
    *conditions: sa.ColumnElement[bool],
) -> list[Any]:
    """Return the values that a column has, by one look at its index for each value.

    :param scalars: carries out a query, like ``session.scalars``
    :param column: the column, the first of an index after those of the conditions
    :param conditions: which rows
    """
    values = sa.select(sa.func.min(column).label("value")).where(*conditions).cte(recursive=True)
    following = sa.select(sa.func.min(column)).where(*conditions, column > values.c.value)
    values = values.union_all(
        sa.select(following.correlate(values).scalar_subquery()).where(values.c.value.is_not(None))
    )
    return list(scalars(sa.select(values.c.value).where(values.c.value.is_not(None))))


def count_up_to(
    connection: sa.Connection,
    query: sa.Select[Any],
    conn_id: sa.ColumnElement[Any],
    conn_ids: Iterable[str],
    most: int,
) -> int:
    """Count rows of some connections, but no more than ``most``.

    :param connection: an open transaction
    :param query: selects the rows
    :param conn_id: the column of the connection
    :param conn_ids: the connections
    :param most: where to stop
    """
    count = 0
    for one in conn_ids:
        if count < most:
            some = query.where(conn_id == one).limit(most - count).subquery()
            count += connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    return count


def each_of(query: sa.Select[Any], conn_id: Any, conn_ids: Sequence[str]) -> Iterator[sa.CompoundSelect[Any]]:
    """Yield statements that carry out a query for each of some connections.

    :param query: selects rows, in an order and up to a limit
    :param conn_id: the column of the connection
    :param conn_ids: the connections
    """
    for start in range(0, len(conn_ids), TOGETHER):
        group = conn_ids[start : start + TOGETHER]
        yield sa.union_all(*(sa.select(query.where(conn_id == one).subquery()) for one in group))
