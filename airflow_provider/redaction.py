"""Find secrets in a text that somebody else has written: as they are, in a URL, a page, JSON or base64.

What is looked through is the text with its escapes undone, so each way to write them counts: capitals or not,
all characters or some, once or twice. A place that is found there is hidden in the text as it came.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HIDDEN = "***"

LONG_PART = 16
"""Characters of the beginning of a secret that are no word which a message may have."""

SHORT = 6
"""A secret of fewer characters is hidden as a word alone: within words it may be a part of any of them."""

LAYERS = 3
"""How often escapes are undone: a text may be quoted in one that is quoted."""

SEARCHED = 4000
"""Characters of a text that are kept. No message shows as many."""

LONGEST_ESCAPE = 12
"""Characters that one of a secret may be written with, like ``%26%23x2B%3B``."""

_ESCAPE = re.compile(
    rb"""
    %(?P<percent>[0-9a-f]{2})
    | &\#x(?P<hexadecimal>[0-9a-f]{1,6});?
    | &\#(?P<decimal>[0-9]{1,7});?
    | &(?P<entity>[a-z][a-z0-9]{1,31});
    | \\u\{?(?P<unicode>[0-9a-f]{4,6}(?=\})|[0-9a-f]{4})\}?
    | \\x(?P<byte>[0-9a-f]{2})
    | \\(?P<plain>[^ux])
    | (?P<end>=?\r?\n[ \t]*)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


@dataclass(frozen=True, slots=True)
class _Needle:
    """What a secret looks like, in lower case.

    :param text: the whole
    :param head: the part of its beginning that gives it away
    :param word: whether it counts as a word alone
    :param encoded: whether it is base64, where the characters beside it may have some bits of the secret
    """

    text: bytes
    head: bytes
    word: bool = False
    encoded: bool = False


@dataclass(frozen=True, slots=True)
class _Layer:
    """A text as bytes, and where each of them begins and ends in the text as it came."""

    text: bytes
    starts: Sequence[int]
    ends: Sequence[int]


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Replace secrets in a text by ``***``, and the larger part of a long one, whose beginning vendors quote.

    A text of more than :data:`SEARCHED` characters is cut.

    :param text: the text
    :param secrets: the values that must not be shown
    """
    wanted = {secret for secret in secrets if secret}
    needles = [needle for secret in wanted for needle in _needles(secret)]
    # What is kept must not end with the beginning of a secret.
    margin = LONGEST_ESCAPE * max(map(len, wanted), default=0)
    kept = min(len(text), SEARCHED)
    found: list[tuple[int, int]] = []
    for layer in _layers(text[: kept + margin]):
        lowered = layer.text.lower()
        for needle in needles:
            for start, end in _places(needle, layer.text, lowered):
                found.append((layer.starts[start], layer.ends[end - 1]))
    parts: list[str] = []
    place = 0
    for start, end in sorted(found):
        if start >= kept:
            break
        if start >= place:
            parts += [text[place:start], HIDDEN]
        place = max(place, end)
    return "".join([*parts, text[place:kept]])


@lru_cache(512)
def _needles(secret: str) -> list[_Needle]:
    # Bytes know the capitals of ASCII alone.
    texts = {form.encode("utf-8", "surrogatepass") for form in (secret, secret.lower(), secret.upper())}
    texts |= {text.replace(b" ", b"+") for text in texts}
    lowered = {text.lower() for text in texts}
    if len(secret) < SHORT:
        return [_Needle(text, text, word=True) for text in lowered]
    # Where the escapes of a text are undone, those in the secret itself are too.
    undone = {
        layer.text.lower() for text in texts for layer in _layers(text.decode("utf-8", "surrogatepass"))
    }
    lowered |= {text for text in undone if len(text) >= SHORT}
    forms = _in_base64(secret.encode("utf-8", "surrogatepass"))
    return [
        *(_Needle(text, text[: max(LONG_PART, len(text) // 2)]) for text in lowered),
        *(_Needle(text, text[: max(LONG_PART, len(text) // 2)], encoded=True) for text in forms),
    ]


def _in_base64(secret: bytes) -> set[bytes]:
    """Return the characters that a secret always has in base64, whatever stands before and behind it."""
    forms = set()
    for before in range(3):
        shown = base64.b64encode(b"\0" * before + secret)
        whole = shown[-(-before * 8 // 6) : (before + len(secret)) * 8 // 6].lower()
        forms |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def _layers(text: str) -> Iterator[_Layer]:
    """Yield a text as it is, and with its escapes and line ends undone, until there are none."""
    if text.isascii():
        places: Sequence[int] = range(len(text))
        layer: _Layer | None = _Layer(text.encode(), places, range(1, len(text) + 1))
    else:
        pieces = [character.encode("utf-8", "surrogatepass") for character in text]
        places = [place for place, piece in enumerate(pieces) for _ in piece]
        layer = _Layer(b"".join(pieces), places, [place + 1 for place in places])
    for _ in range(LAYERS + 1):
        if layer is None:
            return
        yield layer
        layer = _undone(layer)


def _undone(layer: _Layer) -> _Layer | None:
    """Undo the escapes of a text once; None where it has none."""
    parts: list[bytes] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for escape in _ESCAPE.finditer(layer.text):
        meaning = _meaning(escape)
        if meaning is None:
            continue
        start, end = escape.span()
        parts += [layer.text[place:start], meaning]
        starts += [*layer.starts[place:start], *[layer.starts[start]] * len(meaning)]
        ends += [*layer.ends[place:start], *[layer.ends[end - 1]] * len(meaning)]
        place = end
    if not place:
        return None
    parts.append(layer.text[place:])
    return _Layer(b"".join(parts), [*starts, *layer.starts[place:]], [*ends, *layer.ends[place:]])


def _meaning(escape: re.Match[bytes]) -> bytes | None:
    kind, value = escape.lastgroup, escape[escape.lastgroup or 0]
    if kind == "end":
        return b""
    if kind == "plain":
        return _CONTROLS.get(value, value)
    if kind in ("percent", "byte"):
        return bytes.fromhex(value.decode())
    if kind == "entity":
        character = html5.get(f"{value.decode()};")
    else:
        number = int(value, 10 if kind == "decimal" else 16)
        character = chr(number) if number <= 0x10FFFF else None
    return None if character is None else character.encode("utf-8", "surrogatepass")


def _places(needle: _Needle, text: bytes, lowered: bytes) -> Iterator[tuple[int, int]]:
    """Yield where a secret begins and ends."""
    size, known, place = len(needle.text), len(needle.head), 0
    while (start := lowered.find(needle.head, place)) >= 0:
        place, length = start + known, known
        while length < size and lowered[place : place + 1] == needle.text[length : length + 1]:
            place, length = place + 1, length + 1
        end = place
        if needle.word and (_is_letter(text, start - 1) or _is_letter(text, end)):
            continue
        if needle.encoded:
            start -= start > 0 and text[start - 1] in _BASE64
            end += end < len(text) and text[end] in _BASE64
            end += len(text[end : end + 2]) - len(text[end : end + 2].lstrip(b"="))
        yield start, end


def _is_letter(text: bytes, place: int) -> bool:
    if not 0 <= place < len(text):
        return False
    return text[place] >= 0x80 or chr(text[place]).isalnum() or text[place : place + 1] == b"_"
