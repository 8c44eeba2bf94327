"""What vendors quote of a record is not in an error."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_provider.exceptions import VendorError
from airflow_provider.http.call import Call
from airflow_provider.http.personal import hide
from airflow_provider.imbee import calls as imbee
from airflow_provider.imbee.hooks import ImbeeHook
from airflow_provider.wolkvox import record_calls
from airflow_provider.wolkvox.crm import Crm
from airflow_provider.wolkvox.hooks import WolkvoxHook


def sending(**body: Any) -> Call[None]:
    return Call("POST", "x", lambda response: None, json=body)


@pytest.mark.parametrize(
    ("body", "said", "shown"),
    [
        ({"mail": "jan@example.com"}, "jan@example.com is not valid", "[mail] is not valid"),
        ({"mail": "jan@example.com"}, "JAN@EXAMPLE.COM is not valid", "[mail] is not valid"),
        ({"name": "Ján Ľubič"}, "EL CLIENTE JÁN ĽUBIČ YA EXISTE", "EL CLIENTE [name] YA EXISTE"),
        ({"fields": [{"name": "Eva Malá"}]}, "Eva Malá: duplicate", "[name]: duplicate"),
        ({"contacts": ["anna-77"]}, "no user anna-77", "no user [contacts]"),
        ({"phone": "+421 905 111 222"}, "+421905111222 is no number", "[phone] is no number"),
        ({"phone": "+421905111222"}, "00421 905/111-222 is no number", "[phone] is no number"),
        ({"phone": "+421905111222"}, "call (0905) 111 222", "call [phone]"),
        ({"phone": 421905111222}, "421905111222 is no number", "[phone] is no number"),
        ({"a": "Eva", "b": "Eva Malá"}, "Eva Malá is not Eva", "[b] is not [a]"),
        ({"name": "Ja\u0301n Nova\u0301k"}, "Ján Novák exists", "[name] exists"),
        ({"name": "Ján Novák"}, "Ja\u0301n Nova\u0301k exists", "[name] exists"),
        ({"mail": "jan@example.com"}, "?mail=jan%40example.com", "?mail=[mail]"),
        ({"name": "Eva Malá"}, "?name=Eva+Mal%C3%A1&x=1", "?name=[name]&x=1"),
        ({"name": 'Ján "Jano" Malý'}, r'{"error": "J\u00e1n \"Jano\" Mal\u00FD"}', '{"error": "[name]"}'),
        ({"name": "A & B <c>"}, "<p>A &amp; B &lt;c&gt;</p>", "<p>[name]</p>"),
        ({"a": "mail", "b": "not", "mail": "x@example.com"}, "mail x@example.com: not", "[a] [mail]: [b]"),
        # A part of a word, what is short, and what is not sent at all.
        ({"name": "Eva"}, "the user is being Evaluated", "the user is being Evaluated"),
        ({"max_retries": "403", "a": "SK"}, "code 403 for SK", "code 403 for SK"),
        ({"phone": "+421905111222"}, "at most 5000000 a day", "at most 5000000 a day"),
        ({"name": "a.c"}, "abc", "abc"),
        ({"name": r"\1"}, r"not \1 at all", r"not \1 at all"),
        (
            {"name": "Ann [mail]", "mail": "x@example.com"},
            "Ann [mail] has x@example.com",
            "[name] has [mail]",
        ),
    ],
)
def test_what_was_sent_is_replaced_by_the_name_of_its_field(body, said, shown):
    assert hide(said, sending(**body)) == shown


def test_the_query_and_a_form_count_too():
    call: Call[None] = Call(
        "POST", "x", lambda response: None, query={"who": "jan@example.com"}, form={"name": "Eva Malá"}
    )
    assert hide("jan@example.com is Eva Malá", call) == "[who] is [name]"


def test_what_a_call_may_show_stays(set_connection, sandbox):
    crm = Crm.of(WolkvoxHook().options)
    call = record_calls.insert_record(crm, "contacts", {"namecontact": "Eva Malá"})
    said = f"{crm.operation}: el módulo contacts no acepta Eva Malá"
    assert hide(said, call) == f"{crm.operation}: el módulo contacts no acepta [namecontact]"


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("status", [200, 400, 401, 403, 409, 429, 500])
@pytest.mark.parametrize("length", [0, 250, 290])
def test_no_driver_shows_what_a_vendor_quotes(sandbox, status, length):
    async def send() -> None:
        async with ImbeeHook().session() as client:
            await client.run(call)

    message = "z" * length + " jan.novak@example.com and +421 905 111 222 are wrong"
    sandbox.fault(status=status, times=None, json={"code": 1, "message": message})
    call = imbee.create_access_token("u-1", "b-1", mail="jan.novak@example.com", cellular="+421905111222")
    for attempt in (lambda: ImbeeHook().run(call), lambda: asyncio.run(send())):
        with pytest.raises(VendorError) as caught:
            attempt()
        told = str(caught.value)
        assert "jan.nov" not in told
        assert "905" not in told
        if not length:
            assert "[mail] and [celullar] are wrong" in told


def test_what_is_in_the_record_and_not_sent_is_not_shown_either():
    call = sending(mail="jan@example.com").made_of({"address": "jan@example.com", "name": "Ján Ľubič"})
    assert hide("jan@example.com is Ján Ľubič", call) == "[mail] is [name]"
    both = sending().made_of([{"name": "Eva Malá"}, {"name": "Ján Ľubič"}])
    assert hide("Eva Malá, Ján Ľubič", both.with_key(("k",))) == "[name], [name]"


def test_a_name_in_the_middle_of_a_secret_does_not_leave_the_rest_of_it(sandbox, set_connection):
    set_connection("imbee_default", password="k7x2-Eva-9f3c81d0")
    sandbox.fault(status=401, json={"code": 401, "message": "Eva: k7x2-Eva-9f3c81d0 is no token"})
    call = imbee.create_user("u-1").made_of({"name": "Eva"})
    with pytest.raises(VendorError) as caught:
        ImbeeHook().run(call)
    assert caught.value.message == "[name]: *** is no token"
