"""wolkvox CRM simulated: tokens with a daily quota, the call that reads it and those that spend it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.clock import iso
from airflow_provider.sandbox.messages import Answer, Refused, Request, json_answer, text_answer
from airflow_provider.sandbox.vendor import Vendor, field
from airflow_provider.sandbox.wolkvox.bodies import Refusal
from airflow_provider.sandbox.wolkvox.crm import ROOT, Crm
from airflow_provider.sandbox.wolkvox.forms import MULTIPART, URLENCODED
from airflow_provider.sandbox.wolkvox.record_switches import RECORD_SWITCHES
from airflow_provider.sandbox.wolkvox.strict_switches import STRICT_SWITCHES
from airflow_provider.sandbox.wolkvox.switches import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = f"{ROOT}token/tokenInformation.php"
ROUNDING: dict[str, Callable[[float], int]] = {"floor": math.floor, "ceil": math.ceil, "round": round}


class Error(Exception):
    """A call that wolkvox refuses.

    :param code: the envelope's code
    :param text: the envelope's msg
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(slots=True)
class Token:
    """A token with its daily quota.

    :param day: the day, in the reset's time zone, for which ``used`` counts
    """

    secret: str
    operation: str
    description: str
    type: str
    limit: int
    used: int
    day: date


class Wolkvox(Vendor):
    """``tokenInformation.php``, the quota that it reads, and the calls for which the quota is there."""

    name = "wolkvox"
    switches = (*SWITCHES, *RECORD_SWITCHES, *STRICT_SWITCHES)

    def reset(self) -> None:
        """Forget all tokens but the default one, and all records."""
        self.crm = Crm(self.clock, self.switch, self.seed)
        self.tokens: dict[str, Token] = {}
        self.default = ""
        self.in_flight: Counter[str] = Counter()
        self.minute = 0
        self.in_minute = 0
        self.zone = ZoneInfo(self.switch("reset_timezone"))

    def switched(self) -> None:
        """Bring the default token and the reset in line with the switches; uses stay counted."""
        zone = ZoneInfo(self.switch("reset_timezone"))
        if zone != self.zone:
            for token in self.tokens.values():
                self._renew(token)
            self.zone = zone
            for token in self.tokens.values():
                token.day = self._today()
        old = self.tokens.pop(self.default, None)
        self.default = self.switch("token")
        self.tokens[self.default] = Token(
            secret=self.default,
            operation=self.switch("operation"),
            description=self.switch("description"),
            type=old.type if old else "internal",
            limit=self.switch("limit"),
            used=old.used if old else 0,
            day=old.day if old else self._today(),
        )

    def state(self) -> dict[str, Any]:
        """Return every token with its quota, and the count of records of each module that has any."""
        tokens = [self._as_json(token) for token in self.tokens.values()]
        counts = self.crm.records.counts()
        return {"tokens": tokens, "records": counts} if counts else {"tokens": tokens}

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return the connection ``wolkvox_default``."""
        return {
            "wolkvox_default": {
                "conn_type": "wolkvox",
                "host": url,
                "login": self.switch("operation"),
                "password": self.switch("token"),
            }
        }

    def control(self, method: str, path: str, value: Any) -> Any:
        """Add or replace a token: ``POST /_sandbox/wolkvox/tokens``; or add, read or remove records."""
        top, _, module = path.partition("/")
        if top == "records":
            return self.crm.records.control(method, module, value)
        if (method, path) != ("POST", "tokens"):
            return None
        for name in value:
            if name not in ("token", "operation", "description", "type", "limit", "used"):
                raise Refused(
                    f"Unknown field {name!r}; send token, operation, description, type, limit, used"
                )
        token = Token(
            secret=field(value, "token", str, "the Wolkvox-Token, a string that is not empty"),
            operation=field(value, "operation", str, "a string", self.switch("operation")),
            description=field(value, "description", str, "a string", "sandbox"),
            type=field(value, "type", str, "'internal' or 'external'", "internal"),
            limit=field(value, "limit", int, "a whole number, 0 or more", self.switch("limit")),
            used=field(value, "used", int, "a whole number, 0 or more", 0),
            day=self._today(),
        )
        if not token.secret:
            raise Refused("Field 'token' got ''; send the Wolkvox-Token, a string that is not empty")
        if token.type not in ("internal", "external"):
            raise Refused(f"Field 'type' got {token.type!r}; send 'internal' or 'external'")
        if token.limit < 0 or token.used < 0:
            raise Refused(f"Fields 'limit' and 'used' got {token.limit} and {token.used}; send 0 or more")
        self.tokens[token.secret] = token
        self.journal.secret(token.secret)
        return self._as_json(token)

    def maintenance(self) -> Answer:
        """Return the configured maintenance answer."""
        return text_answer(self.switch("maintenance_status"), self.switch("maintenance_body"))

    def arrive(self, request: Request) -> Answer | None:
        """Count requests at a time and per minute, and turn away what is too much."""
        secret = request.headers.get("wolkvox-token", "")
        self.in_flight[secret] += 1
        minute = int(self.clock.seconds() // 60)
        self.in_minute = self.in_minute + 1 if minute == self.minute else 1
        self.minute = minute
        for limit, count, trait in (
            ("rate_limit_per_minute", self.in_minute, "rate_limit"),
            ("concurrency_limit", self.in_flight[secret], "concurrency"),
        ):
            if 0 < self.switch(limit) < count:
                if secret in self.tokens and self.switch("charge_failed_calls"):
                    self._charge(self.tokens[secret])
                return self._refusal(self._error(trait))
        return None

    def leave(self, request: Request) -> None:
        """Count one request less."""
        secret = request.headers.get("wolkvox-token", "")
        # A reset may have come between.
        self.in_flight[secret] = max(0, self.in_flight[secret] - 1)

    def serve(self, request: Request) -> Answer:
        """Check the token, carry the call out and charge it."""
        if self.switch("maintenance"):
            return self.maintenance()
        try:
            return json_answer(200, self._serve(request))
        except Error as error:
            return self._refusal(error)

    def _serve(self, request: Request) -> Any:
        secret = request.headers.get("wolkvox-token", "")
        if not secret:
            raise self._error("missing_token")
        token = self.tokens.get(secret)
        if token is None:
            raise self._error("unknown_token")
        self._renew(token)
        reading = request.path == PATH
        if self._left(token) <= 0 and (not reading or self.switch("exhausted_fails_reading")):
            raise self._error("exhausted")
        try:
            if reading:
                self._check_reading(request, token)
                answer = None
            else:
                answer = self._call(request, token)
        except Error:
            if self.switch("charge_failed_calls"):
                self._charge(token)
            raise
        before = self._information(token)
        self._charge(token)
        if reading:
            return self._read(self._information(token) if self.switch("charge_before_reading") else before)
        return answer

    def _check_reading(self, request: Request, token: Token) -> None:
        if request.method not in ("GET", "POST") or not self.switch(f"accept_{request.method.lower()}"):
            raise self._error("wrong_method")
        self._check_body(request, ("application/json",))
        if token.type == "external" and not self.switch("external_may_read"):
            raise self._error("unknown_token")
        self._check_operation(request.query.get("operation"), token)

    def _call(self, request: Request, token: Token) -> Any:
        """Carry out a call other than the token information."""
        endpoint = self.crm.endpoint(request.path)
        if endpoint is None:
            raise self._error("unknown_path")
        if request.method != "POST":
            raise self._error("wrong_method")
        self._check_body(request, (MULTIPART, URLENCODED) if endpoint.form else ("application/json",))
        if token.type != endpoint.token:
            raise self._error("unknown_token" if token.type == "external" else "internal_refused")
        body = self.crm.body(endpoint, request)
        operation = self._check_operation(body.values.get("operation"), token)
        try:
            return self.crm.answer(endpoint, operation, body)
        except Refusal as refusal:
            raise self._error(refusal.trait) from None

    def _check_body(self, request: Request, media_types: tuple[str, ...]) -> None:
        if 0 < self.switch("max_body_bytes") < len(request.body):
            raise self._error("body_too_long")
        if self.switch("require_content_type") and request.media_type not in media_types:
            raise self._error("content_type")

    def _check_operation(self, operation: Any, token: Token) -> str:
        if not isinstance(operation, str) or not operation.strip():
            raise self._error("missing_operation")
        if operation != token.operation and self.switch("check_operation"):
            raise self._error("wrong_operation")
        return operation

    def _error(self, trait: str) -> Error:
        return Error(self.switch(f"{trait}_status"), self.switch(f"{trait}_text"))

    def _code(self, code: int) -> int | str:
        return code if self.switch("code_as_number") else str(code)

    def _read(self, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "code": self._code(200),
            # The vendor's own: a string, and the spelling of the message.
            "error": "null",
            "msg": "1 records were are found",
            "data": [data] if self.switch("data_as_list") else data,
        }

    def _refusal(self, error: Error) -> Answer:
        status = error.code if self.switch("http_status_follows_code") else 200
        try:
            label = HTTPStatus(error.code).phrase.upper()
        except ValueError:
            label = "ERROR"
        if self.switch("error_shape") == "html":
            return text_answer(status, f"<html><body><h1>{error.code} {label}</h1>{error.text}</body></html>")
        if self.switch("error_shape") == "object":
            return json_answer(status, {"error": {"code": error.code, "message": error.text}})
        envelope = {"code": self._code(error.code), "error": label, "msg": error.text, "data": None}
        return json_answer(status, envelope)

    # quota

    def _information(self, token: Token) -> dict[str, Any]:
        left = max(0, self._left(token))
        spelling = "consumption" if self.switch("correct_spelling") else "consumition"
        hours = (self._reset_at().timestamp() - self.clock.seconds()) / 3600
        numbers = {
            "token_limit": token.limit,
            "token_use_today": token.used,
            f"available_{spelling}_options": left,
            "hours_to_restart_count": ROUNDING[self.switch("hours_rounding")](hours),
        }
        if self.switch("numbers_as_strings"):
            return {"description": token.description} | {name: str(value) for name, value in numbers.items()}
        return {"description": token.description} | numbers

    def _today(self) -> date:
        return self.clock.now(self.zone).date()

    def _reset_at(self) -> datetime:
        return datetime.combine(self._today() + timedelta(days=1), time(), self.zone)

    def _renew(self, token: Token) -> None:
        today = self._today()
        if token.day != today:
            token.day = today
            token.used = 0

    def _left(self, token: Token) -> int:
        if self.switch("limit_per") == "token":
            return token.limit - token.used
        used = 0
        for other in self.tokens.values():
            if other.operation == token.operation:
                self._renew(other)
                used += other.used
        return token.limit - used

    def _charge(self, token: Token) -> None:
        self._renew(token)
        if self._left(token) > 0:
            token.used += 1

    def _as_json(self, token: Token) -> dict[str, Any]:
        self._renew(token)
        return {
            "description": token.description,
            "operation": token.operation,
            "type": token.type,
            "limit": token.limit,
            "used": token.used,
            "remaining": max(0, self._left(token)),
            "resets_at": iso(self._reset_at().timestamp()),
        }


VENDOR = Wolkvox
