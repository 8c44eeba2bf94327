"""Tell so many rows apart, and print how many were new and the peak of the memory in kB."""

from __future__ import annotations

import json
import resource
import sys

from airflow_provider.extract.seen import Seen


def main(count: int) -> None:
    seen, new = Seen(), 0
    for begin in range(0, count, 500):
        page = [(f"row-{number:032}", "2026-11-01T00:00:00Z") for number in range(begin, begin + 500)]
        new += seen.add(page).count(None)
        # The first rows come again and again.
        assert begin == 0 or seen.add(page[:1]) == [False]
    print(json.dumps({"new": new, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
