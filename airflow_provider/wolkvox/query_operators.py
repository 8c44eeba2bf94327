"""The operators that read lists of wolkvox CRM.

Dags import them from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.dates import date_format as format_of_dates
from airflow_provider.extract.operator import VendorListOperator
from airflow_provider.values import flag, moment, text, whole_number
from airflow_provider.wolkvox.case_fields import case_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.extract.listing import Listing, Query
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.wolkvox.hooks import WolkvoxHook


class WolkvoxPagesOperator(VendorListOperator):
    """What the queries share: page after page, each for one use of the token.

    With ``output`` a query that was interrupted goes on at its page in the next try of the task. Without it,
    it begins with the first page.

    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param page_size: records in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*VendorListOperator.template_fields, "wolkvox_conn_id")
    ui_color = "#d9ecf5"
    largest_page = 250

    def __init__(
        self,
        *,
        output: str | None = None,
        page_size: int = 250,
        max_pages: int | None = None,
        wolkvox_conn_id: str = "wolkvox_default",
        **kwargs: Any,
    ) -> None:
        # Where it is not given, None would stand for the largest.
        whole_number("page_size", page_size, 1, self.largest_page)
        super().__init__(output=output, page_size=page_size, max_pages=max_pages, **kwargs)
        text("wolkvox_conn_id", wolkvox_conn_id)
        self.wolkvox_conn_id = wolkvox_conn_id

    def hook(self) -> WolkvoxHook:
        """Return the wolkvox hook."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        return WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)

    def question(self) -> tuple[Listing[Any], dict[str, Any]]:
        """Return the listing, and the parameters of its call that say what is asked."""
        raise NotImplementedError

    def query(self, hook: VendorHook[Any]) -> Query[Any]:
        """Return the listing, and what is asked of it.

        :param hook: the hook of the connection
        """
        from airflow_provider.extract.listing import Query
        from airflow_provider.wolkvox.calls import Crm

        listing, asked = self.question()
        return Query(
            listing=listing,
            ask=partial(listing.call, Crm.of(hook.options), **asked, limit=self.page_size),
            size=self.page_size,
            most=self.max_pages,
        )


class WolkvoxQueryOperator(WolkvoxPagesOperator):
    """Read records of a module: those whose field has a value, or those of a time.

    Returns ``total``, ``pages``, ``requests`` (sent by this try), ``complete`` (False where ``max_pages``
    ended it, or fewer records came than the answer speaks of), ``output``, ``seconds``, ``records`` without
    ``output``, and ``resumed_at``, the first page of this try, where an earlier one had been interrupted.
    Another batch takes it as its ``records``; each record has its ``wolkvox_id``.

    With ``output`` a query that was interrupted goes on at its page in the next try of the task. Without it,
    it begins with the first page.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    :param date_from: in place of ``field`` and ``value``: the beginning of the time, as the CRM's clock shows
        it, to the minute: ``YYYY-MM-DD HH:MM``, or any ISO 8601 (templated)
    :param date_to: its end (templated)
    :param date_format: how the two are written where they are texts, like ``%d.%m.%Y %H:%M``
    :param exclude_last_minute: send the minute before ``date_to``, for periods that follow one another. It is
        not known whether the CRM counts the whole minute of the end; if it does, both periods would have it
    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param page_size: records in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (
        *WolkvoxPagesOperator.template_fields,
        "module",
        "field",
        "value",
        "date_from",
        "date_to",
    )

    def __init__(
        self,
        *,
        module: str,
        field: str | None = None,
        value: Any = None,
        date_from: Any = None,
        date_to: Any = None,
        date_format: str | None = None,
        exclude_last_minute: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        text("module", module)
        self.module = module
        self.field = field
        self.value = value
        self.date_from = date_from
        self.date_to = date_to
        self.date_format = date_format
        self.exclude_last_minute = flag("exclude_last_minute", exclude_last_minute)
        given = [one is not None for one in (field, value, date_from, date_to)]
        if given not in ([True, True, False, False], [False, False, True, True]):
            raise ValueError("give either field and value, or date_from and date_to")
        if field is not None:
            text("field", field)
            if exclude_last_minute:
                raise ValueError("exclude_last_minute needs date_from and date_to")
        else:
            moment("date_from", date_from)
            moment("date_to", date_to)
        if date_format is not None:
            format_of_dates("date_format", date_format)

    def question(self) -> tuple[Listing[Any], dict[str, Any]]:
        """Return the listing, and the parameters of its call that say what is asked."""
        from airflow_provider.wolkvox import listings

        asked: dict[str, Any] = {"module": self.module}
        if self.field is not None:
            return listings.QUERY_RECORDS, {**asked, "field": self.field, "value": self.value}
        asked |= {"date_from": self.date_from, "date_to": self.date_to}
        asked["exclude_last_minute"] = self.exclude_last_minute
        if self.date_format is not None:
            asked["date_format"] = self.date_format
        return listings.QUERY_DATES, asked


class WolkvoxFieldQueryOperator(WolkvoxPagesOperator):
    """What the queries of one field have in common.

    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxPagesOperator.template_fields, "field", "value")

    listing: ClassVar[str]
    """Name of the list in ``wolkvox/listings.py``."""

    def __init__(self, *, field: str, value: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        text("field", field)
        self.field = field
        self.value = value

    def question(self) -> tuple[Listing[Any], dict[str, Any]]:
        """Return the listing, and the parameters of its call that say what is asked."""
        from airflow_provider.wolkvox import listings

        return getattr(listings, self.listing), {"field": self.field, "value": self.value}


class WolkvoxQueryCasesOperator(WolkvoxFieldQueryOperator):
    """Read cases whose field has a value.

    Returns what :class:`WolkvoxQueryOperator` does.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryCasesOperator`

    :param field: one of wolkvox's list, in its spelling: ``status``, ``priority``, ``email contact``,
        ``name contact``, ``contact wolkvox id``, ``contact identification``, ``contact phone``,
        ``description``, ``idCase``, ``idPrefijo``, ``companyName``, ``company name``, ``company id``,
        ``prefix``, ``reopened``, ``responsible name``, ``responsible user``, ``responsible id``,
        ``owner name``, ``owner user``, ``owner id``, ``solution``, ``wolkvox-id``, ``type case``,
        ``case expired``, ``reason``. Another spelling of these is refused, and any other field is asked for
        (templated)
    :param value: the value that it has (templated)
    :param output: path or URI of the file for the cases. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: cases in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    listing = "QUERY_CASES"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # What another task returns is a template as text.
        if "{" not in (name := str(self.field)):
            case_field(name)


class WolkvoxQueryCaseNotesOperator(WolkvoxFieldQueryOperator):
    """Read cases with the history of their notes.

    The connection needs a token of the type External, which no other operator can use. Returns what
    :class:`WolkvoxQueryOperator` does; each case has its notes in ``history``.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryCaseNotesOperator`

    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    :param output: path or URI of the file for the cases. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: cases in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    listing = "QUERY_CASE_NOTES"
