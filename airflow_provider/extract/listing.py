"""A list of a vendor, as one value declared beside its calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.extract.paging import Page, Paging, Position
    from airflow_provider.http.call import Call

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """A list that is read page after page.

    :param name: vendor and name, like ``acme.list_things``: it never changes, because what was read of
        the list is known by it
    :param call: makes the call that asks for a page; the position is one of its parameters, which ``paging``
        names
    :param read: turns what the call returns into a page
    :param paging: how one page leads to the next
    :param identity: the field that identifies a row: rows that the page before had too are dropped. None
        where rows have nothing of the kind
    """

    name: str
    call: Callable[..., Call[T]]
    read: Callable[[T], Page]
    paging: Paging
    identity: str | None = None


@dataclass(frozen=True, kw_only=True)
class Query(Generic[T]):
    """A listing, and what is asked of it.

    :param listing: the listing
    :param ask: makes the call for a page, given the position by the name that the paging has for it: a
        ``partial`` of the listing's call with everything else
    :param size: records that a page is asked to have; None where the vendor decides
    :param most: pages to read at most; None for all
    """

    listing: Listing[T]
    ask: Callable[..., Call[T]]
    size: int | None = None
    most: int | None = None

    def call(self, position: Position) -> Call[T]:
        """Return the call that asks for a page.

        :param position: what the page is asked for by
        """
        return self.ask(**{self.listing.paging.parameter: position})

    def terms(self) -> list[Any]:
        """Return what two queries have in common exactly if they ask for the same."""
        first = self.call(self.listing.paging.start)
        content = [first.method, first.path, dict(first.query), first.json, first.form]
        return [self.listing.name, self.listing.paging.parameter, *content, self.size, self.most]
