"""Rows of a list that stay the JSON that the vendor sent, so that every digit of a number is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.extract.instants import zoned
from airflow_provider.records.json_lines import decode_texts, encode, encode_exact
from airflow_provider.records.schema import with_integers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from airflow_provider.records.schema import Schema


class RawRow(NamedTuple):
    """A row of a list, not decoded.

    :param raw: its JSON, on one line
    :param identity: what identifies it; None where it has nothing of the kind
    :param changed_at: when it was changed last, as the vendor writes it; None where it does not say
    """

    raw: bytes
    identity: Any = None
    changed_at: Any = None


Row = dict[str, Any] | RawRow
"""A row of a list: decoded, or as JSON."""


class RowReader:
    """Finds in the JSON of a row what the rules of a list need, and decodes nothing else.

    :param identity: the field that identifies a row; None where nothing does
    :param changed_at: the field with the time of its last change, like ``Info.ModifiedDate`` where it is in
        another; None where there is none
    :param zone: the time zone of times without an offset; None for UTC
    """

    def __init__(
        self, identity: str | None = None, changed_at: str | None = None, zone: tzinfo | None = None
    ) -> None:
        self._identity = identity
        self._zone = zone
        self._path = changed_at.split(".") if changed_at else []
        self._decoder = msgspec.json.Decoder(_structure(identity, self._path))

    def rows(self, items: Iterable[msgspec.Raw | bytes]) -> list[RawRow]:
        """Return the rows of a page.

        :param items: the JSON of each, as ``list[msgspec.Raw]`` in a ``msgspec.Struct`` has it
        :raises ValueError: one is no JSON object, or not in UTF-8
        """
        return [self.row(bytes(item)) for item in items]

    def encoded(self, records: Iterable[dict[str, Any]]) -> list[RawRow]:
        """Return rows of records that are decoded already, for an answer that is not plain UTF-8.

        :param records: the records; a ``Decimal`` is a number with all its digits
        """
        return [self.row(encode_exact(record)) for record in records]

    def row(self, raw: bytes) -> RawRow:
        """Return one row.

        :param raw: its JSON
        :raises ValueError: it is no JSON object, or not in UTF-8
        """
        if not raw.isascii():
            raw.decode()
        if b"\n" in raw or b"\r" in raw:
            raw = msgspec.json.format(raw, indent=-1)
        found: Any = self._decoder.decode(raw)
        changed = found.changed if self._path else None
        for _ in self._path[1:]:
            changed = changed.changed if changed is not None else None
        return RawRow(raw, found.identity if self._identity is not None else None, changed)

    def marks(self, row: Row) -> tuple[Any, Any]:
        """Return what identifies a row, and when it was changed: with an offset, where a zone is known.

        :param row: the row
        """
        if isinstance(row, RawRow):
            return row.identity, zoned(row.changed_at, self._zone)
        changed: Any = row if self._path else None
        for name in self._path:
            changed = changed.get(name) if isinstance(changed, dict) else None
        identity = row.get(self._identity) if self._identity is not None else None
        return identity, zoned(changed, self._zone)


class Lines:
    """Where each row of a list has rows of a second table: a list in one of its fields.

    :param field: the field
    :param parent: what the column is called that says which row a line belongs to; it is the first
    """

    def __init__(self, field: str, parent: str) -> None:
        self.field = field
        self.parent = parent
        kind = msgspec.defstruct("Row", [("items", list[msgspec.Raw] | None, None)], rename={"items": field})
        self._decoder = msgspec.json.Decoder(kind)
        self._begin = b"{" + encode(parent) + b":"

    def of(self, raw: bytes, identity: Any) -> list[bytes]:
        """Return the lines of a row, each as JSON on one line.

        :param raw: the JSON of the row
        :param identity: what identifies the row
        :raises VendorProtocolError: the field holds no list
        """
        try:
            found: Any = self._decoder.decode(raw)
        except msgspec.MsgspecError:
            raise VendorProtocolError(f'"{self.field}" of a row is no list') from None
        begin = self._begin + encode(identity)
        return [self._line(begin, bytes(item)) for item in found.items or ()]

    def _line(self, begin: bytes, raw: bytes) -> bytes:
        if raw[:1] != b"{":
            # Not an object: it has the name of the field.
            return begin + b"," + encode(self.field) + b":" + raw + b"}"
        if encode(self.parent) in raw:
            # Perhaps a field of the same name: two of them would make the line one that nobody can read.
            fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
            fields.pop(self.parent, None)
            raw = msgspec.json.encode(fields)
        rest = raw[1:].lstrip()
        return begin + (b"," if rest[:1] != b"}" else b"") + rest


def line_of(row: Row) -> bytes:
    """Return a row as JSON on one line, without the line break.

    :param row: the row
    """
    return row.raw if isinstance(row, RawRow) else encode(row)


def as_record(row: Row, schema: Schema | None = None) -> dict[str, Any]:
    """Return a row as a record for XCom: numbers of one that is not decoded are texts, with all their digits.

    :param row: the row
    :param schema: says which numbers are whole, and stay numbers; None where that is not known
    """
    if not isinstance(row, RawRow):
        return row
    record: dict[str, Any] = with_integers(decode_texts(row.raw), schema)
    return record


def _structure(identity: str | None, path: list[str]) -> type[msgspec.Struct]:
    inner: Any = Any
    for name in reversed(path[1:]):
        inner = msgspec.defstruct("Field", [("changed", inner, None)], rename={"changed": name}) | None
    names = {"identity": identity, "changed": path[0] if path else None}
    fields = [(field, inner if field == "changed" else Any, None) for field, name in names.items() if name]
    return msgspec.defstruct("Row", fields, rename={field: name for field, name in names.items() if name})
