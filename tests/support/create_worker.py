"""A process that creates invoices and may be killed: ``python -m tests.support.create_worker '["A-1"]' '{…}'``."""

from __future__ import annotations

import json
import sys

from tests.support.creates import create, invoice

if __name__ == "__main__":
    print(
        json.dumps(create([invoice(order) for order in json.loads(sys.argv[1])], **json.loads(sys.argv[2])))
    )
