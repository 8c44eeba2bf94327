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
    return Page(page.records, page.total_records, page.total_pages, counted=page.counted, number=page.number)


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

QUERY_GESTIONES = Listing(
    name="wolkvox.query_gestiones",
    call=calls.query_gestiones,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)

# They are asked for by their id: it is the same in all rows.
QUERY_OBLIGATIONS = Listing(
    name="wolkvox.query_obligations",
    call=calls.query_obligations,
    read=read_page,
    paging=PAGES,
)

# Whatever columns a report has: two rows that are equal are two rows.
QUERY_REPORT = Listing(
    name="wolkvox.query_report",
    call=calls.query_report,
    read=read_page,
    paging=PAGES,
)

QUERY_COLLECTIONS_REPORT = Listing(
    name="wolkvox.query_collections_report",
    call=calls.query_collections_report,
    read=read_page,
    paging=PAGES,
    identity="wolkvox_id",
)
