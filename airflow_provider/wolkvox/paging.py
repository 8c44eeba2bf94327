"""Page after page of an answer, until there is no more."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from airflow_provider.exceptions import VendorProtocolError, VendorRejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.http.call import Call
    from airflow_provider.wolkvox.crm import WolkvoxPage

log = logging.getLogger(__name__)

BEYOND = 416
"""Requested range not satisfiable: a page beyond the last, if wolkvox refuses it at all."""


class Pages:
    """The pages of an answer, one request each.

    It ends with the page that the answer calls the last. Where it names no number of pages or records, a page
    that is not full is the last. A page that was there before ends it too: an answer that turns in a circle
    would never end.

    :param run: sends a call
    :param ask: makes the call for a page, by its number from 1
    :param size: records that a page was asked to have
    :param most: pages to ask for at most; None for all
    """

    def __init__(
        self,
        run: Callable[[Call[WolkvoxPage]], WolkvoxPage],
        ask: Callable[[int], Call[WolkvoxPage]],
        *,
        size: int,
        most: int | None = None,
    ) -> None:
        self._run = run
        self._ask = ask
        self._size = size
        self._most = most
        self.count = 0
        """Pages that were returned."""
        self.records = 0
        """Records in them."""
        self.announced: int | None = None
        """How many records the answer says that there are."""
        self.complete = False
        """Whether the last page was returned, and with it all that the answer says that there is."""

    def __iter__(self) -> Iterator[WolkvoxPage]:
        seen: dict[bytes, int] = {}
        pages: int | None = None
        while self._most is None or self.count < self._most:
            number = self.count + 1
            try:
                page = self._run(self._ask(number))
            except VendorRejected as error:
                if number == 1 or self.announced is not None or BEYOND not in (error.status, error.code):
                    raise
                break
            content = _digest(page)
            if page.records and content in seen:
                # Beyond its end the answer may show the last page again; that of page 2 may stand for all.
                if number > 2 and seen[content] == number - 1:
                    break
                raise VendorProtocolError(
                    f"page {number} has the very records of page {seen[content]}: "
                    "nobody can tell whether there are more",
                    remedy="Ask for fewer records, or for other pages with page_size.",
                )
            self.count = number
            self.records += len(page.records)
            self.announced = page.total_records if page.total_records is not None else self.announced
            pages = page.total_pages if page.total_pages is not None else pages
            seen[content] = number
            yield page
            if self._is_last(page):
                break
        else:
            return
        if self.announced is not None:
            self.complete = self.records >= self.announced
        else:
            self.complete = pages is None or self.count >= pages
        if self.announced is None and not self.complete:
            log.warning("The answer speaks of %d pages, and page %d is the last.", pages, self.count)
        if self.announced is not None and self.announced != self.records:
            log.warning(
                "The answer speaks of %d records and has %d. They may have changed meanwhile.",
                self.announced,
                self.records,
            )

    def _is_last(self, page: WolkvoxPage) -> bool:
        if not page.records:
            return True
        if page.total_pages is not None:
            return self.count >= page.total_pages
        if page.total_records is not None:
            return self.records >= page.total_records
        return len(page.records) < self._size


def _digest(page: WolkvoxPage) -> bytes:
    content = json.dumps(page.records, sort_keys=True, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
