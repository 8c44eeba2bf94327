"""Check a body against the table of its operation; the texts are those of FluentValidation."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.notation import ENUMS, only
from airflow_provider.sandbox.mpohoda.wire import Problem, read_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.sandbox.messages import Request
    from airflow_provider.sandbox.mpohoda.notation import Field, Fields

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INT32 = 2**31
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "bool": bool,
    "int": int,
    "number": (int, Decimal),
}
# .NET's decimal has 28 digits and some more; what has more is refused when it is read.
_MOST_DIGITS = 29
Error = tuple[str, str]


def is_guid(text: str) -> bool:
    """Return whether a text is a GUID."""
    return _GUID.fullmatch(text) is not None


class Validation:
    """Check bodies.

    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.switch = switch

    def body(self, request: Request, table: Fields, optional: bool = False) -> dict[str, Any]:
        """Return a body that fits its table.

        :param request: the request
        :param table: the fields
        :param optional: whether an empty body will do
        :raises Problem: with every mistake by the path of its field
        """
        if optional and not request.body.strip():
            return {}
        if request.media_type not in ("application/json", "text/json"):
            raise Problem(self.switch("content_type_status"), "The body must be application/json.")
        try:
            value = json.loads(request.body, parse_float=Decimal, parse_constant=_refuse_constant)
            # Half a character is no text: it could not be written again.
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except (ValueError, RecursionError):
            raise Problem(self.switch("malformed_status"), "The body is not JSON.") from None
        if not isinstance(value, dict):
            raise Problem(self.switch("malformed_status"), "The body must be a JSON object.")
        errors: dict[str, list[str]] = {}
        for path, text in self._object(value, table, ""):
            errors.setdefault(path, []).append(text)
        if errors:
            raise Problem(422, "One or more validation errors occurred.", errors)
        return value

    def _object(self, value: dict[str, Any], table: Fields, path: str) -> Iterator[Error]:
        for name in list(value):
            if name in table:
                continue
            if self.switch("unknown_names") == "refuse":
                yield path + name, f"'{name}' is not a known property."
            else:
                del value[name]
        for name, field in table.items():
            if name in value:
                yield from self._field(value[name], field, name, path + name)
            elif field.required:
                yield path + name, f"'{name}' must not be empty."
        yield from self._alternatives(value, table, path)

    def _alternatives(self, value: dict[str, Any], table: Fields, path: str) -> Iterator[Error]:
        """Check what stands side by side in a table although only one may be sent."""
        for one, other, switch, needed in (
            ("TextItem", "PriceListItem", "both_items", True),
            (
                "DocumentAddressWithAddressBookLink",
                "DocumentAddressWithoutAddressBookLink",
                "both_addresses",
                self.switch("empty_address") == "refuse",
            ),
            (
                "DeliveryAddressWithAddressBookLink",
                "DeliveryAddressWithoutAddressBookLink",
                "both_addresses",
                False,
            ),
        ):
            if one not in table:
                continue
            sent = [name for name in (one, other) if value.get(name) is not None]
            if len(sent) == 2 and self.switch(switch) == "refuse":
                yield path + one, f"'{one}' and '{other}' must not be filled both."
            elif not sent and needed:
                yield path + one, f"'{one}' or '{other}' must not be empty."

    def _field(self, value: Any, field: Field, name: str, path: str) -> Iterator[Error]:
        if value is None:
            if field.required:
                yield path, f"'{name}' must not be empty."
            elif not field.nullable and self.switch("null_of_not_nullable") == "refuse":
                yield path, f"'{name}' must not be null."
            return
        if not field.many:
            yield from self._value(value, field, name, path)
            return
        if not isinstance(value, list):
            yield path, f"'{name}' must be a list."
        elif field.filled and not value:
            yield path, f"'{name}' must not be empty."
        else:
            for number, one in enumerate(value):
                yield from self._value(one, field, name, f"{path}[{number}]")

    def _value(self, value: Any, field: Field, name: str, path: str) -> Iterator[Error]:
        wanted = _TYPES.get(field.kind, str)
        if not isinstance(value, wanted) or (isinstance(value, bool) and field.kind != "bool"):
            yield path, f"'{name}' is not of the type '{field.kind}'."
        elif isinstance(value, dict):
            yield from self._object(value, field.fields or {}, f"{path}.")
        elif isinstance(value, str):
            text = self._text(value, field, name)
            if text:
                yield path, text
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            text = _number(value, field, name)
            if text:
                yield path, text

    def _text(self, value: str, field: Field, name: str) -> str | None:
        if field.filled and not value.strip():
            return f"'{name}' must not be empty."
        if field.most is not None and len(value) > field.most:
            most = f"The length of '{name}' must be {field.most} characters or fewer."
            return f"{most} You entered {len(value)} characters."
        if field.kind == "guid" and not is_guid(value):
            return f"'{name}' is not a valid GUID."
        if field.kind == "date":
            try:
                read_date(value)
            except ValueError:
                return f"'{name}' is not a valid date."
        if field.kind in ENUMS and value not in only(self.switch("country"), field.kind):
            return f"'{name}' has a range of values which does not include '{value}'."
        return None


def _number(value: int | Decimal, field: Field, name: str) -> str | None:
    digits = Decimal(value).as_tuple()
    exponent = digits.exponent
    if field.kind == "int" and not -_INT32 <= value < _INT32:
        return f"'{name}' is not of the type 'int'."
    if (
        not isinstance(exponent, int)
        or len(digits.digits) + max(exponent, 0) > _MOST_DIGITS
        or exponent < -28
    ):
        return f"'{name}' is not of the type 'number'."
    if field.not_zero and value == 0:
        return f"'{name}' must not be empty."
    if field.low is not None and (value < field.low or (field.above and value == field.low)):
        return _range(field, name, value)
    if field.high is not None and value > field.high:
        return _range(field, name, value)
    return None


def _range(field: Field, name: str, value: int | Decimal) -> str:
    if field.above:
        return f"'{name}' must be greater than '{field.low}' and at most '{field.high}'. You entered {value}."
    return f"'{name}' must be between {field.low} and {field.high}. You entered {value}."


def _refuse_constant(text: str) -> Any:
    raise ValueError(text)
