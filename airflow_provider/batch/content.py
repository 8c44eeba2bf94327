"""Records that are done, and come again with other content: nothing of it is sent, and somebody must know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from airflow_provider.http.call import Call
    from airflow_provider.records.parsing import Row

REPORTED = 50
"""Changed records that are named in the result."""


def content_of(call: Call[Any]) -> str:
    """Return a digest of what a call sends, which is the same however its numbers are written.

    :param call: the call
    """
    text = json.dumps(_plain(call.json), sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _plain(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _plain(inner) for name, inner in part.items()}
    if isinstance(part, list | tuple):
        return [_plain(inner) for inner in part]
    if isinstance(part, bool):
        return part
    if isinstance(part, Decimal | int | float):
        return str(Decimal(str(part)).normalize() + 0)
    return part


class Repeated:
    """Finds records of a batch that the ledger would take for an earlier one: their content would be lost.

    :param remedy: what to do about it
    """

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._contents: dict[bytes, str] = {}

    def check(self, call: Call[Any]) -> None:
        """Take the call of a record.

        :param call: the call
        :raises InvalidInput: an earlier record has the same key, and other content
        """
        key = hashlib.blake2b("\0".join(call.key).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        content = content_of(call)
        if self._contents.setdefault(key, content) != content:
            raise InvalidInput(
                "an earlier record of the batch has the same key, and other content.",
                field="record_key",
                remedy=self._remedy,
            )


class Changed:
    """The records of a batch that were done before, with other content.

    :param records: how many there are
    :param reported: the first of them, each with its row, or its rows
    """

    def __init__(self) -> None:
        self.records = 0
        self.reported: list[dict[str, Any]] = []

    def add(self, row: Row) -> None:
        """Take a record.

        :param row: the record
        """
        self.records += 1
        if len(self.reported) < REPORTED:
            several = {"rows": list(row.rows)} if row.rows else {}
            self.reported.append({"row": row.source_row, **several})

    def __str__(self) -> str:
        first = self.reported[0]["row"] if self.reported else 0
        return (
            f"{self.records:,} records were done before, with other content. Nothing of it was sent: the "
            f"vendor has them as they were. The first is row {first}; "
            "more of them are under 'changed' in the result"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return them under their key of a result; nothing where there are none."""
        return {"changed": {"records": self.records, "rows": self.reported}} if self.records else {}
