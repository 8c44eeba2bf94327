"""Records that wait in a temporary file until all columns and their types are known."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

from airflow_provider.records.json_lines import decode
from airflow_provider.records.storage import is_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Spool:
    """A temporary file of JSON lines that has no name, so that nothing of it is left, whatever happens.

    It is in the folder of the output: there is the room that the output needs, and what protects its data.
    For an output at a URI it is in the system's folder for temporary files.

    :param output: path or URI of the output
    :raises OSError: it cannot be made
    """

    def __init__(self, output: str) -> None:
        folder = None if is_uri(output) else os.path.dirname(output) or "."
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".records-")  # noqa: SIM115 - closed by close

    def write(self, line: bytes) -> None:
        """Write records, or a part of one.

        :param line: JSON lines, with their line breaks
        """
        self._file.write(line)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _, record in self.sized():
            yield record

    def sized(self, read: Callable[[bytes], Any] = decode) -> Iterator[tuple[int, dict[str, Any]]]:
        """Read the records from the first on, each with the bytes that it takes as JSON.

        :param read: decodes a line
        """
        self._file.seek(0)
        for line in self._file:
            record = read(line)
            # Half of a surrogate pair is an escape in JSON; no other format has a form for it.
            yield len(line), _escaped(record) if b"\\ud" in line else record

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(name): _escaped(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return value
