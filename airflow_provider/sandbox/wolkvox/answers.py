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
        return {"code": code, "error": "null", "msg": message, "data": data}

    def read_code(self) -> int | str:
        """Return the code of a read."""
        return 200 if self.switch("code_as_number") else "200"

    def page(self, body: Body, found: Iterable[Record], totals: bool | None = None) -> dict[str, Any]:
        """Return one page of what was found, in the envelope.

        :param totals: whether the totals are there; None if a switch says so
        """
        records = list(found)
        if self.switch("query_order") == "newest first":
            records.reverse()
        limit = body.whole("limit", self.switch("default_limit"))
        page = body.whole("page", 1)
        if limit > MOST_PER_PAGE:
            if self.switch("limit_above_maximum") == "refuse":
                raise Refusal("invalid_parameter")
            limit = MOST_PER_PAGE
        pages = math.ceil(len(records) / limit)
        shown = page
        if page > max(1, pages):
            if self.switch("beyond_last_page") == "refuse":
                raise Refusal("beyond_last_page")
            if self.switch("beyond_last_page") == "last page":
                shown = max(1, pages)
        data = records[(shown - 1) * limit : shown * limit]
        answer: dict[str, Any] = {"code": self.read_code(), "error": "null"}
        if self.switch("totals") if totals is None else totals:
            answer |= {"page": page, "Total records": len(records), "Total pages": pages}
        # The vendor's own spelling.
        return answer | {"msg": f"{len(data)} records were are found", "data": data}
