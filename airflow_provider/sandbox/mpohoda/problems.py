"""Error documents in the spellings that are known."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mpohoda.wire import Problem

PROBLEM_HEADERS = ((b"content-type", b"application/problem+json"),)
_PLACEHOLDER = "propertyName"


def problem_answer(problem: Problem, switch: Callable[[str], Any], number: int) -> Answer:
    """Return the answer that tells a problem.

    :param problem: what is wrong
    :param switch: returns the value of one of mPOHODA's switches
    :param number: makes the trace id
    """
    spelling = switch("problem_spelling")
    title = _title(problem.status)
    if spelling == "legacy":
        texts = [text for several in (problem.errors or {}).values() for text in several]
        message = " ".join(texts) or problem.detail or title
        body: dict[str, Any] = {"Error": {"Message": message}}
        return Answer(problem.status, json.dumps(body).encode(), ((b"content-type", b"application/json"),))
    body = {"type": f"https://httpstatuses.io/{problem.status}", "title": title, "status": problem.status}
    if problem.errors:
        body = {"errors": _errors(problem.errors, switch("nested_error_keys")), **body}
    if problem.detail and switch("problem_detail"):
        body["detail"] = problem.detail
    if switch("problem_trace_id"):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        body["traceId"] = f"00-{digest[:32]}-{digest[32:48]}-00"
    if spelling == "pascal":
        body = {name[0].upper() + name[1:]: value for name, value in body.items()}
    return Answer(problem.status, json.dumps(body).encode(), PROBLEM_HEADERS)


def _title(status: int) -> str:
    # Python 3.13 calls it Unprocessable Content.
    if status == 422:
        return "Unprocessable Entity"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _errors(errors: dict[str, list[str]], form: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, texts in errors.items():
        key = path
        if form == "name":
            key = path.rpartition(".")[2]
        elif form == "placeholder" and ("." in path or path in ("Id", "Ids")):
            key = _PLACEHOLDER
        found.setdefault(key, []).extend(texts)
    return found
