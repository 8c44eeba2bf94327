"""Measure how many pages of 100 invoices a second the sandbox serves: ``python -m tests.sandbox.mpohoda.speed``."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

from tests.sandbox.mpohoda.client import KEY
from tests.sandbox.mpohoda.conftest import ALONE
from tests.support.sandbox import SandboxProcess

PAGES = 1000


def main() -> None:
    sandbox = SandboxProcess()
    sandbox.program = ("-c", ALONE)
    with sandbox:
        before = time.monotonic()
        seed = {
            "resource": "IssuedInvoices",
            "count": 100 * PAGES,
            "first": "2026-01-01T00:00:00Z",
            "step": 60,
        }
        sandbox.control("POST", "mpohoda/records", seed)
        print(f"{100 * PAGES:,} invoices were there after {time.monotonic() - before:.2f} s")
        address = urlsplit(sandbox.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        for what in ("written for the first time", "written before"):
            before, size = time.monotonic(), 0
            for number in range(1, PAGES + 1):
                path = f"/mpohoda/v1/IssuedInvoices?PageSize=100&PageNumber={number}"
                connection.request("GET", path, headers={"Api-Key": KEY})
                size += len(connection.getresponse().read())
            seconds = time.monotonic() - before
            print(f"{what}: {PAGES / seconds:.0f} pages a second of {size // PAGES:,} bytes")


if __name__ == "__main__":
    main()
