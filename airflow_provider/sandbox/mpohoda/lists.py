"""Lists: pages by number or after an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.messages import JSON_HEADERS, Answer
from airflow_provider.sandbox.mpohoda.records import Entry, Records, View
from airflow_provider.sandbox.mpohoda.wire import Format, Problem, read_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.messages import Request

_INT32 = 2**31
_ORDERS: dict[str, Callable[[Entry], Any]] = {
    "created": lambda entry: entry.number,
    "modified": lambda entry: (entry.modified, entry.number),
    "id": lambda entry: entry.id,
}
_VIEWS_KEPT = 8


class Lists:
    """Serve lists.

    :param records: the records
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, records: Records, switch: Callable[[str], Any]) -> None:
        self.records = records
        self.switch = switch
        self.views: dict[tuple[Any, ...], tuple[int, View]] = {}

    def answer(
        self,
        request: Request,
        form: Format,
        resource: str,
        *,
        after: bool,
        keep: Callable[[Entry], bool] | None = None,
        kind: str = "",
        write: Callable[[Entry, Format], bytes] = Entry.encoded,
    ) -> Answer:
        """Serve one page.

        :param request: the request
        :param form: how to write
        :param resource: whose records
        :param after: whether the list has key-set paging
        :param keep: which of the records the list has; None for all
        :param kind: tells this choice from others
        :param write: writes a record
        """
        query = self.query(request)
        cursor = (query.get("After") or "") if after else ""
        size, number = self._paging(query, bool(cursor))
        since = self._since(query.get("ModifiedSince"))
        if cursor and since is not None:
            how = self.switch("after_with_modified_since")
            if how == "refuse":
                raise _invalid("After", "'After' must be empty when 'ModifiedSince' is filled.")
            since = since if how == "combine" else None
        view = self._view(resource, kind, keep, since)
        start, rest = self._start(resource, view, cursor, size, number)
        page = view.entries[start : start + size]
        total = len(view.entries)
        if since is not None and self.switch("total_of_modified") == "all":
            total = len(self._view(resource, kind, keep, None).entries)
        if cursor and self.switch("total_after") == "rest":
            total = rest
        pagination = {
            "PageNumber": None if cursor else number,
            "PageSize": size,
            "After": self._after(cursor, page, after),
        }
        body = b'{"Items":[%b],"TotalItemCount":%d,"Pagination":%b}' % (
            b",".join([write(entry, form) for entry in page]),
            total,
            form.text(pagination).encode(),
        )
        if self.switch("envelope") == "data":
            body = b'{"Data":%b}' % body
        if self.switch("shrink_while_reading") and page:
            self.records.tables[resource].remove(view.entries[: self.switch("shrink_while_reading")])
        return Answer(200, body, JSON_HEADERS)

    def query(self, request: Request) -> dict[str, str]:
        """Return the query parameters by their documented spelling."""
        if self.switch("query_names") == "exact":
            return request.query
        known = {
            name.lower(): name for name in ("PageSize", "PageNumber", "ModifiedSince", "After", "Language")
        }
        return {known.get(name.lower(), name): value for name, value in request.query.items()}

    def _paging(self, query: dict[str, str], by_cursor: bool) -> tuple[int, int]:
        errors: dict[str, list[str]] = {}
        size = _positive(query.get("PageSize"), "PageSize", errors)
        most = self.switch("max_page_size")
        if most and size > most:
            if self.switch("page_size_above_maximum") == "refuse":
                errors["PageSize"] = [f"'PageSize' must be less than or equal to '{most}'."]
            size = most
        number = 1
        optional = by_cursor and self.switch("page_number_with_after") == "optional"
        if not (optional and "PageNumber" not in query):
            number = _positive(query.get("PageNumber"), "PageNumber", errors)
        if errors:
            raise Problem(422, "One or more validation errors occurred.", errors)
        return size, number

    def _since(self, text: str | None) -> float | None:
        if not text:
            return None
        try:
            return read_date(text, ZoneInfo(self.switch("modified_since_timezone"))).timestamp()
        except (ValueError, OverflowError):
            raise _invalid("ModifiedSince", "'ModifiedSince' is not a valid date.") from None

    def _view(
        self, resource: str, kind: str, keep: Callable[[Entry], bool] | None, since: float | None
    ) -> View:
        table = self.records.tables[resource]
        order, _, direction = self.switch("order").partition(" ")
        inclusive = self.switch("modified_since") == "inclusive"
        key = (resource, kind, since, inclusive, order, direction)
        version, view = self.views.get(key, (-1, None))
        if view is not None and version == table.version:
            return view
        entries = [entry for entry in table.entries if keep(entry)] if keep else table.entries
        if since is not None:
            entries = [
                one for one in entries if one.modified > since or (inclusive and one.modified == since)
            ]
        view = View(entries, _ORDERS[order], bool(direction))
        if len(self.views) >= _VIEWS_KEPT:
            del self.views[next(iter(self.views))]
        self.views[key] = (table.version, view)
        return view

    def _start(self, resource: str, view: View, cursor: str, size: int, number: int) -> tuple[int, int]:
        """Return where a page begins, and how many records are left from there on."""
        repeat = self.switch("repeat_last") and size > 1
        if not cursor:
            start = (number - 1) * (size - 1 if repeat else size)
            return start, len(view.entries) - start
        if self.switch("after_does_not_move"):
            return 0, len(view.entries)
        place = self._place(resource, view, cursor.lower())
        return max(0, place - 1) if repeat else place, len(view.entries) - place

    def _place(self, resource: str, view: View, cursor: str) -> int:
        if cursor in view.places:
            return view.places[cursor] + 1
        table = self.records.tables[resource]
        # One that is there, but not among those asked for, is no record that has gone.
        known = table.by_id.get(cursor)
        if known is None:
            how = self.switch("after_of_gone")
            if how == "refuse":
                raise _invalid("After", "'After' is not a known id.")
            if how == "first page":
                return 0
            known = table.gone.get(cursor) if how == "go on" else None
        return len(view.entries) if known is None else view.place_after(known)

    def _after(self, cursor: str, page: list[Entry], after: bool) -> str | None:
        how = self.switch("pagination_after")
        if not after or how == "none":
            return None
        if how == "echo":
            return cursor or None
        return page[-1].id if page else None


def _positive(text: str | None, name: str, errors: dict[str, list[str]]) -> int:
    if text is None or not text.strip():
        errors[name] = [f"'{name}' must not be empty."]
        return 1
    digits = text.strip().removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 10 or int(text) >= _INT32:
        errors[name] = [f"The value '{text}' is not valid for {name}."]
        return 1
    if int(text) <= 0:
        errors[name] = [f"'{name}' must be greater than '0'."]
        return 1
    return int(text)


def _invalid(name: str, text: str) -> Problem:
    return Problem(422, "One or more validation errors occurred.", {name: [text]})
