"""How hook and sensors read mPOHODA's lists page after page: by the id of the last record, or by number.

The rules are those of :mod:`airflow_provider.extract.reading`, which the operator follows too.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.extract.reading import Reading
from airflow_provider.mpohoda.calls import list_page
from airflow_provider.mpohoda.listings import listing_of, read
from airflow_provider.mpohoda.resources import Resource, pages_by_id, resource
from airflow_provider.values import whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from airflow_provider.http.call import Call
    from airflow_provider.mpohoda.pages import MpohodaPage

log = logging.getLogger(__name__)


def read_pages(
    run: Callable[[Call[MpohodaPage]], MpohodaPage],
    name: str | Resource,
    *,
    page_size: int,
    paging: str,
    **terms: Any,
) -> Iterator[MpohodaPage]:
    """Read a list page after page.

    :param run: sends a call
    :param name: the list
    :param page_size: how many records to ask for at once
    :param paging: ``auto``, ``after`` or ``number``
    :param terms: what else is asked of each page
    :raises InvalidInput: a value cannot be right
    """
    return _read(run, _Walk(name, page_size, paging, terms))


def aread_pages(
    run: Callable[[Call[MpohodaPage]], Awaitable[MpohodaPage]],
    name: str | Resource,
    *,
    page_size: int,
    paging: str = "auto",
    **terms: Any,
) -> AsyncIterator[MpohodaPage]:
    """Read a list page after page like :func:`read_pages`, without blocking the event loop.

    :param run: sends a call
    :param name: the list
    :param page_size: how many records to ask for at once
    :param paging: ``auto``, ``after`` or ``number``
    :param terms: what else is asked of each page
    :raises InvalidInput: a value cannot be right
    """
    return _aread(run, _Walk(name, page_size, paging, terms))


def _read(run: Callable[[Call[MpohodaPage]], MpohodaPage], walk: _Walk) -> Iterator[MpohodaPage]:
    while (call := walk.call()) is not None:
        try:
            page = run(call)
        except VendorRejected as error:
            walk.refuse(error)
            continue
        if walk.take(page):
            yield page


async def _aread(
    run: Callable[[Call[MpohodaPage]], Awaitable[MpohodaPage]], walk: _Walk
) -> AsyncIterator[MpohodaPage]:
    while (call := walk.call()) is not None:
        try:
            page = await run(call)
        except VendorRejected as error:
            walk.refuse(error)
            continue
        if walk.take(page):
            yield page


class _Walk:
    """The way through one list, by the rules that the operator's extractions have.

    Unlike them it keeps no memory of each record: whoever reads pages gets records that come twice.
    """

    def __init__(self, name: str | Resource, page_size: int, paging: str, terms: dict[str, Any]) -> None:
        self._one = one = resource(name)
        self._terms = terms
        self._page_size = page_size
        by_id = pages_by_id(one, paging, changes=terms.get("modified_since") is not None)
        # What is wrong with the parameters is said now, and not when the first page is asked for.
        list_page(one, page_size=whole_number("page_size", page_size, 1), **terms)
        self._other = "number" if by_id else "after"
        listing = listing_of(one, by_id=by_id)
        self._parameter = listing.paging.parameter
        self._reading = Reading(
            listing.paging,
            size=page_size,
            identity=listing.identity,
            resizes=True,
            too_large=listing.too_large,
        )

    def call(self) -> Call[MpohodaPage] | None:
        """Return the call of the next page; None where there is none."""
        reading = self._reading
        if not reading.has_more:
            return None
        position: dict[str, Any] = {self._parameter: reading.progress.position}
        return list_page(self._one, page_size=reading.size or self._page_size, **position, **self._terms)

    def refuse(self, error: VendorRejected) -> None:
        """Ask for fewer records from now on, or take the page before for the last, or give up."""
        if self._reading.step_down(error):
            return
        if not self._reading.is_end(error):
            raise error
        self._tell()

    def take(self, page: MpohodaPage) -> bool:
        """Take the page that was asked for; say whether it has records, or is the first."""
        progress = self._reading.progress
        number = progress.pages + 1
        try:
            self._reading.take(read(page))
        except VendorProtocolError:
            if not self._reading.turned:
                raise
            raise self._came_before(number) from None
        # After a short page the next was asked for only because of the number of records.
        if progress.pages < number and not progress.short and (progress.announced is None or progress.lacks):
            raise self._came_before(number)
        self._tell()
        return progress.pages == number and (bool(page) or number == 1)

    def _tell(self) -> None:
        """Log where fewer records came than the first answer speaks of."""
        progress = self._reading.progress
        if progress.ended and progress.lacks:
            log.warning(
                'The first answer speaks of %d records of "%s", and %d came. They may have gone meanwhile.',
                progress.announced,
                self._one.name,
                progress.came,
            )

    def _came_before(self, number: int) -> VendorProtocolError:
        return VendorProtocolError(
            f'page {number} of "{self._one.name}" came before: nobody can tell whether there are more',
            remedy=f'Try paging="{self._other}", or another page_size.',
        )
