"""What all calls about the CRM's records share: the envelope around them, and the values in them."""

from __future__ import annotations

import hashlib
import json
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from uuid import UUID

from pydantic import AfterValidator

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.http.call import Call
from airflow_provider.http.model import VendorModel, envelope_code
from airflow_provider.texts import scalar, text_or_none
from airflow_provider.values import BYTES, is_empty, native, shape, visible
from airflow_provider.wolkvox.envelope import envelope, success
from airflow_provider.wolkvox.fields import ATTACHMENT
from airflow_provider.wolkvox.refusals import ForbiddenTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.http.call import Response
    from airflow_provider.wolkvox.connection import WolkvoxOptions

T = TypeVar("T")

_ITS_OWN = ("module", "field", "name", "type", "case-type", "status", "priority")
"""What names the CRM's own things, which its refusals speak of; a type of cases is called Request."""


def _not_blank(text: str) -> str:
    if is_empty(text):
        raise ValueError("blank")
    return text


Identifier = Annotated[str, AfterValidator(_not_blank)]
"""The CRM's identifier of something, in an answer that must have one."""

READ_ATTEMPTS = 2
WRITE_ATTEMPTS = 3
"""How often one request is sent at most: each sending may cost a use of the token."""


@dataclass(frozen=True, slots=True)
class Crm:
    """Whose CRM a call is for, and how its refusals are told apart.

    :param operation: name of the operation
    :param texts: how to tell the meanings of a 403 apart
    """

    operation: str
    texts: ForbiddenTexts

    @classmethod
    def of(cls, options: WolkvoxOptions) -> Crm:
        """Return the CRM of a connection.

        :param options: the connection's fields, :attr:`WolkvoxHook.options`
        """
        texts = ForbiddenTexts(
            concurrency=options.concurrency_message,
            maintenance=options.maintenance_message,
            quota=options.quota_message,
            token=options.refusal_message,
        )
        return cls(options.operation, texts)

    def write(
        self,
        path: str,
        body: Mapping[str, Any],
        read: Callable[[dict[str, Any], int], T],
        *,
        key: tuple[str, ...] = (),
        form: bool = False,
        alone: bool = False,
        remedy: str | None = None,
    ) -> Call[T]:
        """Make a call that changes something.

        :param path: the path below ``server/API/v2/``
        :param body: the body, to which the operation is added
        :param read: reads the envelope of a success, and is given the HTTP status
        :param key: what makes two calls the same
        :param form: whether the body goes as a form, in place of JSON
        :param alone: whether it shares no request with other calls
        :param remedy: what to do about a refusal
        """

        def decode(response: Response) -> T:
            try:
                document = success(response, self.texts)
            except VendorRejected as error:
                error.remedy = " ".join(filter(None, (remedy, error.remedy))) or None
                raise
            return read(document, response.status)

        sent = {"operation": self.operation, **body}
        return Call(
            "POST",
            f"server/API/v2/{path}",
            decode,
            json=None if form else sent,
            form=sent if form else None,
            attempts=WRITE_ATTEMPTS,
            alone=alone,
            key=key,
            shown=self._shown(body),
        )

    def read(self, path: str, body: Mapping[str, Any], *, remedy: str | None = None) -> Call[WolkvoxPage]:
        """Make a call that asks for one page of records.

        :param path: the path below ``server/API/v2/``
        :param body: the body, to which the operation is added
        :param remedy: what to do where what the body names is not there: about a 400 or 404
        """

        def decode(response: Response) -> WolkvoxPage:
            if 200 <= response.status < 300 and response.body.removeprefix(BOM_UTF8).lstrip().startswith(
                b"["
            ):
                # The saved sample of queryDates has no envelope.
                return _page({"data": response.json()}, response.status)
            try:
                document = envelope(response, self.texts)
            except VendorRejected as error:
                if {error.status, error.code} & {400, 404}:
                    error.remedy = " ".join(filter(None, (remedy, error.remedy))) or None
                raise
            if "data" not in document and envelope_code(document.get("code")) is None:
                # An empty list in its place would lose the records.
                raise VendorProtocolError(
                    "the response is not wolkvox's envelope: it has neither code nor data",
                    status=response.status,
                )
            return _page(document, response.status)

        return Call(
            "POST",
            f"server/API/v2/{path}",
            decode,
            json={"operation": self.operation, **body},
            attempts=READ_ATTEMPTS,
            shown=self._shown(body),
        )

    def _shown(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        return (self.operation, *(str(body[name]) for name in _ITS_OWN if name in body))


class WolkvoxRecord(VendorModel):
    """A record that was written.

    :param wolkvox_id: the CRM's identifier of the record; None where its answer has none, as for records that
        were inserted several at once
    """

    wolkvox_id: str | None = None


class WolkvoxPage(VendorModel):
    """A page of records that were asked for.

    :param records: the records as the CRM has them
    :param total_records: how many there are in all; None where the answer does not say
    :param total_pages: how many pages there are; None where the answer does not say
    :param counted: how many records its message counts; None where it counts none
    :param number: which page the answer says that it is; None where it does not say
    """

    records: list[dict[str, Any]]
    total_records: int | None = None
    total_pages: int | None = None
    counted: int | None = None
    number: int | None = None


_COUNTED = re.compile(r"\s*([0-9]{1,15}) records?\b", re.IGNORECASE)


def _page(document: dict[str, Any], status: int) -> WolkvoxPage:
    # An empty array has been seen where nothing was found; the others mean the same.
    records = document.get("data") or []
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        kind = "an array of other things" if isinstance(records, list) else f"a {type(records).__name__}"
        raise VendorProtocolError(f'"data" is not an array of records but {kind}', status=status)
    totals = [_count(document.get(name)) for name in ("Total records", "Total pages")]
    # A total of 0 beside records is one that nobody has filled in: it must not end the list.
    total_records, total_pages = [None if total == 0 and records else total for total in totals]
    return WolkvoxPage(
        records=records,
        total_records=total_records,
        total_pages=total_pages,
        counted=int(found[1]) if (found := _COUNTED.match(str(document.get("msg", "")))) else None,
        number=_count(document.get("page")),
    )


def _count(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def required(name: str, value: Any, *, prose: bool = False) -> str:
    """Return a value as text.

    :param name: what it is called
    :param value: the value
    :param prose: whether it is written for people
    :raises InvalidInput: it is empty, or nothing that has a text
    """
    text = text_or_none(value, name, prose=prose)
    if text is None:
        raise InvalidInput(f'"{name}" is empty.', field=name, remedy="wolkvox requires it.")
    return text


def written(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the fields of a record into what JSON has.

    Dates are written as the CRM shows them, ``YYYY-MM-DD`` and ``YYYY-MM-DD HH:MM:SS``, in their own zone.

    :param fields: the values by the CRM's names of the fields
    :raises InvalidInput: there are none, or a value has no form that the CRM knows
    """
    if not fields:
        raise InvalidInput(
            "the record has no field with a value.",
            field="fields",
            remedy="Check the names of its columns, or rename them with fields.",
        )
    return {name: plain(name, value) for name, value in fields.items()}


def plain(name: str, value: Any, *, nested: bool = False) -> Any:
    """Turn one value into what JSON has.

    :param name: name of the field
    :param value: the value
    :param nested: whether it is a part of another
    :raises InvalidInput: it has no form that the CRM knows
    """
    if value is None or isinstance(value, (str, int, float, Decimal, UUID, *BYTES)):
        return scalar(value, name)
    if (own := native(value)) is not value:
        return plain(name, own, nested=nested)
    if isinstance(value, date):
        if value != value:
            return None
        return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(name, item, nested=True) for item in value]
    if isinstance(value, dict):
        if value.get("type") == ATTACHMENT:
            raise InvalidInput(
                f'"{name}" has a file in it, where wolkvox takes none.',
                field=name,
                remedy="Give files in a field of a record, or in attachments of a case.",
            )
        if not nested and not ({"type", "value"} <= set(value) and isinstance(value["type"], str)):
            raise InvalidInput(
                f'"{name}" is an object without "type" and "value", which the CRM does not know.',
                field=name,
                remedy=(
                    'Name the fields to send, like include=["status"], leave this one out with exclude, or '
                    "make its value with a function of airflow_provider.wolkvox.fields."
                ),
            )
        return {named(name, part): plain(name, item, nested=True) for part, item in value.items()}
    raise InvalidInput(
        f'"{name}" is {shape(value)}, which has no form in JSON.',
        field=name,
        remedy="Give texts, numbers, dates, or typed values.",
    )


def named(name: str, part: Any) -> str:
    """Return the name of a part of a value as text.

    :param name: name of the field, for the error
    :param part: the name of the part
    :raises InvalidInput: it is no text and no number
    """
    return str.__str__(part) if isinstance(part, str) else required(name, part)


def identity(fields: Mapping[str, Any], record_key: Sequence[str] = ()) -> tuple[str, ...]:
    """Say what makes a new record the same as another: characters that nobody sees do not.

    :param fields: its fields, from :func:`written`
    :param record_key: the fields that tell; without any it is the whole content
    :raises InvalidInput: one of them has no value
    """
    if not record_key:
        return content(_seen(fields))
    for name in record_key:
        if is_empty(fields.get(name)):
            raise InvalidInput(
                f'"{name}" is empty, and tells the record from others.',
                field=name,
                remedy="Fill it, or name other fields in record_key.",
            )
    return tuple(f"{name}={_canonical(_seen(fields[name]))}" for name in record_key)


def content(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what makes the new content of a record the same as another, to the character.

    :param fields: its fields, from :func:`written`
    """
    return (hashlib.blake2b(_canonical(fields).encode(), digest_size=16).hexdigest(),)


def _seen(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _seen(item) for name, item in value.items()}
    return [_seen(item) for item in value] if isinstance(value, list) else value


def _canonical(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
