"""A list of nobody's, whose pages come from memory: by numbers or by keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow_provider.exceptions import VendorUnavailable
from airflow_provider.extract.extraction import Extracted, extract_to_file
from airflow_provider.extract.listing import Listing, Query
from airflow_provider.extract.paging import Cursor, Page, PageNumbers
from airflow_provider.http.call import Call, safe
from airflow_provider.run_identity import RunIdentity

TASK = RunIdentity("dag", "run-1", "read")


@safe
def numbered(what: str, *, page: int) -> Call[Page]:
    return Call("GET", "things", lambda response: response.json(), query={"q": what, "page": str(page)})


@safe
def keyed(what: str, *, after: int | None = None) -> Call[Page]:
    query = {"q": what} if after is None else {"q": what, "AfterId": str(after)}
    return Call("GET", "things", lambda response: response.json(), query=query)


LISTINGS: dict[str, Listing[Any]] = {
    "numbers": Listing(name="acme.things", call=numbered, read=lambda page: page, paging=PageNumbers()),
    "keys": Listing(name="acme.things", call=keyed, read=lambda page: page, paging=Cursor("after")),
}


def thing(number: int) -> dict[str, Any]:
    return {"id": number, "name": f"thing {number}", "nested": {"odd": number % 2 == 1}, "tags": [number]}


@dataclass
class Vendor:
    """Answers calls with pages of so many things.

    :param count: how many there are
    :param size: how many in a page
    :param make: makes a thing of its number
    """

    count: int
    size: int = 2
    make: Callable[[int], dict[str, Any]] = thing
    fail_at: dict[int, BaseException] = field(default_factory=dict)
    """Errors by the number of the page; each is raised once."""
    asked: list[int] = field(default_factory=list)
    """Numbers of the pages that were asked for."""

    def run(self, call: Call[Any]) -> Page:
        if "page" in call.query:
            start = (int(call.query["page"]) - 1) * self.size
        else:
            start = int(call.query.get("AfterId", "0"))
        number = start // self.size + 1
        self.asked.append(number)
        if error := self.fail_at.pop(number, None):
            raise error
        end = min(start + self.size, self.count)
        page = [self.make(one) for one in range(start + 1, end + 1)]
        return Page(page, next=end if end < self.count else None)

    def break_at(self, *pages: int) -> Vendor:
        self.fail_at = {page: VendorUnavailable("away") for page in pages}
        return self


def extract(
    vendor: Vendor,
    output: Any,
    *,
    what: str = "all",
    kind: str = "numbers",
    identity: RunIdentity = TASK,
    base_url: str = "https://acme.test",
    **options: Any,
) -> Extracted:
    """Read the vendor's list as one try of a task."""
    listing = LISTINGS[kind]
    query = Query(listing=listing, ask=partial(listing.call, what), size=vendor.size, **options)
    return extract_to_file(
        query, vendor.run, str(output), conn_id="acme_default", base_url=base_url, identity=identity
    )
