"""How mPOHODA's lists are read page after page: by the id of the last record, or by number.

A page is the last when it has fewer records than the answer's own page size. No count is relied on: of an
answer to ``After`` it is not known what it counts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.mpohoda.answers import FieldsRejected
from airflow_provider.mpohoda.calls import list_page
from airflow_provider.mpohoda.resources import Resource, pages_by_id, resource
from airflow_provider.values import whole_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator

    from airflow_provider.http.call import Call
    from airflow_provider.mpohoda.pages import MpohodaPage

    # Yields the call of each page, and is given the page or the refusal.
    Walk = Generator[Call[MpohodaPage], MpohodaPage, None]

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
    return _read(run, _walk(name, page_size, paging, terms))


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
    return _aread(run, _walk(name, page_size, paging, terms))


def _read(run: Callable[[Call[MpohodaPage]], MpohodaPage], walk: Walk) -> Iterator[MpohodaPage]:
    call, first = next(walk), True
    while True:
        try:
            page = run(call)
        except FieldsRejected as error:
            call = walk.throw(error)
            continue
        if page or first:
            yield page
        first = False
        try:
            call = walk.send(page)
        except StopIteration:
            return


async def _aread(
    run: Callable[[Call[MpohodaPage]], Awaitable[MpohodaPage]], walk: Walk
) -> AsyncIterator[MpohodaPage]:
    call, first = next(walk), True
    while True:
        try:
            page = await run(call)
        except FieldsRejected as error:
            call = walk.throw(error)
            continue
        if page or first:
            yield page
        first = False
        try:
            call = walk.send(page)
        except StopIteration:
            return


def _walk(name: str | Resource, page_size: int, paging: str, terms: dict[str, Any]) -> Walk:
    one = resource(name)
    by_id = pages_by_id(one, paging, changes=terms.get("modified_since") is not None)
    # What is wrong with the parameters is said now, and not when the first page is asked for.
    list_page(one, page_size=whole_number("page_size", page_size, 1), **terms)
    return _calls(one, by_id, page_size, terms)


def _calls(one: Resource, by_id: bool, size: int, terms: dict[str, Any]) -> Walk:
    page, size = yield from _first(one, size, terms)
    announced, count, number = page.total, len(page), 1
    seen: set[Any] = set()
    while not page.is_short(size):
        if not by_id and page.page_size and 0 < page.page_size < size:
            # Reduced without a word: with another size the numbers would mean other pages.
            size = page.page_size
        mark = page.ids[-1] if by_id else (page.ids[0], page.ids[-1])
        if mark in seen:
            raise VendorProtocolError(
                f'page {number} of "{one.name}" came before: nobody can tell whether there are more',
                remedy=f'Try paging="{"number" if by_id else "after"}", or another page_size.',
            )
        seen.add(mark)
        number += 1
        position = {"after": mark} if by_id else {"page": number}
        page = yield list_page(one, page_size=size, **position, **terms)
        count += len(page)
    if announced is not None and count < announced:
        log.warning(
            'The first answer speaks of %d records of "%s", and %d came. They may have gone meanwhile.',
            announced,
            one.name,
            count,
        )


def _first(
    one: Resource, size: int, terms: dict[str, Any]
) -> Generator[Call[MpohodaPage], MpohodaPage, tuple[MpohodaPage, int]]:
    """Read the first page, in a size that the vendor accepts: the largest is not known."""
    while True:
        try:
            page = yield list_page(one, page_size=size, **terms)
        except FieldsRejected as error:
            if size == 1 or not error.names("PageSize"):
                raise
            log.warning('mPOHODA refuses a page_size of %d for "%s": half of it is tried.', size, one.name)
            size //= 2
        else:
            return page, size
