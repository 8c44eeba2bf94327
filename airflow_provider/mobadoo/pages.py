"""Pages of Mobadoo's lists, whose rows keep the bytes that came: odds keep all their digits.

No answer is published. A page may be a bare list, or an object with ``results``, ``next`` and ``count``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.extract.paging import Page
from airflow_provider.extract.rows import RawRow, RowReader
from airflow_provider.http.content import decode, encode
from airflow_provider.mobadoo.answers import document, next_link, without_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.http.call import Response

    Change = Callable[[bytes], bytes]
    """Changes the JSON of a row."""

COLUMN = "videogame"
"""The column that says which video game a row belongs to. A row that has one keeps its own."""

GONE = (404, 410)
"""The statuses that mean that a video game is not there any more."""

SHOWN = 20
"""Keys of an answer that an error names at most."""


class _Envelope(msgspec.Struct):
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    next: Any = msgspec.UNSET
    count: Any = None


class _Head(msgspec.Struct):
    """What is read of each row without the rest of it."""

    videogame: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_HEAD = msgspec.json.Decoder(_Head)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MAY_HAVE_SESSION = re.compile(rb"hash|token|\\u00", re.IGNORECASE)
"""The names of a session's fields, of which letters may be written as numbers."""
_NOTHING = (b"", b"null", b'""')


@dataclass(frozen=True, slots=True)
class ListPage(Page):
    """A page of a list of a video game.

    :param link: URL of the next page, as the vendor writes it; None where it names none
    :param linked: whether the answer says whether there is a next page
    :param count: how many rows the list has; None where the answer does not say
    :param gone: the status that says that there is no such video game; None where there is one
    """

    link: str | None = None
    linked: bool = False
    count: int | None = None
    gone: int | None = None


class GameRows(RowReader):
    """Finds what identifies a row: its video game and its id, or all of it where it has no id.

    Whether ids are unique across video games is not known.
    """

    def __init__(self) -> None:
        super().__init__("id")

    def row(self, raw: bytes) -> RawRow:
        """Return one row.

        :param raw: its JSON
        :raises ValueError: it is no JSON object, or not in UTF-8
        """
        row = super().row(raw)
        head = _HEAD.decode(row.raw)
        id = b"" if head.id is msgspec.UNSET else bytes(head.id).strip()
        if id in _NOTHING:
            return RawRow(row.raw, hashlib.blake2b(row.raw, digest_size=16).hexdigest())
        game = b"" if head.videogame is msgspec.UNSET else bytes(head.videogame)
        return RawRow(row.raw, f"{game.decode()}/{id.decode()}")


ROWS = GameRows()


def read_page(response: Response, videogame: str) -> ListPage:
    """Read a page of a list of a video game.

    :param response: the response
    :param videogame: the URL parameter of the video game, for rows that do not name theirs
    :raises VendorError: it is a refusal, but for one that says that the video game is not there; or no page
    """
    if response.status in GONE:
        return ListPage([], gone=response.status)
    return _read(response, partial(_of_game, videogame=videogame))


def read_tickets(response: Response) -> ListPage:
    """Read a page of tickets. The players' sessions are left out of the rows.

    :param response: the response
    :raises VendorError: it is a refusal, or no page
    """
    return _read(response, _without_session)


def _read(response: Response, change: Change) -> ListPage:
    if not 200 <= response.status < 300:
        # It raises the error.
        document(response)
    try:
        return _page(response.body, change, response.status)
    except (ValueError, RecursionError):
        # JSON in another encoding, or with what JSON does not have; or something else altogether.
        found = document(response)
    try:
        return _page(encode(found), change, response.status)
    except (ValueError, TypeError, RecursionError):
        raise VendorProtocolError(
            f"the response is no page of a list: {_told(found)} ({response.shape})",
            status=response.status,
            remedy='A page is a list of objects, or an object with such a list in "results".',
        ) from None


def _page(body: bytes, change: Change, status: int) -> ListPage:
    if not body.isascii():
        body.decode()
    if body.lstrip()[:1] == b"[":
        return ListPage(_rows(body, change))
    found = _ENVELOPE.decode(body)
    if found.results is msgspec.UNSET:
        raise ValueError
    known = type(found.count) is int and found.count >= 0
    linked = found.next is not msgspec.UNSET
    return ListPage(
        _rows(bytes(found.results), change),
        link=next_link(found.next, status) if linked else None,
        linked=linked,
        count=found.count if known else None,
    )


def _rows(items: bytes, change: Change) -> list[RawRow]:
    return [ROWS.row(change(bytes(item))) for item in _LIST.decode(items)]


def _without_session(raw: bytes) -> bytes:
    """Leave out of a ticket what lets its player in, at every depth."""
    if not _MAY_HAVE_SESSION.search(raw):
        return raw
    row = decode(raw, None, exact=True)
    kept = without_sessions(row)
    # One that has none keeps its bytes.
    return raw if kept == row else encode(kept)


def _of_game(raw: bytes, videogame: str) -> bytes:
    """Add the column of the video game to a row that has none."""
    own = _HEAD.decode(raw).videogame
    column = encode(videogame)
    if own is msgspec.UNSET:
        rest = raw.lstrip()[1:].lstrip()
        return b'{"' + COLUMN.encode() + b'":' + column + (b"" if rest[:1] == b"}" else b",") + rest
    if bytes(own).strip() not in _NOTHING:
        return raw
    return msgspec.json.encode({**_FIELDS.decode(raw), COLUMN: msgspec.Raw(column)})


def _told(found: Any) -> str:
    rows = found.get("results") if isinstance(found, dict) else found
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return "a row has a value that cannot be written"
    if isinstance(found, list):
        return "some of its rows are no objects"
    if not isinstance(found, dict):
        return "it is neither a list nor an object"
    if "results" in found:
        return '"results" is no list of objects'
    keys = sorted(map(str, found))
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"it has {', '.join(keys[:SHOWN]) or 'no keys'}{more}"
