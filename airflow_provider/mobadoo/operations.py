"""What the Mobadoo batches do with each record.

The name of an operation and the key of its call are what the ledger knows a record by. Neither changes later:
every ticket would be sent a second time.
"""

from __future__ import annotations

from typing import Any

from airflow_provider.batch.operation import Late, Operation

CALLS = "airflow_provider.mobadoo.ticket_calls"


def _ticket(name: str, result_key: str, done: str | None = None) -> Operation[Any]:
    return Operation(
        name=f"mobadoo.{name}",
        call=Late(CALLS, name),
        result_key=result_key,
        # Each may move money: what is done is done, in whatever run.
        scope="forever",
        done=done,
        compares=True,
    )


CREATE_TICKET = _ticket("create_ticket", "created_ticket")
CONFIRM_TICKET = _ticket("confirm_ticket", "confirmed_ticket", "confirmed")
CANCEL_TICKET = _ticket("cancel_ticket", "canceled_ticket", "canceled")
RESOLVE_TICKET = _ticket("resolve_ticket", "resolved_ticket", "resolved")
