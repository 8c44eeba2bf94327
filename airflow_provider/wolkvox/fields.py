"""Values of the CRM's fields that are more than a text or a number.

Each function has two uses. With a value it makes the value of a field:
``{"telephonecontact": telephone("3000000000", country="Colombia", code="57")}``. Without one it says how the
values of a whole batch are made: ``types={"telephonecontact": telephone(country="Colombia", code="57")}``.
There, :func:`column` takes a part from the record: ``telephone(country=column("country"), code="57")``.

Dag files import this module, so it uses the standard library alone, and what it makes is plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider.exceptions import InvalidInput

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
        if "value" in declared:
            raise InvalidInput(
                f'types["{name}"] must not have a value: it would be that of every record.',
                field="types",
                remedy="Leave it out, or put the whole into defaults.",
            )


def _typed(type_: str, value: Any, **parts: Any) -> dict[str, Any]:
    if value is _FROM_RECORD:
        return {"type": type_, **parts}
    if value is None or value != value or (isinstance(value, str) and not value.strip()):
        raise InvalidInput(
            f"the {type_} has no value.", field=type_, remedy="Leave the field out where there is none."
        )
    if type_ == "table":
        value = _rows(value)
    elif type_ == "telephone" and isinstance(value, float) and value.is_integer():
        # A column of whole numbers with gaps comes out of Parquet and pandas as floats.
        value = int(value)
    if type_ == "telephone":
        value, parts = str(value), {name: str(part) for name, part in parts.items()}
    return {"type": type_, "value": value, **parts}


def _rows(value: Any) -> list[dict[str, Any]]:
    found = value
    if isinstance(value, str):
        try:
            found = json.loads(value)
        except ValueError:
            found = None
    if not isinstance(found, list | tuple) or not all(isinstance(row, dict) for row in found):
        kind = f"{len(value)} characters of text" if isinstance(value, str) else f"a {type(value).__name__}"
        raise InvalidInput(
            f"the table must be a list of objects; it is {kind}.",
            field="table",
            remedy='Write it like [{"column": "value"}].',
        )
    return list(found)
