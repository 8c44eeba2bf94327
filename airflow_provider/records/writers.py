"""Where the results of a batch go: JSON lines in a file that appears whole or not at all, or a list."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import date
from typing import IO, TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.model import VendorModel
from airflow_provider.secrets import is_sealed, open_sealed, seal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


class Output(Protocol):
    """Takes the results of a batch one by one."""

    def write(self, record: dict[str, Any]) -> None:
        """Take one result."""

    def publish(self) -> str | None:
        """End well: make the results visible, and say where."""

    def keep(self) -> str | None:
        """End early: keep what there is apart from the finished results, and say where."""

    def discard(self) -> None:
        """End without results: leave nothing, neither of this time nor of one before."""

    def close(self) -> None:
        """Let go of the file, whatever happened."""


@dataclass
class ListOutput:
    """Collects results in memory, for XCom.

    :param records: the results
    :param reveal: dotted names of sealed values that are written in clear
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    reveal: Collection[str] = ()

    def write(self, record: dict[str, Any]) -> None:
        """Take one result."""
        # What XCom stores is JSON, with the same values that a file would have.
        self.records.append(json.loads(json.dumps(revealed(record, self.reveal), default=_plain)))

    def publish(self) -> None:
        """Do nothing: the task returns the records."""

    def keep(self) -> None:
        """Do nothing: a failed task returns nothing."""

    def discard(self) -> None:
        """Do nothing: nothing was left."""

    def close(self) -> None:
        """Do nothing: there is no file."""


class FileOutput:
    """Writes JSON lines to ``<path>.partial`` and renames it when the batch is complete.

    :param path: path or URI of the finished file
    :param reveal: dotted names of sealed values that are written in clear
    :raises InvalidInput: the place cannot be written to
    """

    def __init__(self, path: str, *, reveal: Collection[str] = ()) -> None:
        self.path = path
        self.reveal = reveal
        self.count = 0
        self._partial = path + ".partial"
        try:
            if "://" not in path or path.startswith("file://"):
                os.makedirs(os.path.dirname(path.removeprefix("file://")) or ".", exist_ok=True)
            self._file: IO[str] = _open_for_writing(self._partial)
        except (OSError, ValueError, ImportError) as error:
            # ValueError: no file system is registered for the scheme of the URI.
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InvalidInput(
                f'"output": {path} cannot be written: {why}.',
                field="output",
                remedy="Check that the worker may write there.",
            ) from None

    def write(self, record: dict[str, Any]) -> None:
        """Write one line."""
        line = _LINE.encode(revealed(record, self.reveal))
        try:
            line.encode()
        except UnicodeEncodeError:
            # Half of a cut emoji has no UTF-8, but can be written as an escape.
            line = json.dumps(json.loads(line))
        self._file.write(line + "\n")
        self.count += 1

    def publish(self) -> str:
        """Put the finished file in its place."""
        self.close()
        if "://" in self.path:
            from airflow.sdk import ObjectStoragePath

            ObjectStoragePath(self._partial).replace(ObjectStoragePath(self.path))
        else:
            os.replace(self._partial, self.path)
        return self.path

    def keep(self) -> str | None:
        """Leave the lines written so far in the partial file, and what was published before as it is."""
        self.close()
        if not self.count:
            _remove(self._partial)
            return None
        return self._partial

    def discard(self) -> None:
        """Leave nothing: neither the partial file nor one that was published before."""
        self.close()
        for path in (self._partial, self.path):
            _remove(path)

    def close(self) -> None:
        """Let go of the file; what was written stays in the partial file."""
        if not self._file.closed:
            if "://" not in self.path:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._file.close()


def _open_for_writing(path: str) -> IO[str]:
    if "://" in path:
        from airflow.sdk import ObjectStoragePath

        remote: Any = ObjectStoragePath(path)
        file: IO[str] = remote.open("w", encoding="utf-8", newline="\n")
        return file
    return open(path, "w", encoding="utf-8", newline="\n")


def _remove(path: str) -> None:
    if "://" in path:
        from airflow.sdk import ObjectStoragePath

        ObjectStoragePath(path).unlink(missing_ok=True)
    elif os.path.exists(path):
        os.remove(path)


def _plain(value: Any) -> Any:
    """Turn what CSV never has but a list of dicts or Parquet may into JSON."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, SecretStr):
        return seal(value)
    return str(value)


# json.dumps would make one for each line.
_LINE = json.JSONEncoder(ensure_ascii=False, default=_plain)


def revealed(record: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a copy of a record with some of its sealed values in clear; the record itself stays as it is.

    :param record: the record; the ledger may still have to store a part of it
    :param names: dotted names of the values
    """
    for name in names:
        record = _with_clear(record, name.split("."))
    return record


def _with_clear(part: Any, path: Sequence[str]) -> Any:
    if not path:
        return open_sealed(part).get_secret_value() if is_sealed(part) else part
    if not isinstance(part, dict) or path[0] not in part:
        return part
    return {**part, path[0]: _with_clear(part[path[0]], path[1:])}


def sealed_fields(value: Any) -> Any:
    """Turn a vendor's response into plain JSON values, its secrets sealed.

    :param value: a model, or a part of one
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, SecretStr):
        return seal(value)
    if isinstance(value, VendorModel):
        # The declared fields alone: nobody knows whether what else a vendor sends is secret.
        return {name: sealed_fields(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, list | tuple):
        return [sealed_fields(item) for item in value]
    return value
