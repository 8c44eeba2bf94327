"""What is wrong with a file whose text cannot be decoded, and which encoding it may be in."""

from __future__ import annotations

import codecs

from airflow_provider.exceptions import InvalidInput

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_PUNCTUATION = "\xa0§°´·«»–—‘’‚“”„…€"
_CENTRAL = (
    "áäčďéěíĺľňóôöőŕřšťúůüűýžß",  # Slovak, Czech, Hungarian, German
    "ąćęłńóśźżäöüßé",  # Polish
    "ćčđšžäöüß",  # Croatian, Slovene
    "ăâîşţ",  # Romanian
)
_WESTERN = ("àáâãäåæçèéêëìíîïñòóôõöøœšùúûüýÿžß¡¿ªº",)
_CANDIDATES = {"cp1250": _CENTRAL, "cp1252": _WESTERN, "iso-8859-2": _CENTRAL}
"""Encodings that files are often in, with the alphabets of their languages."""


def fitting(content: bytes) -> list[str]:
    """Return the usual encodings in which bytes are plausible text.

    :param content: some bytes of a file
    """
    fits = []
    for name, alphabets in _CANDIDATES.items():
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        found = {char for char in text.lower() if not char.isascii() and char not in _PUNCTUATION}
        if any(found.issubset(letters) for letters in alphabets):
            fits.append(name)
    return fits


def undecodable(
    error: Exception, what: str, field: str, encoding: str, near: int | None = None
) -> InvalidInput:
    """Say of a file that it is not in its encoding, or not compressed as its ending says.

    :param error: what reading it raised
    :param what: the file, as the error names it
    :param field: the parameter that names it
    :param encoding: the encoding that it was read with
    :param near: the number of the record that was to be read
    """
    # Python 3.13 made it a UnicodeDecodeError.
    if isinstance(error, UnicodeError) and "BOM" in str(error):
        return InvalidInput(
            f"{what} does not begin with the mark of {encoding}.",
            field=field,
            remedy=f'Without a mark it may be "{encoding}-le" or "{encoding}-be": set "encoding" to it.',
        )
    place = "" if near is None else f", near record {near}"
    if isinstance(error, UnicodeDecodeError):
        # Python calls many of them "charmap".
        name = encoding if error.encoding == "charmap" else error.encoding
        return InvalidInput(f"{what} is not {name}{place}.", field=field, remedy=_remedy(error, name))
    return InvalidInput(
        f"{what} is not a gzip file, or is damaged or cut off{place}.",
        field=field,
        remedy="Fetch it again, or rename it if it is not compressed.",
    )


def _remedy(error: UnicodeDecodeError, encoding: str) -> str:
    content = bytes(error.object)
    for mark, name in _MARKS.items():
        if error.start == 0 and content.startswith(mark):
            return f'It is {name.upper()}: set encoding="{name}".'
    fits = [name for name in fitting(content) if name != encoding]
    found = f"; {' or '.join(fits)} would fit" if fits else ""
    return (
        f'Set "encoding" to the one it was written in{found}. Slovak, Czech, Polish and Hungarian files are '
        'often cp1250; read as cp1252, their "Ľ" becomes "¼".'
    )
