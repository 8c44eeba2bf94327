"""The mPOHODA connection.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow_provider.http.hosts import base_url
from airflow_provider.http.options import VendorOptions, form_field
from airflow_provider.http.parsers import number, url
from airflow_provider.mpohoda.labels import CLIENT_LABEL, HOST_LABEL, SECRET_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection
    from pydantic import SecretStr


class Country(NamedTuple):
    """What a country's edition of mPOHODA has of its own."""

    host: str
    token_url: str
    scope: str
    web: str


# The Slovak host and scope rest on third parties; one token endpoint is known for both.
COUNTRIES = {
    "cz": Country(
        "https://api.mpohoda.cz",
        "https://ucet.pohoda.cz/connect/token",
        "Mph.OpenApi.Access.Cz",
        "https://app.mpohoda.cz",
    ),
    "sk": Country(
        "https://api.mpohoda.sk",
        "https://ucet.pohoda.cz/connect/token",
        "Mph.OpenApi.Access.Sk",
        "https://app.mpohoda.sk",
    ),
}

ZONE = "Europe/Prague"
"""The time zone of both countries."""

MONTHLY = 8000
"""Requests a month of mPOHODA Pro, and what each mCAL extension adds."""

QUOTA_PARTS = ("limit", "remaining", "used", "reset")

HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header."""


def header_names(value: Any) -> dict[str, str]:
    """Read the names of the headers that tell the quota: an object, which may come as text."""
    expected = (
        f'an object with names of headers for any of {", ".join(QUOTA_PARTS)}, like {{"limit": "X-Limit"}}'
    )
    try:
        given = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(expected) from None
    if not isinstance(given, dict) or not set(given) <= set(QUOTA_PARTS):
        raise ValueError(expected)
    # A part that is left empty is looked for, like one that is left out.
    names = {part: name.strip() if isinstance(name, str) else name for part, name in given.items() if name}
    if not all(isinstance(name, str) and HEADER.fullmatch(name) for name in names.values()):
        raise ValueError(expected)
    return names


def time_zone(value: Any) -> str:
    """Read the name of a time zone."""
    # Imported here: no process that only asks for the metadata needs it.
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(str(value).strip()).key
    except (KeyError, ValueError, OSError):
        raise ValueError(f"the name of a time zone, like {ZONE} or UTC") from None


@dataclass(frozen=True, kw_only=True)
class MpohodaOptions(VendorOptions):
    """The fields of an mPOHODA connection. Source: mPOHODA's help page "Open API" and its OpenAPI file.

    The credentials are an API key, or a client for OAuth2. Which of them the connection has is told by the
    Client Id: without it, the secret is an API key.
    """

    conn_type: ClassVar[str] = "mpohoda"

    host: str | None = form_field(
        HOST_LABEL,
        "Empty: the host of the country. Otherwise a host or a full URL, without /v1.",
        standard="host",
        placeholder="empty: from country",
    )
    client_id: str | None = form_field(
        CLIENT_LABEL,
        "The Client Id from the Open API agenda. Empty: the secret is an API key.",
        standard="login",
        placeholder="empty for an API key",
    )
    secret: SecretStr = form_field(
        SECRET_LABEL,
        "The Client Secret; without a Client Id, the API key. Administrators make it in the Open API agenda.",
        standard="password",
        required=True,
        secret=True,
    )
    country: str = form_field(
        "Country",
        "Whose mPOHODA it is: cz or sk. It decides about host, scope and values that documents may have.",
        default="cz",
        choices=("cz", "sk"),
    )
    # Not "token_url": Airflow takes such an extra for a secret, and its form stores three asterisks.
    oauth_url: str | None = form_field(
        "URL of the token endpoint",
        "Only with a Client Id. Empty: the endpoint of the country.",
        parse=url,
        placeholder=COUNTRIES["cz"].token_url,
        formerly="token_url",
    )
    scope: str | None = form_field(
        "Scope",
        "Only with a Client Id. Empty: the scope of the country.",
        placeholder=COUNTRIES["cz"].scope,
    )
    client_authentication: str = form_field(
        "Client authentication",
        "Where Client Id and Client Secret are sent to the token endpoint: in the body, or as HTTP Basic.",
        default="body",
        choices=("body", "basic"),
    )
    mcal_extensions: int = form_field(
        "mCAL extensions",
        "How many mCAL extensions the company has bought. Each adds 8,000 requests to the 8,000 a month of "
        "mPOHODA Pro.",
        parse=number(0, whole=True),
        default=0,
        kind="integer",
    )
    quota_headers: Mapping[str, str] | None = form_field(
        "Headers of the quota",
        "JSON object: the names of the headers for limit, remaining, used and reset. mPOHODA does not "
        "publish them. Empty: looked for by their usual names.",
        parse=header_names,
        placeholder='{"limit": "X-Limit", "remaining": "X-Remaining"}',
    )
    time_zone: str = form_field(
        "Time zone",
        "Of the times in answers that have no offset: mPOHODA does not publish it. Too far east costs a few "
        "requests, too far west loses changes.",
        parse=time_zone,
        default=ZONE,
        placeholder=ZONE,
    )
    max_connections: int = form_field(
        "Maximum connections",
        "How many requests may be under way at once. What mPOHODA allows is not known.",
        parse=number(1, whole=True),
        default=4,
        kind="integer",
    )

    @classmethod
    def find_base_url(cls, connection: Connection, values: Mapping[str, Any]) -> str:
        """Take the country's host where none is given, and leave out ``/v1``, which every call brings."""
        country = COUNTRIES[values.get("country", "cz")]
        # With its scheme: credentials must not go to the vendor in clear, whatever "Schema" says.
        host = values.get("host") or country.host
        return base_url(connection, label=HOST_LABEL, host=host).removesuffix("/v1")

    def web_address(self, default: str) -> str:
        """Return where people sign in to the web application of the country.

        :param default: where they do if the country is not known
        """
        return self.web_url or COUNTRIES[self.country].web

    @property
    def token_url(self) -> str:
        """Return the URL of the token endpoint."""
        return self.oauth_url or COUNTRIES[self.country].token_url

    @property
    def token_scope(self) -> str:
        """Return the scope that a token is requested for."""
        return self.scope or COUNTRIES[self.country].scope

    @property
    def monthly_requests(self) -> int:
        """Return how many requests a month the company is known to have."""
        return MONTHLY * (1 + self.mcal_extensions)
