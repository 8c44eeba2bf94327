"""Numbers as the samples of wolkvox's collections have them: texts of digits."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty, native

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_digits(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with each number in them as a text of digits, at every depth.

    A whole number has no ``.0``, and no number has an exponent. Booleans are no numbers.

    :param fields: the values by name
    :raises InvalidInput: a number has lost digits, or is not finite
    """
    return {name: _digits(name, value) for name, value in fields.items()}


def parsed(text: str, numbers_as_text: bool) -> Any:
    """Return what a JSON text holds; None where it is no JSON.

    :param text: the text
    :param numbers_as_text: whether its numbers are going to be text: then they keep all their digits
    """
    try:
        return json.loads(text, parse_float=Decimal if numbers_as_text else None)
    except (ValueError, RecursionError):
        return None


def _digits(name: str, value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, dict):
        return {part: _digits(name, item) for part, item in value.items()}
    if isinstance(value, list | tuple):
        return [_digits(name, item) for item in value]
    own = native(value)
    if isinstance(own, bool) or not isinstance(own, int | float | Decimal) or is_empty(own):
        return value
    return text_or_none(value, name)
