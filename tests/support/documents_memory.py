"""Look payments up among so many documents, and print how many were found and the peak of the memory in kB."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
from pathlib import Path

from airflow_provider.mpohoda.matching import Documents


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "documents.csv")
        with path.open("w") as file:
            file.write("Id,VariableSymbol,Text\n")
            for number in range(1, count + 1):
                # Ids are in no order.
                id_ = f"{number * 2654435761 % 2**32:08x}-5555-4555-8555-{number:012d}"
                file.write(f"{id_},{number:010},{'x' * 100}\n")
        documents = Documents(str(path), "variable_symbol")
    found = sum(documents.find(str(number)).endswith(str(number)) for number in range(1, count + 1, 100))
    print(json.dumps({"found": found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
