"""Reading the fields of control requests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Refused
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Iterable

TIME = "an ISO 8601 time such as '2026-01-31T23:59:00Z'"


def only(value: Any, names: tuple[str, ...]) -> None:
    """Refuse fields that are not known."""
    for name in value:
        if name not in names:
            raise Refused(f"Unknown field {name!r}; the known ones are: {', '.join(names) or 'none'}")


def one_of(value: str, name: str, known: Iterable[str]) -> str:
    """Return a value if it is known."""
    if value not in known:
        raise Refused(f"Field {name!r} got {value!r}; send one of {', '.join(known)}")
    return value


def whole(value: Any, name: str, least: int, most: int, default: Any = ...) -> int:
    """Return a whole number within its limits."""
    hint = f"a whole number from {least} to {most}"
    number: int = field(value, name, int, hint, default)
    if not least <= number <= most:
        raise Refused(f"Field {name!r} got {number}; send {hint}")
    return number


def flag(value: Any, name: str) -> bool:
    """Return true or false; false where it is not sent."""
    found: bool = field(value, name, bool, "true or false", False)
    return found


def moment(value: Any, name: str, default: Any) -> Any:
    """Return a time in seconds since 1970; one without zone is UTC."""
    text = field(value, name, str, TIME, None)
    if text is None:
        return default
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refused(f"Field {name!r} got {text!r}; send {TIME}") from None
