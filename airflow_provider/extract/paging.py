"""How one page of a list leads to the next, and when there is no more. Nothing here sends a request."""

from __future__ import annotations

import hashlib
import json
import logging
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.exceptions import VendorProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider.exceptions import VendorRejected

log = logging.getLogger(__name__)

Position = int | str | None
"""What a page is asked for by: its number, or a cursor."""

DIGEST = 8
"""Bytes of a digest."""

ALIKE = 10
"""Pages in a row that may have one row over and over, where the answer does not say how many there are."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list, as every vendor's pages are seen.

    :param records: the records
    :param total_records: how many the list has; None where the answer does not say
    :param total_pages: how many pages it has; None where the answer does not say
    :param next: what asks for the next page, where the vendor pages by cursors or keys; None for the last
    :param counted: how many records the answer counts otherwise, of the page or of the list; None where it
        counts none
    :param number: which page the answer says that it is; None where it does not say
    """

    records: list[dict[str, Any]]
    total_records: int | None = None
    total_pages: int | None = None
    next: Position = None
    counted: int | None = None
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
    """Records that were dropped, because the page before had them too."""
    announced: int | None = None
    """How many records the answer says that there are."""
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

    @property
    def complete(self) -> bool:
        """Say whether the last page was read, and with it all that the answer says that there is."""
        if not self.ended or self.moved or self.records + self.repeated < self.counted:
            return False
        if self.announced is not None:
            return self.records >= self.announced
        return self.total_pages is None or self.pages >= self.total_pages

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON has."""
        return {**vars(self), "seen": _packed(self.seen), "tail": _packed(self.tail)}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Progress:
        """Return the progress that :meth:`as_dict` made the values of.

        :param values: the values
        """
        return cls(**{**values, "seen": _unpacked(values["seen"]), "tail": _unpacked(values["tail"])})


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

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return what the next page is asked for by; None where this page is the last.

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

    def following(self, progress: Progress, page: Page, size: int | None) -> Position:
        """Return the cursor in the page; None where this page is the last.

        :raises VendorProtocolError: the page leads to itself
        """
        if page.next is not None and page.next == progress.position:
            raise _turns(f"page {progress.pages} leads to itself")
        return page.next


class Reading:
    """The rules of one list, given its pages one after another.

    A page with the very records of one before it is an error: an answer that turns in a circle would never
    end. The exceptions are the last page that is shown again beyond the end (that of page 2 may stand for
    all), and pages of equal rows where nothing identifies a row.

    :param paging: how one page leads to the next
    :param size: records that a page was asked to have; None where the vendor decides
    :param most: pages to read at most; None for all
    :param identity: the field that identifies a row; a row that the page before had too is dropped. None
        where nothing does
    :param progress: what has been read before; None to begin
    """

    def __init__(
        self,
        paging: Paging,
        *,
        size: int | None = None,
        most: int | None = None,
        identity: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._paging = paging
        self._size = size
        self._most = most
        self._identity = identity
        self.progress = progress or Progress(paging.start)
        self._seen = {digest: number for number, digest in enumerate(self.progress.seen, 1)}
        self.turned = False
        """Whether a page came again, so that what was read cannot be relied on."""

    @property
    def has_more(self) -> bool:
        """Say whether another page is to be asked for."""
        progress = self.progress
        return not progress.ended and (self._most is None or progress.pages < self._most)

    def take(self, page: Page) -> list[dict[str, Any]]:
        """Take the page that was asked for.

        :param page: the page
        :return: its records that are new
        :raises VendorProtocolError: it came before
        """
        progress = self.progress
        content = _digest(page.records if page.records else page.next)
        earlier = self._seen.get(content) if page.records or page.next is not None else None
        if earlier is not None and not self._is_another(page, content):
            self._end_with_repeated(content, earlier)
            return []
        rows = self._new_rows(page)
        progress.pages += 1
        progress.records += len(rows)
        progress.repeated += len(page.records) - len(rows)
        other_total = page.total_records is not None and progress.announced not in (None, page.total_records)
        if self._paging.shifts and (other_total or len(rows) < len(page.records)):
            progress.moved = True
        if page.total_records is not None:
            progress.announced = page.total_records
        if page.total_pages is not None:
            progress.total_pages = page.total_pages
        progress.counted = max(progress.counted, page.counted or 0)
        progress.seen.append(content)
        self._seen[content] = progress.pages
        try:
            progress.position = self._paging.following(progress, page, self._size)
        except VendorProtocolError:
            self.turned = True
            raise
        progress.ended = progress.position is None
        return rows

    def is_end(self, error: VendorRejected) -> bool:
        """Say whether a refusal means that the page before was the last, and if so take notice of it.

        :param error: the refusal
        """
        progress = self.progress
        # Where the number of records is known, the list is read to it and not beyond.
        if progress.announced is not None or not progress.pages:
            return False
        if not {error.status, error.code} & set(self._paging.beyond):
            return False
        log.info("Page %d is refused: page %d is taken for the last.", progress.pages + 1, progress.pages)
        progress.ended = True
        return True

    def warn(self) -> None:
        """Log where the list has other numbers of pages and records than it speaks of."""
        progress = self.progress
        if not progress.ended:
            return
        if progress.moved:
            log.warning("The list changed while it was read. A record may be missing, or be there twice.")
        told = progress.total_pages
        if progress.announced is None and not progress.moved and told is not None and progress.pages < told:
            log.warning(
                "The answer speaks of %d pages, and page %d is the last.",
                told,
                progress.pages,
            )
        if progress.records + progress.repeated < progress.counted:
            log.warning(
                "An answer counts %d records, and %d came.",
                progress.counted,
                progress.records + progress.repeated,
            )
        if progress.announced is not None and progress.announced != progress.records:
            log.warning(
                "The answer speaks of %d records and has %d. They may have changed meanwhile.",
                progress.announced,
                progress.records,
            )

    def _is_another(self, page: Page, content: bytes) -> bool:
        """Say whether a page with the very records of an earlier one is another page all the same.

        Where nothing identifies a row, rows may be equal, and so may pages of them. Then the answer says
        which page it is and that more are to come, or all rows of the page are one and the same.
        """
        if self._identity is not None or not self._paging.beyond or not page.records:
            return False
        progress = self.progress
        # Without totals it may go on for ever.
        more = progress.announced is not None or progress.total_pages is not None
        if more and page.number is not None:
            return page.number == progress.position
        alike = all(record == page.records[0] for record in page.records)
        return alike and (more or progress.seen[-ALIKE:] != [content] * ALIKE)

    def _end_with_repeated(self, content: bytes, earlier: int) -> None:
        number = self.progress.pages + 1
        alike = self.progress.seen[-2:-1] == [content]
        if not self._paging.beyond or number == 2 or earlier != number - 1 or alike:
            self.turned = True
            raise _turns(f"page {number} has the very records of page {earlier}")
        self.progress.ended = True

    def _new_rows(self, page: Page) -> list[dict[str, Any]]:
        if self._identity is None:
            return page.records
        before, tail, rows = set(self.progress.tail), [], []
        for record in page.records:
            key = record.get(self._identity)
            digest = None if key is None or key == "" else _digest(key)
            if digest is not None:
                tail.append(digest)
            if digest is None or digest not in before:
                rows.append(record)
        self.progress.tail = tail
        return rows


def _turns(message: str) -> VendorProtocolError:
    return VendorProtocolError(
        f"{message}: nobody can tell whether there are more",
        remedy="Ask for fewer records, or for other pages with page_size.",
    )


def _digest(value: Any) -> bytes:
    content = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest()


def _packed(digests: Iterable[bytes]) -> str:
    return b64encode(b"".join(digests)).decode()


def _unpacked(text: str) -> list[bytes]:
    content = b64decode(text)
    return [content[at : at + DIGEST] for at in range(0, len(content), DIGEST)]
