"""Files in fields of the CRM: each is a text, a link with the content in it around an image or a name.

That is how the requests with files of wolkvox's Postman collection have them:
``<a href='data:<type>;base64,<content>' download='<name>'>…</a>``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import mimetypes
import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.storage import local_path, open_for_reading
from airflow_provider.texts import CONTROL, text_or_none
from airflow_provider.values import is_empty, shape, visible
from airflow_provider.wolkvox.fields import ATTACHMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 10 * 2**20
"""Bytes that one file may have. wolkvox does not say how many it takes."""

MOST_BYTES_TOGETHER = 25 * 2**20
"""Bytes that all files of one record may have: the record is held in memory while it is sent."""

UNKNOWN_TYPE = "application/octet-stream"

_ANCHOR = re.compile(
    r"\s*<a\s+href=(?P<q>['\"])(?P<uri>data:[^'\"]*)(?P=q)\s+download=(?P<d>['\"])(?P<name>[^'\"<>]*)(?P=d)\s*>"
    # One link: no other begins or ends in it.
    r"[^<]*(?:<(?!/?a[\s>])[^<]*)*</a>\s*",
    re.IGNORECASE | re.DOTALL,
)
_DATA = re.compile(r"\s*data:(?P<about>[^,<>\r\n]{0,500}),", re.IGNORECASE)
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_FIRST_BYTES = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_ENDINGS = {"image/jpeg": ".jpg", "text/plain": ".txt", UNKNOWN_TYPE: ".bin"}
"""Those of which the system's tables have several, or none."""
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent.

    :param name: its name
    :param digest: says what its content is
    :param size: bytes of its content
    :param anchor: the text in the field
    """

    name: str
    digest: str
    size: int
    anchor: str = field(repr=False)


def is_file(value: Any) -> bool:
    """Say whether a value is a file, and nothing else that a field may have.

    :param value: a value of a field, or an item of a list
    """
    if isinstance(value, dict):
        return value.get("type") == ATTACHMENT
    if not isinstance(value, str):
        return False
    if found := _DATA.match(value):
        # "data:" begins ordinary texts, too.
        first, *parameters = found["about"].split(";")
        return bool(_TYPE.fullmatch(first)) or "base64" in (one.strip().lower() for one in parameters)
    return bool(_ANCHOR.fullmatch(value))


def has_files(value: Any) -> bool:
    """Say whether the value of a field is a file made by a helper, or a list of files.

    :param value: the value
    """
    if isinstance(value, list | tuple):
        made = any(isinstance(one, dict) and is_file(one) for one in value)
        return made or (bool(value) and all(is_file(one) for one in value))
    return isinstance(value, dict) and is_file(value)


def files_of(name: str, value: Any) -> list[File]:
    """Return the files of a field, reading those that are named by a path.

    :param name: name of the field
    :param value: a file or a list of files: each made by :func:`~airflow_provider.wolkvox.fields.attachment`,
        a link as above, a ``data:`` URI, or a text in base64
    :raises InvalidInput: one of them is none of these, cannot be read, or is too large
    """
    if is_empty(value):
        return []
    given = [value] if isinstance(value, str | dict) else value
    if not isinstance(given, list | tuple):
        raise InvalidInput(
            f'"{name}" must be a list of files; it is {shape(value)}.',
            field=name,
            remedy='Write it like [attachment(path="/data/invoice.pdf")].',
        )
    files: list[File] = []
    for number, one in enumerate(given, 1):
        files.append(_Reader(name, number).file(one))
        if sum(file.size for file in files) > MOST_BYTES_TOGETHER:
            raise InvalidInput(
                f'"{name}": the files have more than {MOST_BYTES_TOGETHER:,} bytes together.',
                field=name,
                remedy="Make several records of them, or send fewer files.",
            )
    return files


def files_in(fields: Mapping[str, Any]) -> dict[str, list[File]]:
    """Return the files of a record, by the fields that have any.

    :param fields: the values by the CRM's names of the fields
    :raises InvalidInput: as :func:`files_of`
    """
    return {name: files_of(name, value) for name, value in fields.items() if has_files(value)}


def anchors(files: list[File]) -> list[str]:
    """Return files as a field has them.

    :param files: the files
    """
    return [file.anchor for file in files]


def known_by(files: list[File]) -> list[list[str]]:
    """Return what makes files the same as others: their names and their contents.

    :param files: the files
    """
    return [[file.name, file.digest] for file in files]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Makes one file of what a record has for it.

    :param field: name of the field
    :param number: number of the file in it
    """

    field: str
    number: int

    def file(self, value: Any) -> File:
        if isinstance(value, dict) and value.get("type") == ATTACHMENT:
            return self._declared(value)
        if isinstance(value, str):
            if found := _ANCHOR.fullmatch(value):
                _, _, content = self._data(found["uri"])
                return self._made(html.unescape(found["name"]), content, anchor=value.strip())
            if _DATA.match(value):
                type_, name, content = self._data(value)
                return self._link(name, type_, content)
            if not value.lstrip().startswith("<"):
                return self._link(None, None, self._decoded(value))
        raise self._refusal(
            f"is no file; it is {shape(value)}", "Make it with attachment(), or give it in base64."
        )

    def _declared(self, value: dict[str, Any]) -> File:
        name, type_ = (text_or_none(value.get(part), self.field) for part in ("name", "media_type"))
        if (path := value.get("path")) is None:
            return self._link(name, type_, self._decoded(value.get("content")))
        if not isinstance(path, str) or not path.strip() or "\0" in path:
            raise self._refusal(f"has no path; it is {shape(path)}", "Give the path or URI of the file.")
        if name is None:
            # Not that of a URI's parameters.
            name = path.partition("?")[0] if "://" in path else path
        return self._link(name, type_, self._read(path))

    def _read(self, path: str) -> bytes:
        place = local_path(path)
        if place is not None and stat.S_ISFIFO(_mode(place)):
            # To open it would wait for somebody who writes to it.
            raise self._refusal("cannot be read: it is no ordinary file", "Name a file.")
        try:
            file, _ = open_for_reading(path)
            with file:
                # Not by the size that is told: it may be another one by now.
                return file.read(MOST_BYTES + 1)
        except Exception as error:
            # 'from None': a library's error has the path, and what else it was given.
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InvalidInput:
        remedy = "Check the path, and that the worker may read it."
        if isinstance(error, FileNotFoundError):
            what, remedy = "there is no such file", "Check the path, and that the worker sees that place."
        elif isinstance(error, IsADirectoryError):
            what, remedy = "it is a folder", "Name a file in it."
        elif isinstance(error, PermissionError):
            what = "permission denied"
        else:
            what = type(error).__name__
            remedy = getattr(error, "remedy", None) or remedy
        return InvalidInput(
            f'"{self.field}": file {self.number} cannot be read: {what}.', field=self.field, remedy=remedy
        )

    def _data(self, uri: str) -> tuple[str | None, str | None, bytes]:
        """Return type, name and content of a ``data:`` URI."""
        found = _DATA.match(uri)
        if found is None:
            raise self._refusal("is no data: URI", "Write it like data:application/pdf;base64,….")
        type_, *parameters = (part.strip() for part in found["about"].split(";"))
        text = uri[found.end() :].strip()
        encoded = "base64" in (one.lower() for one in parameters)
        content = self._decoded(text) if encoded else _percent_decoded(text)
        named = [one[5:] for one in parameters if one.lower().startswith("name=")]
        name = _percent_decoded(named[0].strip("'\"")).decode(errors="replace") if named else None
        return type_ or None, name, content

    def _decoded(self, text: Any) -> bytes:
        if isinstance(text, str) and len(text) > 2 * MOST_BYTES:
            # It is not decoded for nothing.
            raise self._too_large()
        try:
            # Mail programs and command lines break it into lines.
            return base64.b64decode("".join(text.split()) if isinstance(text, str) else "?", validate=True)
        except (ValueError, binascii.Error):
            raise self._refusal(
                f"is not base64; it is {shape(text)}",
                "Give the content of the file in base64, or name the file with attachment(path=…).",
            ) from None

    def _link(self, name: str | None, type_: str | None, content: bytes) -> File:
        self._check_size(content)
        if not type_:
            type_ = _guessed(name) or _recognised(content) or UNKNOWN_TYPE
        if not _TYPE.fullmatch(type_):
            raise self._refusal(f"has no type like application/pdf, but {shape(type_)}", "Correct its type.")
        name = self._name(name or f"attachment-{self.number}{_ending(type_)}")
        uri = f"data:{type_};base64,{base64.b64encode(content).decode()}"
        shown = html.escape(name)
        inside = f"<img src='{uri}' alt='{shown}'>" if type_.lower().startswith("image/") else shown
        return self._made(name, content, anchor=f"<a href='{uri}' download='{shown}'>{inside}</a>")

    def _name(self, name: str) -> str:
        last = visible(_last(name.rstrip("/\\"))).strip()
        if CONTROL.search(name) or "\t" in name or not last or last in (".", ".."):
            raise self._refusal(
                f"has a name that no file can have ({shape(name)})",
                "Give it a name without line breaks and control characters, like invoice.pdf.",
            )
        return last

    def _check_size(self, content: bytes) -> None:
        if not content:
            raise self._refusal(
                "is empty (0 bytes)", "Leave it out, or look into what should have written it."
            )
        if len(content) > MOST_BYTES:
            raise self._too_large()

    def _made(self, name: str, content: bytes, *, anchor: str) -> File:
        self._check_size(content)
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        return File(self._name(name), digest, len(content), anchor)

    def _too_large(self) -> InvalidInput:
        return self._refusal(
            f"has more than {MOST_BYTES:,} bytes", "Make it smaller, or send a link to where it is stored."
        )

    def _refusal(self, what: str, remedy: str) -> InvalidInput:
        return InvalidInput(f'"{self.field}": file {self.number} {what}.', field=self.field, remedy=remedy)


def _mode(place: str) -> int:
    try:
        return os.stat(place).st_mode
    except OSError:
        return 0


def _guessed(name: str | None) -> str | None:
    type_, compression = mimetypes.guess_type(_last(name)) if name else (None, None)
    return type_ if compression is None else _COMPRESSED.get(compression, UNKNOWN_TYPE)


def _last(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _recognised(content: bytes) -> str | None:
    return next((type_ for first, type_ in _FIRST_BYTES.items() if content.startswith(first)), None)


def _ending(type_: str) -> str:
    return _ENDINGS.get(type_) or mimetypes.guess_extension(type_) or ".bin"


def _percent_decoded(text: str) -> bytes:
    return re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode(errors="replace")
    )
