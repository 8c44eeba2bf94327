"""The token: where it is sent, and what replaces it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.messages import Request


class Tokens:
    """Tell whether a request has the account's token.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of Mobadoo's switches
    :param seed: random for each run; new tokens are made from it
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], seed: str) -> None:
        self.clock = clock
        self.switch = switch
        self.seed = seed
        self.replaced: list[tuple[str, str, float]] = []
        self.planned: tuple[int, str] | None = None

    @property
    def current(self) -> str:
        """The token of the environment that is simulated."""
        return str(self.switch(f"{self.switch('environment')}_token"))

    def allows(self, request: Request, mode: str) -> bool:
        """Return whether a request has a token that works.

        :param request: the request
        :param mode: where the token is accepted: ``query``, ``header`` or ``both``
        """
        sent = []
        if mode != "header" and "token" in request.query:
            sent.append(request.query["token"])
        if mode != "query":
            sent += self._in_header(request)
        # A request with two tokens is refused when one of them is wrong.
        return bool(sent) and all(self._works(token) for token in sent)

    def plan(self, requests: int, token: str) -> None:
        """Let a new token take the present one's place.

        :param requests: how many requests are served before
        :param token: the new token
        """
        self.planned = (requests, token)

    def count(self) -> str | None:
        """Count a request, and return the token that takes the present one's place before it."""
        if self.planned is None:
            return None
        requests, token = self.planned
        self.planned = (requests - 1, token) if requests else None
        return None if requests else token

    def retire(self) -> None:
        """Note when the present token ends, which another one replaces."""
        ends = self.clock.seconds() + self.switch("old_token_seconds")
        self.replaced.append((self.switch("environment"), self.current, ends))

    def mint(self) -> str:
        """Return a token that nobody has had."""
        text = f"{self.seed} {self.switch('environment')} token {len(self.replaced)}"
        return hashlib.sha256(text.encode()).hexdigest()[:40]

    def _in_header(self, request: Request) -> list[str]:
        value = request.headers.get(self.switch("auth_header").lower())
        if value is None:
            return []
        wanted = self.switch("auth_scheme")
        if not wanted:
            return [value.strip()]
        scheme, _, token = value.partition(" ")
        return [token.strip() if scheme.lower() == wanted.lower() else ""]

    def _works(self, token: str) -> bool:
        now, environment = self.clock.seconds(), self.switch("environment")
        old = [text for where, text, ends in self.replaced if where == environment and now < ends]
        return any(hmac.compare_digest(token.encode(), one.encode()) for one in [self.current, *old])
