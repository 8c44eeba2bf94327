"""The history of the tables, as Alembic revisions.

To add a table, or to change one:

1. Change ``store/tables.py``.
2. Add ``versions/v0010_what.py`` with ``revision``, ``down_revision`` and ``upgrade(op)``. It describes its
   tables itself: it must do the same when ``tables.py`` has changed again.
3. Set :data:`HEAD` to its revision.
4. MySQL commits each statement by itself: ``upgrade`` must work on what it left half done before.
5. ``tests/store/test_migrations.py`` fails when ``tables.py``, the revisions and :data:`HEAD` disagree.

This module is imported with the engine, and does not import Alembic.
"""

from __future__ import annotations

HEAD = "0009"
"""The revision that this version of the package works with."""

VERSION_TABLE = "vendor_apis_schema_version"
"""Where Alembic keeps a database's revision; its usual table may be Airflow's, in the same database."""
