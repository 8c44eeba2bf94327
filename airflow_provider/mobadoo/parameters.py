"""Parameters that Mobadoo's operators and sensors share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import is_later, shape


def videogames(value: Any) -> list[str] | None:
    """Return the URL parameters of video games; None for all.

    :param value: a list of texts, a text with them separated by commas, or None
    :raises InvalidInput: it is neither
    """
    return None if value is None else _texts("videogames", value)


def texts(name: str, value: Any) -> list[str]:
    """Return texts, at least one.

    :param name: name of the parameter
    :param value: a list of texts, or a text with them separated by commas, as Jinja makes of a list
    :raises InvalidInput: it is neither, or has none
    """
    found = _texts(name, value)
    if not found:
        raise InvalidInput(f'"{name}" is empty.', field=name)
    return found


def check_texts(name: str, value: Any) -> None:
    """Check a templated parameter of texts as far as the parsed Dag has its value.

    :param name: name of the parameter
    :param value: its value
    :raises InvalidInput: it cannot be right
    """
    if not is_later(value):
        texts(name, value)


def _texts(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        value = re.findall(r"[^\s,;'\"\[\]()]+", value)
    if isinstance(value, Sequence) and all(isinstance(one, str) and one.strip() for one in value):
        return [one.strip() for one in value]
    raise InvalidInput(
        f'"{name}" must be a list of texts, or a text with them separated by commas; it is {shape(value)}.',
        field=name,
    )
