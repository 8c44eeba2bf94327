"""The errors that this provider raises: what went wrong, where, and what to do about it.

Nothing here imports Airflow, so that a vendor's ``calls.py`` can raise these without it. Where no retry
can help, the operators turn an error into one that Airflow fails at once (see ``http/outcome.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
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
        """Replace secrets in the message, and shorten a long text of the vendor.

        Vendors have been seen to quote the credential that they refuse.

        :param secrets: the values that must not be shown
        """
        # The longest first: one secret may be a part of another.
        for secret in sorted(filter(None, set(secrets)), key=len, reverse=True):
            # Some vendors answer in capitals.
            quoted = re.compile(re.escape(secret), re.IGNORECASE)
            self.message = quoted.sub("***", self.message)
            if isinstance(self.code, str):
                self.code = quoted.sub("***", self.code)
        if len(self.message) > MESSAGE_LIMIT:
            self.message = self.message[: MESSAGE_LIMIT - 1] + "…"
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


class VendorAuthError(VendorError):
    """The vendor refused the credentials. A retry cannot help: correct the connection."""


class VendorForbidden(VendorError):
    """The credentials are good, but give no right to this resource; others may still be used with them."""


class VendorRejected(VendorError):
    """The vendor understood the request and refused it: validation, an unknown record, an envelope code."""


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


class VendorProtocolError(VendorError):
    """The response cannot be understood: not JSON, JSON of another shape, an unexpected redirect."""


class BatchFailed(VendorError):
    """More records of a batch failed than its ``max_failures`` allows."""


class StoreUnavailable(VendorError):
    """The provider's database cannot be used: what cannot be recorded is not sent."""
