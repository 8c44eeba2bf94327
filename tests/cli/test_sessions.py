"""``airflow vendor-apis sessions``."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider.store.location import configured
from airflow_provider.store.sessions import Session, Sessions, digest_of, player_of
from airflow_provider.store.tables import session as table


@pytest.fixture
def launched(airflow_db: None, path: Path) -> None:
    """Two players of one connection, and an old session of another's."""
    database = configured()
    for conn_id, player in (("acme_default", "ada"), ("acme_default", "bob"), ("other", "eve")):
        Sessions(database, conn_id).replace([Session(player, digest_of(conn_id, player))])
    with database.begin() as connection:
        old = sa.update(table).where(table.c.player.in_(["bob", "eve"]))
        connection.execute(old.values(created_at=table.c.created_at - 40 * 86400))
    database.close()


def test_old_sessions_are_removed_and_young_ones_stay(cli, launched):
    assert cli("sessions", "purge", "--older-than", "30d", "--conn-id", "other", "--yes") == (
        0,
        "1 session removed.\n",
        "",
    )
    status, out, _ = cli("sessions", "purge", "--older-than", "30d", answer="y")
    assert status == 0
    assert out.endswith("Remove 1 session? (y/N) 1 session removed.\n")
    assert player_of("acme_default", "ada") == "ada"
    assert player_of("acme_default", "bob") is None
    assert cli("sessions", "purge", "--older-than", "30d")[1] == "There is nothing to remove.\n"


def test_nothing_is_removed_without_a_yes(cli, launched):
    status, _, err = cli("sessions", "purge", "--older-than", "30d", answer="n")
    assert (status, err) == (1, "Nothing was changed.")
    assert player_of("other", "eve") == "eve"


def test_without_a_database_there_is_nothing_to_remove(cli, airflow_db, path):
    assert cli("sessions", "purge", "--older-than", "1d")[1] == "There is nothing to remove.\n"
    assert not path.exists()
