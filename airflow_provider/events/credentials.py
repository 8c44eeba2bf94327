"""What a sender shows to be let in: a Basic password, or ``?secret=`` in the address.

Secrets are compared as digests under a key of the process, each time all of them: how long it takes tells
nothing about them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KEY = os.urandom(32)


def digest(secret: bytes) -> bytes:
    """Return the digest of a secret, as this process compares it.

    :param secret: the secret in clear
    """
    return hmac.digest(_KEY, secret, hashlib.sha256)


NOBODYS = digest(os.urandom(32))
"""The digest of a secret that nobody has: what is compared where there is none."""


def shown(scope: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Return the digests of what a request shows; as many for every request.

    :param scope: the request, as ASGI has it
    """
    given = _in_query(scope.get("query_string", b""))
    # Somebody who copies a secret into an address may not know that a plus sign is a blank there.
    return (
        digest(_basic_password(scope.get("headers", ()))),
        digest(unquote_to_bytes(given)),
        digest(unquote_to_bytes(given.replace(b"+", b" "))),
    )


def equal(digests: tuple[bytes, ...], wanted: bytes) -> bool:
    """Say whether one of the digests is the one that is wanted.

    :param digests: those of what a request shows
    :param wanted: that of the secret
    """
    found = False
    for one in digests:
        found |= hmac.compare_digest(one, wanted)
    return found


def _in_query(query: bytes) -> bytes:
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"secret":
            return value
    return b""


def _basic_password(headers: Any) -> bytes:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, encoded = value.partition(b" ")
            if scheme.lower() != b"basic":
                return b""
            try:
                decoded = base64.b64decode(encoded.strip(), validate=True)
            except (binascii.Error, ValueError):
                return b""
            password: bytes = decoded.partition(b":")[2]
            return password
    return b""
