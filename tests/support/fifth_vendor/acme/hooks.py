"""The Acme hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.acme import calls
from airflow_provider.acme.connection import AcmeOptions
from airflow_provider.http.auth import Auth, HeaderAuth
from airflow_provider.quota.hook import MeteredHook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.http.retry import RequestPolicy


class AcmeHook(MeteredHook[AcmeOptions]):
    """Talks to Acme.

    :param acme_conn_id: id of the Acme connection
    :param policy: how hard a call tries before its error is raised; None for the default
    """

    conn_name_attr = "acme_conn_id"
    default_conn_name = "acme_default"
    conn_type = AcmeOptions.conn_type
    hook_name = "Acme"
    options_type = AcmeOptions

    def __init__(self, acme_conn_id: str = default_conn_name, *, policy: RequestPolicy | None = None) -> None:
        super().__init__(acme_conn_id, policy=policy)

    def auth(self, options: AcmeOptions) -> Auth:
        """Return the key.

        :param options: the connection's fields
        """
        return HeaderAuth({"Acme-Key": options.key.get_secret_value()})

    def quota_headers(self, options: AcmeOptions) -> Mapping[str, str]:
        """Return the names of the headers that tell the quota.

        :param options: the connection's fields
        """
        return {"limit": "Acme-Limit", "remaining": "Acme-Left"}

    def check(self) -> str:
        """Ask when Acme is open."""
        return f"Acme is open {self.run(calls.opening_hours())}."
