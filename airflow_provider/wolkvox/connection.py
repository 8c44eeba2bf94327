"""The wolkvox CRM connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.hosts import base_url, is_ipv6
from airflow_provider.http.options import VendorOptions, form_field
from airflow_provider.http.parsers import number, pattern
from airflow_provider.wolkvox.refusals import CONCURRENCY, FORMER, MAINTENANCE, QUOTA, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection
    from pydantic import SecretStr


def _pattern(raw: Any) -> str | None:
    return None if raw in FORMER else pattern(raw)


@dataclass(frozen=True, kw_only=True)
class WolkvoxOptions(VendorOptions):
    """The fields of a wolkvox CRM connection. Source: wolkvox's page "Información del token".

    Which text comes with which refusal is not published for the CRM, so the patterns are settings; their
    defaults follow the texts of wolkvox's other API, the Manager.
    """

    conn_type: ClassVar[str] = "wolkvox"

    host: str = form_field(
        "Wolkvox-Server",
        "Your CRM host, as in the address bar after logging in; a full URL; or a bare server name.",
        standard="host",
        required=True,
        placeholder="crm0001.wolkvox.com",
    )
    operation: str = form_field(
        "operation",
        "Nombre de la operación: the name of your operation.",
        standard="login",
        required=True,
        placeholder="NombreDeMiOperacion",
    )
    token: SecretStr = form_field(
        "Wolkvox-Token",
        "The token made in the CRM under Configuration > Wolkvox Integration > Tokens.",
        standard="password",
        required=True,
        secret=True,
        placeholder="token",
    )
    domain: str | None = form_field(
        "Domain",
        "Only for a server name without dots, which it completes. wolkvox's older pages say crmvox.com, "
        "its notice of 2024 wolkvox.com.",
        placeholder="wolkvox.com",
    )
    max_connections: int = form_field(
        "Maximum connections",
        "How many requests of the token may be under way at once. For wolkvox Manager two are documented; "
        "for the CRM it is not known.",
        parse=number(1, whole=True),
        default=1,
        kind="integer",
    )
    requests_per_second: float | None = form_field(
        "Requests per second",
        "The pace that no client of this connection exceeds within one task. Empty: no limit. wolkvox limits "
        "the requests of one IP address, which all tasks behind it share; its numbers are not published.",
        parse=number(0.001),
        kind="number",
    )
    # Not "token_…": Airflow takes such an extra for a secret, and its form stores three asterisks.
    information_method: str = form_field(
        "Method of token information",
        "The HTTP method of the request for the quota. wolkvox's pages say GET, its Postman collection POST.",
        default="GET",
        choices=("GET", "POST"),
        formerly="token_information_method",
    )
    quota_message: str = form_field(
        "Text of a used-up quota",
        "Regular expression. A 403 whose message matches it means that the quota is used up.",
        parse=_pattern,
        default=QUOTA,
    )
    concurrency_message: str = form_field(
        "Text of too many simultaneous requests",
        "Regular expression. A 403 whose message matches it means that too many requests of the token or of "
        "your address are under way. Looked for before the others.",
        parse=_pattern,
        default=CONCURRENCY,
    )
    maintenance_message: str = form_field(
        "Text of a maintenance window",
        "Regular expression. A 403 whose message matches it means that wolkvox is down for maintenance.",
        parse=_pattern,
        default=MAINTENANCE,
    )
    # Not "token_message": Airflow masks what is called a token, and would mask the word in every log.
    refusal_message: str = form_field(
        "Text of a refused token",
        "Regular expression. A 403 whose message matches it means that the token is refused. "
        "Looked for after the others.",
        parse=_pattern,
        default=REFUSED,
    )

    @classmethod
    def find_base_url(cls, connection: Connection, values: Mapping[str, Any]) -> str:
        """Complete a bare server name with the domain; no default: a wrong one would get the token."""
        host, label = values["host"], cls.forms()["host"]["label"]
        if "://" in host or "." in host or is_ipv6(host) or host.partition(":")[0] == "localhost":
            return base_url(connection, label=label)
        if not (domain := values.get("domain")):
            raise InvalidInput(
                f'"{label}" is a bare server name, which could belong to crmvox.com or to wolkvox.com.',
                field=label,
                remedy='Write the full host, or set "Domain" (extra "domain").',
            )
        return base_url(connection, label=label, host=f"{host}.{domain.strip('.')}")
