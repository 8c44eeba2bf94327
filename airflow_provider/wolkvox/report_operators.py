"""The operator that reads reports of wolkvox CRM.

Dags import it from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.dates import date_format as format_of_dates
from airflow_provider.values import flag, moment, text
from airflow_provider.wolkvox.query_operators import WolkvoxPagesOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.extract.listing import Listing


class WolkvoxReportOperator(WolkvoxPagesOperator):
    """Read a report that somebody has made in the CRM, for a time.

    Returns what :class:`~airflow_provider.wolkvox.query_operators.WolkvoxQueryOperator` does. Rows may be
    equal: each of them comes.

    .. seealso:: :ref:`howto/operator:WolkvoxReportOperator`

    :param name: name of the report in the CRM (templated)
    :param date_from: the beginning of the time, as the CRM's clock shows it, to the second:
        ``YYYY-MM-DD HH:MM:SS``, or any ISO 8601 (templated)
    :param date_to: its end (templated)
    :param date_format: how the two are written where they are texts, like ``%d.%m.%Y %H:%M``
    :param collections: whether it is a report of collections and gestiones, for which wolkvox has a request
        of its own
    :param output: path or URI of the file for the rows. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: rows in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxPagesOperator.template_fields, "name", "date_from", "date_to")

    def __init__(
        self,
        *,
        name: str,
        date_from: Any,
        date_to: Any,
        date_format: str | None = None,
        collections: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        text("name", name)
        moment("date_from", date_from)
        moment("date_to", date_to)
        if date_format is not None:
            format_of_dates("date_format", date_format)
        self.name = name
        self.date_from = date_from
        self.date_to = date_to
        self.date_format = date_format
        self.collections = flag("collections", collections)

    def question(self) -> tuple[Listing[Any], dict[str, Any]]:
        """Return the listing, and the parameters of its call that say what is asked."""
        from airflow_provider.wolkvox import listings

        asked = {"name": self.name, "date_from": self.date_from, "date_to": self.date_to}
        if self.date_format is not None:
            asked["date_format"] = self.date_format
        return listings.QUERY_COLLECTIONS_REPORT if self.collections else listings.QUERY_REPORT, asked
