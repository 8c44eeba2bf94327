"""From a record to a call: which field of the record feeds which parameter."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import described
from airflow_provider.secrets import is_sealed, open_sealed, seal
from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    from airflow_provider.http.call import Call
    from airflow_provider.records.readers import Record


class RecordMapping:
    """Fills the parameters of a call from the fields of a record.

    A parameter takes its value from the field that ``fields`` names, else from the field of its own name,
    else from the result of the batch before, else from ``defaults``. An empty value counts as none.

    :param function: makes the call; its parameters are the names that a record may have
    :param fields: names of a record's fields by parameter; dots lead into nested records
    :param defaults: values for what a record does not have
    :param chained: fields that earlier batches add, by parameter
    :param secrets: parameters whose values are sealed in the results
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
    ) -> None:
        parameters = self._parameters(function)
        for option, names in (("fields", fields), ("defaults", defaults)):
            if unknown := sorted(set(names) - set(parameters)):
                raise InvalidInput(
                    f'"{option}" names {", ".join(unknown)}, which the call does not have.',
                    field=option,
                    remedy=f"It has {', '.join(parameters)}.",
                )
        self._function = function
        self._fields = fields
        self._defaults = defaults
        self._secrets = secrets
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

    def check_columns(self, columns: Collection[str]) -> None:
        """Make sure that a file has the columns that every record will need, before anything is sent.

        :param columns: the file's columns
        :raises InvalidInput: a column is missing
        """
        wanted = {**{name: name for name in self._required if name not in self._defaults}, **self._fields}
        for parameter, path in wanted.items():
            heads = {path.split(".")[0], *(source[0] for source in self._sources[parameter])}
            heads |= {".".join(source) for source in self._sources[parameter]}
            if not heads & set(columns):
                raise InvalidInput(
                    f'the file has no column "{path}" for "{parameter}"; {described(columns)}.',
                    field=parameter,
                    remedy=f'Name the column with fields={{"{parameter}": "…"}}, or check the delimiter.',
                )

    def call(self, record: Record) -> Call[Any]:
        """Make the call of a record. A secret of the record in clear is sealed in it.

        :param record: the record, a dict of the batch's own; what it holds may be the Dag author's, and is
            not changed
        :raises InvalidInput: a required value is missing, or a value has the wrong shape
        """
        return self._function(**self._arguments(record))

    def _arguments(self, record: Record) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, sources in self._sources.items():
            value = find(record, sources)
            if value is None:
                value = self._defaults.get(name)
            elif name in self._secrets and not is_sealed(value):
                _seal_sources(record, sources)
            if value is None and name in self._defaults:
                # An explicit None leaves out what the call would send by default.
                arguments[name] = None
            elif value is not None:
                arguments[name] = open_sealed(value) if is_sealed(value) else value
        for name in self._required:
            if arguments.get(name) is None:
                looked = " or ".join('"' + ".".join(source) + '"' for source in self._sources[name])
                raise InvalidInput(
                    f'"{name}" is empty: the record has no value in {looked}.',
                    field=name,
                    remedy='Fill the field, map another with "fields", or give a constant with "defaults".',
                )
        return arguments


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
