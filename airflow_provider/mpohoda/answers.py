"""What mPOHODA's answers mean: problem documents in both spellings, and bodies of success read exactly.

Source: the vendor's OpenAPI file. Older guides and clients have another envelope and other errors, which are
understood too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.exceptions import (
    QuotaExhausted,
    VendorAuthError,
    VendorError,
    VendorForbidden,
    VendorProtocolError,
    VendorRejected,
)
from airflow_provider.http.status import error_for_status, retry_after
from airflow_provider.mpohoda.labels import CLIENT_LABEL, HOST_LABEL, SECRET_LABEL
from airflow_provider.redaction import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.http.call import Response

USED_UP = "too many requests"
UNSPECIFIED = "Unspecified"

CODE = re.compile(r"[0-9]{1,5}|[A-Za-z][A-Za-z0-9_.:-]{0,99}")
"""What the code of a warning is like; anything else is a text."""

AUTH_REMEDY = (
    f'Check "{SECRET_LABEL}" and "{CLIENT_LABEL}" of the connection, and its country. They stop working when '
    "they are deleted in the Open API agenda, and when the user who made them leaves the company."
)
FORBIDDEN_REMEDY = (
    "The credentials have the rights of the user who made them: give that user the right to it, or use "
    "credentials of another user. Other resources may still be used."
)
QUOTA_REMEDY = (
    "mPOHODA Pro has 8,000 requests a month, and 8,000 more for each mCAL extension. When it counts from "
    "zero again is not published."
)
WRONG_PLACE = {
    404: f'What the request names is not there. If every request says so, check "{HOST_LABEL}".',
    405: f'The method is refused. Check "{HOST_LABEL}" of the connection: another server answers like this.',
}


class FieldsRejected(VendorRejected):
    """The vendor refused values of the request, and named their fields.

    :param message: what the vendor wrote
    :param fields: the fields, in the vendor's spelling
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(message, **more)
        self.fields = fields

    def clean(self, cleaned: Callable[[str], str]) -> None:
        """Take out what must not be shown; of the fields, those with a secret in them."""
        super().clean(cleaned)
        fields = [(field, cleaned(field)) for field in self.fields]
        # A field that is called as a value of the record stays: what follows depends on it.
        self.fields = tuple(shown if HIDDEN in shown else field for field, shown in fields)

    def names(self, field: str) -> bool:
        """Say whether a field is among them; capitals make no difference.

        :param field: the field
        """
        return any(one.casefold() == field.casefold() for one in self.fields)


class Problem(NamedTuple):
    """What a problem document says.

    :param text: what is wrong; empty where it does not say
    :param title: the short text of the status
    :param fields: texts of a validation by field
    """

    text: str
    title: str
    fields: Mapping[str, str]


def document(response: Response) -> Any:
    """Decode a body of success, numbers with all their digits.

    :param response: the response
    :raises VendorError: it is a refusal, or not JSON
    """
    check(response)
    found = response.json(exact=True)
    if isinstance(found, dict) and _is_problem(response, found):
        said = _problem(found).text
        raise VendorProtocolError(
            f"the response of HTTP {response.status} is an error document{': ' if said else ''}{said}",
            status=response.status,
        )
    return found


def entity(response: Response) -> dict[str, Any]:
    """Decode one record, which the older envelope has in ``Data``.

    :param response: the response
    :raises VendorError: it is a refusal, or not a record
    """
    found = document(response)
    for one in (found, found.get("Data") if isinstance(found, dict) else None):
        if isinstance(one, dict) and _is_text(one.get("Id")):
            return one
    raise _unexpected(response, "it is no record: it has no Id")


def created(response: Response) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Decode what was created, with the warnings that came along.

    :param response: the response
    :return: the record; and code and message of each warning
    :raises VendorError: it is a refusal, or does not tell what was created
    """
    found = document(response)
    data = found.get("Data") if isinstance(found, dict) else None
    if not isinstance(data, dict) or not _is_text(data.get("Id")):
        raise _unexpected(response, "it does not tell what was created: Data has no Id")
    warnings = found.get("Warnings")
    warnings = [warnings] if isinstance(warnings, dict) and warnings else warnings
    # The record was created: a warning that cannot be read is not worth an error.
    return data, [_warning(one) for one in warnings] if isinstance(warnings, list) else []


def text(response: Response) -> str:
    """Decode a bare JSON text.

    :param response: the response
    :raises VendorError: it is a refusal, or no text
    """
    found = document(response)
    if not _is_text(found):
        raise _unexpected(response, "it is no text")
    return str(found)


def file(response: Response) -> bytes | None:
    """Return the bytes of a file; None where the vendor has none.

    :param response: the response
    :raises VendorError: it is a refusal, or no file
    """
    return response.body if is_file(response) else None


def pdf(response: Response) -> bytes | None:
    """Return the bytes of a PDF; None where the vendor has none.

    :param response: the response
    :raises VendorError: it is a refusal, or no PDF
    """
    return response.body if is_file(response, pdf=True) else None


def is_file(response: Response, *, pdf: bool = False) -> bool:
    """Make sure that a response is a file, wherever its body is; False where the vendor has none.

    The content type alone says little: that of ISDOC files is not known, and a page to sign in may have any.

    :param response: the response
    :param pdf: whether it must be a PDF
    :raises VendorError: it is a refusal, or no such file
    """
    check(response)
    if response.status == 204:
        return False
    begin = response.body if response.saved is None else response.saved.start
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = begin[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html")) or kind == "text/html"
    if not start or page or kind.endswith("json") or start.startswith((b"{", b"[")):
        raise _unexpected(response, "it is no file")
    # Some producers put a few bytes in front.
    if pdf and b"%PDF-" not in begin[:1024]:
        raise _unexpected(response, "it is no PDF")
    return True


def check(response: Response) -> None:
    """Raise the error that a refusal means.

    :param response: the response
    :raises VendorError: it is a refusal
    """
    if not 200 <= response.status < 300:
        raise _refusal(response)


def _refusal(response: Response) -> VendorError:
    problem = _problem_of(response)
    judged = _meaning(response.status, problem)
    if judged == 429 and retry_after(response) is None:
        said = f": {problem.text}" if problem.text else ""
        return QuotaExhausted(
            f"the requests of the month are used up{said}", status=response.status, remedy=QUOTA_REMEDY
        )
    if judged == 422 and problem.fields:
        return FieldsRejected(problem.text, fields=tuple(problem.fields), status=response.status)
    error = error_for_status(response, problem.text or None, status=judged, rights_per_resource=True)
    if error is None:
        raise TypeError("a refusal has no success for a status")
    if isinstance(error, VendorForbidden):
        error.remedy = FORBIDDEN_REMEDY
    elif isinstance(error, VendorAuthError):
        error.remedy = AUTH_REMEDY
    error.remedy = WRONG_PLACE.get(judged, error.remedy)
    return error


def _meaning(status: int, problem: Problem) -> int:
    """Tell 422 and 429 apart by what comes along: a page of the vendor's documentation has them swapped."""
    if status == 429 and problem.fields:
        return 422
    if status == 422 and not problem.fields and problem.title.strip().casefold() == USED_UP:
        return 429
    return status


def _problem_of(response: Response) -> Problem:
    try:
        found = response.json()
    except VendorProtocolError:
        found = None
    return _problem(found if isinstance(found, dict) else {})


def _problem(found: Mapping[str, Any]) -> Problem:
    members = _lower(found)
    title = members.get("title")
    title = title.strip() if isinstance(title, str) else ""
    fields = _fields(members.get("errors"))
    parts = [title, members.get("detail"), _older_message(members)]
    parts.append("; ".join(f"{name}: {said}" for name, said in fields.items()))
    said = [part.strip() for part in parts if isinstance(part, str) and part.strip()]
    return Problem(": ".join(said), title, fields)


def _fields(errors: Any) -> dict[str, str]:
    """Return what a validation says of each field, in one text each."""
    if not isinstance(errors, dict):
        return {}
    texts = {name: said if isinstance(said, list) else [said] for name, said in errors.items()}
    return {name: " ".join(one for one in said if isinstance(one, str)) for name, said in texts.items()}


def _older_message(members: Mapping[str, Any]) -> str | None:
    error = members.get("error")
    if isinstance(error, dict):
        error = _lower(error).get("message")
    return error if isinstance(error, str) else None


def _is_problem(response: Response, found: Mapping[str, Any]) -> bool:
    """Say whether a document is one of an error, although its status is one of success."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/problem+json":
        return True
    members = _lower(found)
    if members.keys() & {"id", "data", "items"}:
        return False
    return "error" in members or ("title" in members and "status" in members)


def _warning(value: Any) -> dict[str, str]:
    members = _lower(value) if isinstance(value, dict) else {"message": value}
    code, message = str(members.get("code") or ""), str(members.get("message") or "")
    if not code and not message and value:
        message = str(value)
    # Any form of a warning is told, under the vendor's own code for one that only its text explains. Data of
    # the record is hidden in the message alone.
    if not CODE.fullmatch(code):
        code, message = UNSPECIFIED, ": ".join(part for part in (code, message) if part)
    return {"code": code, "message": message}


def _lower(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in members.items()}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _unexpected(response: Response, fault: str) -> VendorProtocolError:
    return VendorProtocolError(
        f"the response of HTTP {response.status} is not what it should be: {fault} ({response.shape})",
        status=response.status,
    )
