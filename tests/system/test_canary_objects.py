"""Everything that a Dag author may print: none of it shows a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider.http.call import Response
from airflow_provider.imbee import calls as imbee
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.secrets import seal
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support import canary
from tests.support.canary_secrets import all_secrets, apikey
from tests.support.sandbox import SandboxProcess


def objects(sandbox: SandboxProcess) -> Iterator[tuple[str, Any]]:
    """Yield everything that a Dag author may print."""
    key = apikey(sandbox)
    for hook in (ImbeeHook("imbee_proxy"), WolkvoxHook("wolkvox_proxy")):
        name = type(hook).__name__
        yield f"{name}.options", hook.options
        yield f"{name}.session", hook.get_conn()
        yield f"{name}.client", hook._client
        yield name, hook
    hook = ImbeeHook()
    chat = imbee.create_chat(key, "bob")
    yield "call", chat
    yield "response", Response(200, {"x": key}, key.encode())
    user = hook.run(imbee.create_user("ada"))
    yield "user", user
    yield "chat", hook.run(imbee.create_chat(user.apikey, user.virtual_user))
    yield "token", hook.run(imbee.create_access_token("ada", "bot", mail="ada@example.com"))
    yield (
        "unknown keys",
        imbee.ImbeeUser.model_validate(
            {"unique_id_sha": "a", "virtualUser": "b", "pass": key, "apikey": key, "api_key": key}
        ),
    )
    yield "sealed", seal(user.apikey)


NAMES = [
    *(
        f"{hook}{part}"
        for hook in ("ImbeeHook", "WolkvoxHook")
        for part in ("", ".options", ".client", ".session")
    ),
    *("call", "response", "user", "chat", "token", "unknown keys", "sealed"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_object_shows_a_secret(secretive, name):
    found = dict(objects(secretive))
    assert set(found) == set(NAMES)
    shown = [repr(found[name]), str(found[name]), f"{found[name]}"]
    # A session keeps its proxies in public, as requests does; it is for those who ask for it.
    if hasattr(found[name], "__dict__") and not name.endswith(".session"):
        shown.append(repr(vars(found[name])))
    assert canary.in_text("\n".join(shown), all_secrets(secretive)) == []


def test_the_asynchronous_client_shows_no_secret(secretive):
    async def look() -> list[str]:
        async with ImbeeHook("imbee_proxy").session() as client:
            return [repr(client), str(client), repr(vars(client)), repr(client.setup)]

    assert canary.in_text("\n".join(asyncio.run(look())), all_secrets(secretive)) == []
