"""A server of callbacks as a process of its own, which may be killed at a place.

``python -m tests.support.wallet_server PORT`` answers as ``airflow vendor-apis receive`` does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from requests import RequestException, Session

from tests.support.ports import free_port
from tests.support.processes import environment

SECRET = "secret-of-the-callbacks"
FLAG = "DIE_ONCE"
"""The variable with the path of a file; what is in it says where the next debit is to end the process."""


def killing_wallet(conn_id: str) -> Any:
    """Make a wallet whose next debit ends the process, where the file of :data:`FLAG` is."""
    from airflow_provider.mobadoo.wallet import SqlWallet
    from airflow_provider.mobadoo.wallet.books import Books

    add_ticket = Books.add_ticket

    def killing(self: Books, player: str, ticket: str, values: dict[str, Any]) -> None:
        add_ticket(self, player, ticket, values)
        _die("before the commit")

    class KillingWallet(SqlWallet):
        def debit(self, ticket: Any) -> str:
            answer = super().debit(ticket)
            _die("before the answer")
            return answer

        def for_connection(self, mobadoo_conn_id: str) -> SqlWallet:
            return self

    Books.add_ticket = killing  # type: ignore[method-assign]
    return KillingWallet(conn_id)


def _die(where: str) -> None:
    path = Path(os.environ[FLAG])
    if path.exists() and path.read_text() == where:
        path.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


class Server:
    """A running server.

    :param log: the file it writes to
    :param options: of the configuration
    :param variables: other variables of its environment
    """

    def __init__(self, log: Path, variables: dict[str, str] | None = None, **options: str) -> None:
        settings = {
            "receiver": "process",
            "webhook_connections": "mobadoo_default",
            "callbacks": "True",
            "wallet": "airflow_provider.mobadoo.wallet.SqlWallet",
            **options,
        }
        connection = {"conn_type": "mobadoo", "password": "x", "extra": {"webhook_secret": SECRET}}
        self._environment = {
            **environment(),
            "AIRFLOW_CONN_MOBADOO_DEFAULT": json.dumps(connection),
            **{f"AIRFLOW__VENDOR_APIS__{name.upper()}": value for name, value in settings.items()},
            **(variables or {}),
        }
        self._log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/vendor-apis/callbacks/mobadoo_default/{SECRET}"
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.support.wallet_server", str(self.port)]
        with self._log.open("ab") as output:
            return subprocess.Popen(
                command, env=self._environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )

    def wait(self) -> None:
        """Wait until it answers, with what it needs for that: the connection and the database."""
        until = time.monotonic() + 90
        with Session() as http:
            http.trust_env = False
            while True:
                assert time.monotonic() < until, self._log.read_text()
                try:
                    if http.get(f"{self.url}/credit?hash=nobody", timeout=60).status_code == 200:
                        return
                except RequestException:
                    assert self.process.poll() is None, self._log.read_text()
                time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again, on the same port."""
        self.process.wait()
        self.process = self._started()

    def stop(self) -> None:
        """Have it end."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main(port: int) -> None:
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    import uvicorn

    uvicorn.run(
        "airflow_provider.events.process:create",
        factory=True,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
