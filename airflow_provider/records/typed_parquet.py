"""Records to Parquet with a schema that is known: exact decimals, and the same types in every file."""

from __future__ import annotations

import decimal
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.json_lines import decode_exact, encode_exact
from airflow_provider.records.parquet_writer import Column, grouped
from airflow_provider.records.schema import PRECISION, SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.records.new_file import NewFile
    from airflow_provider.records.schema import Schema
    from airflow_provider.records.spool import Spool

CHUNK = 1000
"""Records that are in memory as Python has them; as Arrow has them, they need a tenth of it."""

CHUNKS = 10
"""Chunks of one row group."""

NOTHING = type(None)

_LAST = Decimal(1).scaleb(-SCALE)
_EXACTLY = decimal.Context(prec=PRECISION, traps=[decimal.Inexact, decimal.InvalidOperation])
_WORDS = {
    str: "a text",
    bool: "a boolean",
    int: "a whole number",
    Decimal: "a number with a fraction",
    dict: "an object",
    list: "a list",
}


def write_with_schema(spool: Spool, file: NewFile, schema: Schema) -> None:
    """Write records as Parquet with the columns of a schema, then those that came beyond it.

    A number is ``decimal128(38, 12)``, and is never rounded. A text column takes every value: one that is no
    text is written as JSON. A column beyond the schema has the type of its values, as without a schema.

    :param spool: the records, in the form that JSON has for them; they are read twice
    :param file: the new file
    :param schema: the columns and their kinds
    :raises InvalidInput: a value does not fit the kind of its column
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    table = _Record(schema)
    for record in spool:
        table.see(record)
    fields = table.arrow_fields()
    with parquet.ParquetWriter(file.stream(), arrow.schema(fields)) as writer:
        waiting: list[Any] = []
        for group in grouped(spool.sized(decode_exact), CHUNK):
            waiting.append(arrow.Table.from_arrays(table.arrays(group, ""), schema=arrow.schema(fields)))
            if len(waiting) == CHUNKS:
                writer.write_table(arrow.concat_tables(waiting), CHUNK * CHUNKS)
                waiting = []
        if waiting:
            writer.write_table(arrow.concat_tables(waiting), CHUNK * CHUNKS)


class _Typed(Protocol):
    """A column, or a field of one."""

    def see(self, value: Any) -> None:
        """Take notice of what comes beyond the schema."""

    def arrow_type(self) -> Any:
        """Return the Arrow type."""

    def array(self, values: Sequence[Any], path: str) -> Any:
        """Return values as an Arrow array; the path is for errors."""


def _typed(kind: Any) -> _Typed:
    if isinstance(kind, Mapping):
        return _Record(kind)
    if isinstance(kind, list):
        return _List(kind[0])
    plain: dict[str, type[_Text | _Boolean | _Integer | _Number]] = {
        "text": _Text,
        "boolean": _Boolean,
        "integer": _Integer,
        "number": _Number,
    }
    return plain[kind]()


class _Plain:
    """A column of values that have no parts."""

    def see(self, value: Any) -> None:
        """Do nothing: its type is known."""


class _Text(_Plain):
    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.string()

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        if not {str, NOTHING}.issuperset(map(type, values)):
            values = [_as_text(value) for value in values]
        return arrow.array(values, arrow.string())


class _Boolean(_Plain):
    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.bool_()

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        _check(values, (bool,), "a boolean", path)
        return arrow.array(values, arrow.bool_())


class _Integer(_Plain):
    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.int64()

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        _check(values, (int, Decimal), "a whole number", path)
        if Decimal in set(map(type, values)):
            values = [_whole(value, path) for value in values]
        try:
            return arrow.array(values, arrow.int64())
        except (OverflowError, arrow.ArrowInvalid):
            raise _unfit(path, "a whole number of more than 64 bits", "one of 64 bits") from None


class _Number(_Plain):
    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.decimal128(PRECISION, SCALE)

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        _check(values, (int, Decimal), "a number", path)
        try:
            return arrow.array(values, self.arrow_type())
        except (arrow.ArrowInvalid, OverflowError):
            # Zeros at the end that nobody needs, or one that does not fit.
            return arrow.array([_fitted(value, path) for value in values], self.arrow_type())


class _Record:
    """A nested record, or the row itself."""

    def __init__(self, schema: Schema) -> None:
        self._fields: dict[str, _Typed] = {str(name): _typed(kind) for name, kind in schema.items()}
        self._nested = {name: one for name, one in self._fields.items() if not isinstance(one, _Plain)}
        self._others: dict[str, Column] = {}

    def see(self, value: Any) -> None:
        if type(value) is not dict:
            return
        if value.keys() - self._fields.keys():
            # In the order in which they came: a set has another one each time.
            for name, item in value.items():
                if name not in self._fields:
                    self._others.setdefault(name, Column(1)).see(item)
        for name, field in self._nested.items():
            field.see(value.get(name))

    def arrow_fields(self) -> list[Any]:
        import pyarrow as arrow

        types = {name: one.arrow_type() for name, one in self._fields.items()}
        types |= {name: one.arrow_type() for name, one in self._others.items()}
        return [arrow.field(name, kind) for name, kind in types.items()]

    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.struct(self.arrow_fields())

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        _check(values, (dict,), "an object", path)
        none = arrow.array([value is None for value in values], arrow.bool_())
        return arrow.StructArray.from_arrays(self.arrays(values, path), fields=self.arrow_fields(), mask=none)

    def arrays(self, values: Sequence[Any], path: str) -> list[Any]:
        """Return the fields of records as Arrow arrays."""
        before = f"{path}." if path else ""
        known = [one.array(_field(values, name), before + name) for name, one in self._fields.items()]
        return known + [_inferred(one, _field(values, name)) for name, one in self._others.items()]


class _List:
    """A list of values of one kind."""

    def __init__(self, kind: Any) -> None:
        self._items = _typed(kind)

    def see(self, value: Any) -> None:
        if type(value) is list:
            for item in value:
                self._items.see(item)

    def arrow_type(self) -> Any:
        import pyarrow as arrow

        return arrow.list_(self._items.arrow_type())

    def array(self, values: Sequence[Any], path: str) -> Any:
        import pyarrow as arrow

        _check(values, (list,), "a list", path)
        offsets: list[int | None] = []
        items: list[Any] = []
        for value in values:
            # An offset that is missing is a list that is missing.
            offsets.append(None if value is None else len(items))
            items += value or ()
        offsets.append(len(items))
        inner = self._items.array(items, f"{path}[]")
        return arrow.ListArray.from_arrays(arrow.array(offsets, arrow.int32()), inner)


def _field(values: Sequence[Any], name: str) -> list[Any]:
    return [None if value is None else value.get(name) for value in values]


def _inferred(column: Column, values: list[Any]) -> Any:
    import pyarrow as arrow

    fit = column.fit()
    plain = [_inexact(value) for value in values]
    return arrow.array(plain if fit is None else [fit(value) for value in plain], column.arrow_type())


def _inexact(value: Any) -> Any:
    """Return a value as it is read where nothing is known of its column."""
    kind = type(value)
    if kind is Decimal:
        return float(value)
    if kind is dict:
        return {name: _inexact(item) for name, item in value.items()}
    return [_inexact(item) for item in value] if kind is list else value


def _as_text(value: Any) -> str | None:
    return value if value is None or type(value) is str else encode_exact(value).decode()


def _whole(value: Any, path: str) -> int | None:
    if type(value) is not Decimal:
        return value  # type: ignore[no-any-return]
    if value.adjusted() > PRECISION or value != value.to_integral_value():
        raise _unfit(path, "a number with a fraction", "a whole number")
    return int(value)


def _fitted(value: Any, path: str) -> Decimal | None:
    if value is None:
        return None
    number = Decimal(value)
    try:
        return number.quantize(_LAST, context=_EXACTLY)
    except decimal.Inexact:
        raise _unfit(path, f"a number with more than {SCALE} decimals", f"at most {SCALE}") from None
    except decimal.InvalidOperation:
        digits = PRECISION - SCALE
        raise _unfit(
            path, f"a number with more than {digits} digits before the point", f"at most {digits}"
        ) from None


def _check(values: Sequence[Any], kinds: tuple[type, ...], wanted: str, path: str) -> None:
    found = set(map(type, values)) - {*kinds, NOTHING}
    if found:
        names = sorted(_WORDS.get(one, one.__name__) for one in found)
        raise _unfit(path, names[0], wanted)


def _unfit(path: str, found: str, wanted: str) -> InvalidInput:
    return InvalidInput(
        f'"output": the column {path} has {found}, and a Parquet file has room there for {wanted}. '
        "Nothing is rounded or left out.",
        field="output",
        remedy="Write a file of JSON lines or CSV, which have every value as it came.",
    )
