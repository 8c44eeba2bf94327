"""A list of a vendor, as one value declared beside its calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, tzinfo

    from airflow_provider.exceptions import VendorRejected
    from airflow_provider.extract.paging import Page, Paging, Position, Progress
    from airflow_provider.extract.rows import Lines, RowReader
    from airflow_provider.http.call import Call
    from airflow_provider.records.schema import Schema

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
    :param distinct: whether a row that came on any page before is dropped, and not only on the page before
    :param changed_at: the field with the time of a row's last change, like ``Info.ModifiedDate`` where it is
        in another; None where rows do not say
    :param since: the parameter of the call that takes the time, as a datetime in UTC, since which rows have
        changed; None where the vendor has no such filter
    :param size: the parameter of the call that takes the number of records of a page, where that may be
        lowered while the list is read; None where it may not
    :param too_large: says whether a refusal means that a page is asked to have too many records: half as many
        are asked for then
    :param lost: says whether a refusal means that the position is one no more: the next try begins with the
        first page then
    :param zone: the time zone of times of changes without an offset; None for UTC
    :param marks: finds what identifies a row, where that is more than the field ``identity``; None for that
    :param lines: where each row has rows of a second table; None where it has none
    :param schema: the columns of the rows and their kinds; None where they are found in the rows
    :param exact: whether numbers keep their digits in every format: a vendor's rows are
        :class:`~airflow_provider.extract.rows.RawRow` then, or have ``Decimal``
    """

    name: str
    call: Callable[..., Call[T]]
    read: Callable[[T], Page]
    paging: Paging
    identity: str | None = None
    distinct: bool = False
    changed_at: str | None = None
    since: str | None = None
    size: str | None = None
    too_large: Callable[[VendorRejected], bool] | None = None
    lost: Callable[[VendorRejected], bool] | None = None
    zone: tzinfo | None = None
    marks: RowReader | None = None
    lines: Lines | None = None
    schema: Schema | None = None
    exact: bool = False

    @property
    def lines_schema(self) -> Schema | None:
        """Return the columns of the second table; None where they are found in its rows."""
        if self.lines is None or self.schema is None:
            return None
        own = self.schema.get(self.lines.field)
        inner = own[0] if isinstance(own, list) else None
        if not isinstance(inner, Mapping) or self.identity is None:
            return None
        return {self.lines.parent: self.schema.get(self.identity, "text"), **inner}


@dataclass(frozen=True, kw_only=True)
class Query(Generic[T]):
    """A listing, and what is asked of it.

    :param listing: the listing
    :param ask: makes the call for a page, given the position by the name that the paging has for it: a
        ``partial`` of the listing's call with everything else
    :param size: records that a page is asked to have; None where the vendor decides
    :param most: pages to read at most; None for all
    :param since: the time since which rows have changed; None for all
    :param before: rows that changed then or later are left out; None for none
    :param foresee: is told before each page how far the list has been read, and how many records the page is
        asked to have; what it raises ends the reading
    :param about: what else is asked that the call for the first page does not show, as values that JSON has
    """

    listing: Listing[T]
    ask: Callable[..., Call[T]]
    size: int | None = None
    most: int | None = None
    since: datetime | None = None
    before: datetime | None = None
    foresee: Callable[[Progress, int | None], None] | None = None
    about: Sequence[Any] = ()

    def call(self, position: Position, size: int | None = None) -> Call[T]:
        """Return the call that asks for a page.

        :param position: what the page is asked for by
        :param size: records that it is asked to have; None for the query's own number
        """
        asked: dict[str, Any] = {self.listing.paging.parameter: position}
        if self.listing.size is not None:
            asked[self.listing.size] = size or self.size
        if self.listing.since is not None and self.since is not None:
            asked[self.listing.since] = self.since
        return self.ask(**asked)

    def terms(self) -> list[Any]:
        """Return what two queries have in common exactly if they ask for the same."""
        first = self.call(self.listing.paging.start)
        content = [first.method, first.path, dict(first.query), first.json, first.form]
        limits = [self.size, self.most, *([] if self.before is None else [self.before.isoformat()])]
        return [self.listing.name, self.listing.paging.parameter, *content, *limits, *self.about]
