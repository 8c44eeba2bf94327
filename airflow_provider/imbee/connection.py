"""The Imbee connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from airflow_provider.http.options import VendorOptions, form_field

if TYPE_CHECKING:
    from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class ImbeeOptions(VendorOptions):
    """The fields of an Imbee connection. Source: "Requirements" of Imbee's REST API page."""

    conn_type: ClassVar[str] = "imbee"

    host: str = form_field(
        "HOST",
        "The host that Imbee gave you, or a full URL.",
        standard="host",
        required=True,
        placeholder="imbee.example.com",
    )
    authorization: SecretStr = form_field(
        "Authorization (myAuth)",
        "The complete value of the Authorization header, as Imbee gave it; nothing is put in front.",
        standard="password",
        required=True,
        secret=True,
        placeholder="the complete header value",
    )
    corporate_token: SecretStr = form_field(
        "Corporate token (myCorporateToken)",
        "The X-WOOS-KEY for creating users and access tokens.",
        required=True,
        secret=True,
    )
