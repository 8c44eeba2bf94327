"""The Mobadoo hook."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from airflow_provider.exceptions import VendorAuthError
from airflow_provider.http.auth import Auth, HeaderAuth, QueryAuth
from airflow_provider.http.hook import VendorHook
from airflow_provider.mobadoo.connection import ENVIRONMENT_LABEL, PASSWORD_LABEL, MobadooOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.http.call import Call, Response
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
    # The token does not expire, but it is replaced in the vendor's dashboard.
    reloads: ClassVar[bool] = True

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
            call = call.sent_to(there)
        return replace(call, decode=partial(_decode, call.decode, options))

    def check(self) -> str:
        """Check the token by reading the video games."""
        from airflow_provider.mobadoo.calls import list_videogames

        found = self.run(list_videogames()).records
        if found is None:
            games = "The answer is no list that is known, so the video games were not counted."
        else:
            games = f"The account has {len(found):,} video game{'' if len(found) == 1 else 's'}."
        return f"The token works: {self.options.asked}. {games}"


def _decode(decode: Callable[[Response], T], options: MobadooOptions, response: Response) -> T:
    """Decode a response; a refusal says which environment was asked."""
    try:
        return decode(response)
    except VendorAuthError as error:
        error.remedy = (
            f'Check "{PASSWORD_LABEL}" and "{ENVIRONMENT_LABEL}" of the connection: {options.asked} was '
            "asked. Each environment has a token of its own, under Dashboard > profile. If it was refreshed "
            "there, enter the new one in the connection."
        )
        raise
