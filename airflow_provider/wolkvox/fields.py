"""Values of the CRM's fields that are more than a text or a number.

Each function has two uses. With a value it makes the value of a field:
``{"telephonecontact": telephone("3000000000", country="Colombia", code="57")}``. Without one it says how the
values of a whole batch are made: ``types={"telephonecontact": telephone(country="Colombia", code="57")}``.
There, :func:`column` takes a part from the record: ``telephone(country=column("country"), code="57")``.

Dag files import this module, so it imports nothing heavy, and what it makes is plain JSON.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from airflow_provider import dates
from airflow_provider.exceptions import InvalidInput
from airflow_provider.phones import plain_phone
from airflow_provider.texts import scalar, text_or_none
from airflow_provider.values import BYTES, is_empty, is_later, shape
from airflow_provider.wolkvox.numbers import parsed

DAY, MOMENT = "provider:day", "provider:moment"
"""What the declarations of dates are called; the CRM has texts in their place."""

ATTACHMENT, ATTACHMENTS = "provider:attachment", "provider:attachments"
"""What a file is called until it is sent, and the declaration of a field of files."""

MADE = ("<a ", "data:")
"""How texts begin that have a file in them."""

_SCALARS = ("address", "currency", "search")

_FROM_RECORD: Any = object()


def telephone(value: Any = _FROM_RECORD, *, country: Any, code: Any) -> dict[str, Any]:
    """Make a telephone number.

    :param value: the number without the code of the country; without it: that of the record
    :param country: the country as the CRM writes it, like ``Colombia``
    :param code: the code of the country, like ``57``
    """
    return _typed("telephone", value, country=country, code=code)


def address(value: Any = _FROM_RECORD) -> dict[str, Any]:
    """Make an address.

    :param value: the address; without it: that of the record
    """
    return _typed("address", value)


def search(value: Any = _FROM_RECORD, *, value_id: Any, module: Any) -> dict[str, Any]:
    """Make a link to a record of another module.

    :param value: what is shown of the other record; without it: the value of the record's field
    :param value_id: the CRM's identifier of the other record
    :param module: the module of the other record
    """
    return _typed("search", value, value_id=value_id, searchModuleName=module)


def currency(value: Any = _FROM_RECORD, *, symbol: Any, convert: Any) -> dict[str, Any]:
    """Make an amount of money.

    :param value: the amount; without it: that of the record
    :param symbol: the symbol of the currency
    :param convert: what it is converted to, in the CRM's words
    """
    return _typed("currency", value, symbol=symbol, convert=convert)


def table(rows: Any = _FROM_RECORD) -> dict[str, Any]:
    """Make a table.

    :param rows: a list of objects, one for each row, or the same as JSON text; without it: that of the record
    """
    return _typed("table", rows)


def day(value: Any = _FROM_RECORD, *, date_format: str | None = None) -> Any:
    """Make the text of a day, ``YYYY-MM-DD``.

    :param value: the day; without it: that of the record
    :param date_format: how it is written where it is a text, like ``%d.%m.%Y``; by default ``YYYY-MM-DD``
    :raises InvalidInput: it is no such day, or the format is none
    """
    return _date(DAY, value, date_format)


def moment(value: Any = _FROM_RECORD, *, date_format: str | None = None) -> Any:
    """Make the text of a time, ``YYYY-MM-DD HH:MM:SS``.

    :param value: the time; without it: that of the record
    :param date_format: how it is written where it is a text, like ``%d.%m.%Y %H:%M``; by default any ISO 8601
    :raises InvalidInput: it is no such time, or the format is none
    """
    return _date(MOMENT, value, date_format)


def participants(value: Any = _FROM_RECORD) -> dict[str, Any]:
    """Make the participants of a meeting.

    :param value: the users, like ``user@operation``: a list, or a text with ``;`` between them; without it:
        those of the record
    """
    return _typed("participant", value)


def attachment(
    name: str | None = None, *, content: Any = None, path: Any = None, type: str | None = None
) -> dict[str, Any]:
    """Name a file to be attached, for a field of a record. It is read when the record is sent.

    Give one of ``content`` and ``path``.

    :param name: name of the file; by default that of ``path``, or a number
    :param content: its content: bytes, or a text in base64. It is in the Dag or the record from here on
    :param path: path or URI of the file, for which only its name is in the Dag
    :param type: its type, like ``application/pdf``; by default the one that its name speaks of
    :raises InvalidInput: there is no content and no path, or both
    """
    if (content is None) == (path is None):
        raise InvalidInput(
            "an attachment needs its content or its path, and not both.",
            field="path",
            remedy='Write it like attachment(path="/data/invoice.pdf").',
        )
    made: dict[str, Any] = {"type": ATTACHMENT, "name": name, "media_type": type}
    if path is not None:
        return {**made, "path": _path(path)}
    return {**made, "content": _base64(content)}


def attachments(paths: Any = _FROM_RECORD) -> Any:
    """Make the value of a field of files.

    :param paths: paths or URIs of files: a list, or a text with ``;`` between them; without it: those of the
        record
    :raises InvalidInput: one of them is no path
    """
    return {"type": ATTACHMENTS} if paths is _FROM_RECORD else _attachments("attachments", paths)


def column(name: str) -> dict[str, Any]:
    """Take a part of a typed value from the record, in ``types`` of a batch.

    :param name: name of the record's field; dots lead into nested records
    """
    return {"column": name}


def columns_of(declared: Mapping[str, Any]) -> list[str]:
    """Return the fields of the record that a declaration takes parts from.

    :param declared: the declaration, from one of the functions above
    """
    return [given["column"] for given in declared.values() if _is_column(given)]


def _is_column(part: Any) -> bool:
    return isinstance(part, dict) and set(part) == {"column"}


def filled(name: str, declared: Mapping[str, Any], value: Any, find: Any) -> Any:
    """Make the value of a field as ``types`` of a batch declare it.

    :param name: name of the field
    :param declared: its declaration, from one of the functions above
    :param value: the record's value
    :param find: returns the record's value by the name of its field, or None
    :raises InvalidInput: a part is empty, or the value has the wrong shape
    """
    if isinstance(value, dict) and "type" in value:
        # It is made already.
        return value
    parts = dict(declared)
    for part, given in declared.items():
        if _is_column(given):
            parts[part] = find(given["column"])
            if parts[part] is None:
                raise InvalidInput(
                    f'"{name}" needs "{part}", and "{given["column"]}" is empty.',
                    field=name,
                    remedy="Fill it in the record, or declare a constant.",
                )
    type_ = parts.pop("type")
    if type_ in (DAY, MOMENT):
        return _text_of_date(name, type_, value, declared.get("date_format"))
    if type_ == ATTACHMENTS:
        return _attachments(name, value)
    try:
        return _typed(type_, value, **parts)
    except InvalidInput as error:
        error.field, error.message = name, f'"{name}": {error.message}'
        raise


def check_types(types: Any) -> None:
    """Make sure that ``types`` of a batch are what the functions above make.

    :param types: the declarations by field
    :raises InvalidInput: they are not
    """
    if not isinstance(types, Mapping):
        raise InvalidInput(
            f"types must be a dict of declarations by field; it is a {type(types).__name__}.",
            field="types",
            remedy='Write it like {"telephonecontact": telephone(country="Colombia", code="57")}.',
        )
    for name, declared in types.items():
        if not isinstance(declared, dict) or not isinstance(declared.get("type"), str):
            raise InvalidInput(
                f'types["{name}"] must be made by a function of airflow_provider.wolkvox.fields; '
                f"it is a {type(declared).__name__}.",
                field="types",
                remedy='Write it like telephone(country="Colombia", code="57").',
            )
        if declared["type"] == ATTACHMENT:
            raise InvalidInput(
                f'types["{name}"] must not be one file: it would be that of every record.',
                field="types",
                remedy="Write attachments(), or put the file into defaults.",
            )
        if "value" in declared:
            raise InvalidInput(
                f'types["{name}"] must not have a value: it would be that of every record.',
                field="types",
                remedy="Leave it out, or put the whole into defaults.",
            )


def refuse_undeclared(types: Mapping[str, Mapping[str, Any]], name: str, value: Any) -> None:
    """Refuse a file of the worker that a record names in a field that ``types`` does not declare.

    Whoever writes the records, in a file or another task, would choose which file is read and sent.

    :param types: the declarations by field
    :param name: name of the field
    :param value: the value that the record has
    :raises InvalidInput: it names a file by its path
    """
    if types.get(name, {}).get("type") == ATTACHMENTS:
        return
    files = [one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, dict)]
    if any(file.get("type") == ATTACHMENT and file.get("path") is not None for file in files):
        raise InvalidInput(
            f'"{name}" of the record names a file by its path, and types does not declare the field.',
            field=name,
            remedy=(
                f'Where the records may choose files, declare it: types={{"{name}": attachments()}}. '
                "Or leave the field out, or give the file in defaults."
            ),
        )


def _typed(type_: str, value: Any, **parts: Any) -> dict[str, Any]:
    if value is _FROM_RECORD:
        return {"type": type_, **parts}
    if is_empty(value):
        raise InvalidInput(
            f"the {type_} has no value.", field=type_, remedy="Leave the field out where there is none."
        )
    if type_ == "table":
        value = _rows(value)
    elif type_ == "participant":
        value = [_user(user) for user in _several(value)]
    elif type_ == "telephone":
        value = plain_phone(_text(type_, value))
        parts = {name: _text(name, part) for name, part in parts.items()}
    elif type_ in _SCALARS:
        value = scalar(value, type_)
        parts = {name: scalar(part, name) for name, part in parts.items()}
    return {"type": type_, "value": value, **parts}


def _text(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else text_or_none(value, name)
    if text is None:
        raise InvalidInput(f'"{name}" of the telephone is empty.', field=name, remedy="Give it.")
    return text


def _date(type_: str, value: Any, date_format: str | None) -> Any:
    if date_format is not None:
        dates.date_format("date_format", date_format)
    if value is _FROM_RECORD:
        return {"type": type_, "date_format": date_format}
    return _text_of_date("day" if type_ == DAY else "moment", type_, value, date_format)


def _text_of_date(name: str, type_: str, value: Any, date_format: str | None) -> str | None:
    if type_ == DAY:
        found = dates.day(name, value, date_format)
        return None if found is None else found.isoformat()
    time = dates.moment(name, value, "YYYY-MM-DD HH:MM:SS", date_format)
    return None if time is None else time.strftime("%Y-%m-%d %H:%M:%S")


def _several(value: Any) -> list[Any]:
    """Return a list of values, which may also be one text with semicolons between them."""
    if isinstance(value, list | tuple):
        return list(value)
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else [value]


def _user(user: Any) -> str:
    text = text_or_none(user, "participants")
    if text is None:
        raise InvalidInput(
            "one of the participants is empty.", field="participants", remedy="Leave it out of the list."
        )
    return text


def _attachments(name: str, value: Any) -> list[Any]:
    whole = isinstance(value, str) and value.lstrip().lower().startswith(MADE)
    return [
        _one_attachment(name, number, file)
        for number, file in enumerate([value] if whole else _several(value), 1)
    ]


def _one_attachment(name: str, number: int, file: Any) -> Any:
    if isinstance(file, str) and file.strip():
        made = file.lstrip().lower().startswith(MADE)
        return file if made else attachment(path=file.strip())
    if isinstance(file, os.PathLike):
        return attachment(path=file)
    if isinstance(file, dict) and file.get("type") == ATTACHMENT:
        return file
    raise InvalidInput(
        f'"{name}": file {number} is {shape(file)}, and no path.',
        field=name,
        remedy="Give paths or URIs of files, with ; between them, or files made by attachment().",
    )


def _path(path: Any) -> Any:
    # A Path has a method resolve, too.
    found = os.fspath(path) if isinstance(path, os.PathLike) else path
    if is_later(found):
        return found
    raise InvalidInput(
        f"the path of an attachment must be a text; it is {shape(path)}.",
        field="path",
        remedy="Give the path or URI of the file.",
    )


def _base64(content: Any) -> Any:
    if isinstance(content, BYTES):
        return base64.b64encode(content).decode()
    if is_later(content):
        # A template may make it of something else; it is looked at when it is sent.
        return content
    raise InvalidInput(
        f"the content of an attachment must be bytes, or a text in base64; it is {shape(content)}.",
        field="content",
        remedy="Read it from a file in binary mode, or name the file with path.",
    )


def _rows(value: Any) -> list[dict[str, Any]]:
    found = parsed(value, numbers_as_text=False) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(row, dict) for row in found):
        raise InvalidInput(
            f"the table must be a list of objects; it is {shape(value)}.",
            field="table",
            remedy='Write it like [{"column": "value"}].',
        )
    return list(found)
