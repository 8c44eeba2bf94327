"""From a record to a call: which field of the record feeds which parameter."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_provider.batch.sealed import SealedValues
from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import no_column
from airflow_provider.secrets import is_sealed, seal
from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    from airflow_provider.batch.known import Known
    from airflow_provider.http.call import Call
    from airflow_provider.records.readers import Record

log = logging.getLogger(__name__)

Check = Callable[[str, Any], None]
"""Is given the name of a parameter or field and the value that a record has for it, and may refuse it."""


class RecordMapping:
    """Fills the parameters of a call from the fields of a record.

    A parameter takes its value from the field that ``fields`` names, else from the field of its own name,
    else from the result of the batch before, else from ``defaults``. An empty value counts as none. In an
    update of a record that the vendor has, ``defaults`` come before the field of the parameter's own name.

    :param function: makes the call; its parameters are the names that a record may have
    :param fields: names of a record's fields by parameter; dots lead into nested records
    :param defaults: values for what a record does not have
    :param chained: fields that earlier batches add, by parameter
    :param secrets: parameters whose values are sealed in the results
    :param known: what an update does with records whose values the vendor has already; None where the calls
        are no updates
    :param check: looks at each value that is sent of a record itself; ``defaults`` are the Dag author's
    :raises InvalidInput: ``fields`` or ``defaults`` name a parameter that the call does not have
    """

    def __init__(
        self,
        function: Callable[..., Call[Any]],
        *,
        fields: Mapping[str, str],
        defaults: Mapping[str, Any],
        chained: Mapping[str, str],
        secrets: Collection[str] = (),
        known: Known | None = None,
        check: Check | None = None,
    ) -> None:
        parameters = self._parameters(function)
        for option, names in (("fields", fields), ("defaults", defaults)):
            if unknown := sorted(set(names) - set(parameters)):
                turned = [name for name in unknown if names[name] in parameters] if option == "fields" else []
                raise InvalidInput(
                    f'"{option}" names {", ".join(unknown)}, which the call does not have.',
                    field=option,
                    remedy=f"It has {', '.join(parameters)}.{_turn_round(turned, fields)}",
                )
        self.sealed = SealedValues()
        self._function = function
        self._fields = fields
        self._defaults = defaults
        self._secrets = secrets
        self._chained = {name: path_of(path) for name, path in chained.items() if name in parameters}
        self._kept = {*fields, *self._chained}
        self._known = known
        self._check = check
        # A record that names another by its identifier has no values of that one.
        other = any(fields.get(name, name) != name for name in self._chained)
        self._marks = () if known is None or other else tuple(path_of(mark) for mark in known.marks)
        self._told: set[str] = set()
        self._required = [
            name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty
        ]
        self._sources = {
            name: tuple(
                path_of(path)
                for path in ((fields[name],) if name in fields else (name, chained.get(name)))
                if path
            )
            for name in parameters
        }

    def _parameters(self, function: Callable[..., Call[Any]]) -> Mapping[str, inspect.Parameter]:
        # A record must not replace the arguments that a partial function has by name.
        bound = getattr(function, "keywords", ())
        parameters = inspect.signature(function).parameters
        return {name: parameter for name, parameter in parameters.items() if name not in bound}

    def check_columns(self, columns: Collection[str], also: Collection[str] = ()) -> None:
        """Make sure that a file has the columns that every record will need, before anything is sent.

        :param columns: the file's columns
        :param also: what a record has besides
        :raises InvalidInput: a column is missing
        """
        wanted = {**{name: name for name in self._required if name not in self._defaults}, **self._fields}
        for parameter, path in wanted.items():
            heads = {path.split(".")[0], *(source[0] for source in self._sources[parameter])}
            heads |= {".".join(source) for source in self._sources[parameter]}
            if not heads & {*columns, *also}:
                other = "" if parameter in self._fields else " or one value for all with defaults"
                remedy = f'Name the column with fields={{"{parameter}": "…"}}{other}, or check the delimiter.'
                raise no_column(path, parameter, columns, remedy)

    def tell_unseen(self, names: Collection[str]) -> None:
        """Log which columns the Dag names that no record of a list has.

        It is no error, as in a file: a record may lack what it has no value for, and so may all of a short
        list.

        :param names: all names that the records have
        """
        if unseen := [f'"{name}"' for name in dict.fromkeys(self._unseen(names))]:
            self._tell(
                "unseen",
                f"No record of the list has {', '.join(unseen)}, which a parameter of the task names: that "
                "has no effect. Check the spelling, unless records may lack it.",
                logging.WARNING,
            )

    def _unseen(self, names: Collection[str]) -> list[str]:
        """Return the columns that the Dag names and the records do not have."""
        return [path for path in self._fields.values() if not {path.split(".")[0], path} & set(names)]

    def call(self, record: Record) -> Call[Any]:
        """Make the call of a record. A secret of the record in clear is sealed in it.

        :param record: the record, a dict of the batch's own; what it holds may be the Dag author's, and is
            not changed
        :raises InvalidInput: a required value is missing, or a value has the wrong shape
        """
        return self._function(**self.arguments(record))

    def arguments(self, record: Record) -> dict[str, Any]:
        """Return the values of a record by parameter. A secret of the record in clear is sealed in it.

        :param record: as for :meth:`call`
        :raises InvalidInput: a required value is missing
        """
        known = self._known_of(record)
        arguments: dict[str, Any] = {}
        constants = set()
        for name, sources in self._sources.items():
            value = find(record, sources)
            if value is not None and name in self._secrets and not is_sealed(value):
                _seal_sources(record, sources)
            if value is None or (known and self._comes_first(name, value, self._defaults, self._kept)):
                value = self._defaults.get(name)
                constants.add(name)
            if value is None and name in self._defaults:
                # An explicit None leaves out what the call would send by default.
                arguments[name] = None
            elif value is not None:
                arguments[name] = self.sealed.open(value) if is_sealed(value) else value
        if known:
            self._leave_out(known, arguments)
        self._check_own(arguments, constants)
        for name in self._required:
            if arguments.get(name) is None:
                looked = " or ".join('"' + ".".join(source) + '"' for source in self._sources[name])
                raise InvalidInput(
                    f'"{name}" is empty: the record has no value in {looked}.',
                    field=name,
                    remedy='Fill the field, map another with "fields", or give a constant with "defaults".',
                )
        return arguments

    def _check_own(self, values: Mapping[str, Any], constants: Collection[str]) -> None:
        if self._check is not None:
            for name, value in values.items():
                if name not in constants:
                    self._check(name, value)

    def _known_of(self, record: Record) -> Known | None:
        """Return what is special about a record if the vendor has its values already."""
        if self._known is None:
            return None
        if any(find(record, (mark,)) is not None for mark in self._marks):
            return self._known
        for name, path in self._chained.items():
            left = find(record, (path,))
            if left is not None and left == find(record, self._sources[name]):
                return self._known
        return None

    def _comes_first(self, name: str, value: Any, defaults: Mapping[str, Any], kept: Collection[str]) -> bool:
        """Say whether a constant comes before the value of a record that the vendor has already."""
        if name not in defaults or name in kept:
            return False
        if not is_empty(value):
            self._tell(
                "replaced",
                f'The vendor has the values of such records already, so "{name}" is sent as "defaults" say. '
                f'fields={{"{name}": "{name}"}} would send the value of each record.',
            )
        return True

    def _leave_out(self, known: Known, arguments: dict[str, Any]) -> None:
        named = {*self._fields, *self._defaults}
        given = {name for name, value in arguments.items() if name in named and value is not None}
        for name in known.not_again(given):
            if name not in named and arguments.pop(name, None) is not None:
                self._tell(
                    f"left out {name}",
                    f'"{name}" is not sent again: the vendor has the values of such records already. '
                    f'fields={{"{name}": "{name}"}} would send it.',
                )

    def _tell(self, what: str, text: str, level: int = logging.INFO) -> None:
        if what not in self._told:
            self._told.add(what)
            log.log(level, text)


def _turn_round(names: Collection[str], fields: Mapping[str, str]) -> str:
    """Return the rest of a remedy for ``fields`` whose two sides are exchanged; empty where none is."""
    pairs = ", ".join(f'"{fields[name]}": "{name}"' for name in names)
    return f" The vendor's name comes first: fields={{{pairs}}}." if pairs else ""


def path_of(name: str) -> tuple[str, ...]:
    """Split a dotted name.

    :param name: name of a field; dots lead into nested records
    """
    return tuple(name.split("."))


def find(record: Record, sources: tuple[tuple[str, ...], ...]) -> Any:
    """Return the first value of a record that is none of the empty ones; None where there is none.

    :param record: the record
    :param sources: where to look, in this order
    """
    for source in sources:
        # A column may have dots in its own name.
        value = record.get(source[0] if len(source) == 1 else ".".join(source))
        if value is None and len(source) > 1:
            value = _value_at(record, source)
        if not is_empty(value):
            return value
    return None


def _seal_sources(record: Record, sources: tuple[tuple[str, ...], ...]) -> None:
    for source in sources:
        name = ".".join(source)
        if _is_clear(record.get(name)):
            record[name] = _sealed(record[name])
        if len(source) > 1 and _is_clear(_value_at(record, source)):
            _seal_nested(record, source)


def _seal_nested(record: Record, path: tuple[str, ...]) -> None:
    """Seal a value in copies of the nested records on its way."""
    holder = record
    for part in path[:-1]:
        inner = dict(holder[part])
        holder[part] = inner
        holder = inner
    holder[path[-1]] = _sealed(holder[path[-1]])


def _value_at(record: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        record = record.get(part) if isinstance(record, Mapping) else None
    return record


def _is_clear(value: Any) -> bool:
    return not is_empty(value) and not is_sealed(value)


def _sealed(value: Any) -> str:
    if isinstance(value, SecretStr):
        return seal(value)
    try:
        # As it is sent.
        return seal(text_or_none(value) or "")
    except InvalidInput:
        return seal(str(value))
