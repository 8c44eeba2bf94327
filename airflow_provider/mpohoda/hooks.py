"""The mPOHODA hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.exceptions import VendorError
from airflow_provider.http.auth import Auth, HeaderAuth
from airflow_provider.http.oauth import ClientCredentials
from airflow_provider.mpohoda import calls
from airflow_provider.mpohoda.connection import MpohodaOptions
from airflow_provider.mpohoda.labels import CLIENT_LABEL, SECRET_LABEL
from airflow_provider.mpohoda.paging import read_pages
from airflow_provider.quota.hook import MeteredHook
from airflow_provider.quota.readings import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from airflow_provider.http.retry import RequestPolicy
    from airflow_provider.mpohoda.pages import MpohodaPage
    from airflow_provider.mpohoda.resources import Resource


class MpohodaHook(MeteredHook[MpohodaOptions]):
    """Talks to mPOHODA.

    :param mpohoda_conn_id: id of the mPOHODA connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    conn_name_attr = "mpohoda_conn_id"
    default_conn_name = "mpohoda_default"
    conn_type = MpohodaOptions.conn_type
    hook_name = "mPOHODA"
    options_type = MpohodaOptions

    def __init__(
        self, mpohoda_conn_id: str = default_conn_name, *, policy: RequestPolicy | None = None
    ) -> None:
        super().__init__(mpohoda_conn_id, policy=policy)

    def auth(self, options: MpohodaOptions) -> Auth:
        """Return ``Api-Key``, or OAuth2 client credentials where there is a Client Id; never both.

        :param options: the connection's fields
        """
        if options.client_id is None:
            return HeaderAuth({"Api-Key": options.secret.get_secret_value()})
        return ClientCredentials(
            options.token_url,
            options.client_id,
            options.secret,
            scope=options.token_scope,
            send_in="basic" if options.client_authentication == "basic" else "body",
            fields=(CLIENT_LABEL, SECRET_LABEL),
        )

    def grant(self, options: MpohodaOptions) -> Grant:
        """Return the requests of a calendar month in UTC, against which we count our own.

        When mPOHODA's month begins, what it counts, and for whom, is not published.

        :param options: the connection's fields
        """
        return Grant(options.monthly_requests)

    def quota_headers(self, options: MpohodaOptions) -> Mapping[str, str]:
        """Return the names of the quota's headers; those that the connection does not give are looked for.

        :param options: the connection's fields
        """
        return options.quota_headers or {}

    def pages(
        self,
        resource: str | Resource,
        *,
        modified_since: datetime | str | None = None,
        page_size: int = calls.PAGE_SIZE,
        paging: str = "auto",
        parent_id: str | None = None,
    ) -> Iterator[MpohodaPage]:
        """Read a list page after page.

        :param resource: the list, like ``IssuedInvoices`` or ``IssuedInvoices/Unpaid``
        :param modified_since: a moment with its time zone: only what was modified since then
        :param page_size: how many records to ask for at once; it is halved where mPOHODA refuses it
        :param paging: ``after`` reads on from the last record, ``number`` counts the pages; ``auto`` takes
            ``after`` where the list has it and ``modified_since`` is not given
        :param parent_id: id of the parent, of a list that belongs to one
        :raises InvalidInput: there is no such list, or a value cannot be right
        :raises VendorError: a request failed for good, or a page came again
        """
        return read_pages(
            self.run,
            resource,
            modified_since=modified_since,
            page_size=page_size,
            paging=paging,
            parent_id=parent_id,
        )

    def check(self) -> str:
        """Check the credentials by reading one record of a code list, which costs a request."""
        before = self.requests
        try:
            page = self.run(calls.list_page("Currencies", page_size=1))
        except VendorError as error:
            cost = self._cost(before)
            error.remedy = f"{error.remedy} {cost}" if error.remedy else cost
            raise
        total = "" if page.total is None else f" The company has {page.total:,} currencies."
        return f"{self._used()} at {self.options.base_url}.{total} {self._cost(before)}"

    def _used(self) -> str:
        options = self.options
        if options.client_id is None:
            return "The API key works"
        return f"{CLIENT_LABEL} and Client Secret work, with a token of {options.token_url},"

    def _cost(self, before: int) -> str:
        spent = self.requests - before
        if not spent:
            return "This test spent no request of the month."
        return f"This test spent {spent} request{'' if spent == 1 else 's'} of the month."
