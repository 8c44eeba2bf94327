"""The errors that this provider raises: what went wrong, where, and what to do about it.

Nothing here imports Airflow, so that a vendor's ``calls.py`` can raise these without it. Where no retry
can help, the operators turn an error into one that Airflow fails at once (see ``http/outcome.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

MESSAGE_LIMIT = 300


class VendorError(Exception):
    """Base of every error of this provider.

    Vendor, connection, method and path are filled in by the client that sent the request, see :meth:`locate`.

    :param message: what went wrong, in one sentence, without any secret
    :param status: HTTP status of the response, if there was one
    :param code: the vendor's own code in the response's envelope, if there was one
    :param remedy: what the reader can do about it
    :param vendor: name of the vendor
    :param conn_id: id of the Airflow connection
    :param method: HTTP method of the request
    :param path: path of the request below the connection's base URL
    :param row: 1-based number of the record in a batch, the header of a file not counted
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | str | None = None,
        remedy: str | None = None,
        vendor: str | None = None,
        conn_id: str | None = None,
        method: str | None = None,
        path: str | None = None,
        row: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.remedy = remedy
        self.vendor = vendor
        self.conn_id = conn_id
        self.method = method
        self.path = path
        self.row = row

    def locate(
        self,
        *,
        vendor: str | None = None,
        conn_id: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> None:
        """Fill in where the error happened, keeping what is known already."""
        self.vendor = self.vendor or vendor
        self.conn_id = self.conn_id or conn_id
        self.method = self.method or method
        self.path = self.path or path

    def redact(self, secrets: Iterable[str]) -> None:
        """Replace secrets in the message and the code, and shorten a long text of the vendor.

        Vendors have been seen to quote the credential that they refuse. See ``redaction.py`` for the ways to
        write it that are known.

        :param secrets: the values that must not be shown
        """
        self.clean(partial(without_secrets, secrets=list(secrets)))

    def clean(self, cleaned: Callable[[str], str]) -> None:
        """Take out of the message and the code what must not be shown, and shorten a long text of the vendor.

        :param cleaned: returns a text without it
        """
        if self.__suppress_context__:
            # What it was raised from may hold the whole response.
            self.__context__ = None
        # Shortened last: of what stands at the cut, the beginning would stay.
        self.message = _shortened(cleaned(self.message))
        if isinstance(self.code, str):
            self.code = _shortened(cleaned(self.code))
        self.args = (self.message,)

    @property
    def where(self) -> str:
        """Say where it happened: ``acme (acme_default) POST users``."""
        place = self.vendor or ""
        if self.conn_id:
            place = f"{place} ({self.conn_id})".strip()
        if self.method:
            place = f"{place} {self.method} {self.path}".strip()
        return place

    def __str__(self) -> str:
        numbers = []
        if self.status is not None:
            numbers.append(f"HTTP {self.status}")
        if self.code is not None:
            numbers.append(f"code {self.code}")
        parts = [self.where, ", ".join(numbers), self.message]
        text = ": ".join(part for part in parts if part)
        if self.row is not None:
            text = f"row {self.row}: {text}"
        return f"{text.rstrip('.')}. {self.remedy}" if self.remedy else text


def _shortened(text: str) -> str:
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


class InvalidInput(VendorError, ValueError):
    """What the Dag author supplied cannot be used: a connection field, a parameter, a file or a record.

    Nothing was sent.

    :param message: what is wrong, naming the shape of the value and never a secret
    :param field: the field as the person sees it: a form label, a parameter, a column
    """

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        row: int | None = None,
        remedy: str | None = None,
        vendor: str | None = None,
        conn_id: str | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, vendor=vendor, conn_id=conn_id, row=row)
        self.field = field


RecordPath = tuple[str | int, ...]
"""A place in a record: names of fields, and places in lists from 0."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a record.

    :param path: where: names of fields, and places in lists from 0
    :param fault: what is wrong, to follow the name of the place, without the value
    :param remedy: what to do about it
    """

    path: RecordPath
    fault: str
    remedy: str | None = None

    @property
    def place(self) -> str:
        """Write the path as ``Items[2].TextItem.Quantity``."""
        return _path_text(self.path)


class InvalidRecord(InvalidInput):
    """A record that cannot be sent, with all that is wrong with it. Nothing was sent.

    :param mistakes: the mistakes, at least one
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self._told(), field=self.mistakes[0].place)

    def of_rows(self, lines: str, rows: Sequence[int]) -> None:
        """Name the row of each mistake in a record that was made of several.

        :param lines: the list that has an element for each row
        :param rows: their numbers in the original file
        """
        found = [self._row(mistake.path, lines, rows) for mistake in self.mistakes]
        self.message = self._told(found)
        self.args = (self.message,)
        self.row = next((row for row in found if row is not None), rows[0])

    def _row(self, path: RecordPath, lines: str, rows: Sequence[int]) -> int | None:
        place = path[1] if len(path) > 1 and path[0] == lines else None
        return rows[place] if isinstance(place, int) and place < len(rows) else None

    def _told(self, rows: Sequence[int | None] = ()) -> str:
        # The same mistake in a hundred lines is told once, with all their places.
        told: dict[tuple[str, str | None], list[str]] = {}
        for number, mistake in enumerate(self.mistakes):
            row = rows[number] if rows else None
            place = f'"{mistake.place}"' if row is None else f'"{mistake.place}" (row {row})'
            told.setdefault((mistake.fault, mistake.remedy), []).append(place)
        return " ".join(
            f"{', '.join(places)}: {fault}.{f' {remedy}' if remedy else ''}"
            for (fault, remedy), places in told.items()
        )


def _path_text(path: RecordPath) -> str:
    """Write a path as ``Items[2].TextItem.Quantity``.

    :param path: names of fields, and places in lists from 0
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class VendorAuthError(VendorError):
    """The vendor refused the credentials. A retry cannot help: correct the connection."""


class VendorForbidden(VendorError):
    """The credentials are good, but give no right to this resource; others may still be used with them."""


class VendorRejected(VendorError):
    """The vendor understood the request and refused it: validation, an unknown record, an envelope code."""

    processed: bool | None = False
    """None where the answer speaks of an error, and yet of something that was done."""


class QuotaExhausted(VendorError):
    """The daily or monthly quota is used up.

    :param resets_at: when the vendor counts from zero again; None where its answer does not say
    """

    def __init__(
        self,
        message: str,
        *,
        resets_at: datetime | None = None,
        status: int | None = None,
        code: int | str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, remedy=remedy)
        self.resets_at = resets_at


class RateLimited(VendorError):
    """The vendor throttles: too many requests in a short time. The request was not processed.

    :param retry_after: seconds that the vendor asks to wait; None where it does not say
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        code: int | str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, remedy=remedy)
        self.retry_after = retry_after


class VendorUnavailable(VendorError):
    """The vendor could not be reached or could not answer: connection, timeout, 5xx, maintenance.

    :param retry_after: seconds that the vendor asks to wait; None where it does not say
    :param processed: False when it is certain that the request had no effect
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        processed: bool | None = None,
        status: int | None = None,
        code: int | str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, remedy=remedy)
        self.retry_after = retry_after
        self.processed = processed


class OutcomeUnknown(VendorError):
    """A request that must not be sent twice failed after it had left: it may or may not have taken effect.

    It is never repeated by itself. Look the record up at the vendor, then decide.
    """

    ledger_id: str | None = None
    """Id of its row in the ledger, where a batch has sent it; the command ``ledger resolve`` takes it."""


class OutcomePending(VendorError):
    """The outcome of a request is not known, and the next try of the task looks for it at the vendor.

    Nothing is sent a second time before that.
    """

    ledger_id: str | None = None
    """Id of its row in the ledger."""


class VendorProtocolError(VendorError):
    """The response cannot be understood: not JSON, JSON of another shape, an unexpected redirect."""


class BatchFailed(VendorError):
    """More records of a batch failed than its ``max_failures`` or ``on_partial_failure`` allows."""


class StoreUnavailable(VendorError):
    """The provider's database cannot be used: what cannot be recorded is not sent."""

    temporary = False
    """Whether the database may be back by itself: it is restarted, fails over, or is held by others."""
