"""Requests that the sandbox itself sends: webhooks and callbacks."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "mobadoo"
LONGEST_ANSWER = 65_536


class Raw(str):
    """A body that is sent as it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    :param status: the HTTP status; None without an answer
    :param text: the start of the answer
    :param error: the kind of error, where there is no answer; never its text, which may have the URL
    """

    status: int | None
    text: str = ""
    error: str | None = None

    @property
    def json(self) -> Any:
        """The decoded answer; None where it is not JSON."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for the control API."""
        return {"status": self.status, "json": self.json, "error": self.error}


class Sender:
    """Send to the customer.

    :param switch: returns the value of one of Mobadoo's switches
    """

    def __init__(self, switch: Callable[[str], Any]) -> None:
        self.switch = switch

    async def webhook(self, body: Any) -> Outcome:
        """Send a message to the webhook URL."""
        secret = self.switch("webhook_secret")
        how = self.switch("webhook_auth") if secret else "none"
        query = (("secret", secret),) if how == "query" else ()
        password = secret if how == "basic" else None
        return await self._send(
            self.switch("webhook_verb"), self.switch("webhook_url"), body, query, password
        )

    async def callback(self, name: str, body: Any, session: str | None = None) -> Outcome:
        """Call the operator.

        :param name: ``credit`` or ``create``
        :param body: the JSON body; None sends none
        :param session: goes into the query as ``hash``
        """
        query = () if session is None else (("hash", session),)
        verb = self.switch("credit_verb") if name == "credit" else "POST"
        return await self._send(verb, self.switch("callbacks_url"), body, query, None, name)

    async def _send(
        self,
        method: str,
        url: str,
        body: Any,
        query: tuple[tuple[str, str], ...],
        password: str | None,
        name: str = "",
    ) -> Outcome:
        # Imported late: the sandbox starts without it, and most Dags need no webhook.
        import aiohttp

        try:
            url, headers = self._addressed(url, name, query, password)
            timeout = aiohttp.ClientTimeout(total=self.switch("webhook_timeout"))
            data = None if body is None else _written(body).encode()
            if data is not None:
                headers["Content-Type"] = "application/json"
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer,
            ):
                return Outcome(
                    answer.status, (await answer.content.read(LONGEST_ANSWER)).decode("utf-8", "replace")
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Outcome(None, error=type(error).__name__)

    def _addressed(
        self, url: str, name: str, query: tuple[tuple[str, str], ...], password: str | None
    ) -> tuple[str, dict[str, str]]:
        """Return the whole URL without what belongs into a header, and that header.

        :raises ValueError: if it is no URL
        """
        parts = urlsplit(url)
        if name:
            parts = parts._replace(path=f"{parts.path.rstrip('/')}/{name}")
        user = USER
        if parts.username is not None:
            if self.switch("url_credentials") == "basic":
                user, password = unquote(parts.username), unquote(parts.password or "")
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        pairs = [*parse_qsl(parts.query, keep_blank_values=True), *query]
        url = urlunsplit(parts._replace(query=urlencode(pairs)))
        if password is None:
            return url, {}
        text = base64.b64encode(f"{user}:{password}".encode()).decode()
        return url, {"Authorization": f"Basic {text}"}


def _written(body: Any) -> str:
    return body if isinstance(body, Raw) else json.dumps(body)


def secrets_of(url: str) -> list[str]:
    """Return the secrets that a URL holds: the password, and ``secret`` of the query."""
    try:
        parts = urlsplit(url)
        found = [unquote(parts.password)] if parts.password else []
    except ValueError:
        return []
    return [*found, *(value for name, value in parse_qsl(parts.query) if name == "secret")]
