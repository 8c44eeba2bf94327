"""Pages of mPOHODA's lists, whose records keep the bytes that came: most of them are only passed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from airflow_provider.exceptions import VendorProtocolError
from airflow_provider.extract.paging import is_short
from airflow_provider.http.content import decode, encode
from airflow_provider.mpohoda.answers import check, document

if TYPE_CHECKING:
    from airflow_provider.http.call import Response

UNSET = msgspec.UNSET


class _Modification(msgspec.Struct, rename="pascal"):
    modified_date: str | None = None


class _Head(msgspec.Struct, rename="pascal"):
    """What is read of each record without the rest of it."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    modification_info: _Modification | None = None


class _Pagination(msgspec.Struct, rename="pascal"):
    page_number: int | None = None
    page_size: int | None = None
    after: str | None = None


class _Envelope(msgspec.Struct, rename="pascal"):
    items: list[msgspec.Raw] | msgspec.UnsetType = UNSET
    total_item_count: int | msgspec.UnsetType | None = UNSET
    pagination: _Pagination | msgspec.UnsetType | None = UNSET
    data: msgspec.Raw | msgspec.UnsetType = UNSET
    id: msgspec.Raw | msgspec.UnsetType = UNSET


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_HEAD = msgspec.json.Decoder(_Head)


class MpohodaPage:
    """A page of a list.

    :param rows: the JSON text of each record as it came, without line breaks
    :param ids: id of each record
    :param modified: when each record was modified last, as the vendor writes it; None where it does not say
    :param total: how many records the answer says that there are; None where it does not. Of an answer to
        ``After`` it is not known whether it counts all or the rest
    :param page_size: the size of a page by the answer's own word; None where it has none
    """

    __slots__ = ("_items", "ids", "modified", "page_size", "rows", "total")

    def __init__(
        self,
        rows: list[bytes],
        ids: list[str],
        modified: list[str | None],
        total: int | None,
        page_size: int | None,
    ) -> None:
        self.rows = rows
        self.ids = ids
        self.modified = modified
        self.total = total
        self.page_size = page_size
        self._items: list[dict[str, Any]] | None = None

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the records, decoded when they are first asked for; numbers have all their digits."""
        if self._items is None:
            self._items = [decode(row, None, exact=True) for row in self.rows]
        return self._items

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<MpohodaPage: {len(self)} of {self.total} records, page size {self.page_size}>"

    def is_short(self, requested: int) -> bool:
        """Say whether it is the last page: it has fewer records than a page has.

        :param requested: the size that was asked for
        """
        return is_short(len(self), self.page_size, requested)


def read_page(response: Response) -> MpohodaPage:
    """Decode a page of a list.

    :param response: the response
    :raises VendorError: it is a refusal, or no page
    """
    check(response)
    try:
        return _page(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # JSON in another encoding, or with what JSON does not have; or something else altogether.
        body = encode(document(response))
    try:
        return _page(body)
    except msgspec.MsgspecError as error:
        # msgspec names the type and the path, never the value.
        fault = str(error)
    raise VendorProtocolError(
        f"the response is not a page of a list: {fault} ({response.shape})", status=response.status
    )


def _page(body: bytes) -> MpohodaPage:
    # What is skipped is not looked at: it has to be text all the same.
    if not body.isascii():
        body.decode()
    envelope = _unpacked(_ENVELOPE.decode(body))
    raw = envelope.items or []
    heads = [_HEAD.decode(row) for row in raw]
    rows = [bytes(row) for row in raw]
    if b"\n" in body or b"\r" in body:
        rows = [msgspec.json.format(row, indent=-1) for row in rows]
    pagination = envelope.pagination or None
    return MpohodaPage(
        rows,
        [head.id for head in heads],
        [head.modification_info.modified_date if head.modification_info else None for head in heads],
        envelope.total_item_count if isinstance(envelope.total_item_count, int) else None,
        pagination.page_size if pagination else None,
    )


def _unpacked(found: _Envelope) -> _Envelope:
    """Return the envelope itself; the older one is inside ``Data``.

    An invoice has ``Items`` too, its lines: it is told apart by its Id, and by what only a list has.
    """
    if found.items is not UNSET:
        counted = found.total_item_count is not UNSET or found.pagination is not UNSET
        if counted and found.id is UNSET:
            return found
    elif found.data is not UNSET:
        inner = _ENVELOPE.decode(found.data)
        if inner.items is not UNSET and inner.id is UNSET:
            if inner.total_item_count is UNSET:
                inner.total_item_count = found.total_item_count
            if inner.pagination is UNSET:
                inner.pagination = found.pagination
            return inner
    raise msgspec.ValidationError("it has no Items with TotalItemCount or Pagination")
