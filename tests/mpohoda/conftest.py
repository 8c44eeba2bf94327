from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider.http.oauth import forget_tokens
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.mpohoda.hooks import MpohodaHook
from tests.support.mpohoda import API_KEY, CLIENT, SECRET, TOKEN_PATH, Mpohoda
from tests.support.mpohoda_waiting import NOW, Watched, World
from tests.support.quota import MovingClock
from tests.support.servers import serving

MakeHook = Callable[..., MpohodaHook]


@pytest.fixture
def vendor() -> Iterator[Mpohoda]:
    """A small mPOHODA over real HTTP."""
    found = Mpohoda()
    forget_tokens()
    with serving(found) as server:
        found.url = server.url
        yield found
    forget_tokens()


@pytest.fixture
def make_hook(vendor: Mpohoda, set_connection: Any) -> Iterator[MakeHook]:
    """A function that returns a hook of the small mPOHODA, with an API key or a client."""
    made: list[MpohodaHook] = []

    def make(mode: str = "key", policy: RequestPolicy | None = None, **extra: Any) -> MpohodaHook:
        login, password = (None, API_KEY) if mode == "key" else (CLIENT, SECRET)
        set_connection(
            "mpohoda_default",
            conn_type="mpohoda",
            host=vendor.url,
            login=login,
            password=password,
            extra={"token_url": f"{vendor.url}{TOKEN_PATH}", "timeout": 5, **extra},
        )
        made.append(MpohodaHook(policy=policy or RequestPolicy(backoff=0.0)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, sandbox: Any) -> World:
    """The sandbox's company, and the clock of those who wait, which stand still together."""
    monkeypatch.setattr("airflow_provider.waiting.looks._shared._kept", {})
    forget_tokens()
    return World(sandbox, MovingClock(monkeypatch, NOW))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, world: World) -> Watched:
    """Runs triggers on the clock that stands still."""
    return Watched(monkeypatch, world)
