"""Faults: what goes wrong on the way, ordered by a test."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Refused, Request, header_pairs, json_answer, text_answer
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTIONS = {
    "answer": "give status, headers and body; without status and body the true one, late or with headers",
    "reset": "break the connection with TCP RST, without an answer",
    "close": "close the connection with FIN, without an answer",
    "truncate": "give the true answer, but only its first half: Content-Length promises more",
    "garbage": "give status 200 and bytes that are not JSON",
    "hang": "never answer; the connection is closed when the client goes, or after 60 seconds",
    "maintenance": "give the vendor's maintenance answer",
}
GARBAGE = Answer(200, b'\x1f\x8b\xff{"code": 0, \x00', ((b"content-type", b"application/json"),))
FIELDS = (
    "vendor",
    "path",
    "method",
    "times",
    "skip",
    "status",
    "headers",
    "body",
    "json",
    "delay",
    "action",
    "after",
)
LONGEST_WAIT = 60.0
NUMBER = (int, float)


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    :param action: one of :data:`ACTIONS`
    :param vendor: the vendor hit; None for any
    :param path: the end of the path hit; None for any
    :param method: the HTTP method hit; None for any
    :param times: how often it still happens; None for ever
    :param skip: how many matching requests still pass first
    :param status: the status to answer
    :param headers: the headers to answer
    :param body: the body to answer, or None
    :param delay: seconds to wait before the action
    :param after: whether the request takes effect first
    """

    action: str
    vendor: str | None = None
    path: str | None = None
    method: str | None = None
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: Answer | None = None
    delay: float = 0.0
    after: bool = False
    id: int = 0
    applied: int = 0

    def takes(self, vendor: str, request: Request) -> bool:
        """Return whether this fault hits a request, and count it."""
        if self.times == 0 or self.vendor not in (None, vendor):
            return False
        if self.path is not None and not request.path.endswith(self.path):
            return False
        if self.method not in (None, request.method):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.applied += 1
        return True

    @property
    def shows_the_true_answer(self) -> bool:
        """Whether the client gets something of what the vendor really answered."""
        if self.action == "answer":
            return self.status is None and self.body is None
        return self.action == "truncate"

    def answer(self, true: Answer | None) -> Answer:
        """Return what an "answer" fault answers, given the true answer if there is one."""
        if true is not None and self.shows_the_true_answer:
            return replace(true, headers=true.headers + self.headers)
        body = self.body or Answer(200, b"", ())
        own = {name for name, _ in self.headers}
        kept = tuple(pair for pair in body.headers if pair[0] not in own)
        return Answer(self.status or 200, body.body, kept + self.headers)

    def as_json(self) -> dict[str, Any]:
        """Return the fault for the control API."""
        return {
            "id": self.id,
            "vendor": self.vendor,
            "path": self.path,
            "method": self.method,
            "action": self.action,
            "status": self.status,
            "remaining": self.times,
            "skip": self.skip,
            "delay": self.delay,
            "after": self.after,
            "applied": self.applied,
        }


class Faults:
    """All faults, oldest first. A request meets the first one that takes it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all faults and begin again with id 1."""
        self.faults: list[Fault] = []
        self._last = 0

    def clear(self) -> None:
        """Remove all faults; ids go on counting."""
        self.faults = []

    def add(self, fault: Fault) -> int:
        """Add a fault and return its id."""
        self._last += 1
        fault.id = self._last
        self.faults.append(fault)
        return fault.id

    def meet(self, vendor: str, request: Request) -> Fault | None:
        """Return the fault that a request runs into, or None."""
        for fault in self.faults:
            if fault.takes(vendor, request):
                return fault
        return None


def read_fault(value: Any, vendors: Mapping[str, Any]) -> Fault:
    """Return the fault described by a control request.

    :param value: the decoded body
    :param vendors: the vendors known, by name
    :raises Refused: if a field is unknown or does not fit
    """
    for name in value:
        if name not in FIELDS:
            raise Refused(f"Unknown field {name!r}; the known ones are: {', '.join(FIELDS)}")
    fault = Fault(
        action=field(value, "action", str, "one of " + ", ".join(ACTIONS), "answer"),
        vendor=_text(value, "vendor", "one of " + ", ".join(vendors) + ", or null for any"),
        path=_text(value, "path", "the end of a path such as 'token/new', or null for any"),
        method=_text(value, "method", "an HTTP method such as 'POST', or null for any"),
        times=field(value, "times", (int, type(None)), "a whole number above 0, or null for ever", 1),
        skip=field(value, "skip", int, "a whole number, 0 or more", 0),
        status=field(value, "status", (int, type(None)), "an HTTP status from 200 to 599", None),
        headers=_headers(value),
        body=_body(value),
        delay=float(field(value, "delay", NUMBER, "seconds from 0 to 60", 0.0)),
        after=field(value, "after", bool, "true or false", False),
    )
    if fault.action not in ACTIONS:
        raise Refused(f"Field 'action' got {fault.action!r}; send one of {', '.join(ACTIONS)}")
    if fault.vendor is not None and fault.vendor not in vendors:
        raise Refused(f"Field 'vendor' got {fault.vendor!r}; send one of {', '.join(vendors)}")
    if fault.times is not None and fault.times < 1:
        raise Refused(f"Field 'times' got {fault.times}; send a whole number above 0, or null for ever")
    if fault.skip < 0:
        raise Refused(f"Field 'skip' got {fault.skip}; send a whole number, 0 or more")
    if not 0 <= fault.delay <= LONGEST_WAIT:
        raise Refused(f"Field 'delay' got {fault.delay}; send seconds from 0 to 60")
    if fault.status is not None and fault.status not in range(200, 600):
        raise Refused(f"Field 'status' got {fault.status}; send an HTTP status from 200 to 599")
    if fault.action != "answer" and (fault.status or fault.body or fault.headers):
        raise Refused(f"Fields 'status', 'headers', 'body' and 'json' do not go with action '{fault.action}'")
    if fault.action == "answer" and not (fault.status or fault.body or fault.headers or fault.delay):
        raise Refused(
            "This fault would do nothing; send 'status', 'headers', 'body', 'json', 'delay' or 'action'"
        )
    return fault


def bare(status: int) -> bool:
    """Return whether HTTP forbids a body with a status."""
    return status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def _text(value: Any, name: str, hint: str) -> str | None:
    text: str | None = field(value, name, (str, type(None)), hint, None)
    return text


def _headers(value: Any) -> tuple[tuple[bytes, bytes], ...]:
    headers = field(value, "headers", dict, 'an object such as {"Retry-After": "2"}', {})
    for name, content in headers.items():
        line = f"{name}{content}" if isinstance(content, str | int) else "\n"
        if not name or not line.isprintable() or not line.isascii() or " " in name or ":" in name:
            raise Refused(
                f"Field 'headers' got {json.dumps({name: content})}; send names with one line of ASCII"
            )
        if name.lower() in ("content-length", "transfer-encoding"):
            raise Refused(f"Field 'headers' got '{name}'; leave it out, or use action 'truncate'")
    return header_pairs(headers)


def _body(value: Any) -> Answer | None:
    if "json" in value and "body" in value:
        raise Refused("Fields 'json' and 'body' came together; send one of them")
    if "json" in value:
        return json_answer(200, value["json"])
    text = _text(value, "body", "a string; for JSON use the field 'json'")
    return None if text is None else text_answer(200, text)
