"""Ask the database once for what many asset events of one transaction have in common."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.orm.loading import merge_frozen_result

from airflow_provider.events.subscribers import has_row_for_all_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import FrozenResult, Result
    from sqlalchemy.orm import ORMExecuteState, Session


@contextmanager
def read_once(session: Session) -> Iterator[None]:
    """Answer the same question about assets and Dags from memory when it is asked again.

    For each event, Airflow asks for its asset, the aliases of the asset and the Dags to start, and puts these
    into its queue. Within a group of deliveries this is the same each time, and most of the work for an
    event. A Dag that is paused meanwhile is taken for one that was paused after the group.

    On PostgreSQL a Dag is put into the queue by the first event alone: the statement does nothing where the
    Dag is in the queue already. If the scheduler takes it out meanwhile,
    :func:`~airflow_provider.events.subscribers.advance_queue` puts it in again at the end.

    :param session: the transaction; nothing may change assets or Dags in it meanwhile
    """
    from airflow.models.asset import AssetAliasModel, AssetDagRunQueue, AssetModel
    from airflow.models.dag import DagModel

    kept = {AssetModel, AssetAliasModel, DagModel}
    answers: dict[Any, FrozenResult[Any]] = {}
    queued: set[Any] = set()
    # With a row for each event there is nothing to leave out.
    queue = AssetDagRunQueue if has_row_for_all_events() else None

    def answer(state: ORMExecuteState) -> Result[Any] | None:
        mapper = state.bind_mapper
        if state.is_insert and mapper is not None and mapper.class_ is queue:
            return _insert_once(state, queued)
        if not state.is_select or state.is_relationship_load or state.is_column_load:
            return None
        if mapper is None or mapper.class_ not in kept or state.parameters:
            return None
        key = _key(state)
        if key is None:
            return None
        if key not in answers:
            answers[key] = state.invoke_statement().freeze()
        # Its objects are in the session already: nothing is copied.
        merge: Any = merge_frozen_result
        found: Result[Any] = merge(state.session, state.statement, answers[key], load=False)()
        return found

    sa.event.listen(session, "do_orm_execute", answer)
    try:
        yield
    finally:
        sa.event.remove(session, "do_orm_execute", answer)


def _insert_once(state: ORMExecuteState, done: set[Any]) -> Result[Any] | None:
    key = _key(state)
    # Airflow inserts in this way where its statement leaves alone what is there.
    if key is None or state.session.get_bind().dialect.name != "postgresql":
        return None
    if key in done:
        return IteratorResult(SimpleResultMetaData([]), iter(()))
    done.add(key)
    return None


def _key(state: ORMExecuteState) -> Any:
    """Return what two equal statements have in common; None where they cannot be told apart."""
    # SQLAlchemy's own example of caching tells statements apart in this way.
    statement: Any = state.statement
    key = statement._generate_cache_key()
    if key is None:
        return None
    return key.key, repr([bind.effective_value for bind in key.bindparams]), repr(state.parameters)
