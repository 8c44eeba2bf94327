"""wolkvox CRM simulated: tokens with a daily quota, the call that reads it and those that spend it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.clock import iso
from airflow_provider.sandbox.messages import Answer, Refused, Request, json_answer
from airflow_provider.sandbox.vendor import Vendor, field
from airflow_provider.sandbox.wolkvox.answer_switches import ANSWER_SWITCHES
from airflow_provider.sandbox.wolkvox.answers import Answers
from airflow_provider.sandbox.wolkvox.bodies import Refusal
from airflow_provider.sandbox.wolkvox.crm import ROOT, Crm
from airflow_provider.sandbox.wolkvox.forms import MULTIPART, URLENCODED
from airflow_provider.sandbox.wolkvox.record_switches import RECORD_SWITCHES
from airflow_provider.sandbox.wolkvox.refusals import Error, Refusals
from airflow_provider.sandbox.wolkvox.strict_switches import STRICT_SWITCHES
from airflow_provider.sandbox.wolkvox.switches import SWITCHES
from airflow_provider.sandbox.wolkvox.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = f"{ROOT}token/tokenInformation.php"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ROUNDING: dict[str, Callable[[float], int]] = {"floor": math.floor, "ceil": math.ceil, "round": round}


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
    switches = (*SWITCHES, *RECORD_SWITCHES, *ANSWER_SWITCHES, *STRICT_SWITCHES)

    def reset(self) -> None:
        """Forget all tokens but the default one, and all records."""
        self.crm = Crm(self.clock, self.switch, self.seed)
        self.tokens: dict[str, Token] = {}
        self.default = ""
        self.traffic = Traffic(self.clock, self.switch)
        own = {one.name.partition(".")[2]: one.default for one in self.switches}
        self.refusals = Refusals(self.switch, own)
        self.answers = Answers(self.switch)
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
        return self.refusals.maintenance()

    def arrive(self, request: Request) -> Answer | None:
        """Count a request, and turn it away if that is one too many."""
        secret = request.headers.get("wolkvox-token", "")
        trait = self.traffic.arrive(secret, request.address)
        if trait is None:
            return None
        if secret in self.tokens and self.switch("charge_failed_calls"):
            self._charge(self.tokens[secret])
        return self.refusals.answer(self.refusals.error(trait))

    def leave(self, request: Request) -> None:
        """Count one request less."""
        self.traffic.leave(request.headers.get("wolkvox-token", ""))

    def serve(self, request: Request) -> Answer:
        """Check the token, carry the call out and charge it."""
        if self.switch("maintenance"):
            return self.maintenance()
        try:
            value = self._serve(request)
        except Error as error:
            return self.refusals.answer(error)
        answer = json_answer(200, value)
        marked = self.switch("byte_order_mark")
        if marked == "all" or (marked == "bare arrays" and isinstance(value, list)):
            return replace(answer, body=BYTE_ORDER_MARK + answer.body)
        return answer

    def _serve(self, request: Request) -> Any:
        secret = request.headers.get("wolkvox-token", "")
        if not secret:
            raise self._error("missing_token")
        token = self.tokens.get(secret)
        if token is None:
            raise self._error("unknown_token")
        if secret == self.default and self.switch("token_expired"):
            raise self._error("expired_token")
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
            raise self.refusals.error(refusal.trait, read=endpoint.paged) from None

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
        return self.refusals.error(trait)

    def _read(self, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **self.answers.success(self.answers.read_code()),
            # The vendor's own spelling.
            "msg": "1 records were are found",
            "data": [data] if self.switch("data_as_list") else data,
        }

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
