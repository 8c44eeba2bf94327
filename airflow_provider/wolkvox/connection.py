"""The wolkvox CRM connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.options import VendorOptions, base_url, form_field, number, pattern
from airflow_provider.wolkvox.envelope import CONCURRENCY, MAINTENANCE, QUOTA, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection
    from pydantic import SecretStr


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
        "Completes a server name without dots. The older pages say crmvox.com, a notice of 2024 wolkvox.com.",
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
    token_information_method: str = form_field(
        "Method of token information",
        "The vendor's pages say GET, its Postman collection POST.",
        default="GET",
        choices=("GET", "POST"),
    )
    quota_message: str = form_field(
        "Text of a used-up quota",
        "Regular expression on the message of a 403.",
        parse=pattern,
        default=QUOTA,
    )
    concurrency_message: str = form_field(
        "Text of too many simultaneous requests",
        "Regular expression on the message of a 403, of a token or an address; looked for before the others.",
        parse=pattern,
        default=CONCURRENCY,
    )
    maintenance_message: str = form_field(
        "Text of a maintenance window",
        "Regular expression on the message of a 403.",
        parse=pattern,
        default=MAINTENANCE,
    )
    # Not "token_message": Airflow masks what is called a token, and would mask the word in every log.
    refusal_message: str = form_field(
        "Text of a refused token",
        "Regular expression on the message of a 403.",
        parse=pattern,
        default=REFUSED,
    )

    @classmethod
    def find_base_url(cls, connection: Connection, values: Mapping[str, Any]) -> str:
        """Complete a bare server name with the domain; no default: a wrong one would get the token."""
        host, label = values["host"], cls.forms()["host"]["label"]
        if "://" in host or "." in host or host.partition(":")[0] == "localhost":
            return base_url(connection, label=label)
        if not (domain := values.get("domain")):
            raise InvalidInput(
                f'"{label}" is a bare server name, which could belong to crmvox.com or to wolkvox.com.',
                field=label,
                remedy='Write the full host, or set "Domain" (extra "domain").',
            )
        return base_url(connection, label=label, host=f"{host}.{domain.strip('.')}")
