"""A PgBouncer in transaction mode in front of a PostgreSQL, where its program is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
"""Its path; ``None`` where there is none."""

SETTINGS = """
[databases]
ledger = host={host} dbname={database} user={user}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
logfile = {folder}/log
auth_type = any
pool_mode = transaction
default_pool_size = {size}
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pgbouncer(url: sa.URL, size: int) -> Iterator[sa.URL]:
    """Start it, and yield the URL of the database behind it.

    :param url: the database, on a socket file
    :param size: how many sessions all clients share
    """
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="pgbouncer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        host = str(url.query["host"])
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            SETTINGS.format(host=host, database=url.database, user=url.username, folder=folder, size=size)
        )
        command = [PROGRAM, str(settings)]
        if os.getuid() == 0:
            # It does not run as root; the server's own user can reach the server's socket.
            user = Path(host).owner()
            folder.chmod(0o755)
            shutil.chown(folder, user)
            command[1:1] = ["-u", user]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait_for(folder / ".s.PGSQL.6432", process)
                yield url.set(database="ledger", port=None, query={"host": name, "port": "6432"})
            finally:
                process.terminate()


def _wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while not socket.exists():
        assert process.poll() is None, "pgbouncer has ended"
        assert time.monotonic() < end, "pgbouncer does not start"
        time.sleep(0.02)
