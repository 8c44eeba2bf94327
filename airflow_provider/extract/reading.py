"""The rules of one list, given its pages one after another. Nothing here sends a request."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.extract.instants import ticks
from airflow_provider.extract.paging import DIGEST, Page, Paging, Progress, is_short, turns
from airflow_provider.extract.rows import RawRow, RowReader
from airflow_provider.extract.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime, tzinfo

    from airflow_provider.exceptions import VendorRejected
    from airflow_provider.extract.rows import Row

log = logging.getLogger(__name__)

ALIKE = 10
"""Pages in a row that may have one row over and over, where the answer does not say how many there are."""


class Reading:
    """The rules of one list, given its pages one after another.

    A page with the very records of one before it is an error: an answer that turns in a circle would never
    end. The exceptions are the last page that is shown again beyond the end (that of page 2 may stand for
    all), and pages of equal rows where nothing identifies a row.

    :param paging: how one page leads to the next
    :param size: records that a page was asked to have; None where the vendor decides
    :param most: pages to read at most; None for all
    :param identity: the field that identifies a row; a row that came before is dropped. None where nothing
        does
    :param changed_at: the field with the time of a row's last change; None where there is none
    :param distinct: whether a row is compared with all rows before, and not with those of the page before
    :param before: rows that changed then or later are dropped; None for none
    :param resizes: whether a page may be asked to have fewer records
    :param too_large: says whether a refusal means that a page is asked to have too many records
    :param zone: the time zone of times of changes without an offset; None for UTC
    :param marks: finds what identifies a row, where that is more than a field; None for ``identity``
    :param progress: what has been read before; None to begin
    """

    def __init__(
        self,
        paging: Paging,
        *,
        size: int | None = None,
        most: int | None = None,
        identity: str | None = None,
        changed_at: str | None = None,
        distinct: bool = False,
        before: datetime | None = None,
        resizes: bool = False,
        too_large: Callable[[VendorRejected], bool] | None = None,
        zone: tzinfo | None = None,
        marks: RowReader | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._paging = paging
        self._size = size
        self._most = most
        self._identity = identity
        self._marks = marks or RowReader(identity, changed_at, zone)
        self._dated = changed_at is not None
        self._before = None if before is None else ticks(before.isoformat())
        self._resizes = resizes
        self._too_large = too_large
        self.progress = progress or Progress(paging.start)
        self._latest = ticks(self.progress.latest)
        self._numbers = {digest: number for number, digest in enumerate(self.progress.seen, 1)}
        self._distinct = distinct and identity is not None
        self._seen = Seen() if self._distinct else None
        self.turned = False
        """Whether a page came again, so that what was read cannot be relied on."""

    @property
    def size(self) -> int | None:
        """Return how many records a page is asked to have; None where the vendor decides."""
        return self.progress.size or self._size

    @property
    def has_more(self) -> bool:
        """Say whether another page is to be asked for."""
        progress = self.progress
        return not progress.ended and (self._most is None or progress.pages < self._most)

    def remember(self, lines: Iterable[bytes]) -> None:
        """Take notice of the records that earlier tries have kept.

        :param lines: the records, as JSON
        """
        if self._seen is None:
            return
        marks: list[tuple[Any, Any]] = []
        for line in lines:
            identity, changed = self._marks.marks(self._marks.row(line.rstrip(b"\n")))
            if identity is not None:
                marks.append((identity, changed))
            if len(marks) >= 1000:
                self._seen.add(marks)
                marks = []
        self._seen.add(marks)

    def close(self) -> None:
        """Let go of the memory of what came."""
        if self._seen is not None:
            self._seen.close()

    def take(self, page: Page) -> Sequence[Row]:
        """Take the page that was asked for.

        :param page: the page
        :return: its records that are new
        :raises VendorProtocolError: it came before
        """
        progress = self.progress
        content = _page_digest(page)
        earlier = self._numbers.get(content) if page.records or page.next is not None else None
        if earlier is not None and not self._paging.checks_itself and not self._is_another(page, content):
            self._end_with_repeated(content, earlier)
            return []
        repeated = progress.repeated
        rows = self._new_rows(page)
        progress.pages += 1
        progress.records += len(rows)
        self._compare(page, progress.repeated - repeated)
        progress.counted = max(progress.counted, page.counted or 0)
        progress.seen.append(content)
        self._numbers[content] = progress.pages
        self._follow(page, progress.repeated - repeated)
        return rows

    def _compare(self, page: Page, repeated: int) -> None:
        """Take notice of what the answer counts."""
        progress, paging = self.progress, self._paging
        if page.total_pages is not None:
            progress.total_pages = page.total_pages
        total = page.total_records
        if paging.until_short:
            # Of a page after a key the number may be that of the rest.
            if paging.shifts and total is not None and total < (progress.announced or 0):
                progress.moved = True
            if progress.announced is None and progress.pages == 1:
                progress.announced = total
            # Where pages shift, a record that came again may stand for one that did not come at all.
            again = 0 if paging.shifts else progress.repeated
            progress.came = progress.records + progress.later + again
            cut = not page.records and not progress.short and progress.lacks
            if cut and progress.pages > 1 and total != progress.announced:
                # The record that the page was asked for by may have gone, and the rest with it.
                progress.moved = True
            return
        other_total = total is not None and progress.announced not in (None, total)
        if paging.shifts and (other_total or repeated):
            progress.moved = True
        if total is not None:
            progress.announced = total

    def _follow(self, page: Page, repeated: int) -> None:
        progress, size = self.progress, self.size
        if self._paging.until_short:
            progress.short = is_short(len(page.records), page.size, size)
            if page.records:
                progress.last = self._marks.marks(page.records[-1])[0]
        try:
            following = self._paging.following(progress, page, size)
            keyed = self._distinct and not (self._paging.shifts or self._paging.checks_itself)
            if following is not None and keyed:
                self._check_new(page, repeated)
        except VendorProtocolError:
            self.turned = True
            raise
        if self._paging.until_short and progress.pages == 1 and page.size and size and page.size < size:
            log.info("A page has %d records, and not the %d that were asked for.", page.size, size)
            if self._resizes and page.size > 0:
                progress.size = page.size
        progress.largest = max(progress.largest, len(page.records))
        progress.position = following
        progress.ended = following is None

    def _check_new(self, page: Page, repeated: int) -> None:
        if page.records and repeated == len(page.records):
            raise turns(f"page {self.progress.pages} has nothing that is new")

    def step_down(self, error: VendorRejected) -> bool:
        """Say whether the same page is to be asked for with fewer records, and if so do so from now on.

        :param error: why it was refused
        """
        size = self.size
        if not self._resizes or self._too_large is None or not size or size == 1:
            return False
        if not self._too_large(error):
            return False
        progress = self.progress
        fewer = size // 2
        if progress.pages:
            # What was read stays: the next page begins where the last ended.
            fewer = next(one for one in range(fewer, 0, -1) if size % one == 0)
            progress.position = self._paging.resized(progress.position, size, fewer)
        log.warning("A page of %d records is too large for the vendor. Asking for %d.", size, fewer)
        progress.size = fewer
        return True

    def is_end(self, error: VendorRejected) -> bool:
        """Say whether a refusal means that the page before was the last, and if so take notice of it.

        :param error: the refusal
        """
        progress = self.progress
        if not progress.pages:
            return False
        # Where the number of records is known, the list is read to it and not beyond; after a short page the
        # next was asked for because of that number alone.
        known = progress.announced is not None and not progress.short
        if known and (progress.came is None or progress.lacks):
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
        for reason in progress.reasons:
            log.warning("The list may not be complete: %s.", reason)
        if progress.moved or (self._paging.until_short and self._paging.shifts and progress.repeated):
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
        came = progress.records if progress.came is None else progress.came
        if progress.announced is not None and progress.announced != came:
            log.warning(
                "The answer speaks of %d records and has %d. They may have changed meanwhile.",
                progress.announced,
                came,
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
        # A short page may have been the last: the next was asked for because of the number of records alone.
        last = self.progress.short and earlier == number - 1
        if not last and (not self._paging.beyond or number == 2 or earlier != number - 1 or alike):
            self.turned = True
            raise turns(f"page {number} has the very records of page {earlier}")
        self.progress.ended = True

    def _new_rows(self, page: Page) -> Sequence[Row]:
        if self._seen is not None:
            return self._unseen(page.records, self._seen)
        rows = page.records if self._identity is None else self._not_in_page_before(page.records)
        self.progress.repeated += len(page.records) - len(rows)
        return [row for row in rows if self._is_wanted(self._marks.marks(row)[1])] if self._dated else rows

    def _not_in_page_before(self, records: Sequence[Row]) -> Sequence[Row]:
        before, tail, rows = set(self.progress.tail), [], []
        for record in records:
            key = self._marks.marks(record)[0]
            digest = None if key is None or key == "" else _digest(key)
            if digest is not None:
                tail.append(digest)
            if digest is None or digest not in before:
                rows.append(record)
        self.progress.tail = tail
        return rows

    def _unseen(self, records: Sequence[Row], seen: Seen) -> Sequence[Row]:
        marks = [self._marks.marks(record) for record in records]
        answers = iter(seen.add([one for one in marks if one[0] is not None]))
        rows = []
        for record, (identity, changed) in zip(records, marks, strict=True):
            changes = None if identity is None else next(answers)
            if changes is None:
                if self._is_wanted(changed):
                    rows.append(record)
                continue
            self.progress.repeated += 1
            if changes:
                self._hold(changed)
                # It may have left its place, and the row after it has moved to a page that was read.
                self.progress.moved = self.progress.moved or self._paging.shifts
        return rows

    def _is_wanted(self, changed: Any) -> bool:
        """Take notice of when a record was changed, and say whether it is of the time that is asked for."""
        if self._before is None and self._is_no_later(changed):
            return True
        instant = ticks(changed)
        if instant is None:
            return True
        if self._before is not None and instant >= self._before:
            self.progress.later += 1
            return False
        if self._latest is None or instant > self._latest:
            self._latest, self.progress.latest = instant, changed
        return True

    def _is_no_later(self, changed: Any) -> bool:
        """Say whether it is certain without a look at the time that a change is not the latest."""
        latest = self.progress.latest
        # Texts of one form in UTC are in the order of their instants.
        return (
            latest is not None
            and type(changed) is str
            and len(changed) == len(latest)
            and changed[-1] == latest[-1] == "Z"
            and changed <= latest
        )

    def _hold(self, changed: Any) -> None:
        # The output has the record as it was before. The next run must find it as it is now.
        instant, held = ticks(changed), ticks(self.progress.held)
        if instant is not None and (held is None or instant < held):
            self.progress.held = changed


def _page_digest(page: Page) -> bytes:
    if page.records and isinstance(page.records[0], RawRow):
        whole = hashlib.blake2b(digest_size=DIGEST)
        for row in page.records:
            whole.update(row.raw if isinstance(row, RawRow) else _digest(row))
        return whole.digest()
    return _digest(page.records if page.records else page.next)


def _digest(value: Any) -> bytes:
    content = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest()
