"""Results of records, with chosen secrets in clear where the Dag asks for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_provider.secrets import is_sealed, open_sealed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def revealed(result: Any, names: Collection[str], value: Any = None) -> Any:
    """Return a copy of a result with some of its secrets in clear; the result itself stays as it is.

    :param result: the result with sealed secrets
    :param names: names of the secrets, dots leading into nested fields
    :param value: what the vendor answered, where it is at hand: nothing has to be opened then
    """
    for name in names:
        result = _with_clear(result, name.split("."), value)
    return result


def _with_clear(part: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        return open_sealed(part).get_secret_value() if is_sealed(part) else part
    if not isinstance(part, dict) or path[0] not in part:
        return part
    return {**part, path[0]: _with_clear(part[path[0]], path[1:], getattr(value, path[0], None))}
