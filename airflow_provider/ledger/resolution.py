"""Which row a person has to decide about, with which command, and what later runs get as its result."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from airflow_provider import vendors
from airflow_provider.exceptions import InvalidInput

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


def result_of(operation: str, given: Any = None) -> dict[str, Any]:
    """Make the result for later runs, in the form of the vendor's own answers.

    :param operation: name of the operation
    :param given: the answer as the person has it; None for a result of nulls
    :raises InvalidInput: the answer is not in the form of the vendor's answers
    """
    from pydantic import ValidationError

    from airflow_provider.secrets import seal_fields

    found = vendors.operation(operation)
    model: Any = found.model if found else None
    if given is None:
        return dict.fromkeys(model.model_fields) if model else {}
    if model is None:
        raise InvalidInput(f"--result: nothing is known here of what {operation} returns.", field="--result")
    names = ", ".join(model.model_fields)
    if not isinstance(given, dict) or (strange := sorted(set(given) - set(model.model_fields))):
        what = f"it also has {', '.join(strange)}" if isinstance(given, dict) else "it is not a JSON object"
        raise InvalidInput(f"--result: {what}; {operation} returns {names}.", field="--result")
    try:
        result: dict[str, Any] = seal_fields(model.model_validate(given))
    except ValidationError as error:
        wrong = ", ".join(f"{fault['loc'][0]} ({fault['type']})" for fault in error.errors())
        # 'from None': pydantic's error quotes the values.
        raise InvalidInput(f"--result: {wrong}; {operation} returns {names}.", field="--result") from None
    return result
