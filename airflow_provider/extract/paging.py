"""How one page of a list leads to the next, and when there is no more. Nothing here sends a request."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.extract.instants import earlier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider.extract.rows import Row

Position = int | str | None
"""What a page is asked for by: its number, or a cursor."""

DIGEST = 8
"""Bytes of a digest."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, as every vendor's pages are seen.

    :param records: the records, decoded or as JSON
    :param total_records: how many the list has; None where the answer does not say
    :param total_pages: how many pages it has; None where the answer does not say
    :param next: what asks for the next page, where the vendor pages by cursors or keys; None for the last
    :param counted: how many records the answer counts otherwise, of the page or of the list; None where it
        counts none
    :param size: how many records the answer says that a page has; None where it does not say
    :param number: which page the answer says that it is; None where it does not say
    """

    records: Sequence[Row]
    total_records: int | None = None
    total_pages: int | None = None
    next: Position = None
    counted: int | None = None
    size: int | None = None
    number: int | None = None


@dataclass
class Progress:
    """How far a list has been read. It is all that is needed to go on.

    :param position: what the next page is asked for by
    """

    position: Position
    pages: int = 0
    """Pages that were read."""
    records: int = 0
    """Records that were kept."""
    repeated: int = 0
    """Records that were dropped, because they had come before."""
    announced: int | None = None
    """How many records the answer says that there are: the latest, or the first where pages are read until
    one is short."""
    total_pages: int | None = None
    """How many pages the answer says that there are."""
    counted: int = 0
    """The most records that an answer has counted, of a page or of the list."""
    ended: bool = False
    """Whether the last page was read."""
    moved: bool = False
    """Whether the list changed while it was read, so that rows may have moved from page to page."""
    seen: list[bytes] = field(default_factory=list)
    """Digests of the pages, in their order."""
    tail: list[bytes] = field(default_factory=list)
    """Digests of what identifies the rows of the latest page."""
    size: int | None = None
    """Records that a page is asked to have from now on, where that is another number than the query's."""
    came: int | None = None
    """Records that the answer's number of records is compared with; None for those that were kept."""
    later: int = 0
    """Records that were dropped, because they changed after the time that is asked for."""
    lines: int = 0
    """Rows of the second table."""
    last: int | str | None = None
    """What identifies the last record of the latest page."""
    short: bool = False
    """Whether the latest page was shorter than a page is."""
    largest: int = 0
    """The most records of a page."""
    latest: str | None = None
    """The latest time of a change among the records that were kept, as the vendor writes it."""
    held: str | None = None
    """The earliest time of a change of a record that came again, changed; None where there is none."""
    reasons: list[str] = field(default_factory=list)
    """What the paging itself has found missing, in words."""

    @property
    def complete(self) -> bool:
        """Say whether the last page was read, and with it all that the answer says that there is."""
        if self.reasons:
            return False
        if self.came is not None:
            return self.ended and (self.announced is None or self.came >= self.announced)
        if not self.ended or self.moved or self.records + self.repeated < self.counted:
            return False
        if self.announced is not None:
            return self.records >= self.announced
        return self.total_pages is None or self.pages >= self.total_pages

    @property
    def lacks(self) -> bool:
        """Say whether fewer records have come than the first answer speaks of."""
        return self.announced is not None and self.came is not None and self.came < self.announced

    @property
    def gaps(self) -> list[str]:
        """Say in words why the records may not be all; nothing where they are complete."""
        if self.complete or self.reasons:
            return self.reasons
        if not self.ended:
            return ["the last page was not asked for"]
        if self.moved:
            return ["the list changed while it was read"]
        return ["fewer came than the answer speaks of"]

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON has."""
        return {**vars(self), "seen": _packed(self.seen), "tail": _packed(self.tail)}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Progress:
        """Return the progress that :meth:`as_dict` made the values of.

        :param values: the values
        """
        return cls(**{**values, "seen": _unpacked(values["seen"]), "tail": _unpacked(values["tail"])})

    @property
    def watermark(self) -> str | None:
        """Return the time of change up to which everything that was found is in the output."""
        return None if self.latest is None else earlier(self.latest, self.held)


class Paging(Protocol):
    """How one page leads to the next."""

    @property
    def parameter(self) -> str:
        """Name the parameter of the listing's call that takes the position."""

    @property
    def start(self) -> Position:
        """Return what the first page is asked for by."""

    @property
    def shifts(self) -> bool:
        """Say whether rows move from page to page when the list changes."""

    @property
    def beyond(self) -> tuple[int, ...]:
        """Return the statuses that may refuse a page beyond the last; none where none is asked for."""

    @property
    def until_short(self) -> bool:
        """Say whether the last page is known by its length alone, whatever the answer counts."""

    @property
    def checks_itself(self) -> bool:
        """Say whether :meth:`following` itself finds out that pages come again, and that the list moved."""

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return what the same page begins with where pages have another size.

        :param position: what the page is asked for by
        :param before: records of a page so far
        :param after: records of a page from now on: a divisor of ``before``
        """

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return what the next page is asked for by; None where this page is the last.

        What it finds missing it adds to ``progress.reasons``.

        :param progress: what has been read, this page included
        :param page: the latest page
        :param size: records that a page was asked to have; None where the vendor decides
        """


@dataclass(frozen=True, slots=True)
class PageNumbers:
    """Pages are asked for by their numbers.

    The last is the one that the answer calls the last. Where it names no number of pages or records, a page
    that is not full is the last.

    :param parameter: the parameter of the call that takes the number
    :param start: number of the first page
    :param beyond: the statuses that may refuse a page beyond the last: requested range not satisfiable
    """

    parameter: str = "page"
    start: int = 1
    beyond: tuple[int, ...] = (416,)
    shifts: bool = True
    until_short: bool = False
    checks_itself: bool = False

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return the number of the page that begins with the same record."""
        return _resized(self.start, position, before, after)

    def following(self, progress: Progress, page: Page, size: int | None) -> int | None:
        """Return the number of the next page; None where this page is the last."""
        if not page.records:
            return None
        if page.total_pages is not None:
            last = progress.pages >= page.total_pages
        elif page.total_records is not None:
            last = progress.records + progress.repeated >= page.total_records
        else:
            last = size is not None and len(page.records) < size
        return None if last else self.start + progress.pages


@dataclass(frozen=True, slots=True)
class Cursor:
    """Each page says what the next is asked for by: a cursor, or the key of its last record.

    :param parameter: the parameter of the call that takes the cursor
    :param start: what the first page is asked for by
    """

    parameter: str = "after"
    start: Position = None
    beyond: tuple[int, ...] = ()
    shifts: bool = False
    until_short: bool = False
    checks_itself: bool = False

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return the same cursor."""
        return position

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return the cursor in the page; None where this page is the last.

        :raises VendorProtocolError: the page leads to itself
        """
        if page.next is not None and page.next == progress.position:
            raise turns(f"page {progress.pages} leads to itself")
        return page.next


@dataclass(frozen=True, slots=True)
class PagesUntilShort:
    """Pages are asked for by their numbers, until one is short or empty.

    What is short is said at :func:`is_short`. A number of records ends nothing: it may count something else.
    But a short page is not the last while the first answer speaks of more records than have come: the vendor
    may have made it smaller without a word. If it speaks of too many, that is one request for an empty page.
    Nor is it the last where the answer has neither a number of records nor a size, unless a page before was
    larger: that is one request more for a list that fits into one page.

    :param parameter: the parameter of the call that takes the number
    :param start: number of the first page
    :param beyond: the statuses that may refuse a page beyond the last: requested range not satisfiable
    """

    parameter: str = "page"
    start: int = 1
    beyond: tuple[int, ...] = (416,)
    shifts: bool = True
    until_short: bool = True
    checks_itself: bool = False

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return the number of the page that begins with the same record."""
        return _resized(self.start, position, before, after)

    def following(self, progress: Progress, page: Page, size: int | None) -> int | None:
        """Return the number of the next page; None where this page is the last."""
        if _is_last(progress, page):
            return None
        # Not the number of pages that were read: they may have had another size.
        return int(progress.position or 0) + 1


@dataclass(frozen=True, slots=True)
class KeysUntilShort:
    """Each page is asked for by the identity of the last record before it, until one is short or empty.

    The cursor is taken from that record and not from the answer, which may repeat what it was asked for.
    :class:`PagesUntilShort` says which page is the last.

    :param parameter: the parameter of the call that takes the identity
    :param start: what the first page is asked for by
    """

    parameter: str = "after"
    start: Position = None
    beyond: tuple[int, ...] = ()
    shifts: bool = False
    until_short: bool = True
    checks_itself: bool = False

    def resized(self, position: Position, before: int, after: int) -> Position:
        """Return the same identity."""
        return position

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return the identity of the last record; None where this page is the last.

        :raises VendorProtocolError: the page leads to itself, or its last record has no identity
        """
        last = progress.last
        # A short page that ends where it began is the cursor's own record, and nothing more.
        if _is_last(progress, page) or (progress.short and last == progress.position):
            return None
        if last is None:
            raise turns(f"the last record of page {progress.pages} has nothing that identifies it")
        if last == progress.position:
            raise turns(f"page {progress.pages} leads to itself")
        return last


def turns(message: str) -> VendorProtocolError:
    """Return the error of a list whose pages do not lead to an end.

    :param message: what was seen
    """
    return VendorProtocolError(
        f"{message}: nobody can tell whether there are more",
        remedy="Ask for fewer records, or for other pages with page_size.",
    )


def is_short(records: int, size: int | None, requested: int | None) -> bool:
    """Say whether a page is empty, or has fewer records than a page has.

    A vendor may make a large page smaller without a word but for the size in its answer. A size above the one
    that was asked for is no reason to stop.

    :param records: how many records the page has
    :param size: how many a page has by the answer's own word; None where it has none
    :param requested: how many were asked for; None where the vendor decides
    """
    sizes = [one for one in (size, requested) if one is not None and one > 0]
    return not records or (bool(sizes) and records < min(sizes))


def _is_last(progress: Progress, page: Page) -> bool:
    if not page.records:
        return True
    # Otherwise nothing but what was asked for says how many records a page has.
    told = page.size is not None or progress.announced is not None or len(page.records) < progress.largest
    return progress.short and told and not progress.lacks


def _resized(start: int, position: Position, before: int, after: int) -> int:
    return start + (int(position or 0) - start) * before // after


def _packed(digests: Iterable[bytes]) -> str:
    return b64encode(b"".join(digests)).decode()


def _unpacked(text: str) -> list[bytes]:
    content = b64decode(text)
    return [content[at : at + DIGEST] for at in range(0, len(content), DIGEST)]
