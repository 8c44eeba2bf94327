"""The lists of wolkvox CRM, all asked for by page numbers."""

from __future__ import annotations

from airflow_provider.extract.listing import Listing
from airflow_provider.extract.paging import Page, PageNumbers
from airflow_provider.wolkvox import calls

# What a page beyond the last is refused with is not known.
PAGES = PageNumbers(beyond=(400, 404, 416))


def read_page(page: calls.WolkvoxPage) -> Page:
    """Return a page of wolkvox's as every vendor's pages are seen.

    :param page: the page
    """
    return Page(page.records, page.total_records, page.total_pages, counted=page.counted)


QUERY_RECORDS = Listing(
    name="wolkvox.query_records",
    call=calls.query_records,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)

QUERY_DATES = Listing(
    name="wolkvox.query_dates",
    call=calls.query_dates,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)

QUERY_CASES = Listing(
    name="wolkvox.query_cases",
    call=calls.query_cases,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)

QUERY_CASE_NOTES = Listing(
    name="wolkvox.query_case_notes",
    call=calls.query_case_notes,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)
