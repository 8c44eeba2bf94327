"""The envelope of wolkvox CRM's answers, and how its refusals are told apart.

The types are not uniform: ``code`` is a number or a text, ``error`` is null, ``"null"``, a text or an object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import (
    QuotaExhausted,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.model import envelope_code
from airflow_provider.http.status import error_for_status, retry_after

if TYPE_CHECKING:
    from airflow_provider.http.call import Response
    from airflow_provider.wolkvox.refusals import ForbiddenTexts

WRONG_PLACE = {
    404: (
        'Check "Wolkvox-Server" of the connection: it must be the host of your CRM, as in the address bar '
        "after logging in. If it is right, what the request names is not there."
    ),
    405: (
        'Check "Method of token information" of the connection, and that "Wolkvox-Server" is the host of '
        "your CRM: it refuses this method."
    ),
}
"""What to do about a status that speaks of the address or of the method."""

LONGEST = 2000
"""Characters of a message in which the patterns are looked for."""

MAINTENANCE_WAIT = 600.0
"""Seconds to stay away during maintenance; its length is not published."""

_NONE = ("", "null", "none", "undefined", "false", "0")
"""How ``error`` is written where there is none: wolkvox writes the text ``"null"``."""

_FILE = re.compile(r"data:[^,\s]{0,200};base64,[A-Za-z0-9+/=\\]*", re.IGNORECASE)


def envelope(response: Response, texts: ForbiddenTexts) -> dict[str, Any]:
    """Check HTTP status and ``code``, which are not known to agree, and return the envelope.

    :param response: the response
    :param texts: how to tell the meanings of a 403 apart
    :raises VendorError: it is a refusal, or not the envelope
    """
    try:
        document = response.json()
    except VendorProtocolError:
        # Refusals are not known to be JSON.
        if error := _refusal(response, response.status, _page(response), None, texts, enveloped=False):
            raise error from None
        raise
    if not isinstance(document, dict):
        # Nor to be objects: a text in quotes is JSON, too.
        raise _refusal(
            response, response.status, _page(response), None, texts, enveloped=False
        ) or VendorProtocolError(
            "the response is not wolkvox's envelope: it is not an object", status=response.status
        )
    message = _message(document)
    code = _code(document)
    # Whichever of the two speaks of an error wins.
    judged = response.status if not 200 <= response.status < 300 or code is None else code
    if error := _refusal(response, judged, message, code, texts):
        raise error
    if not _is_none(document.get("error")):
        # It has been seen beside code 200, too.
        refused = VendorRejected(message or "no message", status=response.status, code=code)
        if _names_record(document):
            # A new record has an identifier: to insert it again could make a second one.
            refused.processed = None
        raise refused
    return document


def success(response: Response, texts: ForbiddenTexts) -> dict[str, Any]:
    """Return the envelope of something that was written, which has to say so itself.

    :param response: the response
    :param texts: how to tell the meanings of a 403 apart
    :raises VendorError: it is a refusal, or not the envelope
    """
    document = envelope(response, texts)
    if envelope_code(document.get("code")) is None:
        # HTTP 200 alone may be anybody's.
        raise VendorProtocolError(
            "the response is not wolkvox's envelope: it has no code", status=response.status
        )
    return document


def _refusal(
    response: Response,
    judged: int,
    message: str,
    code: int | None,
    texts: ForbiddenTexts,
    *,
    enveloped: bool = True,
) -> VendorError | None:
    error = None
    # That a used-up quota answers 403 is known of wolkvox's other API alone, so the text decides; 401 and 429
    # are clear without it.
    if 400 <= judged < 500 and judged not in (401, 429):
        error = _recognised(message, response, texts.beside(judged))
    if error is None and judged == 403:
        error = VendorRejected(
            f"forbidden, for a reason that is not recognised: {_shown(message)}",
            remedy="If its text means a used-up quota or maintenance, set the pattern in the connection.",
        )
    if error is None:
        # A text that is not from the envelope may be a whole page: describe it instead.
        error = error_for_status(response, message if enveloped else None, status=judged, code=code)
        if error is None:
            return None
        error.remedy = WRONG_PLACE.get(judged, error.remedy)
    error.status, error.code = response.status, code
    return error


def _recognised(message: str, response: Response, texts: ForbiddenTexts) -> VendorError | None:
    """Tell apart quota, concurrency, maintenance and bad tokens, for which wolkvox has one status."""

    def speaks_of(expression: str) -> bool:
        return re.search(expression, message, re.IGNORECASE | re.DOTALL) is not None

    shown = _shown(message)
    # A page in its place is longer than any pattern is made for.
    message = message[:LONGEST]
    if speaks_of(texts.concurrency):
        return RateLimited(f"too many requests at once: {shown}", retry_after=retry_after(response))
    if speaks_of(texts.maintenance):
        wait = retry_after(response)
        return VendorUnavailable(
            f"maintenance: {shown}",
            retry_after=MAINTENANCE_WAIT if wait is None else wait,
            processed=False,
        )
    if speaks_of(texts.quota):
        return QuotaExhausted(f"the daily quota of the token is used up: {shown}")
    if speaks_of(texts.token):
        return VendorAuthError(
            f"the token is refused: {shown}",
            remedy='Check "Wolkvox-Token" and "operation" of the connection.',
        )
    return None


def _shown(message: str) -> str:
    """Return a message, or the length of a page that came in its place."""
    return message if len(message) <= 200 else f"a text of {len(message)} characters"


def _page(response: Response) -> str:
    """Return the beginning of an answer that is no envelope, in whatever charset it is."""
    body = response.body[:LONGEST]
    try:
        text = body.decode(response.charset or "utf-8", errors="replace")
    except LookupError:
        text = body.decode(errors="replace")
    return _without_files(text)


def _code(document: dict[str, Any]) -> int | None:
    """Return the envelope's code, or that of an error which is an object."""
    code = envelope_code(document.get("code"))
    error = document.get("error")
    return envelope_code(error.get("code")) if code is None and isinstance(error, dict) else code


def _message(document: dict[str, Any]) -> str:
    parts = [document.get("msg"), document.get("message"), document.get("error")]
    # The object of an error is known from one integrator alone: any text in it may be the message.
    texts = [text for part in parts for text in (part.values() if isinstance(part, dict) else [part])]
    return " - ".join(_without_files(text) for text in texts if isinstance(text, str) and not _is_none(text))


def _without_files(text: str) -> str:
    """Take out the content of files, of which a refusal may quote the beginning."""
    return _FILE.sub("[file]", text)


def _is_none(error: Any) -> bool:
    """Say whether the envelope's ``error`` speaks of none."""
    if isinstance(error, dict):
        return all(_is_none(value) for value in error.values())
    return not error or (isinstance(error, str) and error.strip().lower() in _NONE)


def _names_record(document: dict[str, Any]) -> bool:
    data = document.get("data")
    return isinstance(data, dict) and not _is_none(data.get("wolkvox_id"))
