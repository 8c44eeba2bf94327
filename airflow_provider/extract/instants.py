"""Times of changes, as vendors write them: compared as instants, with all their digits."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import shape

if TYPE_CHECKING:
    from datetime import tzinfo

_FORM = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,18}))?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_DIGITS = 18
ONE: int = 10**_DIGITS
"""How many of the parts that instants are counted in make a second."""
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def ticks(text: Any) -> int | None:
    """Return an instant as a whole number of 10**-18 seconds since 1970, for comparisons.

    A text without an offset is taken for UTC: the rule may be wrong by hours for a vendor that writes local
    times, but it is wrong by the same for all of them, and the order stays.

    :param text: ISO 8601 with any number of digits after the second, and with or without an offset
    :return: None where it is nothing of the kind
    """
    found = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    day, time, fraction, offset = found.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{time or '00:00'}{_offset(offset)}")
        since = whole - _FIRST
    except (ValueError, OverflowError):
        return None
    seconds = since.days * 86400 + since.seconds
    return seconds * ONE + int((fraction or "0").ljust(_DIGITS, "0"))


def zoned(text: Any, zone: tzinfo | None) -> Any:
    """Add the offset of a zone to a time that has none.

    Of an hour that the clocks show twice it is the first: never later than the vendor meant.

    :param text: a time as a vendor writes it; anything else is returned as it is
    :param zone: the zone; None to leave the time as it is
    """
    if zone is None or not isinstance(text, str) or text[-1:] in ("Z", "z"):
        return text
    found = _FORM.fullmatch(text.strip())
    if found is None or found[4]:
        return text
    day, time, fraction, _ = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=zone)
        offset = local.isoformat()[19:]
    except (ValueError, OverflowError):
        return text
    seconds = f"{time}:00"[:8] if time else "00:00:00"
    return f"{day}T{seconds}{'.' if fraction else ''}{fraction or ''}{offset}"


def later(one: str | None, other: str | None) -> str | None:
    """Return the later of two times; the first where they are the same instant.

    :param one: a time; None for none
    :param other: another
    """
    first, second = ticks(one), ticks(other)
    if second is None:
        return one if first is not None else None
    return other if first is None or second > first else one


def earlier(one: str, other: str | None) -> str:
    """Return the earlier of two times.

    :param one: a time
    :param other: another; None for none
    """
    first, second = ticks(one), ticks(other)
    return other if other is not None and None not in (first, second) and second < first else one  # type: ignore[operator]


def moment(text: str) -> datetime:
    """Return an instant as a datetime in UTC, without what is below a microsecond: never a later one.

    :param text: a time of which :func:`ticks` knows the instant
    """
    found = ticks(text)
    assert found is not None  # noqa: S101 - the caller has asked
    return _FIRST + timedelta(microseconds=found // 10 ** (_DIGITS - 6))


def given(name: str, value: Any) -> datetime | None:
    """Return what a parameter says as a datetime in UTC.

    :param name: name of the parameter
    :param value: a datetime, a date, whose day begins in UTC, or a text as in ISO 8601; without an offset it
        is taken for UTC. None and an empty text are none
    :raises InvalidInput: it is no time
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if ticks(value) is not None:
            return moment(value)
    except OverflowError:
        raise InvalidInput(f'"{name}" is not within the years 1 to 9999 in UTC.', field=name) from None
    raise InvalidInput(
        f'"{name}" is no time: {shape(value)}.',
        field=name,
        remedy="Write it as ISO 8601, like 2026-11-01T00:00:00Z, or give a datetime.",
    )


def window(begin: str, since: datetime | None, end: str, until: datetime | None) -> None:
    """Refuse a window in which there is no time.

    :param begin: name of the parameter with its begin
    :param since: its begin; None for none
    :param end: name of the parameter with its end
    :param until: its end; None for none
    :raises InvalidInput: it ends when it begins, or before
    """
    if since is None or until is None or since < until:
        return
    if since == until:
        raise InvalidInput(
            f'"{begin}" is not before "{end}": they are the same time.',
            field=begin,
            remedy=(
                "Where both come from the data interval of the run, it has no length: a plain cron text like "
                '"@daily" has none, nor has a run that is started by hand. Schedule the Dag with a '
                "CronDataIntervalTimetable."
            ),
        )
    raise InvalidInput(f'"{begin}" is not before "{end}".', field=begin, remedy="Exchange the two.")


def before(time: datetime, span: timedelta) -> datetime:
    """Return the time so much earlier; the first time that there is where there is none.

    :param time: the time
    :param span: how much earlier
    """
    try:
        return time - span
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def written(time: datetime) -> str:
    """Write an instant as ISO 8601 in UTC, like ``2026-11-03T09:45:00Z``.

    :param time: the instant
    """
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _offset(text: str | None) -> str:
    if text is None or text in "Zz":
        return "+00:00"
    return text if ":" in text else f"{text[:3]}:{text[3:] or '00'}"
