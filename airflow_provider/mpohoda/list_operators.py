"""The operator that reads mPOHODA's lists.

Dags import it from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast
from zoneinfo import ZoneInfo

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract.incremental import IncrementalListOperator
from airflow_provider.mpohoda.resources import guid, pages_by_id
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.mpohoda.tables import LINES, READ

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from airflow_provider.extract.listing import Query
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.run_identity import RunIdentity


class MpohodaListOperator(IncrementalListOperator):
    """Read a list: all of it, what has changed since the last run, or the changes of a time.

    Rows are mPOHODA's own objects, names and digits unchanged: numbers are number tokens in JSONL, texts in
    CSV and XCom, and ``decimal128(38, 12)`` in Parquet, which has the same columns whatever comes.

    ``incremental`` asks for what has changed since the watermark: the latest ``ModifiedDate`` that an earlier
    run has put into its output. The state moves when the output is published, and never back. A run that is
    cleared reads from where it read before. It reads a little more than is new, ``overlap``: merge its rows
    on ``Id``. mPOHODA tells nobody of records that are deleted.

    ``modified_since`` and ``modified_before`` are a window, for a backfill: with one of them the state is
    neither read nor moved.

    Returns ``total``, ``pages``, ``requests`` (sent by this try), ``complete`` (False where ``max_pages``
    ended it, or fewer records came than the first answer speaks of), ``since``, ``watermark``, ``output``,
    ``lines_output``, ``seconds``, ``repeated`` (rows that came twice and were dropped), ``records`` without
    ``output``, and ``resumed_at``, the first page of this try, where an earlier one had been interrupted.

    .. seealso:: :ref:`howto/operator:MpohodaListOperator`

    :param resource: the list, like ``IssuedInvoices`` or ``IssuedInvoices/Unpaid``
    :param parent_id: id of the price list item, for ``PriceListItems/RegistrationNumbers`` (templated)
    :param output: path or URI of the file for the records, ``.jsonl``, ``.csv`` or ``.parquet``. Without it
        they are returned through XCom, at most 1,000 (templated)
    :param lines_output: path or URI of a second file, for the lines of documents, each with the
        ``DocumentId`` of its document. Both files appear together (templated)
    :param modified_since: only what has changed since: a datetime, or a text as in ISO 8601; without an
        offset it is UTC (templated)
    :param modified_before: only what changed before this time (templated)
    :param incremental: only what has changed since the watermark
    :param state_key: which state; by default one of this task's own. Tasks with one key share the changes, so
        that each is in the output of one of them (templated)
    :param overlap: how much earlier than the watermark the reading begins
    :param page_size: records in a page. What mPOHODA allows is not known: it is halved where it is refused
    :param paging: ``after`` reads on from the last record; ``number`` counts the pages; ``auto`` takes
        ``after`` where the list has it and all of it is read, and ``number`` where only changes are: it is
        not known whether mPOHODA takes ``After`` and ``ModifiedSince`` together
    :param max_pages: pages to ask for at most; None for all. The state stays where these were not all
    :param reserve: requests of the month to reserve: a number, before the first; ``auto``, after the first
        page, as many as the rest needs by the answer's number of records
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (
        *IncrementalListOperator.template_fields,
        "mpohoda_conn_id",
        "parent_id",
    )
    ui_color = "#dbeed9"
    largest_page = 2**31 - 1

    def __init__(
        self,
        *,
        resource: str,
        parent_id: str | None = None,
        lines_output: str | None = None,
        page_size: int = 100,
        paging: str = "auto",
        reserve: Literal["auto"] | int | None = None,
        mpohoda_conn_id: str = "mpohoda_default",
        **kwargs: Any,
    ) -> None:
        one = resource_of(resource)
        pages_by_id(one, paging)
        if (parent_id is not None) != one.parent:
            # It says what is wrong.
            one.path(parent_id=parent_id)
        if parent_id is not None:
            values.templated(guid, "parent_id", parent_id)
        if lines_output is not None and LINES not in READ[one.name]:
            raise InvalidInput(
                f'"lines_output": the records of {one.name} have no lines.',
                field="lines_output",
                remedy=f"Leave it out. These have lines: {', '.join(n for n in READ if LINES in READ[n])}.",
            )
        # Where it is not given, None would stand for the largest.
        values.whole_number("page_size", page_size, 1, self.largest_page)
        super().__init__(lines_output=lines_output, page_size=page_size, **kwargs)
        values.text("mpohoda_conn_id", mpohoda_conn_id)
        if reserve is not None and reserve != "auto":
            values.whole_number("reserve", reserve, 1)
        self.mpohoda_conn_id = mpohoda_conn_id
        self.resource = one.name
        self.parent_id = parent_id
        self.paging = paging
        self.reserve = reserve

    def hook(self) -> MpohodaHook:
        """Return the mPOHODA hook."""
        from airflow_provider.mpohoda.hooks import MpohodaHook

        return MpohodaHook(self.mpohoda_conn_id, policy=self.request_policy)

    def query(self, hook: VendorHook[Any]) -> Query[Any]:
        """Return the listing, and what is asked of it.

        :param hook: the hook of the connection
        """
        from airflow_provider.extract.listing import Query
        from airflow_provider.mpohoda.listings import listing_of

        one = resource_of(self.resource)
        listing = listing_of(one, by_id=pages_by_id(one, self.paging), zone=ZoneInfo(hook.options.time_zone))
        return Query(
            listing=listing,
            ask=partial(listing.call, one, parent_id=self.parent_id),
            size=self.page_size,
            most=self.max_pages,
        )

    def timed(
        self, stack: ExitStack, hook: VendorHook[Any], query: Query[Any], identity: RunIdentity
    ) -> Query[Any]:
        """Return the query that is asked, now that it is known from when to when.

        :param stack: what is to be done at the end of the try
        :param hook: the hook of the connection
        :param query: the query
        :param identity: the task instance
        """
        from airflow_provider.mpohoda.listings import listing_of

        one = resource_of(self.resource)
        by_id = pages_by_id(one, self.paging, changes=query.since is not None)
        query = replace(query, listing=listing_of(one, by_id=by_id, zone=query.listing.zone))
        if self.reserve is None:
            return query
        from airflow_provider.mpohoda.reserving import ListReservation

        held = ListReservation(
            cast("MpohodaHook", hook),
            None if self.reserve == "auto" else self.reserve,
            most=self.max_pages,
            identity=identity,
        )
        stack.enter_context(closing(held))
        return replace(query, foresee=held.foresee)
