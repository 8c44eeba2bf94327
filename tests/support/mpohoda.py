"""A small mPOHODA of the tests' own: it takes the credentials, notes what came, and answers as it is told."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

API_KEY = "k3y-0123456789abcdef-of-a-company"
CLIENT, SECRET = "client-1", "s3cr3t +&/value-of-a-client"
TOKEN = "t0ken-{}-of-mpohoda"
TOKEN_PATH = "/connect/token"

ID = "11111111-1111-4111-8111-{:012d}"
MODIFIED = "2026-11-03T10:00:00.1234567Z"

Answer = tuple[int, dict[str, str], bytes]


def problem(status: int, title: str = "", /, headers: dict[str, str] | None = None, **members: Any) -> Answer:
    """Return a problem document as the OpenAPI file has it."""
    document = {"type": f"https://httpstatuses.io/{status}", "title": title, "status": status, **members}
    return answer(document, status, {"Content-Type": "application/problem+json", **(headers or {})})


def answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return status, {"Content-Type": "application/json", **(headers or {})}, body


def record(number: int, **members: Any) -> dict[str, Any]:
    return {"Id": ID.format(number), **members, "ModificationInfo": {"ModifiedDate": MODIFIED}}


def page(records: list[Any], total: int | None = None, **pagination: Any) -> dict[str, Any]:
    return {
        "Items": records,
        "TotalItemCount": len(records) if total is None else total,
        "Pagination": {"PageNumber": 1, "After": None, **pagination} if pagination else None,
    }


def serve_list(records: list[Any], *, largest: int = 10**6, tells: bool = True) -> Any:
    """
    Return what answers as a list that knows both ways of paging.

    :param largest: the largest page, to which a larger one is reduced without a word
    :param tells: whether the answer names the size of its pages
    """

    def reply(seen: Seen) -> Answer:
        size = min(int(seen.query["PageSize"]), largest)
        start = (int(seen.query["PageNumber"]) - 1) * size
        if after := seen.query.get("After"):
            start = [one["Id"] for one in records].index(after) + 1
        return answer(
            page(records[start : start + size], len(records), **({"PageSize": size} if tells else {}))
        )

    return reply


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any


@dataclass
class Mpohoda:
    """What the server knows; ``replies`` are given one after another, the last one for ever."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    form_headers: list[dict[str, str]] = field(default_factory=list)
    minted: int = 0
    refused: int = 0
    replies: list[Any] = field(default_factory=lambda: [answer(page([]))])
    token_reply: Any = None
    before_token: Any = None
    lock: Any = field(default_factory=threading.Lock)

    def reply(self, *replies: Any) -> None:
        self.replies = list(replies)

    @property
    def token(self) -> str:
        return TOKEN.format(self.minted)

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(path)
        if parts.path == TOKEN_PATH:
            return self._mint(headers, body)
        with self.lock:
            known = headers.get("api-key") == API_KEY
            known = known or (self.minted > 0 and headers.get("authorization") == f"Bearer {self.token}")
            if not known:
                self.refused += 1
                return problem(401, "Unauthorized")
            document = json.loads(body) if body else None
            self.seen.append(Seen(method, parts.path, dict(parse_qsl(parts.query)), headers, document))
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        found: Answer = reply(self.seen[-1]) if callable(reply) else reply
        return found

    def revoke(self) -> None:
        """Let the present token be none any more."""
        self.minted += 1

    def _mint(self, headers: dict[str, str], body: bytes) -> Answer:
        with self.lock:
            self.forms.append(dict(parse_qsl(body.decode())))
            self.form_headers.append(headers)
        if self.before_token:
            self.before_token()
        if self.token_reply is not None:
            found: Answer = self.token_reply
            return found
        with self.lock:
            self.minted += 1
        return answer({"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})
