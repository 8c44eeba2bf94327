"""Changes that another machine is sending: those after them wait, and reach wolkvox in their order."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider.ledger import recorder
from tests.support.batches import counts
from tests.support.ledger import change
from tests.support.wolkvox import bodies
from tests.support.wolkvox_calls import OBLIGATION
from tests.support.wolkvox_collections import collections, insert_obligations, update_obligations

UPDATE = "collections/updateObligation.php"

LOOKS = 20
"""Looks at the row before its lease is over: time enough for the second change to be sent, if it could be."""

pytestmark = pytest.mark.usefixtures("quick")


def test_a_change_waits_where_the_one_before_is_being_sent_elsewhere(sandbox, ledger_path, monkeypatch):
    """The other machine is lost: the first change is sent when its lease is over, and the second after it."""
    [id_] = collections(sandbox)
    insert_obligations([{"wolkvox_id": id_, **OBLIGATION}])
    records = [{"wolkvox_id": id_, "obligation": "L-1", "total_balance": one} for one in ("90", "80")]
    update_obligations(records[:1])
    held = "state = 'sent', result = NULL, owner = 'elsewhere/1/1/1', lease_until = ?"
    change(ledger_path, f"{held} WHERE operation = 'wolkvox.update_obligation'", time.time() + 600)
    ask, asked = recorder.Recorder.ask, iter(range(1, 10_000))

    def counted(self: Any, *key: Any) -> Any:
        if next(asked) == LOOKS:
            change(ledger_path, "lease_until = 0 WHERE owner = 'elsewhere/1/1/1'")
        return ask(self, *key)

    monkeypatch.setattr(recorder.Recorder, "ask", counted)
    assert counts(update_obligations(records)) == {"total": 2, "existing": 2}
    sent = [body["fields"]["total_balance"] for body in bodies(sandbox, UPDATE)]
    assert sent == ["90", "90", "80"]
