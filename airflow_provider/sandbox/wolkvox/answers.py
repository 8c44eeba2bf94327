"""The envelope of answers, and the pages of queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider.sandbox.wolkvox.records import Record

MOST_PER_PAGE = 250


class Answers:
    """Make the answers of calls that are carried out.

    :param switch: returns the value of one of wolkvox's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.switch = switch

    def written(self, message: str, data: Any) -> dict[str, Any]:
        """Return the answer to a write."""
        code = "200" if self.switch("write_code_as_string") else 200
        return {**self.success(code), "msg": message, "data": data}

    def read_code(self) -> int | str:
        """Return the code of a read."""
        return 200 if self.switch("code_as_number") else "200"

    def success(self, code: int | str) -> dict[str, Any]:
        """Return how the envelope of a call that was carried out begins."""
        error = self.switch("error_of_success")
        if error == "absent":
            return {"code": code}
        # The vendor's own: a text.
        return {"code": code, "error": {"text null": "null", "null": None, "empty": ""}[error]}

    def page(self, body: Body, found: Iterable[Record], totals: bool | None = None) -> dict[str, Any]:
        """Return one page of what was found, in the envelope.

        :param totals: whether the totals are there; None if a switch says so
        """
        records = list(found)
        if self.switch("query_order") == "newest first":
            records.reverse()
        limit, page = self._limit(body), body.whole("page", 1)
        start = 0
        if page > 1:
            records, start = self._moved(records)
        total = len(records) - start
        pages = math.ceil(total / limit)
        shown = self._shown(page, pages)
        start += (shown - 1) * limit
        data = records[max(0, start) : max(0, start + limit)]
        answer = self.success(self.read_code())
        if self.switch("totals") if totals is None else totals:
            answer |= {"page": page, "Total records": total, "Total pages": pages}
        return answer | {"msg": self._count(len(data), total)} | self._data(data)

    def _limit(self, body: Body) -> int:
        limit = body.whole("limit", self.switch("default_limit"))
        if limit > MOST_PER_PAGE and self.switch("limit_above_maximum") == "refuse":
            raise Refusal("invalid_parameter")
        return min(limit, MOST_PER_PAGE)

    def _moved(self, records: list[Record]) -> tuple[list[Record], int]:
        """Return the records as they are now, and where they start, seen from the first page."""
        moving = self.switch("moving_pages")
        if moving == "totals shrink":
            return records[:-1], 0
        return records, {"still": 0, "row twice": -1, "row missed": 1}[moving]

    def _shown(self, page: int, pages: int) -> int:
        """Return the page that is given for the one asked for."""
        beyond = self.switch("beyond_last_page")
        if page > max(1, pages) and beyond == "refuse":
            raise Refusal("beyond_last_page")
        return min(page, max(1, pages)) if beyond == "last page" else page

    def _count(self, came: int, total: int) -> str:
        count = {"page": came, "all": total, "one more": came + 1}[self.switch("message_counts")]
        if self.switch("count_language") == "spanish":
            return f"{count} registros encontrados."
        # The vendor's own spelling.
        return f"{count} records were are found"

    def _data(self, data: list[Record]) -> dict[str, Any]:
        empty = self.switch("empty_data")
        if data or empty == "array":
            return {"data": data}
        return {} if empty == "absent" else {"data": None if empty == "null" else ""}
