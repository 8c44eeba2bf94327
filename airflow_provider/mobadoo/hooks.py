"""The Mobadoo hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_provider.http.auth import Auth, HeaderAuth, QueryAuth
from airflow_provider.http.hook import VendorHook
from airflow_provider.mobadoo.connection import MobadooOptions

if TYPE_CHECKING:
    from airflow_provider.http.call import Call
    from airflow_provider.http.retry import RequestPolicy

T = TypeVar("T")


class MobadooHook(VendorHook[MobadooOptions]):
    """Talks to Mobadoo.

    :param mobadoo_conn_id: id of the Mobadoo connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    conn_name_attr = "mobadoo_conn_id"
    default_conn_name = "mobadoo_default"
    conn_type = MobadooOptions.conn_type
    hook_name = "Mobadoo"
    options_type = MobadooOptions

    def __init__(
        self, mobadoo_conn_id: str = default_conn_name, *, policy: RequestPolicy | None = None
    ) -> None:
        super().__init__(mobadoo_conn_id, policy=policy)

    def auth(self, options: MobadooOptions) -> Auth:
        """Return the token as a query parameter, or as a header where the connection says so.

        :param options: the connection's fields
        """
        token = options.token.get_secret_value()
        if options.auth_style == "header":
            return HeaderAuth({options.header_name: f"{options.auth_scheme} {token}".strip()})
        return QueryAuth({"token": token})

    def prepare(self, call: Call[T], options: MobadooOptions) -> Call[T]:
        """Return a call as it is sent: to the verb and path that the connection names for it.

        :param call: the call
        :param options: the connection's fields
        """
        from airflow_provider.mobadoo.calls import MobadooCall

        if options.calls and isinstance(call, MobadooCall) and (there := options.calls.get(call.name)):
            return call.sent_to(there)
        return call

    def check(self) -> str:
        """Check the token by reading the video games."""
        from airflow_provider.mobadoo.calls import list_videogames

        found = self.run(list_videogames())
        games = "" if found.records is None else f" The account has {len(found.records):,} video games."
        return f"The token works: {self.options.asked}.{games}"
