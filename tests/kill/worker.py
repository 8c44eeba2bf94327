"""The process that is killed: a batch operator's ``execute`` with nothing around it.

``python -m tests.kill.worker CONFIG.json`` runs one batch and prints its result as JSON in the last line.

``python -m tests.kill.worker --serve`` starts batches on request, each in a process of its own: ``{"start": CONFIG}``
on a line of its input answers ``{"pid": ...}``, and ``{"wait": PID}`` answers ``{"status": ...}``, null while the
process runs unless ``"block"`` is true. It imports everything once and forks, because the import takes a second and
a batch a quarter of one. That is sound because nothing has been started yet when it forks: it has one thread, no
event loop, no connection, no lock that is held. The child is a process like any other to the kernel and to the
ledger: it has a process id and a start of its own, and SIGKILL ends it alone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def run(config: dict[str, Any]) -> dict[str, Any]:
    """Run one batch as a task instance would."""
    operators = import_module(f"airflow_provider.{config['vendor']}.operators")

    os.environ.update(config["environment"])
    if limit := config.get("largest_file"):
        _limit_files(limit)
    if pages := config.get("most_pages"):
        _limit_pages(pages)
    operator = getattr(operators, config["operator"])(**config["parameters"])
    instance = SimpleNamespace(**{"map_index": -1, **config["task_instance"]})
    return operator.execute({"ti": instance})


def _limit_files(size: int) -> None:
    """Let every write beyond a size fail, as on a full disk."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _limit_pages(pages: int) -> None:
    """Let SQLite find no room for one page more."""
    from sqlalchemy import Engine, event

    def limit(connection: Any, record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(Engine, "connect", limit)


def _start(config: dict[str, Any]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(config["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            result = run(config)
            # Whole or not at all, as the kill may come here, too.
            Path(config["result"] + ".new").write_text(json.dumps(result))
            os.replace(config["result"] + ".new", config["result"])
            status = 0
        except Exception:
            traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not through the parent's clean-up.
        os._exit(status)


def _wait(pid: int, block: bool) -> int | None:
    found, status = os.waitpid(pid, 0 if block else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def serve() -> None:
    import aiohttp  # noqa: F401

    from airflow_provider.batch import counts, mapping, nested_mapping, runner  # noqa: F401
    from airflow_provider.http import async_client  # noqa: F401
    from airflow_provider.imbee import hooks, operators  # noqa: F401
    from airflow_provider.ledger import recorder  # noqa: F401
    from airflow_provider.mobadoo import hooks as mobadoo_hooks  # noqa: F401
    from airflow_provider.mobadoo import operators as mobadoo_operators  # noqa: F401
    from airflow_provider.mobadoo import ticket_calls, ticket_lookup, ticket_mapping  # noqa: F401
    from airflow_provider.mpohoda import documents  # noqa: F401
    from airflow_provider.mpohoda import hooks as mpohoda_hooks  # noqa: F401
    from airflow_provider.mpohoda import operators as mpohoda_operators  # noqa: F401
    from airflow_provider.records import groups, readers, writers  # noqa: F401
    from airflow_provider.store import engine  # noqa: F401

    assert threading.active_count() == 1
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer: dict[str, Any] = {"pid": _start(request["start"])}
        else:
            answer = {"status": _wait(request["wait"], request.get("block", False))}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text()))))
