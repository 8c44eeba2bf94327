"""Run a query of wolkvox as a task instance would: ``python -m tests.support.query_worker OUTPUT``; it may be killed."""

from __future__ import annotations

import json
import sys

from tests.support.wolkvox import query


def main(output: str) -> None:
    print(json.dumps(query(field="status", value="new", page_size=5, output=output)))


if __name__ == "__main__":
    main(sys.argv[1])
