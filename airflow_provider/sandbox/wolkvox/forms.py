"""Form bodies, which wolkvox asks for where it takes cases."""

from __future__ import annotations

from email.message import Message
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.sandbox.messages import Request

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def read_form(request: Request) -> dict[str, Any]:
    """Return the fields of a form; the last of several wins, and a file is its name and size.

    :param request: the request; with another content type than a form's it has no fields
    """
    if request.media_type == URLENCODED:
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if request.media_type == MULTIPART:
        return dict(_parts(request))
    return {}


def _parts(request: Request) -> Iterator[tuple[str, Any]]:
    boundary = _parameter(request.headers["content-type"], "boundary")
    if not boundary:
        return
    # Before the first delimiter stands a preamble, after the last one "--".
    _, *parts = (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode("utf-8", "replace"))
    for part in parts:
        if part.startswith(b"--"):
            return
        head, _, content = part.partition(b"\r\n\r\n")
        for line in head.decode("utf-8", "replace").split("\r\n"):
            header, _, value = line.partition(":")
            name = _parameter(value, "name")
            if header.strip().lower() != "content-disposition" or not name:
                continue
            filename = _parameter(value, "filename")
            if filename is None:
                yield name, content.decode("utf-8", "replace")
            else:
                yield name, {"name": filename, "size": len(content)}


def _parameter(value: str, name: str) -> str | None:
    message = Message()
    message["content-type"] = value.strip()
    found = message.get_param(name)
    return None if found is None else collapse_rfc2231_value(found)
