"""What an operation says once, and who reads it."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from airflow_provider import vendors
from airflow_provider.batch.operation import Late, Operation
from airflow_provider.exceptions import VendorUnavailable
from airflow_provider.http.call import Repeat
from airflow_provider.http.retry import RequestPolicy
from airflow_provider.imbee import calls, operations
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator
from airflow_provider.wolkvox import calls as wolkvox_calls

OPERATIONS: list[Operation[Any]] = [
    value
    for vendor in vendors.VENDORS
    if (path := vendor.module("operations"))
    for value in vars(import_module(path)).values()
    if isinstance(value, Operation)
]

# The ledgers of today know their rows by these names: another name would send everything again.
NAMES = {
    "imbee.create_user",
    "imbee.create_chat",
    "imbee.create_access_token",
    "wolkvox.insert_record",
    "wolkvox.update_record",
    "wolkvox.delete_record",
    "wolkvox.upsert_collection",
    "wolkvox.insert_gestion",
    "wolkvox.insert_obligation",
    "wolkvox.update_obligation",
    "wolkvox.insert_case",
    "wolkvox.update_case",
    "mobadoo.create_ticket",
    "mobadoo.confirm_ticket",
    "mobadoo.cancel_ticket",
    "mobadoo.resolve_ticket",
}


def test_the_names_by_which_ledgers_know_operations_stay():
    assert {operation.name for operation in OPERATIONS} >= NAMES
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_found_by_its_name_and_knows_what_its_call_returns(operation):
    assert vendors.operation(operation.name) is operation
    assert vendors.vendor_of(operation.conn_type) is not None
    if isinstance(operation.existing, str):
        assert operation.existing in operation.model.model_fields
    assert set(operation.columns) == {operation.result_key}
    parameters = inspect.signature(operation.call).parameters
    assert {*operation.takes, *operation.secret_parameters} <= set(parameters)
    if operation.rest:
        assert operation.rest in parameters


def test_a_name_of_no_operation_finds_nothing():
    for name in ("imbee.nothing", "nobody.create_user", "imbee", ""):
        assert vendors.operation(name) is None


def test_what_may_be_repeated_is_that_of_the_call():
    assert operations.CREATE_ACCESS_TOKENS.once
    assert not operations.CREATE_USERS.once
    call = calls.create_access_token("ada", "bot", mail="a@example.com")
    assert call.repeat is operations.CREATE_ACCESS_TOKENS.repeat is Repeat.ONCE
    assert calls.create_user("ada").repeat is operations.CREATE_USERS.repeat is Repeat.IDEMPOTENT


def test_a_call_of_a_module_that_is_imported_later_tells_the_same():
    late = Operation(name="acme.late", call=Late(calls.__name__, "create_user"), result_key="user")
    assert late.repeat is Repeat.IDEMPOTENT
    assert late.model is operations.CREATE_USERS.model
    assert inspect.signature(late.call) == inspect.signature(calls.create_user)
    assert late.call("ada").path == calls.create_user("ada").path


def test_a_call_that_nobody_has_marked_is_not_repeated():
    from airflow_provider.http.call import Call

    assert Call("POST", "x", lambda response: None).repeat is Repeat.ONCE


def test_a_marked_function_keeps_its_name_its_text_and_its_parameters():
    assert calls.create_user.__name__ == "create_user"
    assert "Create a chat user" in str(calls.create_user.__doc__)
    assert list(inspect.signature(wolkvox_calls.update_record).parameters) == [
        "crm",
        "module",
        "wolkvox_id",
        "fields",
    ]


@pytest.mark.parametrize(
    ("operator", "record"),
    [
        (ImbeeCreateUsersOperator, {"unique_id_sha": "ada"}),
        (ImbeeCreateAccessTokensOperator, {"virtual_user": "ada", "bot_idsha": "b", "mail": "a@example.com"}),
    ],
)
def test_the_request_policy_says_how_hard_one_request_tries(sandbox, no_waiting, operator, record):
    sandbox.fault(vendor="imbee", status=429, times=None)
    for attempts in (1, 3):
        before = len(sandbox.requests("imbee"))
        policy = RequestPolicy(attempts=attempts)
        with pytest.raises(Exception, match="429"):
            operator(task_id="batch", records=[record], request_policy=policy).execute({})
        assert len(sandbox.requests("imbee")) - before == attempts


def test_the_request_policy_reaches_a_query_too(sandbox, no_waiting):
    from airflow_provider.wolkvox.operators import WolkvoxQueryOperator, WolkvoxTokenInformationOperator

    sandbox.fault(vendor="wolkvox", status=503, times=None)
    policy = RequestPolicy(attempts=1)
    for task in (
        WolkvoxQueryOperator(task_id="q", module="contacts", field="a", value="b", request_policy=policy),
        WolkvoxTokenInformationOperator(task_id="t", request_policy=policy),
    ):
        before = len(sandbox.requests("wolkvox"))
        with pytest.raises(VendorUnavailable):
            task.execute({})
        assert len(sandbox.requests("wolkvox")) - before == 1
