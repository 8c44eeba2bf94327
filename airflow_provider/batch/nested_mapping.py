"""From a record to a call that takes a nested document: dots in a name lead into objects and lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.content import Repeated
from airflow_provider.batch.mapping import find, path_of
from airflow_provider.batch.passthrough_mapping import PassthroughMapping
from airflow_provider.exceptions import InvalidInput, InvalidRecord, Mistake
from airflow_provider.records.columns import no_column
from airflow_provider.records.groups import Grouping
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Iterator

    from airflow_provider.exceptions import RecordPath
    from airflow_provider.http.call import Call
    from airflow_provider.records.readers import Record

KEY = "key"
"""The parameter of the call that takes the record's own key."""


class NestedMapping(PassthroughMapping):
    """Fills one parameter of a call with a nested document that is made of a record.

    ``Address.City`` is the field ``City`` of the object ``Address``, whether the record has it nested, as a
    column with that name, or under another name that ``fields`` gives. A name that leads into a list, like
    ``Items.Quantity``, is a field of each of its elements: those of the record's own list, of its rows where
    several make one record, or of a single element. There ``fields`` has the names inside an element.

    :param function: makes the call; it has a parameter ``key``, beside that of the document
    :param rest: the parameter that takes the document
    :param fields: names of a record's fields by field of the document, where they differ
    :param defaults: values for what a record does not have
    :param record_key: the fields whose values are the record's own key, by their names in the document or,
        where that has none, in the record. A name may leave out which of the objects that exclude each other
        the field is in
    :param lists: fields of the document that are lists of objects
    :param alternatives: names of objects that exclude each other: a default of one is not used where a record
        has another
    :param unsent: fields of a record that are not sent
    :param results: keys of the results of batches, which are not fields
    :param include: the fields of the document; None for all
    :param exclude: fields that are left out, by the names that they have in the document
    :param required: fields of the document, or of each element of a list, that must have a value; in an
        object that excludes another, only where that one is not there
    :param replace: replaces values of a finished document, and raises what is wrong with them
    :param key_is_sent: whether a record fails whose key is not a part of its document
    """

    def __init__(
        self,
        function: Callable[..., Call[Any]],
        *,
        rest: str,
        fields: Mapping[str, str],
        defaults: Mapping[str, Any],
        record_key: Sequence[str],
        lists: Collection[str] = (),
        alternatives: Collection[Collection[str]] = (),
        unsent: Collection[str] = (),
        results: Collection[str] = (),
        include: Collection[str] | None = None,
        exclude: Collection[str] = (),
        required: Collection[str] = (),
        replace: Callable[[dict[str, Any]], None] | None = None,
        key_is_sent: bool = False,
    ) -> None:
        self._lists = tuple(lists)
        self._required_paths = [path_of(name) for name in required]
        self._replace = replace
        self._constant = defaults
        self._alternatives = alternatives
        self._record_key = record_key
        self._repeated = Repeated("Give each its own key. If they are lines of one record, set group_by.")
        self._key_is_sent = key_is_sent
        head = None
        if include is not None:
            head = list(dict.fromkeys(self._list_of(name) or name for name in include))
        super().__init__(
            function,
            rest=rest,
            fields={name: path for name, path in fields.items() if self._list_of(name) is None},
            defaults={},
            chained={},
            results=results,
            include=head,
            exclude=[name for name in exclude if self._list_of(name) is None],
        )
        self._taken |= set(unsent)
        self._elements = {
            name: PassthroughMapping(
                _element,
                rest="fields",
                fields=_below(name, fields),
                defaults={},
                chained={},
                include=_below(name, dict.fromkeys(include, "")) or None if include is not None else None,
                exclude=tuple(_below(name, dict.fromkeys(exclude, ""))),
            )
            for name in self._lists
        }
        self._first = {*self._renamed, *(name for one in self._elements.values() for name in one._renamed)}

    def _parameters(self, function: Callable[..., Call[Any]]) -> Mapping[str, inspect.Parameter]:
        parameters = super()._parameters(function)
        return {name: parameter for name, parameter in parameters.items() if name != KEY}

    def check_columns(self, columns: Collection[str], also: Collection[str] = ()) -> None:
        """Make sure that a file has the columns that every record will need, before anything is sent.

        :param columns: the file's columns
        :param also: what a record has besides
        :raises InvalidInput: a column is missing
        """
        super().check_columns(columns, [*also, *self._lists])
        for list_, element in self._elements.items():
            for name, path in element._renamed.items():
                if list_ not in columns and not {path[0], ".".join(path)} & set(columns):
                    remedy = 'Correct the name in "fields", or check the delimiter.'
                    raise no_column(".".join(path), f"{list_}.{name}", columns, remedy)

    def _unseen(self, names: Collection[str]) -> list[str]:
        # What is inside the elements of a list is not looked at.
        there = set(names)
        inner = [
            ".".join(path)
            for list_, element in self._elements.items()
            if list_ not in there
            for path in element._renamed.values()
            if not {path[0], ".".join(path)} & there
        ]
        return [*super()._unseen([*names, *self._lists]), *inner]

    def grouping(self, by: str, lines: str) -> Grouping:
        """Return how rows make the records of this mapping.

        :param by: the field whose value is the same in the rows of one record
        :param lines: the list that has an element for each row
        """
        element = self._elements[lines]
        sources = {path[0] for path in element._renamed.values()}
        sources |= {".".join(path) for path in element._renamed.values()}
        heads = {path[0] for path in self._renamed.values()}
        heads |= {".".join(path) for path in self._renamed.values()}
        kept = {by, *heads, *(path_of(name)[0] for name in self._record_key), *self._record_key}

        def line_field(name: str) -> str | None:
            if name in sources:
                return name
            return name.removeprefix(f"{lines}.") if name.startswith(f"{lines}.") else None

        def sent(name: str) -> bool:
            if name in kept:
                return True
            return self._is_field(name, "") and (self._include is None or name in self._include)

        return Grouping(by, lines, line_field, lambda name: name in kept or line_field(name) is None, sent)

    def call(self, record: Record) -> Call[Any]:
        """Make the call of a record.

        :param record: the record
        :raises InvalidInput: a value is missing or has the wrong shape, or an earlier record of the batch has
            the same key and another content
        """
        document = self._document(record)
        if missing := [
            Mistake(found, "is empty", "It is required by the task. Fill it in, or take the record out.")
            for path in self._required_paths
            for found in self._missing(document, path, ())
        ]:
            raise InvalidRecord(missing)
        if self._replace is not None:
            self._replace(document)
        key = [self._key_part(name, document, record) for name in self._record_key]
        call = self._function(**{self._rest: document, KEY: key})
        self._repeated.check(call)
        return call

    def _missing(self, holder: Any, path: Sequence[str], above: RecordPath) -> Iterator[RecordPath]:
        """Find where a required field has no value."""
        if isinstance(holder, list):
            for place, one in enumerate(holder):
                yield from self._missing(one, path, (*above, place))
            return
        if not isinstance(holder, Mapping):
            # It is of the wrong kind, which the call says.
            return
        head, *rest = path
        inner = holder.get(head)
        if is_empty(inner):
            if not self._has_other(holder, head):
                yield (*above, *path)
        elif rest:
            yield from self._missing(inner, rest, (*above, head))

    def _key_part(self, name: str, document: dict[str, Any], record: Record) -> Any:
        path = path_of(name)
        found = find(document, (path,))
        if found is None and len(path) > 1:
            # The answers have in one object what a document has in one of several that exclude each other.
            inside = ((*path[:-1], part, path[-1]) for parts in self._alternatives for part in parts)
            found = find(document, tuple(inside))
        if found is not None:
            return found
        own = find(record, (path,))
        if own is not None and self._key_is_sent:
            raise InvalidInput(
                f'"{name}" of the key is not sent, so the record could not be found by it.',
                field="record_key",
                remedy="Choose a field that the vendor is given and gives back, or leave out reconcile.",
            )
        return own

    def _document(self, record: Record) -> dict[str, Any]:
        values = self._fields_of(record)
        for list_, element in self._elements.items():
            found = values.pop(list_, None)
            flat = {name: values.pop(name) for name in list(values) if name.startswith(f"{list_}.")}
            if found is not None and flat:
                raise InvalidInput(
                    f'the record has "{list_}", and "{next(iter(flat))}" beside it.',
                    field=list_,
                    remedy="Give the one or the other.",
                )
            if isinstance(found, list | tuple):
                values[list_] = [
                    element._fields_of(dict(one)) if isinstance(one, Mapping) else one for one in found
                ]
            elif isinstance(found, Mapping):
                values[list_] = [element._fields_of(dict(found))]
            elif found is not None:
                values[list_] = found
            elif one := self._single(element, record, _below(list_, flat)):
                values[list_] = [one]
                for path in element._renamed.values():
                    # It is not sent under its own name as well.
                    if (source := ".".join(path)) not in self._renamed:
                        values.pop(source, None)
        document = nested(values, first=self._first)
        for name, value in self._constant.items():
            self._put_default(document, name, value)
        return document

    def _single(self, element: PassthroughMapping, record: Record, flat: Mapping[str, Any]) -> dict[str, Any]:
        """Return the one element that the columns of a record make."""
        renamed = {name: find(record, (path,)) for name, path in element._renamed.items()}
        found = {**flat, **{name: value for name, value in renamed.items() if value is not None}}
        return {name: value for name, value in found.items() if name not in element._exclude}

    def _put_default(self, document: dict[str, Any], name: str, value: Any) -> None:
        list_ = self._list_of(name)
        if list_ is None:
            self._fill(document, path_of(name), value)
            return
        elements = document.get(list_)
        for one in elements if isinstance(elements, list) else ():
            if isinstance(one, dict):
                self._fill(one, path_of(name)[1:], value)

    def _fill(self, holder: dict[str, Any], path: Sequence[str], value: Any) -> None:
        for part in path[:-1]:
            if self._has_other(holder, part):
                return
            inner = holder.get(part)
            if is_empty(inner):
                inner = {}
            if not isinstance(inner, dict):
                return
            holder[part] = inner
            holder = inner
        if is_empty(holder.get(path[-1])) and value is not None and not self._has_other(holder, path[-1]):
            holder[path[-1]] = value

    def _has_other(self, holder: Mapping[str, Any], part: str) -> bool:
        return any(
            part in names and any(name != part and not is_empty(holder.get(name)) for name in names)
            for names in self._alternatives
        )

    def _list_of(self, name: str) -> str | None:
        head = path_of(name)[0]
        return head if head in self._lists and head != name else None


def nested(values: Mapping[str, Any], *, first: Collection[str] = ()) -> dict[str, Any]:
    """Make a nested document of values by dotted names; inside nested values, too.

    :param values: the values; one that is empty leaves no trace
    :param first: names whose values come before those that the same field has in a nested value
    :raises InvalidInput: a name leads into a field that has a value of its own, or has another value there
    """
    document: dict[str, Any] = {}
    # An object before what leads into it.
    for name, value in sorted(values.items(), key=lambda item: item[0].count(".")):
        if is_empty(value):
            continue
        *heads, last = path_of(name)
        holder = document
        for head in heads:
            holder = holder.setdefault(head, {})
            if not isinstance(holder, dict):
                raise InvalidInput(
                    f'"{name}" leads into "{head}", which has a value of its own.',
                    field=name,
                    remedy="Give the one or the other.",
                )
        own = _nested(value, first)
        if last in holder and holder[last] != own and name not in first:
            raise InvalidInput(
                f'the record has "{name}" twice, with different values.',
                field=name,
                remedy="Give it nested or with dots in its name, not both.",
            )
        holder[last] = own
    return document


def _nested(value: Any, first: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return nested({str(name): part for name, part in value.items()}, first=first)
    if isinstance(value, list | tuple):
        return [_nested(part, first) for part in value]
    return value


def _below(list_: str, named: Mapping[str, Any]) -> dict[str, Any]:
    start = f"{list_}."
    return {name.removeprefix(start): value for name, value in named.items() if name.startswith(start)}


def _element(fields: Mapping[str, Any]) -> Any:
    """Stand for a call: an element has its fields and no call of its own."""
