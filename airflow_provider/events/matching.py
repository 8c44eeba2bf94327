"""Look into a message: the value at a dotted path, and whether a message has some values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Mapping


def find(body: Any, path: str) -> Any:
    """Return the value at a dotted path; None where there is none. Numbers are places in lists.

    :param body: the message
    :param path: the path, like ``result.id``
    """
    for name in path.split("."):
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list) and name.isdecimal() and len(name) < 6 and int(name) < len(body):
            body = body[int(name)]
        else:
            return None
    return body


def matches(body: Any, wanted: Mapping[str, Any]) -> bool:
    """Say whether a message has all of some values.

    :param body: the message
    :param wanted: dotted paths, and what must be there: a value, or a list of those that will do
    """
    return all(
        any(_same(find(body, path), one) for one in (value if isinstance(value, list) else [value]))
        for path, value in wanted.items()
    )


def checked(name: str, wanted: Any) -> dict[str, Any]:
    """Return a filter as it is stored: plain values, or lists of them, by dotted path.

    :param name: the parameter, for the error
    :param wanted: the filter; None for one that lets everything through
    :raises InvalidInput: it is something else
    """
    if wanted is None:
        return {}
    remedy = 'Write it like {"videogame": ["lol", "cs-go"], "result.id": 7}.'
    if not isinstance(wanted, dict):
        raise InvalidInput(f"it must be a dict; it is {shape(wanted)}.", field=name, remedy=remedy)
    for path, value in wanted.items():
        if not isinstance(path, str) or not all(part.strip() for part in path.split(".")):
            raise InvalidInput("a key is no dotted path into a message.", field=name, remedy=remedy)
        options = value if isinstance(value, list | tuple) else [value]
        if not options or not all(isinstance(one, str | int | float | bool | None) for one in options):
            raise InvalidInput(
                f'the value for "{path}" must be a plain value or a list of them; it is {shape(value)}.',
                field=name,
                remedy=remedy,
            )
    return {path: list(value) if isinstance(value, tuple) else value for path, value in wanted.items()}


def _same(found: Any, wanted: Any) -> bool:
    # In Python, True equals 1.
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)
