"""Delete old deliveries. ``airflow db clean`` does not know their table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider.events.table import Delivery

GROUP = 500
"""Deliveries of one transaction, so that nobody waits long for the table."""


def delete_old(days: int) -> int:
    """Delete deliveries by their age.

    :param days: older ones are deleted; 0: none is
    :return: how many were deleted
    """
    return delete_before(datetime.now(UTC) - timedelta(days=days)) if days else 0


def delete_before(time: datetime) -> int:
    """Delete the deliveries that came before a time.

    :param time: the time, with its offset
    :return: how many were deleted
    """
    from airflow.utils.session import create_session

    deleted = 0
    while True:
        with create_session(scoped=False) as session:
            old = sa.select(Delivery.id).where(Delivery.received_at < time).order_by(Delivery.received_at)
            ids = session.scalars(old.limit(GROUP)).all()
            session.execute(
                sa.delete(Delivery).where(Delivery.id.in_(ids)).execution_options(synchronize_session=False)
            )
        deleted += len(ids)
        if len(ids) < GROUP:
            return deleted
