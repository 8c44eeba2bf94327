"""All that is wrong with one record, in one error: each mistake by its place in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a record.

    :param path: where: names of fields, and places in lists from 0
    :param fault: what is wrong, to follow the name of the place, without the value
    :param remedy: what to do about it
    """

    path: Path
    fault: str
    remedy: str | None = None

    @property
    def place(self) -> str:
        """Write the path as ``Items[2].TextItem.Quantity``."""
        return written(self.path)


class InvalidRecord(InvalidInput):
    """A record that cannot be sent, with all that is wrong with it. Nothing was sent.

    :param mistakes: the mistakes, at least one
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self._told(), field=self.mistakes[0].place)

    def of_rows(self, lines: str, rows: Sequence[int]) -> None:
        """Name the row of each mistake in a record that was made of several.

        :param lines: the list that has an element for each row
        :param rows: their numbers in the original file
        """
        found = [self._row(mistake.path, lines, rows) for mistake in self.mistakes]
        self.message = self._told(found)
        self.args = (self.message,)
        self.row = next((row for row in found if row is not None), rows[0])

    def _row(self, path: Path, lines: str, rows: Sequence[int]) -> int | None:
        place = path[1] if len(path) > 1 and path[0] == lines else None
        return rows[place] if isinstance(place, int) and place < len(rows) else None

    def _told(self, rows: Sequence[int | None] = ()) -> str:
        # The same mistake in a hundred lines is told once, with all their places.
        told: dict[tuple[str, str | None], list[str]] = {}
        for number, mistake in enumerate(self.mistakes):
            row = rows[number] if rows else None
            place = f'"{mistake.place}"' if row is None else f'"{mistake.place}" (row {row})'
            told.setdefault((mistake.fault, mistake.remedy), []).append(place)
        return " ".join(
            f"{', '.join(places)}: {fault}.{f' {remedy}' if remedy else ''}"
            for (fault, remedy), places in told.items()
        )


def written(path: Path) -> str:
    """Write a path as ``Items[2].TextItem.Quantity``.

    :param path: names of fields, and places in lists from 0
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
