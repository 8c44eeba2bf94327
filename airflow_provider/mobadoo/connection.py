"""The Mobadoo connection.

The module uses the standard library alone: ``import airflow`` loads it through ``get_provider_info``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow_provider.http.hosts import base_url
from airflow_provider.http.options import VendorOptions, form_field
from airflow_provider.http.parsers import flag, json_value, page_url, socket_url
from airflow_provider.http.urls import root_of
from airflow_provider.mobadoo.endpoints import EXAMPLE, endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Connection
    from pydantic import SecretStr

    from airflow_provider.mobadoo.endpoints import Endpoint

HOST_LABEL = "Endpoint URL"
PASSWORD_LABEL = "Token"  # noqa: S105 - what the form calls it
ENVIRONMENT_LABEL = "Environment"
REST_PATH = "/api/v1"


class Environment(NamedTuple):
    """One of the vendor's two environments."""

    name: str
    rest: str
    online: str


ENVIRONMENTS = {
    "stage": Environment(
        "stage (pre-production)",
        "https://api-stage.mobadoo.com/api/v1",
        "https://online-stage.mobadoo.com/",
    ),
    "production": Environment("production", "https://api.mobadoo.com/api/v1", "https://online.mobadoo.com/"),
}

HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header."""

DOTTED = re.compile(r"[^.\s]+(\.[^.\s]+)*")
"""A path into a JSON document."""


def header_name(value: Any) -> str:
    """Read the name of a header."""
    name = str(value).strip()
    if not HEADER.fullmatch(name):
        raise ValueError("the name of a header, like Authorization")
    return name


def scheme(value: Any) -> str:
    """Read what stands before the token in its header; ``none`` for nothing."""
    given = str(value).strip()
    if not HEADER.fullmatch(given):
        raise ValueError("one word, like Token or Bearer, or none")
    return "" if given.lower() == "none" else given


def messages(value: Any) -> list[Any]:
    """Read what is sent when a WebSocket is open: a list, which may come as text."""
    found = json_value(value)
    if not isinstance(found, list):
        raise ValueError('a JSON list of messages, like [{"subscribe": "lol"}]')
    return found


def conditions(value: Any) -> dict[str, Any]:
    """Read values by dotted path: an object, which may come as text."""
    found = json_value(value)
    plain = isinstance(found, dict) and all(DOTTED.fullmatch(path) for path in found)
    if not plain or not all(isinstance(one, str | int | float | bool | None) for one in found.values()):
        raise ValueError('a JSON object of plain values by dotted path, like {"message": "DESYNC"}')
    return dict(found)


def dotted_path(value: Any) -> str:
    """Read a path into a JSON document."""
    given = str(value).strip()
    if not DOTTED.fullmatch(given):
        raise ValueError("a dotted path into a message, like result.id")
    return given


@dataclass(frozen=True, kw_only=True)
class MobadooOptions(VendorOptions):
    """The fields of a Mobadoo connection. Source: Mobadoo's page "Resources".

    Much of the API is not published. What is not is a setting, with what is likely as its default.
    """

    conn_type: ClassVar[str] = "mobadoo"

    host: str | None = form_field(
        HOST_LABEL,
        "Empty: that of the environment. A full URL is taken as it is; a host name gets /api/v1.",
        standard="host",
        placeholder="empty: from environment",
    )
    token: SecretStr = form_field(
        PASSWORD_LABEL,
        "The session token of the environment, from Dashboard > profile. A refreshed one replaces it.",
        standard="password",
        required=True,
        secret=True,
        placeholder="Dashboard > profile",
    )
    environment: str = form_field(
        ENVIRONMENT_LABEL,
        "Which of Mobadoo's environments it is: stage (pre-production) or production.",
        default="stage",
        choices=("stage", "production"),
    )
    client_id: str | None = form_field(
        "client_id", "The client_id of the Online URL.", placeholder="as in the Online URL"
    )
    profile: str | None = form_field(
        "profile", "The profile of the Online URL.", placeholder="as in the Online URL"
    )
    webhook_secret: SecretStr | None = form_field(
        "Webhook secret",
        "What Mobadoo's calls to the webhook must bring. Choose one, and put it into the webhook URL.",
        secret=True,
    )
    auth_style: str = form_field(
        "Where the token is sent",
        "query: as ?token=, the only form that Mobadoo publishes. header: in the header below.",
        default="query",
        choices=("query", "header"),
    )
    # Not "auth_header" and "ws_query_token": Airflow takes such extras for secrets, and its form stores three
    # asterisks. Both names are still read.
    header_name: str = form_field(
        "Header of the token",
        "Only where the token is sent in a header.",
        parse=header_name,
        default="Authorization",
        formerly="auth_header",
    )
    auth_scheme: str = form_field(
        "Scheme of the header",
        "The word before the token in its header; none for no word.",
        parse=scheme,
        default="Token",
    )
    ws_url: str | None = form_field(
        "Websocket",
        "Empty: the root of the host of the Endpoint URL. Otherwise a URL with ws or wss.",
        parse=socket_url,
        placeholder="wss://api-stage.mobadoo.com/",
    )
    ws_query: bool = form_field(
        "Token in the query of the Websocket",
        "true or false. How a Websocket is signed in to is not published.",
        parse=flag,
        default=True,
        formerly="ws_query_token",
    )
    ws_on_connect: Sequence[Any] | None = form_field(
        "First messages of the Websocket",
        "JSON list of what is sent when it is open. Empty: nothing.",
        parse=messages,
        placeholder='[{"subscribe": "lol"}]',
    )
    online_url: str | None = form_field(
        "Online URL",
        "Where players are sent. A launch URL adds its parameters. Empty: that of the environment.",
        parse=page_url,
        placeholder=ENVIRONMENTS["stage"].online,
    )
    calls: Mapping[str, Endpoint] | None = form_field(
        "Calls",
        "JSON object: another verb and path for a call, by its name. Empty: as the vendor prints them.",
        parse=endpoints,
        placeholder=EXAMPLE,
    )
    desync_match: Mapping[str, Any] | None = form_field(
        "Notice of desynchronisation",
        "JSON object: values by dotted path that such a notice has. Its form is not published. Empty: none.",
        parse=conditions,
        placeholder='{"message": "DESYNC"}',
    )
    identity: str = form_field(
        "Identity in a message",
        "Dotted path to what a message is about.",
        parse=dotted_path,
        default="result.id",
    )

    ticket_amount: str = form_field(
        "Amount of a ticket with several tips",
        "first: that of its first tip, as one operator reads it. sum: of all. refuse: take no such ticket. "
        "What Mobadoo means is not published.",
        default="first",
        choices=("first", "sum", "refuse"),
    )

    @classmethod
    def find_base_url(cls, connection: Connection, values: Mapping[str, Any]) -> str:
        """Take the environment's URL where no host is given, and complete a host name."""
        host = values.get("host")
        if host is None:
            preset = ENVIRONMENTS[values.get("environment", "stage")].rest
            return base_url(connection, label=HOST_LABEL, host=preset)
        bare = "/" not in host
        return base_url(connection, label=HOST_LABEL) + (REST_PATH if bare else "")

    @property
    def asked(self) -> str:
        """Say which environment requests go to, for an error."""
        name = ENVIRONMENTS[self.environment].name
        preset = self.base_url == ENVIRONMENTS[self.environment].rest
        return f"{name} at {self.base_url}" if preset else f"{self.base_url}, said to be {name}"

    @property
    def socket(self) -> str:
        """Return the URL of the WebSocket, without the token.

        It is on the host of the Endpoint URL, also where that was given: the token belongs to that host.
        """
        if self.ws_url is not None:
            return self.ws_url
        return root_of(self.base_url, "ws" if self.base_url.startswith("http:") else "wss")

    @property
    def online(self) -> str:
        """Return the URL where players are sent; a launch URL adds its parameters."""
        return self.online_url or ENVIRONMENTS[self.environment].online
