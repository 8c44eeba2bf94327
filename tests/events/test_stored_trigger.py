"""A trigger that watches an asset is the same after Airflow has stored it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.events.triggers import WebSocketEventTrigger
from airflow_provider.mobadoo.triggers import MobadooEventTrigger


def stored(trigger: Any) -> Any:
    """Do with a watcher's trigger what the Dag processor and the triggerer do."""
    from airflow.models.trigger import Trigger
    from airflow.serialization.decoders import smart_decode_trigger_kwargs
    from airflow.serialization.encoders import encode_trigger

    encoded = json.loads(json.dumps(encode_trigger(trigger)))
    encoded = encode_trigger(encoded)
    row = Trigger(classpath=encoded["classpath"], kwargs=encoded["kwargs"])
    values = {name: smart_decode_trigger_kwargs(value) for name, value in row.kwargs.items()}
    return type(trigger)(**values)


@pytest.mark.parametrize(
    "trigger",
    [
        WebSocketEventTrigger("feed"),
        WebSocketEventTrigger("feed", where={"a": (1, 2), "b.c": None}, on_connect=({"b": [1]}, "text")),
        WebSocketEventTrigger("feed", on_connect=["[1]"], heartbeat=1.5, latest_by="a.b"),
        MobadooEventTrigger(),
        MobadooEventTrigger("other", where={"videogame": ["lol", "cs-go"]}, tells="messages"),
    ],
    ids=str,
)
def test_nothing_of_it_is_lost(airflow_db, trigger):
    again = stored(trigger)
    assert again.serialize() == trigger.serialize()
    assert again._values == trigger._values
    assert again.shared_stream_key() == trigger.shared_stream_key()
    # Airflow tells triggers apart by this: what differs after it was stored would be started again for ever.
    assert hash(json.dumps(again.serialize())) == hash(json.dumps(trigger.serialize()))
