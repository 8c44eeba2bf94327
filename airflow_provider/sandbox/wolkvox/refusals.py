"""How a refused call is answered."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, json_answer, text_answer
from airflow_provider.sandbox.wolkvox.refusal_texts import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Error(Exception):
    """A call that wolkvox refuses.

    :param code: the envelope's code
    :param text: the envelope's msg
    :param read: whether the call reads; None if it is not refused for what it asks
    """

    def __init__(self, code: int, text: str, read: bool | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.read = read


class Refusals:
    """Make errors, and the answers of calls that met them.

    :param switch: returns the value of one of wolkvox's switches
    :param own: the texts of a sandbox whose switches nobody has changed, by name of the switch
    """

    def __init__(self, switch: Callable[[str], Any], own: Mapping[str, Any]) -> None:
        self.switch = switch
        self.own = own

    def error(self, trait: str, read: bool | None = None) -> Error:
        """Return the error of a trait."""
        return Error(self.switch(f"{trait}_status"), self._text(trait, f"{trait}_text"), read)

    def maintenance(self) -> Answer:
        """Return the configured maintenance answer."""
        body = self.switch("maintenance_body")
        text = self._text("maintenance", "maintenance_body")
        if text != body:
            body = json.dumps({**json.loads(body), "msg": text})
        return text_answer(self.switch("maintenance_status"), body)

    def _text(self, trait: str, name: str) -> str:
        text: str = self.switch(name)
        preset = PRESETS.get(self.switch("texts"))
        # A text that a test has written itself stays.
        return text if preset is None or text != self.own[name] else preset[trait]

    def answer(self, error: Error) -> Answer:
        """Return the answer of a call that met an error."""
        if error.read is not None and self.switch("refused_calls") == "error beside code 200":
            as_text = not self.switch("code_as_number") if error.read else self.switch("write_code_as_string")
            return json_answer(200, {"code": "200" if as_text else 200, "error": error.text})
        status = error.code if self.switch("http_status_follows_code") else 200
        try:
            label = HTTPStatus(error.code).phrase.upper()
        except ValueError:
            label = "ERROR"
        if self.switch("error_shape") == "html":
            return text_answer(status, f"<html><body><h1>{error.code} {label}</h1>{error.text}</body></html>")
        if self.switch("error_shape") == "object":
            return json_answer(status, {"error": {"code": error.code, "message": error.text}})
        code = error.code if self.switch("code_as_number") else str(error.code)
        text_key = self.switch("refusal_text_key")
        return json_answer(status, {"code": code, "error": label, text_key: error.text, "data": None})
