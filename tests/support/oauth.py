"""A vendor with a token endpoint, and hooks that use it."""

from __future__ import annotations

import json
import threading
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from airflow_provider.http.oauth import ClientCredentials
from airflow_provider.http.retry import RequestPolicy
from tests.support.acme import AcmeHook
from tests.support.drivers import DRIVERS

driver = pytest.mark.parametrize("send", DRIVERS, ids=lambda send: send.__name__)

CLIENT, SECRET = "client/1", "s3cr3t +&/value"


class Vendor:
    """A token endpoint and an API that takes its newest token alone."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Any] = []
        self.minted: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.lifetime: Any = 3600
        self.things = 0
        self.refuse_all = False
        self.before_token = lambda: None
        self.token_answer: tuple[int, dict[str, str], bytes] | None = None
        self.lock = threading.Lock()

    def __call__(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if path == "/connect/token":
            with self.lock:
                self.forms.append(dict(parse_qsl(body.decode())))
                self.headers.append(headers)
            self.before_token()
            if self.token_answer is not None:
                return self.token_answer
            with self.lock:
                self.minted.append(f"token-{len(self.minted) + 1}-of-acme")
                document = {"access_token": self.minted[-1], "token_type": "Bearer"}
                if self.lifetime is not None:
                    document["expires_in"] = self.lifetime
            return 200, {}, json.dumps(document).encode()
        with self.lock:
            self.things += 1
            good = self.minted and headers.get("authorization") == f"Bearer {self.minted[-1]}"
        if self.refuse_all or not good:
            return 401, {}, b'{"status": 401}'
        return 200, {}, b'{"a": 1}'


def oauth(vendor: Vendor, **more: Any) -> ClientCredentials:
    return ClientCredentials(
        f"{vendor.url}/connect/token", CLIENT, SecretStr(SECRET), **{"scope": "Acme.Read", **more}
    )


def hook(vendor: Vendor, **more: Any) -> AcmeHook:
    return AcmeHook(oauth(vendor, **more), policy=RequestPolicy(backoff=0.0))
