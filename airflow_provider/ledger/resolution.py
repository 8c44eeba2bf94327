"""Which row a person has to decide about, and with which command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider.exceptions import OutcomeUnknown


def resolve_command(id_: str, decision: str) -> str:
    """Return the command that resolves a row, to be pasted into a shell.

    :param id_: id of the row
    :param decision: ``done`` or ``resend``
    """
    return f"airflow vendor-apis ledger resolve {shlex.quote(id_)} --as {decision}"


def name_row(error: OutcomeUnknown, id_: str) -> None:
    """Add to an error which row it is about, and how to resolve it.

    :param error: the error, changed in place
    :param id_: id of the row, a digest: it tells nothing of the record
    """
    error.ledger_id = id_
    # Nothing follows a command that would be pasted with it and change it: ";" ends one in a shell, too.
    resolution = (
        f"If the vendor has it: {resolve_command(id_, 'done')}; "
        f"if it does not, so that the next try sends it: {resolve_command(id_, 'resend')}"
    )
    error.remedy = f"{error.remedy} {resolution}" if error.remedy else resolution
