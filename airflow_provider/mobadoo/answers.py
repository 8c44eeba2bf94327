"""What Mobadoo's answers mean. No answer is published, so all that a list may look like is read.

Errors are judged by their HTTP status alone: the vendor's tables of error codes are not public.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.http.status import error_for_status
from airflow_provider.http.urls import without_parameter
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow_provider.http.call import Response

CREDENTIAL = "token"
"""The query parameter that the vendor takes the token from."""

SESSION = ("hash", "token")
"""Fields of a ticket that let in whoever has them."""

SEARCHED = 50
"""Sessions that are looked for in an answer's texts. An answer has one."""

SHORTEST = 6
"""Characters of a session that is looked for: a shorter text may be a part of any other."""

_IN_TEXT = re.compile(rf"(?<![A-Za-z0-9_])((?:{'|'.join(SESSION)})=)[^&#\s\"']+", re.IGNORECASE)

URL_PARAMETERS = ("url", "url_parameter", "slug", "videogame", "code")
"""Where a video game may have its URL parameter. That there is one is published, its name is not."""


@dataclass(frozen=True, slots=True)
class MobadooPage:
    """A page of a list.

    :param records: the records; None where the answer is no list that is known
    :param next: URL of the next page, without the token; None where there is none
    :param count: how many records the list has; None where the answer does not say
    :param other: the answer as it came, where it is no list that is known
    """

    records: list[Any] | None = field(repr=False)
    next: str | None = field(default=None, repr=False)
    count: int | None = None
    other: Any = field(default=None, repr=False)


def page(response: Response) -> MobadooPage:
    """Read a list: bare, or with ``results``, ``next`` and ``count``. Any other object is kept as it came.

    :param response: the response
    :raises VendorError: it is a refusal, or neither a list nor an object
    """
    found = document(response)
    if isinstance(found, list):
        return MobadooPage(found)
    if not isinstance(found, dict):
        raise VendorProtocolError(
            f"the response is neither a list nor an object ({response.shape})", status=response.status
        )
    records = found.get("results")
    if not isinstance(records, list):
        return MobadooPage(None, other=found)
    count = found.get("count")
    known = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    link = next_link(found.get("next"), response.status)
    return MobadooPage(records, _without_token(link, response.status), count if known else None)


def next_link(value: Any, status: int) -> str | None:
    """Return the link to the next page; None where the page is the last.

    :param value: what the page has in ``next``
    :param status: HTTP status of the response
    :raises VendorProtocolError: it is neither a text nor null
    """
    if value is None or value is False:
        return None
    if not isinstance(value, str):
        # Not the end of the list: rows would be lost.
        raise VendorProtocolError(f'"next" is neither a text nor null; it is {shape(value)}', status=status)
    return value.strip() or None


def document(response: Response) -> Any:
    """Read a document, numbers with all their digits.

    :param response: the response
    :raises VendorError: it is a refusal, or not JSON
    """
    message, code = _said(response)
    if error := error_for_status(response, message, code=code):
        raise error
    return response.json(exact=True)


def done(response: Response) -> Any:
    """Read the answer to a change, of which nothing is published; an empty one is an empty object.

    :param response: the response
    :raises VendorError: it is a refusal, or has a body that is not JSON
    """
    if 200 <= response.status < 300 and not response.body.strip():
        return {}
    return document(response)


def accepted(response: Response) -> Any:
    """Read the answer to a change of a ticket. A refusal may come as a success.

    The customer whose code is public answers Mobadoo so: an empty ``transaction_id``, ``code`` and ``state``.

    :param response: the response
    :raises VendorError: it is a refusal, or has a body that is not JSON
    """
    found = done(response)
    if isinstance(found, dict) and "transaction_id" in found:
        named = found["transaction_id"]
        if named is None or isinstance(named, list) or (isinstance(named, str) and not named.strip()):
            message, code = _told(found)
            raise VendorRejected(
                message or "the answer has no transaction_id", status=response.status, code=code
            )
    return found


def acknowledged(response: Response) -> Any:
    """Read the answer to a notice, of which the status alone counts: a document, or a text that is no page.

    :param response: the response
    :raises VendorError: it is a refusal, or a page of a proxy or a login
    """
    try:
        return done(response)
    except VendorProtocolError:
        if not 200 <= response.status < 300 or response.body.lstrip()[:1] == b"<":
            raise
        return response.body.decode(errors="replace").strip()


def url_parameter(videogame: Any, names: Sequence[str] = URL_PARAMETERS) -> str:
    """Return what the paths of a video game begin with, like ``lol``.

    :param videogame: the video game as the vendor lists it
    :param names: the fields to look into, the first that has one counts
    :raises VendorProtocolError: none of them has one; the error names the fields that there are
    """
    if isinstance(videogame, str):
        videogame = {names[0]: videogame}
    given: Mapping[str, Any] = videogame if isinstance(videogame, dict) else {}
    for name in names:
        value = given.get(name)
        text = value.strip().strip("/") if isinstance(value, str) else ""
        try:
            return path_part(name, text)
        except InvalidInput:
            continue
    there = ", ".join(sorted(map(str, given))) or "no fields"
    raise VendorProtocolError(
        f"a video game has no URL parameter in any of {', '.join(names)}; it has {there}",
        remedy="Name the video games yourself, like lol.",
    )


def path_part(name: str, value: Any) -> str:
    """Make sure that a value can be one segment of a path.

    :param name: what it is called, for the error
    :param value: a text or a whole number
    :raises InvalidInput: it is empty, or would lead to another path
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    text = str(value).strip() if whole or isinstance(value, str) else ""
    if not text or text in (".", "..") or "/" in text or "\\" in text or not text.isprintable():
        told = f"{len(value)} characters of text" if isinstance(value, str) else f"a {type(value).__name__}"
        raise InvalidInput(
            f'"{name}" must be a part of a path: not empty, no dots alone, no slash; it is {told}.',
            field=name,
        )
    return text


def without_sessions(value: Any, sent: Collection[str] = ()) -> Any:
    """Return an answer without the sessions of players: fields at every depth, and what texts have of them.

    :param value: the answer, decoded
    :param sent: sessions that the request had
    """
    found = {text for text in (*sent, *_sessions(value)) if len(text) >= SHORTEST}
    # The longest first: one may be a part of another.
    return _cleaned(value, sorted(found, key=len, reverse=True)[:SEARCHED])


def _sessions(value: Any, inside: bool = False) -> Iterator[str]:
    """Yield the texts in fields of sessions."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _sessions(item, inside or _is_session(name))
    elif isinstance(value, list):
        for item in value:
            yield from _sessions(item, inside)
    elif inside and isinstance(value, str | int):
        yield str(value)


def _cleaned(value: Any, sessions: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(item, sessions) for name, item in value.items() if not _is_session(name)}
    if isinstance(value, list):
        return [_cleaned(item, sessions) for item in value]
    if not isinstance(value, str):
        return value
    for session in sessions:
        value = value.replace(session, "***")
    return _IN_TEXT.sub(r"\1***", value)


def _is_session(name: str) -> bool:
    return name.strip().lower() in SESSION


def _without_token(link: str | None, status: int) -> str | None:
    try:
        return None if link is None else without_parameter(link, CREDENTIAL)
    except ValueError:
        # Not the end of the list: rows would be lost.
        raise VendorProtocolError("the link to the next page is no URL", status=status) from None


def _said(response: Response) -> tuple[str | None, int | str | None]:
    """Return text and code of a refusal: ``detail``, texts by field, or ``code`` and ``state``."""
    if 200 <= response.status < 300:
        return None, None
    try:
        found = response.json()
    except VendorProtocolError:
        return None, None
    return _told(found)


def _told(found: Any) -> tuple[str | None, int | str | None]:
    code = found.get("code") if isinstance(found, dict) else None
    known = isinstance(code, int | str) and not isinstance(code, bool) and code != ""
    return _text(found) or None, code if known else None


def _text(found: Any) -> str:
    if isinstance(found, str):
        return found.strip()
    if isinstance(found, list):
        return " ".join(filter(None, map(_text, found)))
    if not isinstance(found, dict):
        return ""
    for name in ("detail", "state", "message", "error"):
        if said := _text(found.get(name)):
            return said
    fields = {name: _text(value) for name, value in found.items() if name != "code"}
    return "; ".join(f"{name}: {said}" for name, said in fields.items() if said)
