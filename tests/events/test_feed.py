"""What a server sends back of the secret is not told; all else is."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider.events.feed import pattern_of, without

SECRET = "t0ken+/of=mine"


@pytest.mark.parametrize(
    ("secrets", "message", "told"),
    [
        ([SECRET], {"hello": f"you are {SECRET}!"}, {"hello": "you are ***!"}),
        (
            [SECRET],
            {"next": f"wss://a/?token={quote(SECRET, safe='')}&a=1"},
            {"next": "wss://a/?token=***&a=1"},
        ),
        ([SECRET, f"Bearer {SECRET}"], [f"Bearer {SECRET}", {SECRET: 1}], ["***", {"***": 1}]),
        # A short one is a part of many words.
        (["1"], {"id": "101", "odds": "1.5", "said": "1"}, {"id": "101", "odds": "***.5", "said": "***"}),
        (["live"], {"state": "delivered live"}, {"state": "delivered ***"}),
        ([""], {"a": "b"}, {"a": "b"}),
        ([], {"a": "b"}, {"a": "b"}),
        ([SECRET], {"number": 1, "none": None, "yes": True}, {"number": 1, "none": None, "yes": True}),
    ],
)
def test_a_secret_in_a_message_is_hidden(secrets: list[str], message: Any, told: Any) -> None:
    assert without(message, pattern_of(secrets)) == told
