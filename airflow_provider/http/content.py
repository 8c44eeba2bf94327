"""How bodies are written and read: JSON, forms, and what compression holds."""

from __future__ import annotations

import json
import math
import uuid
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ENCODINGS = "gzip, deflate"
"""The compressions that both drivers ask for and undo."""


class Content(NamedTuple):
    """The body of a request as it is sent, and the headers that describe it."""

    body: bytes | None
    headers: Mapping[str, str]


NO_CONTENT = Content(None, {})
JSON_HEADERS = {"Content-Type": "application/json"}


def encode(document: Any) -> bytes:
    """Write a JSON document; a :class:`~decimal.Decimal` becomes a number with all its digits.

    :param document: dicts, lists, texts, numbers, booleans and None
    :raises TypeError: a part of it is of another type
    :raises ValueError: a number is not finite, a text has half a surrogate pair, or it is nested too deeply
    """
    try:
        _check(document)
        return _ENCODER.encode(document)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def encode_form(form: Mapping[str, str]) -> tuple[bytes, str]:
    """Encode a form as ``multipart/form-data`` (RFC 7578), and name its content type.

    :param form: the values by field; names are the vendor's, and plain
    """
    # Random, so that no value can hold it.
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.items()
    ]
    return "".join([*parts, f"--{boundary}--\r\n"]).encode(), f"multipart/form-data; boundary={boundary}"


def content_of(document: Any, form: Mapping[str, str] | None, multipart: bool) -> Content:
    """Encode the body of a request.

    :param document: the body as a JSON document; None for none
    :param form: the body as a form, where there is no document; None for none
    :param multipart: how the form is sent: as ``multipart/form-data``, or else as it is in a query
    :raises TypeError: as :func:`encode`
    :raises ValueError: as :func:`encode`
    """
    if form is not None:
        if multipart:
            body, kind = encode_form(form)
        else:
            body, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        return Content(body, {"Content-Type": kind})
    return NO_CONTENT if document is None else Content(encode(document), JSON_HEADERS)


def decode(body: bytes, charset: str | None, *, exact: bool = False) -> Any:
    """Read a JSON document.

    :param body: the document
    :param charset: the charset that the response names, used where the document is not UTF-8
    :param exact: whether numbers with a fraction are read as :class:`~decimal.Decimal`
    :raises ValueError: it is not JSON
    :raises RecursionError: it is nested too deeply
    """
    try:
        return (_EXACT if exact else _DECODER).decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # Some servers send what JSON does not have: NaN, a byte order mark, UTF-16, half a surrogate pair.
        return _decode_leniently(body, charset, Decimal if exact else None)


def _decode_leniently(body: bytes, charset: str | None, parse_float: type[Decimal] | None) -> Any:
    try:
        return json.loads(body, parse_float=parse_float)
    except UnicodeDecodeError:
        if charset is None:
            raise
        try:
            text = body.decode(charset)
        except LookupError:
            raise ValueError("the charset is not known") from None
        return json.loads(text, parse_float=parse_float)


_PLAIN = frozenset({str, int, bool, type(None)})


def _check(value: Any) -> None:
    """Refuse what msgspec would write as null, as a text, or as no JSON at all."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            if type(name) is not str:
                _check(name)
            if type(item) not in _PLAIN:
                _check(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) not in _PLAIN:
                _check(item)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not a finite number")
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("not a finite number")
    elif not isinstance(value, str | int):
        raise TypeError(f"{kind.__name__} is not a JSON type")


def _base(value: Any) -> Any:
    """Return an instance of a subclass as one of the JSON type that it is."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not a JSON type")


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_base)
_DECODER = msgspec.json.Decoder()
_EXACT = msgspec.json.Decoder(float_hook=Decimal)


class TooLarge(Exception):
    """A body is larger than it may be."""


class UnknownEncoding(Exception):
    """A body is compressed in a way that was not asked for."""


class BodyReader:
    """Puts the pieces of a body together, decompresses them, and checks both sizes against a limit.

    :param encoding: the ``Content-Encoding`` of the response
    :param limit: how many bytes the body may have
    :param write: takes the pieces, decompressed, in place of putting them together
    :param block: how many bytes a piece may have that is decompressed; None for any number
    :raises UnknownEncoding: the encoding is not one of :data:`ENCODINGS`
    """

    def __init__(
        self,
        encoding: str,
        limit: int,
        write: Callable[[bytes], object] | None = None,
        block: int | None = None,
    ) -> None:
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            self._window = None
        elif encoding in ("gzip", "x-gzip"):
            self._window = 16 + zlib.MAX_WBITS
        elif encoding == "deflate":
            self._window = zlib.MAX_WBITS
        else:
            raise UnknownEncoding
        self._deflate = encoding == "deflate"
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []
        self._write = write or self._pieces.append
        self._block = block or limit + 1
        self._inflater: Any = None
        self._done = False

    def feed(self, piece: bytes) -> None:
        """Take the next piece as it came.

        :raises TooLarge: the body has more bytes than it may have
        :raises zlib.error: it cannot be decompressed
        """
        if self._window is None:
            self._add(piece)
        elif piece and not self._done:
            self._inflate(piece)

    def finish(self) -> bytes:
        """Return the whole body, unless it was written elsewhere.

        :raises zlib.error: it was cut off
        """
        if self._inflater is not None and not self._inflater.eof:
            raise zlib.error("the compressed body was cut off")
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def _inflate(self, piece: bytes) -> None:
        if self._inflater is None:
            # Many servers send deflate without the header that the standard asks for.
            raw = self._deflate and piece[0] & 0x0F != 8
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw else self._window or 0)
        more = True
        while piece or more:
            room = min(self._limit - self._size + 1, self._block)
            found = self._inflater.decompress(piece, room)
            self._add(found)
            piece = self._inflater.unconsumed_tail
            # All that was taken in need not have come out again.
            more = len(found) == room
            if self._inflater.eof:
                piece = self._inflater.unused_data
                if self._deflate or not piece.startswith(b"\x1f"):
                    # What follows is padding.
                    self._done = bool(piece)
                    return
                self._inflater = zlib.decompressobj(self._window or 0)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise TooLarge
        if piece:
            self._write(piece)
