"""The operator that reads the tickets of the account.

Dags import it from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.extract.operator import VendorListOperator
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.extract.listing import Query
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mobadoo.hooks import MobadooHook


class MobadooListTicketsOperator(VendorListOperator):
    """Read the tickets that Mobadoo has, like for a reconciliation with the wallet.

    Rows are Mobadoo's own objects, names and digits unchanged, but without ``hash`` and ``token``: a player's
    session is in no file. A ticket that came before, by ``id``, is dropped. What a page looks like is not
    published; it may have the forms of a page of matches.

    The result is that of :class:`~airflow_provider.mobadoo.operators.MobadooListMatchesOperator`.

    .. seealso:: :ref:`howto/operator:MobadooListTicketsOperator`

    :param query: further query parameters, by name. Which there are is not published (templated)
    :param output: path or URI of the file for the tickets. Without it they are returned through XCom, at most
        1,000 (templated)
    :param page_size: tickets that a page is asked to have. What Mobadoo allows is not known
    :param max_pages: pages to ask for at most; None for all
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*VendorListOperator.template_fields, "asked", "mobadoo_conn_id")
    ui_color = "#e4ddf4"
    largest_page = 10_000

    def __init__(
        self,
        *,
        query: Mapping[str, str] | None = None,
        page_size: int = 25,
        mobadoo_conn_id: str = "mobadoo_default",
        **kwargs: Any,
    ) -> None:
        # Where it is not given, None would stand for the largest.
        values.whole_number("page_size", page_size, 1, self.largest_page)
        super().__init__(page_size=page_size, **kwargs)
        values.text("mobadoo_conn_id", mobadoo_conn_id)
        if query is not None and not isinstance(query, dict):
            raise ValueError(f"query must be a dict of texts, not {shape(query)}")
        # Not "query": that is the method that makes the listing.
        self.asked = query
        self.mobadoo_conn_id = mobadoo_conn_id

    def hook(self) -> MobadooHook:
        """Return the Mobadoo hook."""
        from airflow_provider.mobadoo.hooks import MobadooHook

        return MobadooHook(self.mobadoo_conn_id, policy=self.request_policy)

    def query(self, hook: VendorHook[Any]) -> Query[Any]:
        """Return the listing, and what is asked of it.

        :param hook: the hook of the connection
        """
        from airflow_provider.mobadoo.listings import tickets

        mobadoo: Any = hook
        return tickets(mobadoo, self.asked or {}, size=self.page_size, most=self.max_pages)
