"""mPOHODA's lists as the engine of extractions reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.extract.listing import Listing
from airflow_provider.extract.paging import KeysUntilShort, Page, PagesUntilShort
from airflow_provider.extract.rows import Lines, RawRow
from airflow_provider.mpohoda.answers import FieldsRejected
from airflow_provider.mpohoda.calls import list_page
from airflow_provider.mpohoda.tables import LINES, READ

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from airflow_provider.exceptions import VendorRejected
    from airflow_provider.mpohoda.pages import MpohodaPage
    from airflow_provider.mpohoda.resources import Resource

DOCUMENT_LINES = Lines(LINES, "DocumentId")

BEYOND = (404, 416, 422)
"""What a page beyond the last may be refused with: that it is empty is not documented."""


def listing_of(one: Resource, *, by_id: bool, zone: tzinfo | None = None) -> Listing[MpohodaPage]:
    """Return a list of mPOHODA's.

    :param one: the list
    :param by_id: whether it is read on from its last record, and not by the numbers of its pages
    :param zone: the time zone of times without an offset
    """
    schema = READ[one.name]
    paging: Any = KeysUntilShort("after") if by_id else PagesUntilShort("page", beyond=BEYOND)
    return Listing(
        name=f"mpohoda.{one.name}",
        call=list_page,
        read=read,
        paging=paging,
        identity="Id",
        distinct=True,
        changed_at="ModificationInfo.ModifiedDate",
        since="modified_since",
        size="page_size",
        too_large=_names("PageSize"),
        lost=_names("After"),
        zone=zone,
        lines=DOCUMENT_LINES if LINES in schema else None,
        schema=schema,
        exact=True,
    )


def read(page: MpohodaPage) -> Page:
    """Return a page of mPOHODA's as every vendor's pages are seen.

    :param page: the page
    """
    marks = zip(page.rows, page.ids, page.modified, strict=True)
    return Page([RawRow(*one) for one in marks], total_records=page.total, size=page.page_size)


def _names(field: str) -> Callable[[VendorRejected], bool]:
    def refuses(error: VendorRejected) -> bool:
        return isinstance(error, FieldsRejected) and error.names(field)

    return refuses
