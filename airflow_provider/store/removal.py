"""Rows that are removed a group at a time, so that others write in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.store.engine import Database


def remove(
    database: Database, table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]], *, group: int
) -> int:
    """Remove rows of a table that has a column ``id``.

    :param database: the database
    :param table: the table
    :param conditions: what the rows are like
    :param group: how many go in one transaction
    :return: how many were removed
    :raises StoreUnavailable: the database cannot be used; what was removed before stays removed
    """
    removed = 0
    while True:
        with database.begin() as connection:
            ids = connection.scalars(sa.select(table.c.id).where(*conditions).limit(group)).all()
            if not ids:
                return removed
            # The conditions again: somebody may have taken a row in between.
            gone = connection.execute(sa.delete(table).where(table.c.id.in_(ids), *conditions)).rowcount
        removed += gone
