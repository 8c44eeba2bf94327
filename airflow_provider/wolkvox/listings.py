"""The lists of wolkvox CRM, all asked for by page numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.extract.listing import Listing
from airflow_provider.extract.paging import Page, PageNumbers
from airflow_provider.wolkvox import calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.http.call import Call

# What a page beyond the last is refused with is not known.
PAGES = PageNumbers(beyond=(400, 404, 416))


def read_page(page: calls.WolkvoxPage) -> Page:
    """Return a page of wolkvox's as every vendor's pages are seen.

    :param page: the page
    """
    return Page(page.records, page.total_records, page.total_pages, counted=page.counted, number=page.number)


def _listing(
    name: str, call: Callable[..., Call[calls.WolkvoxPage]], identity: str | None = "wolkvox_id"
) -> Listing[calls.WolkvoxPage]:
    return Listing(name=name, call=call, read=read_page, paging=PAGES, identity=identity)


QUERY_RECORDS = _listing("wolkvox.query_records", calls.query_records)

QUERY_DATES = _listing("wolkvox.query_dates", calls.query_dates)

QUERY_CASES = _listing("wolkvox.query_cases", calls.query_cases)

QUERY_CASE_NOTES = _listing("wolkvox.query_case_notes", calls.query_case_notes)

QUERY_GESTIONES = _listing("wolkvox.query_gestiones", calls.query_gestiones)

# They are asked for by their id: it is the same in all rows.
QUERY_OBLIGATIONS = _listing("wolkvox.query_obligations", calls.query_obligations, identity=None)

# Whatever columns a report has: two rows that are equal are two rows.
QUERY_REPORT = _listing("wolkvox.query_report", calls.query_report, identity=None)

QUERY_COLLECTIONS_REPORT = _listing("wolkvox.query_collections_report", calls.query_collections_report)
