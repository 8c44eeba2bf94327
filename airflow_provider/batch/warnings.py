"""What a vendor remarked on records that it accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.records.parsing import Row

REPORTED = 50
"""Warnings that are named in the result; each record has its own in its result."""


def clean_warnings(result: Any, cleaned: Callable[[str], str]) -> None:
    """Replace what the vendor quotes of a request in its warnings: they go into the ledger, and into XCom.

    :param result: the record's result, which is changed
    :param cleaned: returns a text without what was sent
    """
    found = result.get("warnings") if isinstance(result, dict) else None
    for one in found if isinstance(found, list) else ():
        for name in ("code", "message") if isinstance(one, dict) else ():
            if isinstance(one.get(name), str):
                one[name] = cleaned(one[name])


class Warnings:
    """The warnings of a batch: results that have a list ``warnings``.

    :param records: how many records have any
    :param reported: the first of them, each with its row
    """

    def __init__(self) -> None:
        self.records = 0
        self.reported: list[dict[str, Any]] = []

    def add(self, row: Row, result: Any) -> None:
        """Take the warnings of a record, if it has any.

        :param row: the record
        :param result: its result, as it is stored
        """
        found = result.get("warnings") if isinstance(result, dict) else None
        if not isinstance(found, list) or not found:
            return
        self.records += 1
        free = REPORTED - len(self.reported)
        self.reported += [{"row": row.source_row, **one} for one in found[:free] if isinstance(one, dict)]
