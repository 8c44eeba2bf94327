"""Read so many records into a file, and print the peak of the memory in kB, and the most files that there were."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.environment import isolate


def _forgo_durability(connection: Any, record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        isolate(os.environ, Path(folder, "home"))
        os.environ["AIRFLOW__VENDOR_APIS__LEDGER_PATH"] = f"{folder}/ledger.db"
        from sqlalchemy import Engine, event

        from airflow_provider.extract.parts import Parts
        from tests.support.listing import Vendor, extract

        # Durability costs time and no memory.
        os.fsync = lambda fd: None
        event.listen(Engine, "connect", _forgo_durability)
        most = 0
        real = Parts.settle

        def settle(self: Parts) -> None:
            nonlocal most
            real(self)
            most = max(most, len(self.names) + len(self.loose))

        Parts.settle = settle  # type: ignore[method-assign]
        done = extract(Vendor(count, size=250), f"{folder}/out.jsonl")
        with open(f"{folder}/out.jsonl", "rb") as file:
            assert sum(1 for _ in file) == count
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"records": done.progress.records, "peak": peak, "files": most}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
