"""Download files of documents from a server of the test."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider.mpohoda.operators import MpohodaDownloadOperator
from tests.support.servers import serving

ID = "11111111-2222-4333-8444-{:012d}"
PDF = b"%PDF-1.4\n" + b"x" * 5000 + b"\n%%EOF\n"


def task(folder: Any, records: Any, **more: Any) -> MpohodaDownloadOperator:
    """Return the task that downloads invoices, or what ``more`` says, to a folder."""
    return MpohodaDownloadOperator(
        task_id="download",
        **{"resource": "IssuedInvoices", "records": records, "folder": str(folder), **more},
    )


def names(folder: Path) -> list[str]:
    """All that is in a folder, hidden files too."""
    return sorted(os.listdir(folder)) if folder.exists() else []


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Vendor:
    """A server of the test: what it answers by the document's number."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, str, bytes]] = {}
        self.asked: list[int] = []
        self.under_way = 0
        self.most = 0
        self.lock = threading.Lock()
        self.before: Any = None

    def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        number = int(path.split("/")[-2][-12:])
        with self.lock:
            self.asked.append(number)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            if self.before is not None:
                self.before(number)
            status, kind, content = self.answers.get(number, (200, "application/pdf", PDF))
            return status, {"Content-Type": kind}, content
        finally:
            with self.lock:
                self.under_way -= 1


@contextmanager
def vendor_of_files(set_connection: Any) -> Iterator[Vendor]:
    """Serve files, and let ``mpohoda_default`` lead there."""
    made = Vendor()
    with serving(made) as server:
        set_connection(
            "mpohoda_default",
            conn_type="mpohoda",
            host=server.url,
            password="key-of-the-test",
            extra={"timeout": 10, "max_connections": 8},
        )
        yield made


def documents(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": ID.format(number), "number": f"26FV{number:04d}"} for number in numbers]
