"""How the lists of several video games are read one after another, page after page, as one list."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider.exceptions import VendorRejected
from airflow_provider.mobadoo.links import next_query

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow_provider.extract.paging import Page, Position, Progress
    from airflow_provider.http.call import Call
    from airflow_provider.mobadoo.pages import ListPage

DOCUMENTED_LIMIT = 25
"""The ``limit`` of the only sample that is published. A larger one may be made smaller without a word."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reading is: which video game, and which of its pages.

    :param game: number of the video game
    :param offset: how many rows to skip
    :param query: the query that the page before names for this one; None where it names none
    :param came: new rows of the video game so far
    :param count: how many rows it has, by its latest page; None where none says
    :param full: how many rows a full page has; None for as many as were asked for
    :param probe: whether this page is only asked for because the one before may have been cut short
    :param repeated: rows that had come again when this page was asked for
    :param gone: video games before this one that were not there
    :param anchor: what identifies the first row of this page, which was the last of the page before; None
        where the page begins behind the rows of that
    """

    game: int = 0
    offset: int = 0
    query: dict[str, str] | None = None
    came: int = 0
    count: int | None = None
    full: int | None = None
    probe: bool = False
    repeated: int = 0
    gone: int = 0
    anchor: str | None = None

    def text(self) -> str:
        """Write the place as text."""
        values = {name: value for name, value in asdict(self).items() if value or name == "game"}
        return msgspec.json.encode(values).decode()

    @classmethod
    def of(cls, position: Position) -> Place:
        """Return the place that :meth:`text` has written.

        :param position: the text
        """
        return cls(**msgspec.json.decode(str(position)))


class GamePages:
    """Pages of one video game after those of another.

    A page that names the next leads to it. Any other is followed by the one behind its rows, until a page has
    fewer rows than were asked for, or more: then it is the whole list. A page without a new row ends the
    list of its video game: the vendor does not look at where the page begins, or the list moved by a page.

    Where nothing counts the rows, a page begins with the last row of the one before: if another row stands
    there, the list has changed.

    :param games: the URL parameters of the video games
    :param call: makes the call for a page, as the connection wants it sent
    :param size: rows that a page is asked to have; None where that is not asked for
    :param base_url: where the connection leads
    :param secrets: returns what no value of a query may have; a token may be replaced meanwhile
    """

    parameter = "position"
    shifts = False
    beyond: tuple[int, ...] = ()
    until_short = False
    checks_itself = True

    def __init__(
        self,
        games: Sequence[str],
        call: Callable[[Place], Call[ListPage]],
        *,
        size: int | None,
        base_url: str,
        secrets: Callable[[], Collection[str]],
    ) -> None:
        self._games = games
        self._call = call
        self._size = size
        self._base_url = base_url
        self._secrets = secrets

    @property
    def start(self) -> str:
        """Return the first page of the first video game."""
        return Place().text()

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return the same place: pages have one size."""
        return position

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return the place of the next page; None where this page is the last of all.

        :raises VendorProtocolError: the page leads to another place, or to itself
        :raises VendorRejected: none of the video games is there
        """
        here, found = Place.of(progress.position), _as_list_page(page)
        step = _Step(here, found, progress.repeated - here.repeated, self._size)
        there = self._linked(here, step.here, found) if step.by_link else step.offset()
        for reason in step.reasons:
            told = f"{self._games[here.game]}: {reason}"
            if told not in progress.reasons:
                progress.reasons.append(told)
        if there is None:
            there = self._next_game(here, found)
        return None if there is None else replace(there, repeated=progress.repeated).text()

    def _linked(self, here: Place, after: Place, page: ListPage) -> Place:
        call = self._call(here)
        url = f"{self._base_url.rstrip('/')}/{call.path}"
        return replace(after, query=next_query(page.link or "", url, call.query, secrets=self._secrets()))

    def _next_game(self, here: Place, page: ListPage) -> Place | None:
        gone = here.gone + (page.gone is not None)
        if here.game + 1 < len(self._games):
            return Place(here.game + 1, gone=gone)
        if gone == len(self._games):
            raise VendorRejected(
                f"none of the video games is there: {', '.join(self._games)}",
                status=page.gone,
                remedy="Check their URL parameters, and the host of the connection.",
            )
        return None


class _Step:
    """What a page leads to.

    :param here: the place of the page
    :param page: the page
    :param again: how many of its rows had come before
    :param size: rows that it was asked to have; None where that was not asked for
    """

    def __init__(self, here: Place, page: ListPage, again: int, size: int | None) -> None:
        self.reasons: list[str] = []
        self.by_link = False
        self._page = page
        self._rows = len(page.records)
        self._anchored = here.anchor is not None and here.anchor == _mark(page.records[:1])
        fresh = self._rows - again
        lost = here.anchor is not None and not self._anchored and page.gone is None
        # A page of old rows alone is told of where the list ends.
        moved = lost and (fresh > 0 or not self._rows)
        if page.gone is not None:
            self.reasons.append(f"it is not there any more (HTTP {page.gone})")
        count = here.count if page.count is None else page.count
        if here.count not in (None, count) or (fresh and again > self._anchored) or moved:
            self.reasons.append("the list changed while it was read")
        self.here = replace(here, came=here.came + fresh, count=count, probe=False, anchor=None)
        self._ends = not fresh
        if self._ends:
            self._explain_end(here)
        elif page.linked:
            self._ends = page.link is None
            self.by_link = not self._ends
        else:
            self._decide_by_length(here, size)
        if self._ends and page.gone is None and count is not None and self.here.came < count:
            self.reasons.append(f"{self.here.came:,} of {count:,} came")

    def offset(self) -> Place | None:
        """Return the place behind the rows of the page; None where it was the last of its video game."""
        if self._ends:
            return None
        there = self.here.offset + self._rows
        # A page of one row would lead to itself.
        if self.here.count is None and self._rows > 1:
            return replace(self.here, offset=there - 1, anchor=_mark(self._page.records[-1:]))
        return replace(self.here, offset=there)

    def _explain_end(self, here: Place) -> None:
        is_end = self._anchored and self._rows == 1
        if self._rows and not (here.probe or is_end):
            self.reasons.append("a page has no new row: it may be the one before, or the list has moved")
        elif not self._rows and self._page.link is not None:
            self.reasons.append("an empty page leads to another")

    def _decide_by_length(self, here: Place, size: int | None) -> None:
        count = self.here.count
        if size is None or self._rows > size:
            self._ends = True
            return
        full = here.full or size
        # A full page of as many rows as are counted: the number may be that of the page alone.
        own = count == self._rows >= full
        if count is not None and self.here.came >= count and not own:
            self._ends = True
        elif self._rows < full:
            probe = count is None and here.offset == 0 and size > DOCUMENTED_LIMIT
            self._ends = count is None and not probe
            self.here = replace(self.here, full=self._rows, probe=probe)


def _mark(rows: Sequence[Any]) -> str | None:
    """Return what identifies a row, in few characters; None where there is no row."""
    return hashlib.blake2b(str(rows[0].identity).encode(), digest_size=8).hexdigest() if rows else None


def _as_list_page(page: Any) -> ListPage:
    found: ListPage = page
    return found
