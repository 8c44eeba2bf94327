"""A vendor of the tests' own, so that any way to authenticate can be tried with either driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import SecretStr

from airflow_provider.http.auth import Auth
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.hook import VendorHook
from airflow_provider.http.options import VendorOptions, form_field
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.http.status import error_for_status

CONN_ID = "acme_default"


@dataclass(frozen=True, kw_only=True)
class AcmeOptions(VendorOptions):
    conn_type: ClassVar[str] = "acme"

    host: str = form_field("Host", "Where it is.", standard="host", required=True)
    key: SecretStr | None = form_field("Key", "What it wants.", standard="password", secret=True)


class AcmeHook(VendorHook[AcmeOptions]):
    """Talks to a server of the test.

    :param auth: what authenticates the requests
    """

    conn_type = AcmeOptions.conn_type
    options_type = AcmeOptions

    def __init__(self, auth: Auth | None = None, *, policy: RequestPolicy | None = None) -> None:
        super().__init__(CONN_ID, policy=policy)
        self._auth = auth or Auth()

    def auth(self, options: AcmeOptions) -> Auth:
        return self._auth


def read(response: Response) -> Any:
    if error := error_for_status(response):
        raise error
    return response.json()


def thing(repeat: Repeat = Repeat.SAFE, **more: Any) -> Call[Any]:
    """Return a call that sends a body and reads a JSON document."""
    return Call("POST", "thing", read, repeat, **{"json": {"a": 1}, **more})
