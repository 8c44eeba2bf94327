"""Read what many asset events of one transaction have in common from the database once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm.loading import merge_frozen_result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import FrozenResult, Result
    from sqlalchemy.orm import ORMExecuteState, Session


@contextmanager
def read_once(session: Session) -> Iterator[None]:
    """Answer the same question about assets and Dags from memory when it is asked again.

    For each event, Airflow asks for its asset, the aliases of the asset and the Dags to start. Within a group
    of deliveries the answers are the same, and the questions are most of the time that an event takes. A Dag
    that is paused meanwhile is taken for one that was paused after the group.

    :param session: the transaction; nothing may change assets or Dags in it meanwhile
    """
    from airflow.models.asset import AssetAliasModel, AssetModel
    from airflow.models.dag import DagModel

    kept = {AssetModel, AssetAliasModel, DagModel}
    answers: dict[Any, FrozenResult[Any]] = {}

    def answer(state: ORMExecuteState) -> Result[Any] | None:
        mapper = state.bind_mapper
        if not state.is_select or state.is_relationship_load or state.is_column_load:
            return None
        if mapper is None or mapper.class_ not in kept or (key := _key(state)) is None:
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


def _key(state: ORMExecuteState) -> Any:
    """Return what two equal questions have in common; None where they cannot be told apart."""
    # SQLAlchemy's own example of caching tells statements apart in this way.
    statement: Any = state.statement
    key = statement._generate_cache_key()
    if key is None or state.parameters:
        return None
    return key.key, repr([bind.effective_value for bind in key.bindparams])
