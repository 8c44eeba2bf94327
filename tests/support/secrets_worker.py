"""Create a user by a connection that only a secrets backend has."""

from __future__ import annotations

from tests.support.imbee_runs import people, users

CONNECTION = "imbee_of_the_backend"

if __name__ == "__main__":
    assert users(people(1), imbee_conn_id=CONNECTION)["created"] == 1
