"""Bodies that are forms and not JSON, through both drivers."""

from __future__ import annotations

from email.parser import BytesParser
from typing import Any

import pytest

from airflow_provider.http.content import encode_form
from airflow_provider.wolkvox import calls
from airflow_provider.wolkvox.hooks import WolkvoxHook
from tests.support.drivers import DRIVERS

VALUES = {"plain": "a", "case-type": "señal 🎉", "text": 'a "quoted"\r\n--line=\r\n\r\n', "empty": ""}


def test_a_form_is_read_back_as_it_was():
    body, kind = encode_form(VALUES)
    message: Any = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    assert message.get_content_type() == "multipart/form-data"
    found = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
        for part in message.get_payload()
    }
    assert found == VALUES


@pytest.mark.parametrize("send", DRIVERS)
def test_a_form_goes_with_its_own_content_type_and_the_credentials(sandbox, send):
    sandbox.switch({"wolkvox.require_content_type": True, "wolkvox.case_contact_must_exist": False})
    hook = WolkvoxHook()
    crm = calls.Crm.of(hook.options)
    insert = calls.insert_case(crm, "Request", "ana@op", "ana@op", "a@example.com", "what", "Open", "high")
    [case] = send(hook, insert)
    [changed] = send(
        hook,
        calls.update_case(crm, case.wolkvox_id, "ana@op", "Closed", solution=VALUES["text"], form={"ñ": 1}),
    )
    assert changed.wolkvox_id == case.wolkvox_id
    [stored] = sandbox.control("GET", "wolkvox/records/cases")["records"]
    assert (stored["status"], stored["solution"], stored["form"]) == (
        "Closed",
        VALUES["text"].strip(),
        {"ñ": 1},
    )
    [request] = sandbox.requests("wolkvox", path=insert.path.replace("insertAttach", "update"))
    assert request["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert request["headers"]["wolkvox-token"]


@pytest.mark.parametrize("send", DRIVERS)
def test_each_sending_of_a_form_is_whole(sandbox, send, no_waiting):
    sandbox.switch({"wolkvox.case_contact_must_exist": False})
    hook = WolkvoxHook()
    crm = calls.Crm.of(hook.options)
    insert = calls.insert_case(crm, "Request", "ana@op", "ana@op", "a@example.com", "what", "Open", "high")
    [case] = send(hook, insert)
    sandbox.fault(vendor="wolkvox", status=503)
    send(hook, calls.update_case(crm, case.wolkvox_id, "ana@op", "Closed", solution="done"))
    assert len(sandbox.requests("wolkvox", path="server/API/v2/cases/update.php")) == 2
