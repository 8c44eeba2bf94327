"""OAuth2 client credentials (RFC 6749, 4.4): one token per process, requested once for all."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote_plus, urlsplit

from airflow_provider.exceptions import (
    InvalidInput,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.auth import Auth, Terms, shown_forms
from airflow_provider.http.call import Call, Repeat, Response, check_header
from airflow_provider.http.retry import RateLimiter, exchange
from airflow_provider.http.status import error_for_status
from airflow_provider.http.steps import Credentials, Mask, Step, WaitFor

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pydantic import SecretStr

MARGIN = 60.0
"""Seconds before its end that a token is renewed; at most half of its lifetime."""


class Token(NamedTuple):
    """An access token and its times on the monotonic clock."""

    credentials: Credentials
    renew_at: float
    expires_at: float


@dataclass
class _Entry:
    """What the process knows of one client's token."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: Token | None = None
    flight: Future[Credentials | VendorError | None] | None = None
    """Set while a token is requested; its result is None if the request was stopped before it had one."""
    minted: list[str] = field(default_factory=list, repr=False)
    """The last two tokens: answers to requests with the old one may come when the new one is in use."""


_entries: dict[tuple[str, ...], _Entry] = {}


def forget_tokens() -> None:
    """Forget all tokens of this process."""
    _entries.clear()


# A child has neither the thread that was asking nor, at the supervisor of its task, the masks.
os.register_at_fork(after_in_child=forget_tokens)


class ClientCredentials(Auth):
    """Authenticates with a token that is requested with a client's id and secret.

    The driver of the call requests the token, too. These requests count neither as attempts of the call nor
    for the observer: they do not spend the vendor's quota.

    :param token_url: the token endpoint
    :param client_id: id of the client
    :param client_secret: its secret
    :param scope: the scope that is requested; None to leave it out
    :param extra: further fields of the token request
    :param send_in: where id and secret are sent: in the ``body``, or as HTTP ``basic``; never both
    :param fields: what the connection's form calls id and secret, for errors
    :param margin: seconds before its end that a token is renewed; at most half of its lifetime
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: SecretStr,
        *,
        scope: str | None = None,
        extra: Mapping[str, str] | None = None,
        send_in: Literal["body", "basic"] = "body",
        fields: tuple[str, str] = ("Client Id", "Client Secret"),
        margin: float = MARGIN,
    ) -> None:
        super().__init__()
        self._token_url = token_url
        self._client_id = client_id
        self._client_secret = client_secret
        self._form = {"grant_type": "client_credentials", **(extra or {})}
        if scope:
            self._form["scope"] = scope
        self._send_in = send_in
        self._fields = fields
        self._margin = margin
        digest = hashlib.blake2b(client_secret.get_secret_value().encode(), digest_size=16).hexdigest()
        form = json.dumps(self._form, sort_keys=True)
        self._key = (token_url, client_id, digest, send_in, form)

    @property
    def _entry(self) -> _Entry:
        # Atomic: of two threads both get the entry of the one that was first.
        return _entries.get(self._key) or _entries.setdefault(self._key, _Entry())

    def current(self, now: float) -> Credentials | None:
        """Return the present token; None where it has to be requested."""
        entry = self._entry
        token = entry.token
        if token is None:
            return None
        # While it is being renewed, the old one is still good.
        good = now < token.renew_at or (entry.flight is not None and now < token.expires_at)
        return token.credentials if good else None

    def obtain(self, terms: Terms) -> Generator[Step, Any, Credentials]:
        """Request a token, or wait for the request that is under way.

        :param terms: how much time and how many tries there are
        :raises VendorError: none can be had
        """
        while True:
            now = terms.clock()
            if now >= terms.deadline:
                raise self._located(VendorUnavailable("no access token within the deadline", processed=False))
            entry = self._entry
            own: Future[Credentials | VendorError | None] = Future()
            with entry.lock:
                if (credentials := self.current(now)) is not None:
                    return credentials
                flight = entry.flight
                if flight is None:
                    entry.flight = own
            if flight is None:
                return (yield from self._ask(entry, own, terms))
            yield WaitFor(flight, terms.deadline - now)
            found = flight.result() if flight.done() else None
            if isinstance(found, VendorError):
                # A copy for each: whoever raises it adds to it.
                raise copy.copy(found)
            if found is not None:
                return found

    def refused(self, credentials: Credentials) -> bool:
        """Forget the token, unless another has already taken its place."""
        entry = self._entry
        with entry.lock:
            if entry.token is not None and entry.token.credentials is credentials:
                entry.token = None
        return True

    @property
    def urls(self) -> list[str]:
        """Return the URL of the token endpoint."""
        return [self._token_url]

    def secrets(self) -> list[str]:
        """Return the client's secret and the last tokens."""
        values = [self._client_secret.get_secret_value(), self._basic().partition(" ")[2]]
        return [form for value in [*values, *self._entry.minted] for form in shown_forms(value)]

    def _ask(
        self, entry: _Entry, flight: Future[Credentials | VendorError | None], terms: Terms
    ) -> Generator[Step, Any, Credentials]:
        """Request a token, and tell those who wait how it ended, whatever happens."""
        result: Credentials | VendorError | None = None
        try:
            started = terms.clock()
            text, lifetime = yield from exchange(
                self._call(),
                policy=replace(terms.policy, deadline=terms.deadline - started),
                timeout=terms.timeout,
                # The vendor's pace is not that of its token endpoint.
                rate_limiter=RateLimiter(),
                url=self._token_url,
                clock=terms.clock,
                draw=terms.draw,
            )
            yield Mask(text)
            credentials = Credentials(headers={"Authorization": f"Bearer {text}"})
            margin = min(self._margin, lifetime / 2)
            entry.minted = [*entry.minted[-1:], text]
            entry.token = Token(credentials, started + lifetime - margin, started + lifetime)
            result = credentials
            return credentials
        except VendorError as error:
            if isinstance(error, VendorUnavailable):
                # The call that needs the token has not been sent.
                error.processed = False
            error.redact(self.secrets())
            result = self._located(error)
            raise
        finally:
            with entry.lock:
                entry.flight = None
            flight.set_result(result)

    def _located(self, error: VendorError) -> VendorError:
        error.locate(method="POST", path=self._token_url)
        return error

    def _basic(self) -> str:
        # Each part is encoded as in a form (RFC 6749, 2.3.1).
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret.get_secret_value())}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _call(self) -> Call[tuple[str, float]]:
        form, headers = self._form, {"Accept": "application/json"}
        if self._send_in == "basic":
            headers["Authorization"] = self._basic()
        else:
            secret = self._client_secret.get_secret_value()
            form = {**form, "client_id": self._client_id, "client_secret": secret}
        return Call("POST", "", self._read, Repeat.SAFE, form=form, multipart=False, headers=headers)

    def _read(self, response: Response) -> tuple[str, float]:
        """Return the token and its lifetime in seconds."""
        host = urlsplit(self._token_url).netloc
        if not 200 <= response.status < 300:
            raise self._refusal(response, host)
        try:
            answer = response.json()
        except VendorProtocolError as error:
            error.message = f"the token endpoint at {host}: {error.message}"
            error.remedy = "Check the URL of the token endpoint."
            raise
        text = answer.get("access_token") if isinstance(answer, dict) else None
        kind = answer.get("token_type", "Bearer") if isinstance(answer, dict) else None
        fault = None
        if not isinstance(text, str):
            fault = "no access token"
        elif not isinstance(kind, str) or kind.lower() != "bearer":
            fault = "a token of another type than Bearer"
        else:
            try:
                check_header("access_token", text)
            except InvalidInput:
                fault = "a token that no header can carry"
        if fault or not isinstance(text, str):
            raise VendorProtocolError(
                f"the token endpoint at {host} answers with {fault}", status=response.status
            )
        return text, _lifetime(answer.get("expires_in"))

    def _refusal(self, response: Response, host: str) -> VendorError:
        """Name the error of a refusal (RFC 6749, 5.2)."""
        said = None
        if response.status in (400, 401, 403):
            try:
                document = response.json()
            except VendorProtocolError:
                document = None
            if isinstance(document, dict) and isinstance(document.get("error"), str):
                parts = [document["error"], document.get("error_description")]
                said = ": ".join(part for part in parts if isinstance(part, str) and part)
        who, what = self._fields
        if said is not None:
            return VendorAuthError(
                f"the token endpoint at {host} refuses the client: {said}",
                status=response.status,
                remedy=f'Check "{who}" and "{what}" of the connection, and what the client may ask for.',
            )
        error = error_for_status(response)
        if error is None:
            raise TypeError("a refusal has no success for a status")
        if isinstance(error, VendorRejected):
            # Not a record is refused here, but the way to every record.
            return VendorAuthError(
                f"the token endpoint at {host}: {error.message}",
                status=response.status,
                remedy=f'Check the URL of the token endpoint, "{who}" and "{what}" of the connection.',
            )
        error.message = f"the token endpoint at {host}: {error.message}"
        if isinstance(error, VendorAuthError):
            error.remedy = f'Check "{who}" and "{what}" of the connection.'
        return error


def _lifetime(value: Any) -> float:
    """Read ``expires_in``; where it is not said, a token lives until it is refused."""
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return float("inf")
