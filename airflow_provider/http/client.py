"""What the blocking and the non-blocking driver share: what is sent, and how an error is finished."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider import __version__
from airflow_provider.http.retry import Pacer, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.exceptions import VendorError
    from airflow_provider.http.call import Call
    from airflow_provider.http.options import VendorOptions

WRONG_HOST = "Check the host of the connection and the network of the worker."
CERTIFICATE = (
    "Check the host of the connection; for a private certificate authority set "
    '"Verify TLS certificate" to the path of its file.'
)


# json.dumps would make one for each body.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def user_agent() -> str:
    """Name this provider, Airflow and Python, for the vendor's own logs."""
    from airflow import __version__ as airflow_version

    return (
        f"airflow-provider-vendor-apis/{__version__} "
        f"airflow/{airflow_version} python/{platform.python_version()}"
    )


@dataclass
class ClientSetup:
    """All that a client needs to know about a connection.

    :param options: the connection's fields
    :param headers: headers of every request, credentials among them
    :param policy: how hard a call tries
    """

    options: VendorOptions
    headers: Mapping[str, str] = field(repr=False)
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    requests: int = 0
    """How many requests have been sent, repeats included."""

    def __post_init__(self) -> None:
        self.pacer = Pacer(self.options.requests_per_second)
        self._secrets = self.options.secrets()

    def url(self, call: Call[Any]) -> str:
        """Return the full URL of a call, without its query."""
        return f"{self.options.base_url}/{call.path}"

    def headers_of(self, call: Call[Any]) -> Mapping[str, str]:
        """Return the connection's headers and the call's own."""
        headers = {} if call.anonymous else self.headers
        return {**headers, **call.headers} if call.headers else headers

    def locate(self, error: VendorError, call: Call[Any]) -> None:
        """Say where an error happened, and clear it of secrets.

        :param error: the error
        :param call: the call that it ended
        """
        error.locate(
            vendor=self.options.conn_type,
            conn_id=self.options.conn_id,
            method=call.method,
            path=call.path,
        )
        error.redact([*self._secrets, *call.headers.values()])


def encode(document: Any) -> bytes | None:
    """Encode a JSON body; None for no body."""
    if document is None:
        return None
    return _ENCODER.encode(document).encode()
