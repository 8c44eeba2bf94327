"""Pages of a table by key: as fast at its end as at its beginning, and no counting."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


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
    conn_ids: Iterable[str],
    *,
    limit: int,
    after: tuple[float, Any] | None = None,
) -> list[sa.RowMapping]:
    """Return rows of some connections, the newest first.

    Each connection is asked for by itself: that is a look at the beginning of its part of the index. One
    question for all of them would sort all their rows.

    :param connection: an open transaction
    :param query: selects the columns of ``order``, and may have conditions
    :param order: the columns that they are ordered by
    :param conn_ids: the connections
    :param limit: how many rows at most
    :param after: time and id of the last row of the page before
    """
    at, id_ = order.at, order.id
    if after is not None:
        query = query.where(sa.or_(at < after[0], sa.and_(at == after[0], id_ < after[1])))
    query = query.order_by(at.desc(), id_.desc()).limit(limit)
    found = [
        connection.execute(query.where(order.conn_id == conn_id)).mappings().all() for conn_id in conn_ids
    ]
    key = lambda row: (row[at], row[id_])  # noqa: E731
    return list(islice(heapq.merge(*found, key=key, reverse=True), limit))


def distinct(
    scalar: Callable[[sa.Select[Any]], Any],
    column: sa.ColumnElement[Any],
    *conditions: sa.ColumnElement[bool],
) -> list[Any]:
    """Return the values that a column has, by one look at its index for each value.

    :param scalar: carries out a query, like ``session.scalar``
    :param column: the column, the first of an index after those of the conditions
    :param conditions: which rows
    """
    values: list[Any] = []
    query = sa.select(sa.func.min(column)).where(*conditions)
    value = scalar(query)
    while value is not None:
        values.append(value)
        value = scalar(query.where(column > value))
    return values


def count_up_to(
    connection: sa.Connection,
    query: sa.Select[Any],
    conn_id: sa.ColumnElement[Any],
    conn_ids: Sequence[str],
    most: int,
) -> int:
    """Count rows of some connections, but no more than ``most`` of each.

    :param connection: an open transaction
    :param query: selects the rows
    :param conn_id: the column of the connection
    :param conn_ids: the connections
    :param most: where to stop
    """
    return sum(
        connection.scalar(
            sa.select(sa.func.count()).select_from(query.where(conn_id == one).limit(most).subquery())
        )
        or 0
        for one in conn_ids
    )
