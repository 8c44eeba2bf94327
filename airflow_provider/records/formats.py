"""The formats of files of records, by their endings, and the name of the report beside an output."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider.exceptions import InvalidInput

XCOM_RECORDS = 1000
"""Records that a task without ``output`` may return through XCom: they fill one row of Airflow's database."""


@dataclass(frozen=True, slots=True)
class Format:
    """What the ending of a file's name says about the file.

    :param kind: how records are written in it
    :param delimiter: what separates the columns of a CSV file
    :param compressed: whether it is compressed with gzip
    """

    kind: Literal["csv", "jsonl", "parquet"]
    delimiter: str = ","
    compressed: bool = False


_PLAIN = {
    ".csv": Format("csv"),
    ".tsv": Format("csv", "\t"),
    ".jsonl": Format("jsonl"),
    ".ndjson": Format("jsonl"),
    ".parquet": Format("parquet"),
}

FORMATS: dict[str, Format] = {
    **_PLAIN,
    # A Parquet file is compressed inside.
    **{
        f"{ending}.gz": Format(known.kind, known.delimiter, compressed=True)
        for ending, known in _PLAIN.items()
        if known.kind != "parquet"
    },
}
"""Formats by the ending of the file's name."""

_SHARD = re.compile(r"\.\d{4,}-of-\d{4,}\.row-([1-9]\d{0,17})\Z")

ENDINGS = f"{', '.join(_PLAIN)}, or, compressed, {', '.join(sorted(set(FORMATS) - set(_PLAIN)))}"
"""The endings, for errors and remedies."""


def split_name(path: str) -> tuple[str, str]:
    """Split the ending that names a format from a path.

    :param path: path or URI of a file
    :return: the path without its ending, and the ending as it is written; the ending is empty if it
        names no format
    """
    name = path.rpartition("/")[2]
    # The longest first: ".gz" is a part of an ending.
    for ending in sorted(FORMATS, key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return path[: -len(ending)], path[-len(ending) :]
    return path, ""


def find_format(path: str, field: str) -> Format:
    """Find the format of a file by the ending of its name.

    :param path: path or URI of the file
    :param field: the parameter that names the file, for the error
    :raises InvalidInput: the ending names no format, or there is a password in it
    """
    if _has_password(path):
        raise InvalidInput(
            f'"{field}" has a password before the "@".',
            field=field,
            remedy="Write the name of an Airflow connection there, like s3://aws_default@bucket/key.",
        )
    scheme, separator, rest = path.partition("://")
    if separator and scheme.lower() in ("http", "https") and "?" in rest:
        raise InvalidInput(
            f'"{field}" is a URL with a query ({len(path)} characters), which is not read: it may be signed.',
            field=field,
            remedy="Name the object in its store, like s3://aws_default@bucket/key, or fetch the file first.",
        )
    _, ending = split_name(path)
    if not ending:
        shown = os.path.splitext(path)[1].lower()
        # The ending of a signed URL has the signature.
        told = f' ("{shown}")' if "?" not in shown else ""
        raise InvalidInput(
            f'"{field}" names a file of an unknown format{told}.',
            field=field,
            remedy=f"The name must end with one of {ENDINGS}.",
        )
    return FORMATS[ending.lower()]


def _has_password(path: str) -> bool:
    """Say whether a URI has a password before the ``@``; those of stores may have a slash in them."""
    place = path.partition("://")[2].partition("/")[0]
    login, _, host = place.rpartition("@")
    port = host.rpartition(":")[2] if ":" in host and not host.startswith("[") else ""
    return ":" in login or (bool(port) and not port.isdigit())


def shard_path(folder: str, source: str, number: int, shards: int, row: int) -> str:
    """Return the path of a shard, whose name says which row of the original file is its first.

    :param folder: path or URI of the folder
    :param source: path or URI of the file that is split
    :param number: 1-based number of the shard
    :param shards: how many there are
    :param row: its first row in the file that is split
    """
    stem, ending = split_name(source.rpartition("/")[2])
    first = rows_before(source) + row
    return f"{folder.rstrip('/')}/{stem}.{number:04d}-of-{shards:04d}.row-{first}{ending}"


def rows_before(path: str) -> int:
    """Return how many rows of the original file come before the first of this one; 0 where it is no shard.

    :param path: path or URI of a file
    """
    found = _SHARD.search(split_name(path)[0])
    return int(found[1]) - 1 if found else 0


def check_output(value: Any) -> None:
    """Make sure that a name of an output is one of a file that can be read again.

    A template may make any name; it is checked when the task runs.

    :param value: path or URI of the output, as the Dag has it
    :raises InvalidInput: it names a folder, or a file of an unknown format
    """
    if not isinstance(value, str | os.PathLike):
        return
    path = os.fspath(value)
    if any(mark in path for mark in ("{{", "{%", "{#")):
        return
    if path.endswith("/"):
        raise InvalidInput(
            f'"output" is a folder: {path}.',
            field="output",
            remedy=f"Name a file in it, whose ending is one of {ENDINGS}.",
        )
    find_format(path, "output")


def report_path(output: str) -> str:
    """Return the path of the report of failed records beside an output.

    The report is JSON lines, whatever the output is: a record that failed may have any form. It is called
    like the output, with ``.failed`` before the ending; an ending that is not one of JSON lines becomes
    ``.jsonl``. So the report of ``users.csv`` is ``users.failed.jsonl``, that of ``users.jsonl.gz``
    ``users.failed.jsonl.gz``.

    :param output: path or URI of the output
    """
    stem, ending = split_name(output)
    known = FORMATS.get(ending.lower())
    return f"{stem}.failed{ending if known is not None and known.kind == 'jsonl' else '.jsonl'}"
