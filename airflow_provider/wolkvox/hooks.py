"""The wolkvox CRM hook."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from airflow_provider import clock
from airflow_provider.http.auth import Auth, HeaderAuth
from airflow_provider.quota.hook import MeteredHook
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.connection import WolkvoxOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.http.call import Call
    from airflow_provider.http.retry import RequestPolicy
    from airflow_provider.quota.readings import Quota


class WolkvoxHook(MeteredHook[WolkvoxOptions]):
    """Talks to wolkvox CRM.

    :param wolkvox_conn_id: id of the wolkvox connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    conn_name_attr = "wolkvox_conn_id"
    default_conn_name = "wolkvox_default"
    conn_type = WolkvoxOptions.conn_type
    hook_name = "wolkvox CRM"
    options_type = WolkvoxOptions
    # wolkvox lists it even for requests without a body.
    request_headers: ClassVar[Mapping[str, str]] = {"Content-Type": "application/json"}
    period: ClassVar[timedelta | None] = timedelta(days=1)

    def __init__(
        self, wolkvox_conn_id: str = default_conn_name, *, policy: RequestPolicy | None = None
    ) -> None:
        super().__init__(wolkvox_conn_id, policy=policy)

    def auth(self, options: WolkvoxOptions) -> Auth:
        """Return ``Wolkvox-Token``.

        :param options: the connection's fields
        """
        return HeaderAuth({"Wolkvox-Token": options.token.get_secret_value()})

    def quota_call(self) -> Call[calls.WolkvoxTokenInformation]:
        """Return :meth:`token_information_call`, which costs one use."""
        return self.token_information_call()

    def token_information_call(self) -> Call[calls.WolkvoxTokenInformation]:
        """Return the call that asks for the token's quota, as the connection says."""
        options = self.options
        crm = calls.Crm.of(options)
        return calls.token_information(crm.operation, texts=crm.texts, method=options.information_method)

    def token_reading(self) -> tuple[calls.WolkvoxTokenInformation, Quota]:
        """Ask for the token's quota, which costs one use.

        :return: the answer, and the same as a reading with times
        :raises VendorError: the request failed; a used-up quota is :class:`QuotaExhausted`
        """
        information = self.run(self.token_information_call())
        return information, information.quota(clock.now())

    def check(self) -> str:
        """Check the token by asking for its quota, which costs one use."""
        return f"The token works: {self.token_reading()[1]}. This test spent one use."
