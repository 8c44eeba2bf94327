"""The page of errors: each is explained, and the messages shown are those of the code."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider import exceptions
from airflow_provider.exceptions import VendorError
from tests.support.docs import blocks, flat, page, rows, section
from tests.support.sandbox import SandboxProcess

ERRORS = [
    name
    for name, member in vars(exceptions).items()
    if inspect.isclass(member) and issubclass(member, VendorError)
]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_is_explained_below_its_label(name):
    errors = page("errors")
    assert f".. _error-{name}:\n\n{name}\n{'-' * len(name)}\n" in errors
    if name != "VendorError":
        assert f":ref:`error-{name}`" in errors.partition(".. _error-")[0], "it is missing in the table"
        assert "What to do:" in section(errors, name)


def test_the_table_of_errors_says_which_ones_airflow_retries():
    from airflow_provider.http.outcome import PERMANENT

    table = {row[0]: row[2] for row in rows(page("errors"))}
    for name in set(ERRORS) - {"VendorError"}:
        permanent = issubclass(getattr(exceptions, name), PERMANENT)
        assert table[f":ref:`error-{name}`"] == ("no" if permanent else "yes")


def _create(conn_id: str = "imbee_default") -> Any:
    from airflow_provider.http.retry import RequestPolicy
    from airflow_provider.imbee import calls
    from airflow_provider.imbee.hooks import ImbeeHook

    return ImbeeHook(conn_id, policy=RequestPolicy(attempts=1)).run(calls.create_user("a"))


def _invalid_input(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    change(extra={})
    _create()


def _invalid_record(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.mpohoda.operators import MpohodaCreateOperator

    line = {"Quantity": "2,5", "UnitPrice": 10, "UnitPriceType": "WithVat"}
    MpohodaCreateOperator(
        task_id="invoices",
        resource="IssuedInvoices",
        record_key="number",
        records=[{"number": "1", "Items": [{"TextItem": line}]}],
    ).execute({})


def _auth(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    change(password="wrong")
    _create()


def _rejected(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.imbee import calls
    from airflow_provider.imbee.hooks import ImbeeHook

    ImbeeHook().run(calls.create_chat(_create().apikey, ["nobody"]))


def _quota(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.wolkvox.hooks import WolkvoxHook

    sandbox.switch({"wolkvox.limit": 1})
    WolkvoxHook().token_reading()
    WolkvoxHook().token_reading()


def _throttled(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    sandbox.fault(vendor="imbee", status=429, headers={"Retry-After": "120"})
    _create()


def _unavailable(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    change(host="http://127.0.0.1:9/imbee")
    _create()


def _unknown(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.imbee import calls
    from airflow_provider.imbee.hooks import ImbeeHook

    sandbox.fault(vendor="imbee", path="token/new", action="reset", after=True)
    ImbeeHook().run(calls.create_access_token("a", "bot", mail="a@example.com"))


def _interrupted(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator
    from airflow_provider.ledger.ledger import Ledger
    from airflow_provider.processes import new_owner, retire
    from airflow_provider.store.location import configured

    killed = Ledger("imbee_default", "imbee.create_access_token", "", "task", new_owner(), 60, True)
    database = configured()
    with database.begin() as connection:
        killed.claim(connection, [("a", "bot", "a@example.com", "")])
    database.close()
    retire(killed.owner)
    record = {"virtual_user": "a", "bot_idsha": "bot", "mail": "a@example.com"}
    ImbeeCreateAccessTokensOperator(task_id="tokens", records=[record]).execute({})


def _pending(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from tests.support.creates import create, invoice

    sandbox.fault(vendor="mpohoda", method="POST", action="reset")
    create([invoice("A-1")], reconcile=True)


def _no_ledger(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    Path(os.environ["AIRFLOW__VENDOR_APIS__LEDGER_PATH"]).write_text(
        "this is not a database, and more than a hundred bytes long" * 3
    )
    ImbeeCreateUsersOperator(task_id="users", records=[{"unique_id_sha": "a"}]).execute({})


def _garbled(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    sandbox.fault(vendor="imbee", action="garbage")
    _create()


def _too_many(sandbox: SandboxProcess, change: Callable[..., None]) -> None:
    from airflow_provider.imbee.operators import ImbeeCreateUsersOperator

    ImbeeCreateUsersOperator(
        task_id="users", records=[{}] * 30, on_error="continue", max_failures=5, max_concurrency=1
    ).execute({})


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("InvalidInput", _invalid_input),
        ("InvalidRecord", _invalid_record),
        ("VendorAuthError", _auth),
        ("VendorRejected", _rejected),
        ("QuotaExhausted", _quota),
        ("RateLimited", _throttled),
        ("VendorUnavailable", _unavailable),
        ("OutcomeUnknown", _unknown),
        ("OutcomeUnknown", _interrupted),
        ("OutcomePending", _pending),
        ("VendorProtocolError", _garbled),
        ("StoreUnavailable", _no_ledger),
        ("BatchFailed", _too_many),
    ],
)
def test_the_messages_shown_are_those_of_the_code(sandbox, ledger_path, monkeypatch, name, cause):
    def change(**fields: Any) -> None:
        variable = "AIRFLOW_CONN_IMBEE_DEFAULT"
        monkeypatch.setenv(variable, json.dumps({**json.loads(sandbox.connections[variable]), **fields}))

    with pytest.raises(getattr(exceptions, name)) as caught:
        cause(sandbox, change)
    message = str(caught.value).replace(str(ledger_path), "/var/lib/airflow/vendor_apis.db")
    assert flat(message) in {flat(text) for _, text in blocks(section(page("errors"), name), "text")}


def test_the_messages_about_a_missing_and_a_wrong_fernet_key_are_those_of_the_code(monkeypatch):
    from airflow_provider import secrets
    from airflow_provider.batch.sealed import SealedValues

    # Not kept for the tests after this one.
    monkeypatch.setattr(secrets, "_airflow", secrets._airflow.__wrapped__)
    monkeypatch.setattr("airflow.sdk.crypto.get_fernet", lambda: SimpleNamespace(is_encrypted=False))
    with pytest.raises(exceptions.InvalidInput) as caught:
        secrets.check_key()
    [(_, missing), (_, wrong)] = blocks(section(page("secrets"), "The Fernet key"), "text")
    assert flat(missing) == flat(str(caught.value))
    sealed = SealedValues()
    for _ in range(200):
        sealed.note(exceptions.InvalidInput("it cannot be opened", field=secrets.KEY_FIELD))
    assert flat(wrong) == flat(str(sealed.wrong_key(1)))
