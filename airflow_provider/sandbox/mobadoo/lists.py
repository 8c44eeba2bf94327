"""Lists: which matches are asked for, and the form of a page."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from airflow_provider.sandbox.mobadoo.wire import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.sandbox.messages import Request
    from airflow_provider.sandbox.mobadoo.models import Match

ELSEWHERE = "http://elsewhere.invalid"
SORTED_BY: dict[str, Callable[[Match], Any]] = {
    "begin_at": lambda match: (match.begin, match.id),
    "modified_at": lambda match: (match.modified, match.id),
    "id": lambda match: match.id,
}


class Lists:
    """Choose, sort and cut lists.

    :param switch: returns the value of one of Mobadoo's switches
    :param mount: the first part of all paths
    """

    def __init__(self, switch: Callable[[str], Any], mount: str) -> None:
        self.switch = switch
        self.mount = mount

    def chosen(self, request: Request, matches: Sequence[Match]) -> list[Match]:
        """Return the matches of the range that is asked for, in its order.

        :raises Problem: 400, if a time or the order does not fit
        """
        after = _time(request, "date_range_after")
        before = _time(request, "date_range_before")
        inclusive = self.switch("date_range_ends") == "inclusive"
        found = [
            one
            for one in matches
            if (after is None or one.begin > after or (inclusive and one.begin == after))
            and (before is None or one.begin < before or (inclusive and one.begin == before))
        ]
        ordering = request.query.get("ordering", "")
        name = ordering.removeprefix("-") if self.switch("descending") else ordering
        if name in SORTED_BY:
            found.sort(key=SORTED_BY[name], reverse=ordering.startswith("-"))
        elif ordering and self.switch("unknown_ordering") == "refuse":
            raise Problem(400, {"ordering": ["Select a valid choice."]})
        return found

    def page(self, request: Request, things: Sequence[Any], write: Callable[[Any], Any]) -> Any:
        """Return a page in the form that is set, and only the things of that page."""
        limit, offset = self._limit(request), self._offset(request)
        items = [write(one) for one in things[offset : offset + limit]]
        form = self.switch("page_envelope")
        if form in ("list", "results", "unknown"):
            return {"list": items, "results": {"results": items}, "unknown": {"data": {"rows": items}}}[form]
        following = offset + limit if offset + limit < len(things) else None
        preceding = max(0, offset - limit) if offset else None
        if form == "next to itself":
            following = offset
        return {
            "count": len(things),
            "next": self._link(request, following, limit, form),
            "previous": self._link(request, preceding, limit, form),
            "results": items,
        }

    def window(self, request: Request) -> tuple[int, int]:
        """Return where the page that is asked for begins and ends."""
        offset = self._offset(request)
        return offset, offset + self._limit(request)

    def catalogue(self, items: list[Any]) -> Any:
        """Return a list that has no pages, in the form that is set."""
        form = self.switch("catalogue_envelope")
        return {
            "list": items,
            "drf": {"count": len(items), "next": None, "previous": None, "results": items},
            "results": {"results": items},
            "unknown": {"data": {"rows": items}},
        }[form]

    def _limit(self, request: Request) -> int:
        # As the framework has it: what is no number above 0 counts as not sent.
        text = request.query.get("limit", "")
        limit = int(text) if _is_number(text) and int(text) else int(self.switch("default_limit"))
        most = self.switch("max_limit")
        if most and limit > most:
            if self.switch("limit_above_maximum") == "refuse":
                raise Problem(400, {"limit": [f"Ensure this value is less than or equal to {most}."]})
            limit = most
        return limit

    def _offset(self, request: Request) -> int:
        name = self.switch("next_parameter")
        text = request.query.get(name, "")
        if name == "cursor":
            text = _from_cursor(text)
        if not _is_number(text):
            return 0
        return max(0, int(text) - 1) * self._limit(request) if name == "page" else int(text)

    def _link(self, request: Request, offset: int | None, limit: int, form: str) -> str | None:
        if offset is None:
            return None
        name = self.switch("next_parameter")
        value = {"offset": str(offset), "page": str(offset // limit + 1), "cursor": _to_cursor(offset)}[name]
        query = parse_qsl(request.query_string.decode("latin-1"), keep_blank_values=True)
        kept = [pair for pair in query if pair[0] not in (name, "token")]
        if form == "next with token" and "token" in request.query:
            kept.append(("token", request.query["token"]))
        host = f"http://{request.headers.get('host', 'localhost')}"
        start = {"next relative": "", "next elsewhere": ELSEWHERE}.get(form, host)
        return f"{start}/{self.mount}/{request.path}?{urlencode([*kept, (name, value)])}"


def _time(request: Request, name: str) -> float | None:
    text = request.query.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Problem(400, {name: ["Enter a valid date/time."]}) from None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _to_cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o={offset}".encode()).decode()


def _from_cursor(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text).decode("latin-1").removeprefix("o=")
    except (binascii.Error, ValueError):
        return ""
