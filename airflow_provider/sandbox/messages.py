"""A request as a vendor sees it and an answer as a vendor gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping


class Number(float):
    """A number of a control request that is not whole, with its digits as they were sent.

    :param token: the number as it stands in the JSON
    """

    def __new__(cls, token: str) -> Number:
        """Keep the digits."""
        number = super().__new__(cls, token)
        number.token = token
        return number

    token: str


class Refused(Exception):
    """A control request that cannot be carried out.

    :param message: names the field, what came and what to send
    """


class Request:
    """One request, fully received.

    :param method: the HTTP method
    :param path: the path below the vendor's mount point, without a leading slash
    :param query_string: the raw query
    :param raw_headers: header names in lower case, and values, as they came
    :param body: the raw body
    :param address: the IP address that it comes from
    """

    def __init__(
        self,
        method: str,
        path: str,
        query_string: bytes,
        raw_headers: list[tuple[bytes, bytes]],
        body: bytes,
        address: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.raw_headers = raw_headers
        self.body = body
        self.address = address

    @cached_property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name; the last of several wins."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers}

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of several wins."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """The content type in lower case, without parameters; empty if none was sent."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """The decoded JSON body, or None when it is empty or not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    :param status: the HTTP status
    :param body: the raw body
    :param headers: header names and values; Content-Length is added when it is sent
    """

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


JSON_HEADERS = ((b"content-type", b"application/json"),)


def json_answer(status: int, value: Any) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, json.dumps(value).encode(), JSON_HEADERS)


def text_answer(status: int, text: str) -> Answer:
    """Return an answer with the content type that the text itself suggests: JSON, HTML or plain."""
    start = text.lstrip()[:1]
    kind = {"{": b"application/json", "[": b"application/json", "<": b"text/html; charset=utf-8"}
    content_type = kind.get(start, b"text/plain; charset=utf-8")
    return Answer(status, text.encode(), ((b"content-type", content_type),))


def header_pairs(headers: Mapping[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    """Return headers in the form in which they are sent."""
    return tuple(
        (name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()
    )
