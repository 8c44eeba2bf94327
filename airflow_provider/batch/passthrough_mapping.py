"""From a record to a call that takes any field: each customer of the vendor has fields of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.mapping import Check, RecordMapping, find, path_of
from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import described, no_column, shown
from airflow_provider.records.parsing import SOURCE_ROW
from airflow_provider.secrets import is_sealed
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    import inspect

    from airflow_provider.batch.known import Known
    from airflow_provider.http.call import Call
    from airflow_provider.records.readers import Record

Convert = Callable[[str, Any, Callable[[str], Any]], Any]


class PassthroughMapping(RecordMapping):
    """Fills one parameter of a call with a dict of fields, and the others like its base class.

    The dict has all fields of a record, except what other parameters or parts of values take, the results
    of earlier batches, and ``source_row``. ``fields`` renames, ``include`` and ``exclude`` restrict. A field
    without a value takes that of ``defaults``, and is left out where there is none: an empty text there is a
    value, None is not. Of a record that the vendor has, an update takes the value of ``defaults`` first, and
    leaves out what the vendor does not take back.

    :param function: makes the call
    :param rest: the parameter that takes the dict
    :param fields: names of a record's fields by parameter, or by field of the dict, where they differ
    :param defaults: values for what a record does not have; they are sent whatever ``include`` says
    :param chained: fields that earlier batches add, by parameter
    :param results: keys of the results of batches, which are not fields
    :param include: the fields of the dict, by the names that they have there; None for all
    :param exclude: fields that are left out, by the names that they have in the dict
    :param required: fields of the dict that must have a value
    :param convert: turns the value of a field into what is sent; is given the field's name, the value, and a
        function that finds another value of the record
    :param converted: the fields that ``convert`` is for, each with those of the record it takes parts from
    :param known: what an update does with records whose values the vendor has already
    :param check: looks at each value that is sent of a record itself, before ``convert``
    :raises InvalidInput: ``include`` or ``exclude`` leave out what is required, converted or a default
    """

    def __init__(
        self,
        function: Callable[..., Call[Any]],
        *,
        rest: str,
        fields: Mapping[str, str],
        defaults: Mapping[str, Any],
        chained: Mapping[str, str],
        results: Collection[str] = (),
        include: Collection[str] | None = None,
        exclude: Collection[str] = (),
        required: Collection[str] = (),
        convert: Convert | None = None,
        converted: Mapping[str, Collection[str]] | None = None,
        known: Known | None = None,
        check: Check | None = None,
    ) -> None:
        self._rest = rest
        named = self._parameters(function)
        super().__init__(
            function,
            fields={name: path for name, path in fields.items() if name in named},
            defaults={name: value for name, value in defaults.items() if name in named},
            chained=chained,
            known=known,
            check=check,
        )
        self._renamed = {name: path_of(path) for name, path in fields.items() if name not in named}
        self._constants = {name: value for name, value in defaults.items() if name not in named}
        self._include = include
        self._exclude = frozenset(exclude)
        self._mandatory = required
        self._convert = convert
        self._converted = converted or {}
        self._check_choice()
        parts = {part for parts in self._converted.values() for part in parts}
        sources = [source for sources in self._sources.values() for source in sources]
        taken = [*sources, *self._renamed.values()]
        # It is not sent under its own name as well.
        self._taken = {*named, *parts, *self._exclude, *self._renamed, *(".".join(path) for path in taken)}
        # Where a record comes from is none of the vendor's fields.
        self._taken.add(SOURCE_ROW)
        # A nested record that something was taken from is not a field itself.
        self._results = {*results, *(path[0] for path in taken), *(path_of(part)[0] for part in parts)}

    def _check_choice(self) -> None:
        chosen = None if self._include is None else {*self._include, *self._constants}
        for name in [*self._mandatory, *self._converted]:
            if chosen is not None and name not in chosen:
                raise InvalidInput(
                    f'"include" leaves out "{name}", which is asked for.',
                    field="include",
                    remedy=f'Add "{name}" to it, or give a constant with "defaults".',
                )
        for name in [*self._mandatory, *self._converted, *self._constants, *self._renamed]:
            if name in self._exclude:
                raise InvalidInput(
                    f'"exclude" leaves out "{name}", which is asked for elsewhere.',
                    field="exclude",
                    remedy="Name it in one place only.",
                )
        for name in self._renamed:
            if chosen is not None and name not in chosen:
                raise InvalidInput(
                    f'"fields" renames "{name}", which "include" leaves out.',
                    field="include",
                    remedy=f'Add "{name}" to it: "include" has the names that are sent.',
                )

    def _parameters(self, function: Callable[..., Call[Any]]) -> Mapping[str, inspect.Parameter]:
        parameters = super()._parameters(function)
        return {name: parameter for name, parameter in parameters.items() if name != self._rest}

    def check_columns(self, columns: Collection[str], also: Collection[str] = ()) -> None:
        """Make sure that a file has the columns that every record will need, before anything is sent.

        :param columns: the file's columns
        :param also: what a record has besides
        :raises InvalidInput: a column is missing
        """
        super().check_columns(columns, also)
        there = {*columns, *also}
        asked = [*self._renamed, *(self._include or ()), *self._mandatory, *self._converted]
        wanted = [(name, self._path(name)) for name in asked]
        wanted += [(name, path_of(part)) for name, parts in self._converted.items() for part in parts]
        for name, path in wanted:
            if name not in self._constants and not {path[0], ".".join(path)} & there:
                remedy = f'Name the column with fields={{"{name}": "…"}}, or check the delimiter.'
                renamed = self._renamed.get(name) == path
                raise no_column(".".join(path), name, columns, remedy, renamed=renamed)
        for name in columns:
            if self._include is None and self._is_field(name, "") and not name.isprintable():
                raise InvalidInput(
                    f"the column {shown(name)} has characters that nobody sees in its name.",
                    field="records",
                    remedy="Correct the header: the name of the field would be sent with them.",
                )
        for name in self._exclude:
            if name not in there:
                raise InvalidInput(
                    f'"exclude" names "{name}", which the file does not have; {described(columns)}.',
                    field="exclude",
                    remedy="Correct the name.",
                )

    def _unseen(self, names: Collection[str]) -> list[str]:
        asked = [name for name in [*(self._include or ()), *self._converted] if name not in self._constants]
        parts = [path_of(part) for parts in self._converted.values() for part in parts]
        paths = [*self._renamed.values(), *map(self._path, asked), *parts]
        paths += [(name,) for name in sorted(self._exclude)]
        there = set(names)
        own = [".".join(path) for path in paths if not {path[0], ".".join(path)} & there]
        return [*super()._unseen(names), *own]

    def call(self, record: Record) -> Call[Any]:
        """Make the call of a record.

        :param record: the record
        :raises InvalidInput: a required value is missing, or a value has the wrong shape
        """
        return self._function(**self.arguments(record), **{self._rest: self._fields_of(record)})

    def _path(self, name: str) -> tuple[str, ...]:
        return self._renamed.get(name) or path_of(name)

    def _fields_of(self, record: Record) -> dict[str, Any]:
        known = self._known_of(record)
        if self._include is not None:
            values = {
                name: find(record, (self._path(name),)) for name in self._include if name not in self._exclude
            }
        else:
            values = {name: value for name, value in record.items() if self._is_field(name, value)}
            if known:
                values = self._without_read_only(known, values)
            values.update((name, find(record, (path,))) for name, path in self._renamed.items())
        constants = set()
        for name, value in self._constants.items():
            own = values.get(name)
            if is_empty(own) or (known and self._comes_first(name, own, self._constants, self._renamed)):
                values[name] = value
                constants.add(name)
        self._check_own(values, constants)
        for name in self._mandatory:
            if is_empty(values.get(name)):
                raise InvalidInput(
                    f'"{name}" is empty.',
                    field=name,
                    remedy='Fill it, map another with "fields", or give a constant with "defaults".',
                )
        found = {
            name: value
            for name, value in values.items()
            if not is_empty(value) or (value is not None and name in self._constants)
        }
        for name, value in found.items():
            if is_sealed(value):
                raise InvalidInput(
                    f'"{name}" holds a sealed secret, which is not sent as a field.',
                    field=name,
                    remedy='Leave it out with "exclude", or choose the fields to send with "include".',
                )
        if self._convert is None:
            return found
        for name in self._converted:
            if not is_empty(found.get(name)):
                found[name] = self._convert(name, found[name], lambda part: find(record, (path_of(part),)))
        return found

    def _without_read_only(self, known: Known, values: Mapping[str, Any]) -> dict[str, Any]:
        asked = {*self._converted, *self._constants}
        read_only = [
            name for name, value in values.items() if name not in asked and known.read_only(name, value)
        ]
        if read_only:
            self._tell(
                "read-only",
                f"Not sent, because the vendor writes them itself: {', '.join(read_only)}. "
                '"include" and "fields" can name them.',
            )
        return {name: value for name, value in values.items() if name not in read_only}

    def _is_field(self, name: str, value: Any) -> bool:
        if name in self._taken:
            return False
        return not (name in self._results and isinstance(value, Mapping))
