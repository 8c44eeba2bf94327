"""The history of the tables in Airflow's database, as Alembic revisions. ``airflow db migrate`` applies them.

To change a table:

1. Change ``events/table.py``.
2. Add ``versions/v0002_what.py`` with ``revision``, ``down_revision``, ``upgrade()`` and ``downgrade()``. It
   describes its tables itself: it must do the same when ``table.py`` has changed again.
3. ``tests/events/test_migrations.py`` fails when the two disagree: a database that has none of the tables
   gets them from ``table.py``, without the revisions.
"""
