"""Whatever is sent to the receiver, it is answered, and never with an error of the server's own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.events.app import receiver_app
from airflow_provider.events.receiver import Receiver
from airflow_provider.events.served import Connections
from airflow_provider.events.unlogged import PREFIX
from tests.support.receiving import SECRET, MemoryIntake, connection, settings

ALLOWED = {200, 202, 400, 401, 404, 405, 408, 413, 415, 429, 503}


def answer(
    path: str = f"{PREFIX}/webhooks/mobadoo_default",
    query: bytes = b"",
    method: str = "POST",
    headers: list[tuple[bytes, bytes]] | None = None,
    pieces: list[bytes] | None = None,
    breaks_off: bool = False,
) -> tuple[int, bytes, MemoryIntake]:
    """Send one request as a server hands it over; return status and body of the answer, and what was stored."""
    intake = MemoryIntake()
    configuration = settings()
    receiver = Receiver(
        configuration,
        intake,
        Connections(
            configuration.webhook_connections, {"mobadoo_default": connection("mobadoo_default")}.get
        ),
    )
    app = Starlette(routes=[Mount(PREFIX, receiver_app(receiver))])
    waiting: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces or []
    ]
    waiting.append({"type": "http.disconnect"} if breaks_off else {"type": "http.request", "body": b""})
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "replace"),
        "query_string": query,
        "root_path": "",
        "headers": headers or [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent][:1] == ["http.response.start"]
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent), intake


thorough = profile(max_examples=300)

RIGHT = f"secret={SECRET}".encode()

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["MODEL_CHANGED", "TICKET_CHANGED", "lol", "Match", "RESOLVED"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(
                ["message", "type", "entity", "videogame", "result", "ticket", "id", "hash", "state"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@thorough
@given(values)
def test_any_json_is_stored_or_refused(value):
    status, _, intake = answer(query=RIGHT, pieces=[json.dumps(value).encode()])
    assert status in (202, 400)
    assert len(intake.stored) == (status == 202)
    for message in intake.stored:
        # What databases take: UTF-8 without a zero, and no number that JSON does not have.
        json.dumps(message.payload, allow_nan=False, ensure_ascii=False).encode()
        assert "\x00" not in message.thing
        assert len(message.thing) <= 250


@thorough
@given(st.lists(st.binary(max_size=50), max_size=5), st.booleans())
def test_any_bytes_are_stored_or_refused(pieces, breaks_off):
    status, _, _ = answer(query=RIGHT, pieces=pieces, breaks_off=breaks_off)
    assert status in (202, 400)


@thorough
@given(st.binary(max_size=60))
def test_any_text_that_is_nearly_json_is_stored_or_refused(inside):
    status, _, _ = answer(query=RIGHT, pieces=[b'{"a": ' + inside + b"}"])
    assert status in (202, 400)


names = st.sampled_from(
    [b"authorization", b"content-length", b"content-encoding", b"transfer-encoding", b"content-type", b"host"]
) | st.binary(min_size=1, max_size=20)
header_values = st.binary(max_size=60) | st.binary(max_size=30).map(lambda one: b"Basic " + one)


@thorough
@given(
    st.text(st.characters(), max_size=30).map(lambda rest: f"{PREFIX}/webhooks/{rest}")
    | st.text(st.characters(), max_size=30).map(lambda rest: f"{PREFIX}/{rest}")
    | st.text(st.characters(), max_size=30).map(lambda rest: f"{PREFIX}/callbacks/a/{rest}/credit"),
    st.binary(max_size=60) | st.binary(max_size=30).map(lambda one: b"secret=" + one),
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "X"]),
    st.lists(st.tuples(names, header_values), max_size=5),
)
def test_any_request_of_a_stranger_is_refused(path, query, method, headers):
    status, _, intake = answer(path, query, method, headers, [b"{}"])
    assert status in ALLOWED - {202}
    assert intake.stored == []


@thorough
@given(st.lists(st.tuples(names, header_values), max_size=5))
def test_any_headers_of_one_who_has_the_secret_are_answered(headers):
    assert answer(query=RIGHT, headers=headers, pieces=[b"{}"])[0] in ALLOWED
