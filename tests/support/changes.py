"""A vendor of nobody's, whose documents change: rows as JSON, asked for by numbers or keys, or since a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from airflow_provider.exceptions import VendorRejected, VendorUnavailable
from airflow_provider.extract.extraction import Extracted, extract_to_file
from airflow_provider.extract.instants import ticks
from airflow_provider.extract.listing import Listing, Query
from airflow_provider.extract.paging import KeysUntilShort, Page, PagesUntilShort
from airflow_provider.extract.rows import Lines, RowReader
from airflow_provider.http.call import Call, safe
from airflow_provider.run_identity import RunIdentity

TASK = RunIdentity("dag", "run-1", "read")
ROWS = RowReader("Id", "Info.Modified")
SCHEMA = {
    "Id": "text",
    "Number": "text",
    "Price": "number",
    "Paid": "boolean",
    "Days": "integer",
    "Items": [{"Id": "text", "Quantity": "number", "Text": "text"}],
    "Info": {"Modified": "text", "By": "text"},
}


class Answer(msgspec.Struct):
    Items: list[msgspec.Raw]
    Total: int | None = None
    Size: int | None = None


@safe
def documents(
    *, page: int = 1, after: str | None = None, size: int, since: datetime | None = None
) -> Call[bytes]:
    query = {"page": str(page), "size": str(size)}
    if after is not None:
        query["after"] = after
    if since is not None:
        query["since"] = since.isoformat()
    return Call("GET", "documents", lambda response: response.body, query=query)


def read(body: bytes) -> Page:
    answer = msgspec.json.decode(body, type=Answer)
    return Page(ROWS.rows(answer.Items), total_records=answer.Total, size=answer.Size)


def too_large(error: VendorRejected) -> bool:
    return error.status == 422 and "size" in error.message


def listing(kind: str = "after", **options: Any) -> Listing[Any]:
    paging: Any = KeysUntilShort("after") if kind == "after" else PagesUntilShort("page")
    settings: dict[str, Any] = {
        "identity": "Id",
        "distinct": True,
        "changed_at": "Info.Modified",
        "since": "since",
        "size": "size",
        "too_large": too_large,
        "lines": Lines("Items", "DocumentId"),
        "exact": True,
    }
    paging = options.pop("paging_", paging)
    return Listing(name=f"acme.{kind}", call=documents, read=read, paging=paging, **{**settings, **options})


def modified(number: int) -> str:
    return f"2026-11-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"


def document(number: int, changed: str | None = None) -> bytes:
    items = ",".join(
        f'{{"Id":"{number}-{one}","Quantity":{one}.5000,"Text":"é"}}' for one in range(1, number % 3 + 1)
    )
    info = f'{{"Modified":"{changed or modified(number)}","By":null}}'
    return (
        f'{{"Id":"d-{number}","Number":"N{number}","Price":{number}.10,"Paid":null,"Days":14,'
        f'"Items":[{items}],"Info":{info}}}'
    ).encode()


@dataclass
class Vendor:
    """Answers calls with pages of documents, in the order of the list.

    :param rows: the documents as JSON
    :param largest: the most rows of a page
    :param refuses: whether it refuses a larger page, or makes it smaller
    :param says_size: whether the answer names the size of its pages
    :param total: what the answer counts: ``all`` that match, the ``rest``, ``everything`` that there is, or None
    """

    rows: list[bytes]
    largest: int = 1000
    refuses: bool = False
    says_size: bool = True
    total: str | None = "all"
    fail_at: dict[int, BaseException] = field(default_factory=dict)
    """Errors by the number of the request; each is raised once."""
    meanwhile: dict[int, Callable[[Vendor], object]] = field(default_factory=dict)
    """What happens before the request of a number."""
    asked: list[dict[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, count: int, **options: Any) -> Vendor:
        return cls([document(number) for number in range(1, count + 1)], **options)

    def run(self, call: Call[Any]) -> bytes:
        asked = dict(call.query)
        self.asked.append(asked)
        number = len(self.asked)
        if happens := self.meanwhile.pop(number, None):
            happens(self)
        if error := self.fail_at.pop(number, None):
            raise error
        size = int(asked["size"])
        if size > self.largest and self.refuses:
            raise VendorRejected("size is too large", status=422)
        size = min(size, self.largest)
        rows = [row for row in self.rows if self._matches(row, asked.get("since"))]
        places = [ROWS.row(row).identity for row in rows]
        start = places.index(asked["after"]) + 1 if "after" in asked else (int(asked["page"]) - 1) * size
        totals = {"all": len(rows), "rest": len(rows) - start, "everything": len(self.rows), None: None}
        total = totals[self.total]
        answer = [b'{"Items":[' + b",\n ".join(rows[start : start + size]) + b"]"]
        if total is not None:
            answer.append(b',"Total":%d' % total)
        if self.says_size:
            answer.append(b',"Size":%d' % size)
        return b"".join([*answer, b"}"])

    def _matches(self, row: bytes, since: str | None) -> bool:
        changed = ticks(ROWS.row(row).changed_at)
        return since is None or changed is None or changed >= (ticks(since) or 0)

    def break_at(self, *requests: int) -> Vendor:
        self.fail_at = {one: VendorUnavailable("away") for one in requests}
        return self

    def change(self, number: int, changed: str) -> None:
        """Change a document; it moves to the end of the list."""
        self.rows = [row for row in self.rows if ROWS.row(row).identity != f"d-{number}"]
        self.rows.append(document(number, changed))


def extract(
    vendor: Vendor,
    output: Any,
    *,
    kind: str = "after",
    size: int = 2,
    identity: RunIdentity = TASK,
    lines_output: Any = None,
    settle: Any = lambda _: None,
    since: datetime | None = None,
    before: datetime | None = None,
    most: int | None = None,
    **options: Any,
) -> Extracted:
    """Read the vendor's list as one try of a task."""
    wanted = listing(kind, **options)
    query = Query(listing=wanted, ask=partial(documents), size=size, since=since, before=before, most=most)
    return extract_to_file(
        query,
        vendor.run,
        str(output),
        conn_id="acme_default",
        base_url="https://acme.test",
        identity=identity,
        lines_output=None if lines_output is None else str(lines_output),
        settle=settle,
    )
