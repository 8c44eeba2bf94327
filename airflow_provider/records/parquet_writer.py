"""Records to Parquet, with a schema that is found in the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.json_lines import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from airflow_provider.records.new_file import NewFile
    from airflow_provider.records.spool import Spool

    Fit = Callable[[Any], Any]

GROUP_ROWS = 10_000
"""Records of one row group at most."""

GROUP_BYTES = 16 * 1024 * 1024
"""Bytes of JSON of one row group, after which it ends."""

DEPTH = 16
"""How deep records may be nested, beyond which they are written as JSON text."""

FIELDS = 1000
"""Fields of a nested record, beyond which it is written as JSON text: it may have one for each customer."""


def require_pyarrow(field: str) -> None:
    """Make sure that Parquet can be read and written.

    :param field: the parameter that names the file, for the error
    :raises InvalidInput: pyarrow is not installed
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise InvalidInput(
            f'"{field}" is a Parquet file, and pyarrow is not installed.',
            field=field,
            remedy="pip install 'airflow-provider-vendor-apis[parquet]'",
        ) from None


def write_parquet(spool: Spool, file: NewFile, *, columns: Sequence[str]) -> None:
    """Write records as Parquet.

    A column of whole numbers is int64, of numbers double, of booleans boolean, of texts string; a nested
    record is a struct, a list a list of what its values have in common. Values of several kinds become text:
    a text stays as it is, every other value is written as JSON. So do whole numbers beyond 64 bits, and those
    beyond 2**53 in a column with fractions, which double cannot hold. A column without any value is string.

    :param spool: the records, in the form that JSON has for them; they are read twice
    :param file: the new file
    :param columns: the columns of a file without records
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    row = Column()
    for record in spool:
        row.see(record)
    fields = row.fields or {name: Column() for name in columns}
    schema = arrow.schema([(name, column.arrow_type()) for name, column in fields.items()])
    fit = row.fields_fit() if row.fields else None
    with parquet.ParquetWriter(file.stream(), schema) as writer:
        for group in grouped(spool.sized()):
            table = arrow.Table.from_pylist([fit(record) for record in group] if fit else group, schema)
            writer.write_table(table, row_group_size=len(group))


def grouped(
    records: Iterable[tuple[int, dict[str, Any]]], rows: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield records in groups of a bounded size.

    :param records: the records, each with the bytes that it takes as JSON
    :param rows: records of a group at most; None for those of a row group
    """
    group: list[dict[str, Any]] = []
    size = 0
    for length, record in records:
        group.append(record)
        size += length
        if len(group) >= (rows or GROUP_ROWS) or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


class Column:
    """What has been seen in a column: the kinds of its values, and what they are made of.

    :param depth: how deep the column is nested
    """

    def __init__(self, depth: int = 0) -> None:
        self.kinds: set[type] = set()
        self.fields: dict[str, Column] = {}
        self._items: Column | None = None
        self._depth = depth
        self._wide = False
        self._huge = False
        self._crowded = False

    def see(self, value: Any) -> None:
        """Take a value into account.

        :param value: the value, in the form that JSON has for it
        """
        if value is None:
            return
        kind = type(value)
        self.kinds.add(kind)
        if kind is int:
            self._wide = self._wide or not -(2**53) <= value <= 2**53
            self._huge = self._huge or not -(2**63) <= value < 2**63
        elif kind is dict:
            self._see_fields(value)
        elif kind is list:
            self._see_items(value)

    def _see_fields(self, record: dict[str, Any]) -> None:
        if self._crowded or self._depth > DEPTH:
            return
        fields = self.fields
        for name, value in record.items():
            column = fields.get(name)
            if column is None:
                column = fields[name] = Column(self._depth + 1)
            column.see(value)
        if self._depth and len(fields) > FIELDS:
            self._crowded = True
            fields.clear()

    def _see_items(self, values: list[Any]) -> None:
        if self._depth > DEPTH:
            return
        if self._items is None:
            self._items = Column(self._depth + 1)
        for value in values:
            self._items.see(value)

    def _one_kind(self) -> type | None:
        """Return the one kind that all values can be stored as; None where that is text alone."""
        kinds = self.kinds
        if kinds == {int, float} and not self._wide:
            return float
        if len(kinds) != 1 or self._depth > DEPTH:
            return None
        [kind] = kinds
        if (kind is int and self._huge) or (kind is dict and not self.fields):
            return None
        return kind

    def arrow_type(self) -> Any:
        """Return the Arrow type of the column."""
        import pyarrow as arrow

        kind = self._one_kind()
        if kind is dict:
            return arrow.struct([(name, column.arrow_type()) for name, column in self.fields.items()])
        if kind is list and self._items is not None:
            return arrow.list_(self._items.arrow_type())
        plain = {bool: arrow.bool_, int: arrow.int64, float: arrow.float64}
        return plain.get(kind, arrow.string)() if kind is not None else arrow.string()

    def fit(self) -> Fit | None:
        """Return what makes a value fit the type; None where all do."""
        kind = self._one_kind()
        if kind is dict:
            return self.fields_fit()
        if kind is list and self._items is not None:
            each = self._items.fit()
            return None if each is None else lambda values: values and [each(value) for value in values]
        return _as_text if kind is None and self.kinds else None

    def fields_fit(self) -> Fit | None:
        """Return what makes the fields of a record fit; None where all do."""
        fits = {name: fit for name, column in self.fields.items() if (fit := column.fit()) is not None}
        if not fits:
            return None

        def fit_record(record: dict[str, Any] | None) -> dict[str, Any] | None:
            if record is None:
                return None
            return {name: fits[name](value) if name in fits else value for name, value in record.items()}

        return fit_record


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else encode(value).decode()
