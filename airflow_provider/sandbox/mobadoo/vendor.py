"""Mobadoo simulated: the REST feed, tickets, webhooks, callbacks and the WebSocket."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Request, json_answer, text_answer
from airflow_provider.sandbox.mobadoo.account import Account
from airflow_provider.sandbox.mobadoo.control import MobadooControl
from airflow_provider.sandbox.mobadoo.rest import Rest
from airflow_provider.sandbox.mobadoo.sender import secrets_of
from airflow_provider.sandbox.mobadoo.table import SWITCHES
from airflow_provider.sandbox.vendor import Vendor

if TYPE_CHECKING:
    import asyncio

    from airflow_provider.sandbox.vendor import Receive, Send


class Mobadoo(Vendor):
    """One account of Mobadoo."""

    name = "mobadoo"
    switches = SWITCHES
    account: Account | None = None

    def reset(self) -> None:
        """Forget everything, and break all sockets."""
        self.stop()
        self.account = Account(self.clock, self.switch, self.seed, self.name)
        self.rest = Rest(self.account, self.name)
        self.calls: Counter[str] = Counter()

    def stop(self) -> None:
        """Send nothing more."""
        if self.account is not None:
            self.account.stop()

    def switched(self) -> None:
        """Note the secrets inside the URLs, and send what may be sent now."""
        for name in ("webhook_url", "callbacks_url"):
            self.journal.secret(*secrets_of(self.switch(name)))
        self._account.outbox.wake()

    @property
    def _account(self) -> Account:
        if self.account is None:
            raise RuntimeError("The account is made by reset()")
        return self.account

    def state(self) -> dict[str, Any]:
        """Return counts of matches and tickets, and how webhook and sockets are."""
        account = self._account
        return {
            "matches": {name: len(matches) for name, matches in account.feed.matches.items()},
            "tickets": dict(Counter(ticket.state for ticket in account.tickets.all)),
            "desynchronised": account.outbox.desynchronised,
            "deliveries": dict(Counter(one.state for one in account.outbox.deliveries)),
            "sockets": account.sockets.as_json(),
        }

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return ``mobadoo_default``."""
        extra = {
            "environment": self.switch("environment"),
            "ws_url": f"{url.replace('http', 'ws', 1)}/",
            "online_url": f"{url}/online/",
            "client_id": "sandbox-client",
            "profile": "sandbox",
            "webhook_secret": self.switch("webhook_secret"),
        }
        connection = {"conn_type": "mobadoo", "host": f"{url}/api/v1/", "extra": extra}
        return {"mobadoo_default": {**connection, "password": self._account.tokens.current}}

    def control(self, method: str, path: str, value: Any) -> Any:
        """Change matches, odds, tokens and tickets; send webhooks and callbacks; tell what is known."""
        return MobadooControl(self._account, self._replace_token, self.journal).serve(method, path, value)

    def maintenance(self) -> Answer:
        """Return the configured maintenance answer."""
        return text_answer(self.switch("maintenance_status"), self.switch("maintenance_body"))

    def serve(self, request: Request) -> Answer:
        """Serve a REST request, or stand in for the page that a player opens."""
        if request.method == "GET" and request.path in ("online", "online/"):
            came = ", ".join(name for name in ("hash", "client_id", "profile") if request.query.get(name))
            return text_answer(
                200, f"This stands for the player's page. It was opened with: {came or 'nothing'}."
            )
        if not request.path and "upgrade" in request.headers:
            # Served like any other request only where uvicorn knows no WebSockets.
            return json_answer(426, {"detail": "The sandbox's WebSocket needs the package websockets."})
        if token := self._account.tokens.count():
            self._replace_token(token)
        return self.rest.answer(request)

    def _replace_token(self, token: str) -> None:
        self._account.tokens.retire()
        self.all_switches.update({f"{self.name}.{self.switch('environment')}_token": token})

    async def websocket(
        self, request: Request, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> int:
        """Serve the socket at the root; there is no other."""
        if request.path:
            return await super().websocket(request, transport, receive, send)
        return await self._account.sockets.serve(request, transport, receive, send)


VENDOR = Mobadoo
