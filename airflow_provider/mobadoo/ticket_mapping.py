"""From a record to the call of a ticket: nested fields, and the player's session in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.batch.mapping import RecordMapping, find
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo.answers import SESSION
from airflow_provider.records.json_lines import decode_exact
from airflow_provider.secrets import is_sealed, seal
from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty, shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.records.readers import Record

OBJECTS = ("ticket", "details")
"""Parameters that are objects. A file of columns has them as JSON."""


class TicketMapping(RecordMapping):
    """Fills the parameters of a ticket's call. A session of the record in clear is sealed in it.

    The parameters are those of :class:`~airflow_provider.batch.mapping.RecordMapping`.
    """

    def arguments(self, record: Record) -> dict[str, Any]:
        """Return the values of a record by parameter.

        :param record: as for :meth:`~airflow_provider.batch.mapping.RecordMapping.call`
        :raises InvalidInput: a required value is missing, or an object is none
        """
        for name in OBJECTS:
            self._seal_session(record, name)
        found = super().arguments(record)
        for name in OBJECTS:
            if name in found and found[name] is not None:
                found[name] = self._opened(_object(name, found[name]))
        return found

    def _seal_session(self, record: Record, name: str) -> None:
        for source in self._sources.get(name, ()):
            given = find(record, (source,))
            if given is None:
                continue
            fields = _object(name, given)
            clear = [one for one in fields if _is_session(one, fields[one])]
            if clear:
                sealed = {one: seal(text_or_none(fields[one], one) or "") for one in clear}
                _put(record, source, {**fields, **sealed})
            return

    def _opened(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self.sealed.open(value) if is_sealed(value) else value for name, value in fields.items()
        }


def _is_session(name: Any, value: Any) -> bool:
    return str(name).lower() in SESSION and not is_empty(value) and not is_sealed(value)


def _object(name: str, value: Any) -> dict[str, Any]:
    found = value
    if isinstance(found, str):
        try:
            found = decode_exact(found)
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise InvalidInput(
            f'"{name}" must be an object, or one as JSON; it is {shape(value)}.',
            field=name,
            remedy='In a CSV file write it like {"uuid": "P-1", "tips": [{"bet_amount": 10.5}]}.',
        )
    return found


def _put(record: Record, source: tuple[str, ...], value: Any) -> None:
    """Put a value where a record has one, into copies of what is nested."""
    dotted = ".".join(source)
    if dotted in record:
        record[dotted] = value
        return
    holder = record
    for part in source[:-1]:
        holder[part] = dict(holder[part])
        holder = holder[part]
    holder[source[-1]] = value
