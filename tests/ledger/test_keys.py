"""The keys of ordinary values never change: a ledger that exists knows its records again.

The digests are those of the first version that had a ledger.
"""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.http.call import Call
from airflow_provider.imbee.calls import create_access_token, create_chat, create_user
from airflow_provider.ledger.ledger import Ledger
from airflow_provider.wolkvox import calls
from tests.support.wolkvox_calls import CRM

FIELDS = {
    "idcontact": "1001",
    "namecontact": "Žofia Nováková",
    "n": 7,
    "x": 1.5,
    "ok": True,
    "phone": {"type": "telephone", "value": "300 1", "country": "Colombia", "code": "57"},
}
CASE = ("Request", "a@o", "b@o", "c@x", "what ñ", "Open", "high")
PERSON = {
    "Identification": 1001,
    "Name": "Ada",
    "Email": "a@x",
    "Telephone": "300-1",
    "Obligations": [{"id": "1", "name": "Loan"}],
}


def token(**addresses: Any) -> Call[Any]:
    return create_access_token(" ada ", "bot", **addresses)


@pytest.mark.parametrize(
    ("operation", "call", "digest"),
    [
        ("imbee.create_access_token", token(mail="Ada@Example.com"), "7577346bd4354ef7afbf7ef48abec8fc"),
        (
            "imbee.create_access_token",
            token(cellular="+421 (0)900/123-456"),
            "fe9ee3f3abde0d0363b8b53b2fb37fe5",
        ),
        (
            "imbee.create_access_token",
            token(cellular="+421\u00a0900 123 456"),
            "433f2c9aa7d80a26a648959a650e58c4",
        ),
        (
            "imbee.create_access_token",
            token(mail="žofia@example.com", cellular="0900.123.456 ext. 7"),
            "efb4fde44b4aa6cb863eea62b5b05166",
        ),
        ("imbee.create_access_token", token(cellular=421900123456), "cfc53d18f4f0a04ad1d1043f60018a25"),
        ("imbee.create_access_token", token(cellular=421900123456.0), "cfc53d18f4f0a04ad1d1043f60018a25"),
        ("imbee.create_user", create_user("ä 1"), "283950b370f347e4b69686b9986856be"),
        ("imbee.create_chat", create_chat("key", ["b", "a"]), "c2cdef6d7d25006a41ed23d242eea831"),
        (
            "wolkvox.insert_record",
            calls.insert_record(CRM, "contacts", FIELDS),
            "622d0ba3c5c6967211205a2fa258773a",
        ),
        (
            "wolkvox.insert_record",
            calls.insert_record(CRM, "contacts", FIELDS, record_key=["idcontact", "phone"]),
            "f003c8ce1b4897fd1ae2001e0a2320b1",
        ),
        (
            "wolkvox.update_record",
            calls.update_record(CRM, "contacts", "65f0", FIELDS),
            "f760d12455bd8281bb05e943048f3eaf",
        ),
        ("wolkvox.insert_case", calls.insert_case(CRM, *CASE), "06c110367da59043b40eb32ea4f13eda"),
        (
            "wolkvox.upsert_collection",
            calls.upsert_collection(CRM, PERSON, numbers_as_text=False),
            "671a2c967b6f6161ea2d1d4b7dcb3517",
        ),
        (
            "wolkvox.upsert_collection",
            calls.upsert_collection(CRM, PERSON),
            "2f65f1db228f04e051b601d7405353c8",
        ),
    ],
)
def test_a_record_of_ordinary_values_is_known_again(operation, call, digest):
    ledger = Ledger(
        conn_id="c",
        operation=operation,
        scope="",
        task="t",
        owner="o",
        lease=1,
        once=call.repeat.value == "once",
    )
    assert ledger.id_of(call.key) == digest
