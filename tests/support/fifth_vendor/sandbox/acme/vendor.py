"""Acme simulated: members, and when it is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow_provider.sandbox.messages import Answer, Request, header_pairs, json_answer, text_answer
from airflow_provider.sandbox.switches import Switch
from airflow_provider.sandbox.vendor import Vendor

LIMIT = 100


class Acme(Vendor):
    """Two endpoints and a quota."""

    name = "acme"
    switches = (Switch("acme.key", "acme-sandbox-key", "The key accepted.", "configuration", secret=True),)

    def reset(self) -> None:
        """Forget the members."""
        self.members: list[str] = []
        self.used = 0

    def state(self) -> dict[str, Any]:
        """Return the members."""
        return {"members": self.members}

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return the connection ``acme_default``."""
        return {"acme_default": {"conn_type": "acme", "host": url, "password": self.switch("key")}}

    def maintenance(self) -> Answer:
        """Return a page."""
        return text_answer(503, "closed")

    def serve(self, request: Request) -> Answer:
        """Count the request and carry it out."""
        self.used += 1
        quota = header_pairs({"Acme-Limit": LIMIT, "Acme-Left": LIMIT - self.used})
        answer = self._answer(request)
        return replace(answer, headers=answer.headers + quota)

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("acme-key") != self.switch("key"):
            return json_answer(401, {"error": "no such key"})
        if (request.method, request.path) == ("GET", "hours"):
            return json_answer(200, {"hours": "from 9 to 5"})
        if (request.method, request.path) == ("POST", "members"):
            self.members.append(request.json["name"])
            pin = f"pin-of-{request.json['name']}"
            self.journal.secret(pin)
            return json_answer(201, {"number": len(self.members), "pin": pin})
        return json_answer(404, {"error": "not here"})


VENDOR = Acme
