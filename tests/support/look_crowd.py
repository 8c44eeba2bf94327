"""Many processes that want the same look in the same moment.

``python -m tests.support.look_crowd NUMBER ID`` prints what each one has learnt of an invoice, as JSON in the last
line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

# Imported before the processes part: they begin at the same time.
import airflow_provider.http.async_client  # noqa: F401
from airflow_provider.exceptions import VendorError
from airflow_provider.mpohoda.conditions import Paid
from airflow_provider.mpohoda.hooks import MpohodaHook
from airflow_provider.waiting.condition import Met, check
from airflow_provider.waiting.looks import open_looks
from tests.support.processes import crowd


def look(id_: str) -> Any:
    looks = open_looks(MpohodaHook())
    paid = Paid("IssuedInvoices", (id_,), True, datetime.now(UTC).isoformat())
    try:
        found = asyncio.run(check(paid, looks, timedelta(minutes=30)))
    except VendorError as error:
        return type(error).__name__
    finally:
        looks.close()
    return "paid" if isinstance(found, Met) else found.reason


if __name__ == "__main__":
    number, id_ = sys.argv[1:]
    print(json.dumps(crowd(int(number), lambda index: look(id_))))
