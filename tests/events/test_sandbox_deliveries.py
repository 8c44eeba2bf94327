"""The receiver against the simulated Mobadoo: what it sends, in each way that its documents leave open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider.events.outcome import Busy, Outcome
from tests.support.receiving import SECRET, WEBHOOK, MemoryIntake, Receiving, receiving
from tests.support.sandbox import SandboxProcess


@pytest.fixture
def receiver() -> Iterator[Receiving]:
    with receiving() as running:
        yield running


def delivered(
    sandbox: SandboxProcess, receiver: Receiving, body: Any, **switches: Any
) -> list[dict[str, Any]]:
    """Let the vendor send one message, and return its deliveries as it saw them."""
    sandbox.switch(
        {
            "mobadoo.webhook_url": f"http://127.0.0.1:{receiver.port}{WEBHOOK}",
            "mobadoo.webhook_secret": SECRET,
            "mobadoo.webhook_mode": "manual",
            **{f"mobadoo.{name}": value for name, value in switches.items()},
        }
    )
    sandbox.control("DELETE", "mobadoo/webhook")
    sandbox.control("POST", "mobadoo/webhook/send", {"body": body})
    return list(sandbox.control("POST", "mobadoo/webhook/deliver")["deliveries"])


MODEL = {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": {"id": 7}}


@pytest.mark.parametrize("auth", ["basic", "query"])
def test_it_is_let_in_with_the_secret_in_either_way(sandbox, receiver, auth):
    delivered(sandbox, receiver, MODEL, webhook_auth=auth)
    assert [message.payload for message in receiver.intake.stored] == [MODEL]


def test_it_is_refused_without_the_secret(sandbox, receiver):
    delivered(sandbox, receiver, MODEL, webhook_auth="none")
    assert receiver.intake.stored == []


def test_it_sends_again_what_could_not_be_stored(sandbox):
    class Recovering(MemoryIntake):
        def submit(self, *arguments: Any) -> Any:
            future = super().submit(*arguments)
            self.outcome = Outcome.ACCEPTED
            return future

    with receiving(Recovering(Busy("away", retry_after=1))) as receiver:
        delivered(sandbox, receiver, MODEL)
        assert len(receiver.intake.stored) == 1
