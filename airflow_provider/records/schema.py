"""The columns of a table and their kinds, as far as they are known before the first record.

A schema is a plain dict by the names of the columns. A kind is one of

- ``"text"``: texts, also identifiers, times and the members of an enumeration;
- ``"boolean"``;
- ``"integer"``: a whole number of 64 bits;
- ``"number"``: an exact decimal number, in Parquet ``decimal128(38, 12)``;
- a dict: a nested record with these fields;
- a list with one kind: a list of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Kind = Literal["text", "boolean", "integer", "number"]

Schema = Mapping[str, Any]
"""Kinds by the names of columns; Python's types cannot say more of what has itself in it."""

KINDS = ("text", "boolean", "integer", "number")

PRECISION = 38
"""Digits of a number in Parquet."""

SCALE = 12
"""How many of them are decimals."""


def check_schema(schema: Any) -> None:
    """Make sure that a schema is one.

    :param schema: the schema
    :raises ValueError: it is not
    """
    if not isinstance(schema, Mapping) or not schema:
        raise ValueError("a schema is a dict of kinds by the names of columns")
    for name, kind in schema.items():
        _check_kind(str(name), kind)


def _check_kind(name: str, kind: Any) -> None:
    if isinstance(kind, Mapping) and kind:
        for inner, one in kind.items():
            _check_kind(f"{name}.{inner}", one)
    elif isinstance(kind, list) and len(kind) == 1:
        _check_kind(f"{name}[]", kind[0])
    elif not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{name}: a kind is one of {', '.join(KINDS)}, a dict of kinds, or a list of one")


def leaves(schema: Schema, before: str = "") -> Iterator[str]:
    """Return the names of the columns that a flat table has for a schema, with dots where it is nested.

    :param schema: the schema
    :param before: what each name begins with
    """
    for name, kind in schema.items():
        if isinstance(kind, Mapping):
            yield from leaves(kind, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def with_integers(value: Any, kind: Any) -> Any:
    """Turn the texts of whole numbers into numbers where the schema has an integer, at any depth.

    :param value: a value whose numbers are texts, see
        :func:`~airflow_provider.records.json_lines.decode_texts`
    :param kind: its kind; None where that is not known
    """
    if isinstance(value, dict):
        kinds = kind if isinstance(kind, Mapping) else {}
        return {name: with_integers(item, kinds.get(name)) for name, item in value.items()}
    if isinstance(value, list):
        inner = kind[0] if isinstance(kind, list) else None
        return [with_integers(item, inner) for item in value]
    if (
        kind == "integer"
        and isinstance(value, str)
        and value.removeprefix("-").isdecimal()
        and len(value) < 20
    ):
        return int(value)
    return value
