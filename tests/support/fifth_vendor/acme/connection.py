"""The Acme connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from airflow_provider.http.options import VendorOptions, form_field

if TYPE_CHECKING:
    from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class AcmeOptions(VendorOptions):
    """The fields of an Acme connection."""

    conn_type: ClassVar[str] = "acme"

    host: str = form_field("Site", "Where Acme is.", standard="host", required=True)
    key: SecretStr = form_field(
        "Membership key", "What Acme gave you.", standard="password", required=True, secret=True
    )
    branch: str = form_field("Branch", "The branch that members join.")
