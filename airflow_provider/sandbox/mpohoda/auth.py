"""Signing in: the API key, tokens, and the endpoint that gives them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from airflow_provider.sandbox.messages import Answer, Request, json_answer
from airflow_provider.sandbox.mpohoda.wire import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.journal import Journal

FORM = "application/x-www-form-urlencoded"
SCOPES = {"cz": "Mph.OpenApi.Access.Cz", "sk": "Mph.OpenApi.Access.Sk"}
# The start that the page's sample has: the header of a JWT.
JWT_HEADER = "eyJhbGciOiJSUzI1NiJ9"


class TokenError(Exception):
    """A token request that is refused.

    :param name: the error as OAuth calls it
    :param description: for a person
    """

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name)
        self.name = name
        self.description = description


@dataclass(slots=True)
class Token:
    """A token that was given.

    :param client: the client that got it
    :param ends: when it ends, in seconds since 1970
    """

    client: str
    ends: float


class Authority:
    """Give tokens and tell who sends a request.

    :param clock: the sandbox's clock
    :param journal: takes the tokens, which are secrets
    :param switch: returns the value of one of mPOHODA's switches
    :param seed: random for each run; the tokens are made from it
    """

    def __init__(self, clock: Clock, journal: Journal, switch: Callable[[str], Any], seed: str) -> None:
        self.clock = clock
        self.journal = journal
        self.switch = switch
        self.seed = seed
        self.given = 0
        self.tokens: dict[str, Token] = {}

    def credential(self, request: Request) -> str:
        """Return who sends a request: ``key`` or the client's id.

        :raises Problem: 401
        """
        headers = request.headers
        key = headers.get("api-key")
        if key is not None and hmac.compare_digest(key.encode(), self.switch("api_key").encode()):
            return "key"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        found = self.tokens.get(token.strip()) if scheme.lower() == "bearer" else None
        if found is not None and self.clock.seconds() < found.ends:
            return found.client
        raise Problem(401, "Api-Key or access token is missing or not valid.")

    def live(self) -> int:
        """Return how many tokens are valid now."""
        return sum(1 for token in self.tokens.values() if self.clock.seconds() < token.ends)

    def revoke(self, token: str | None = None) -> int:
        """End a token, or all, after the delay that is set.

        :return: how many
        """
        ends = self.clock.seconds() + self.switch("revocation_delay")
        count = 0
        for text, found in self.tokens.items():
            if token in (None, text) and ends < found.ends:
                found.ends = ends
                count += 1
        return count

    def answer(self, request: Request) -> Answer:
        """Serve the token endpoint."""
        if request.method != "POST":
            return json_answer(405, {"error": "invalid_request"})
        try:
            return json_answer(200, self._give(request))
        except TokenError as error:
            invalid_client = error.name == "invalid_client"
            status = self.switch("invalid_client_status" if invalid_client else "token_error_status")
            always = self.switch("token_error_names")
            name = error.name if always == "rfc" else always
            return json_answer(status, {"error": name, "error_description": error.description})

    def _give(self, request: Request) -> dict[str, Any]:
        if request.media_type != FORM:
            raise TokenError("invalid_request", f"The body must be {FORM}.")
        form = dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
        if form.get("grant_type") != "client_credentials":
            raise TokenError("unsupported_grant_type", "grant_type must be client_credentials.")
        client, secret = self._client(request, form)
        right = hmac.compare_digest(client.encode(), self.switch("client_id").encode())
        if not hmac.compare_digest(secret.encode(), self.switch("client_secret").encode()) or not right:
            raise TokenError("invalid_client", "client_id or client_secret is not valid.")
        if self.switch("check_scope") and form.get("scope") != SCOPES[self.switch("country")]:
            raise TokenError("invalid_scope", "scope is not valid.")
        if self.switch("one_token_at_a_time"):
            self.revoke()
        lifetime = self.switch("token_lifetime")
        token = self._new_token()
        self.tokens[token] = Token(client, self.clock.seconds() + lifetime)
        self.journal.secret(token)
        answer = {"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}
        if not self.switch("expires_in"):
            del answer["expires_in"]
        return answer

    def _client(self, request: Request, form: dict[str, str]) -> tuple[str, str]:
        basic = request.headers.get("authorization")
        in_body = "client_id" in form or "client_secret" in form
        if basic and in_body and self.switch("both_client_authentications") == "refuse":
            raise TokenError(
                "invalid_request", "Send client id and secret in the body or as Basic, not both."
            )
        where = self.switch("client_authentication")
        if basic and where != "body":
            return _basic(basic)
        if in_body and where != "basic":
            return form.get("client_id", ""), form.get("client_secret", "")
        raise TokenError("invalid_client", "client_id and client_secret are missing.")

    def _new_token(self) -> str:
        self.given += 1
        digest = hashlib.sha256(f"{self.seed} token {self.given}".encode()).hexdigest()
        return f"{JWT_HEADER}.{digest[:32]}.{digest[32:]}"


def _basic(header: str) -> tuple[str, str]:
    scheme, _, text = header.partition(" ")
    try:
        client, _, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client = secret = ""
    if scheme.lower() != "basic":
        raise TokenError("invalid_client", "Authorization must be Basic.")
    return unquote_plus(client), unquote_plus(secret)
