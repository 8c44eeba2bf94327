"""Where a batch reads and writes."""

from __future__ import annotations

import os

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.formats import report_path


def folder_of(output: str | None) -> str | None:
    """Return the folder of a local output, or the nearest that is there: it protects its data.

    :param output: path or URI of the output; None where there is none
    """
    if output is None or "://" in _real(output):
        return None
    folder = os.path.dirname(_real(output))
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder or None


def _real(path: str) -> str:
    local = path.removeprefix("file://")
    return local if "://" in local else os.path.realpath(local)


def check_paths(output: str, source: str | None) -> None:
    """Make sure that a batch does not write over what it reads.

    :param output: path or URI of the output
    :param source: path or URI of the records; None where they come from a list
    :raises InvalidInput: it would
    """
    if source is not None and _real(source) in (_real(output), _real(report_path(output))):
        raise InvalidInput(
            f'"output" would replace the file that "records" reads: {source}.',
            field="output",
            remedy="Give it another name.",
        )
