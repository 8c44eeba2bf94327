"""The Imbee hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.http.auth import Auth, HeaderAuth
from airflow_provider.http.hook import VendorHook
from airflow_provider.imbee.connection import ImbeeOptions

if TYPE_CHECKING:
    from airflow_provider.http.retry import RequestPolicy


class ImbeeHook(VendorHook[ImbeeOptions]):
    """Talks to Imbee.

    :param imbee_conn_id: id of the Imbee connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    conn_name_attr = "imbee_conn_id"
    default_conn_name = "imbee_default"
    conn_type = ImbeeOptions.conn_type
    hook_name = "Imbee"
    options_type = ImbeeOptions

    def __init__(
        self, imbee_conn_id: str = default_conn_name, *, policy: RequestPolicy | None = None
    ) -> None:
        super().__init__(imbee_conn_id, policy=policy)

    def auth(self, options: ImbeeOptions) -> Auth:
        """Return ``Authorization``, verbatim, and the corporate token.

        A call that acts for one user brings that user's key in place of the token.

        :param options: the connection's fields
        """
        return HeaderAuth(
            {
                "Authorization": options.authorization.get_secret_value(),
                "X-WOOS-KEY": options.corporate_token.get_secret_value(),
            }
        )

    def check(self) -> str:
        """Check the fields of the connection, and that the host answers."""
        status = self.reach()
        return (
            f"{self.options.base_url} answers (HTTP {status} to a request without credentials), and the "
            "fields are complete. "
            "The credentials were not checked: Imbee documents no call without a side effect."
        )
