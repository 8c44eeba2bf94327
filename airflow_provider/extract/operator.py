"""The operator that a vendor's lists are read with."""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.operator import VendorOperator
from airflow_provider.links import LIST_LINKS
from airflow_provider.records.assets import fill_outlets
from airflow_provider.records.formats import XCOM_RECORDS, check_output
from airflow_provider.records.lineage import WithLineage
from airflow_provider.run_identity import RunIdentity
from airflow_provider.values import place, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.sdk import Context

    from airflow_provider.extract.extraction import Extracted
    from airflow_provider.extract.listing import Query
    from airflow_provider.extract.paging import Progress
    from airflow_provider.http.hook import VendorHook


class VendorListOperator(VendorOperator, WithLineage):
    """Reads a list page after page.

    With ``output`` a try that was interrupted is gone on with: the next try of the same task instance begins
    at the page where it ended. Without ``output`` it begins with the first page.

    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param page_size: records in a page; by default the most that the vendor allows
    :param max_pages: pages to ask for at most; None for all
    """

    template_fields: Sequence[str] = ("output_path",)
    operator_extra_links = LIST_LINKS
    largest_page: ClassVar[int]
    """The most records that the vendor returns at once."""
    fills_outlets: ClassVar[bool] = True
    """Whether a task without ``outlets`` has its outputs as such, where their names are no templates."""

    def __init__(
        self,
        *,
        output: str | None = None,
        page_size: int | None = None,
        max_pages: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if output is not None:
            place("output", output)
            check_output(output)
        # Not "output": that is Airflow's name for the XCom of the task.
        self.output_path = output
        self.page_size = whole_number(
            "page_size", self.largest_page if page_size is None else page_size, 1, self.largest_page
        )
        self.max_pages = None if max_pages is None else whole_number("max_pages", max_pages, 1)
        if self.fills_outlets:
            fill_outlets(self, self.outputs())

    def outputs(self) -> Sequence[Any]:
        """Return paths or URIs of the files, as they were given, the main output first."""
        return [self.output_path]

    def hook(self) -> VendorHook[Any]:
        """Return the hook of the connection."""
        raise NotImplementedError

    def query(self, hook: VendorHook[Any]) -> Query[Any]:
        """Return the listing, and what is asked of it.

        :param hook: the hook of the connection
        """
        raise NotImplementedError

    def work(self, context: Context) -> dict[str, Any]:
        """Ask for all pages that have not been read.

        :return: counts, and where the records are
        """
        with closing(self.hook()) as hook:
            return self.read(context, hook, self.query(hook))[0]

    def read(
        self,
        context: Context,
        hook: VendorHook[Any],
        query: Query[Any],
        *,
        lines_output: str | None = None,
        accept: Callable[[Progress], None] = lambda _: None,
        settle: Callable[[Progress], None] = lambda _: None,
    ) -> tuple[dict[str, Any], Progress]:
        """Ask for all pages of a query that have not been read.

        :param context: the task's context
        :param hook: the hook of the connection
        :param query: the listing, and what is asked of it
        :param lines_output: path or URI of the file for the rows that each row has; None for none
        :param accept: is asked when the last page was read, before the output is published
        :param settle: what is to be done when the output is published
        :return: counts, and where the records are; and how far the list was read
        """
        from airflow_provider.extract.extraction import extract_to_file
        from airflow_provider.records.mapped_outputs import check_mapped_output
        from airflow_provider.records.outcome import TaskOutcome, host_of

        started = time.monotonic()
        output = os.fspath(self.output_path) if self.output_path else None
        if output:
            check_mapped_output(context, output)
        listing = query.listing
        self.outcome = TaskOutcome(
            conn_id=hook.conn_id,
            vendor=hook.options.conn_type,
            host=host_of(hook.options.base_url),
            operation=listing.name,
            direction="from",
            rows={os.fspath(place): None for place in self.outputs() if place},
            schemas={
                place: schema
                for place, schema in ((output, listing.schema), (lines_output, listing.lines_schema))
                if place and schema
            },
        )
        # Made first: what is wrong with the question shows before a file is opened.
        query.call(query.listing.paging.start)
        records = None
        if output:
            extracted = extract_to_file(
                query,
                hook.run,
                output,
                conn_id=hook.conn_id,
                base_url=hook.options.base_url,
                identity=RunIdentity.of(context),
                lines_output=lines_output,
                accept=accept,
                settle=settle,
                counter=hook.request_counter(),
            )
        else:
            extracted, records = self._read_into_list(hook, query)
            accept(extracted.progress)
            settle(extracted.progress)
        progress = extracted.progress
        counted = {output: progress.records, lines_output: progress.lines}
        self.outcome.rows |= {place: count for place, count in counted.items() if place}
        if not progress.complete:
            self.log.warning("There may be more than these %d pages.", progress.pages)
        self.log.info("%d records in %d pages.", progress.records, progress.pages)
        result: dict[str, Any] = {
            "total": progress.records,
            "pages": progress.pages,
            "requests": hook.requests,
            "complete": progress.complete,
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
        }
        if not progress.complete:
            result["reasons"] = progress.gaps
        if extracted.resumed_at is not None:
            result["resumed_at"] = extracted.resumed_at
        if progress.size is not None:
            result["page_size"] = progress.size
        return (result if records is None else {**result, "records": records}), progress

    def finish(self, context: Context, result: dict[str, Any]) -> dict[str, Any]:
        """Put into the events of the outlets what was published.

        :param context: the task's context
        :param result: the result of the work
        :return: the same
        """
        from airflow_provider.records.assets import report

        if self.outcome is not None:
            told = {name: result[name] for name in ("requests", "since", "watermark") if name in result}
            extras = {place: {**extra, **told} for place, extra in self.outcome.extras().items()}
            report(context, self.outlets, extras)
        return result

    def _read_into_list(
        self, hook: VendorHook[Any], query: Query[Any]
    ) -> tuple[Extracted, list[dict[str, Any]]]:
        from airflow_provider.extract.extraction import Extracted, read_pages, start_reading
        from airflow_provider.extract.rows import as_record
        from airflow_provider.records.writers import ListOutput

        results = ListOutput()
        with closing(start_reading(query)) as reading:
            for rows in read_pages(query, hook.run, reading):
                # After the last page, or one that looks like it, the number may be that of other records too.
                last = reading.progress.ended or reading.progress.short
                expected = 0 if last else reading.progress.announced or 0
                if self.max_pages is not None:
                    expected = min(expected, self.max_pages * self.page_size)
                if max(reading.progress.records, expected) > XCOM_RECORDS:
                    raise InvalidInput(
                        f"there are more than {XCOM_RECORDS:,} records, too many for XCom.",
                        field="output",
                        remedy='Set "output" to the path or URI of a file, or a smaller "max_pages".',
                    )
                for row in rows:
                    results.write(as_record(row, query.listing.schema))
            return Extracted(reading.progress), results.records
