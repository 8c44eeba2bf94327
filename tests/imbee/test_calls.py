from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pendulum
import pytest
from pydantic import SecretStr

from airflow_provider.exceptions import (
    InvalidInput,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.imbee.calls import create_access_token, create_chat, create_user

SECRET = "s3cr3t-value"
USER = {
    "virtualUser": "c1df",
    "pass": "pass-" + SECRET,
    "apikey": "key-" + SECRET,
    "previously_registered": False,
}
CHAT = {
    "contacts": [{"idsha": "one", "isadmin": 1}, {"idsha": "two", "isadmin": 0}],
    "conversationId": "e83f",
    "previously_created": True,
}
TOKEN = {
    "url": "https://web.example.test/?t=" + SECRET,
    "user_idsha": "5d41",
    "date_limit": "2027-01-31",
    "max_retries": 10,
    "previously_created": False,
}


def answer(body: Any = None, *, status: int = 200, **changes: Any) -> Response:
    envelope = {"time": 0.00019, "code": 0, "message": "Ok", "body": body, **changes}
    return Response(status, {"content-type": "application/json"}, json.dumps(envelope).encode())


def user() -> Call[Any]:
    return create_user("a94a")


def chat() -> Call[Any]:
    return create_chat("key", "two")


def token(**changes: Any) -> Call[Any]:
    return create_access_token(
        **{"virtual_user": "ada", "bot_idsha": "bot", "mail": "a@example.com", **changes}
    )


EVERY = [
    pytest.param(user, USER, id="user"),
    pytest.param(chat, CHAT, id="chat"),
    pytest.param(token, TOKEN, id="token"),
]


# What is sent


def test_the_type_of_a_chat_is_a_text_in_the_body_and_in_the_key():
    given: list[Any] = [" 5 ", 5]
    call, plain = (create_chat("k", ["other"], type=type) for type in given)
    assert call.json == plain.json
    assert call.key == plain.key
    assert all(isinstance(part, str) for part in plain.key)


def test_a_user_is_created_with_the_five_keys_of_the_sample():
    call = create_user("a94a", platform="p", device_name="d", hardware_id="h", os_version="o")
    assert (call.method, call.path, call.repeat) == ("POST", "third_parties/user/new", Repeat.IDEMPOTENT)
    assert call.json == {
        "uniqueIdSha": "a94a",
        "platform": "p",
        "deviceName": "d",
        "hardwareId": "h",
        "osVersion": "o",
    }
    assert call.headers == {}


def test_the_descriptions_of_a_device_have_defaults_and_can_be_left_out():
    assert set(create_user("a").json) == {"uniqueIdSha", "platform", "deviceName", "hardwareId", "osVersion"}
    assert all(create_user("a").json.values())
    assert create_user("a", platform=None, device_name=None, hardware_id=None, os_version=None).json == {
        "uniqueIdSha": "a"
    }


def test_an_identifier_may_be_a_number_and_is_sent_as_text_without_blanks_around():
    assert create_user(1001).json["uniqueIdSha"] == "1001"  # type: ignore[arg-type]
    assert create_user(" a b ").json["uniqueIdSha"] == "a b"


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("unique_id_sha", lambda value: create_user(value)),
        ("apikey", lambda value: create_chat(value, "two")),
        ("type", lambda value: create_chat("key", "two", type=value)),
        ("virtual_user", lambda value: token(virtual_user=value)),
        ("bot_idsha", lambda value: token(bot_idsha=value)),
    ],
)
def test_a_required_value_that_is_empty_is_named(name, make, value):
    with pytest.raises(InvalidInput, match=f'"{name}" is empty') as raised:
        make(value)
    assert raised.value.field == name
    assert raised.value.remedy


def test_a_chat_is_created_with_the_key_of_the_creating_user():
    call = create_chat(SecretStr("key-1"), ["two", "three"])
    assert (call.method, call.path, call.repeat) == ("POST", "chat/create", Repeat.IDEMPOTENT)
    assert call.json == {"type": "chat", "contacts": [{"idsha": "two"}, {"idsha": "three"}]}
    assert call.headers == {"X-WOOS-KEY": "key-1"}


def test_one_contact_may_be_a_plain_text():
    assert create_chat("key", "two", type="group").json == {"type": "group", "contacts": [{"idsha": "two"}]}


def test_contacts_are_sent_as_text_without_blanks_around():
    contacts: list[Any] = [" two ", 3]
    assert create_chat("key", contacts).json["contacts"] == [{"idsha": "two"}, {"idsha": "3"}]


@pytest.mark.parametrize("contacts", [[], "", "  ", [""], ["two", " "], [None], None, 5, {"idsha": "two"}])
def test_contacts_that_name_nobody_are_refused(contacts):
    with pytest.raises(InvalidInput) as raised:
        create_chat("key", contacts)
    assert raised.value.field == "contacts"
    assert raised.value.remedy


def test_the_key_of_the_creating_user_never_shows():
    call = create_chat("key-" + SECRET, "two")
    assert SECRET not in repr(call)
    with pytest.raises(InvalidInput, match="no HTTP header can carry") as raised:
        create_chat(SecretStr(SECRET + "\n"), "two")
    assert SECRET not in str(raised.value)


def test_an_access_token_is_sent_in_the_vendors_spelling():
    call = create_access_token(
        "ada", "bot", mail="a@example.com", cellular="+57 300", max_retries=3, date_limit="2027-01-31"
    )
    assert (call.method, call.path, call.repeat) == ("POST", "token/new", Repeat.ONCE)
    assert call.json == {
        "virtual_user": "ada",
        "bot_idsha": "bot",
        "mail": "a@example.com",
        "celullar": "+57 300",
        "max_retries": 3,
        "date_limit": "2027-01-31",
    }
    assert call.headers == {}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"mail": "a@example.com"}, {"mail": "a@example.com"}),
        ({"cellular": "+57300"}, {"celullar": "+57300"}),
        ({"cellular": 57300}, {"celullar": "57300"}),
        ({"mail": " ", "cellular": " +57300 "}, {"celullar": "+57300"}),
        ({"mail": "a", "cellular": "", "max_retries": "", "date_limit": " "}, {"mail": "a"}),
    ],
)
def test_what_is_not_given_is_not_sent(given, sent):
    assert create_access_token("ada", "bot", **given).json == {
        "virtual_user": "ada",
        "bot_idsha": "bot",
        **sent,
    }


@pytest.mark.parametrize("nothing", [{}, {"mail": None, "cellular": None}, {"mail": "", "cellular": "  "}])
def test_a_token_needs_a_mail_or_a_cellular(nothing):
    with pytest.raises(InvalidInput, match='both "mail" and "cellular" are empty') as raised:
        create_access_token("ada", "bot", **nothing)
    assert raised.value.field == "mail, cellular"
    assert "at least one" in raised.value.remedy


@pytest.mark.parametrize(
    "day",
    [
        date(2027, 1, 31),
        datetime(2027, 1, 31, 23, 59, tzinfo=UTC),
        pendulum.date(2027, 1, 31),
        pendulum.datetime(2027, 1, 31, 12, tz="America/Bogota"),
        "2027-01-31",
        " 2027-01-31 ",
    ],
    ids=lambda day: type(day).__name__,
)
def test_a_date_limit_may_be_any_kind_of_day(day):
    assert token(date_limit=day).json["date_limit"] == "2027-01-31"


def test_a_date_limit_keeps_the_day_of_its_own_time_zone():
    late = pendulum.datetime(2027, 1, 31, 23, tz="America/Bogota")
    assert token(date_limit=late).json["date_limit"] == "2027-01-31"


@pytest.mark.parametrize(
    "day",
    [
        "31/01/2027",
        "2027-02-30",
        "2027-1-31",
        "20270131",
        "2027-W04-7",
        "tomorrow",
        "2027-01-31T00:00",
        20270131,
        True,
    ],
)
def test_a_date_limit_that_is_no_day_is_refused(day):
    with pytest.raises(InvalidInput, match='"date_limit" must be an existing day as YYYY-MM-DD') as raised:
        token(date_limit=day)
    assert raised.value.field == "date_limit"
    assert "2027-01-31" in raised.value.remedy
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(("count", "sent"), [(0, 0), (3, 3), ("3", 3), (" 3 ", 3), (3.0, 3)])
def test_max_retries_is_sent_as_a_number(count, sent):
    assert token(max_retries=count).json["max_retries"] == sent


@pytest.mark.parametrize("count", [-1, "-1", "three", 2.5, "2.5", True, "1_000", "٣", [3], "1" * 5000])
def test_max_retries_that_is_no_whole_number_is_refused(count):
    with pytest.raises(InvalidInput, match='"max_retries" must be a whole number') as raised:
        token(max_retries=count)
    assert raised.value.field == "max_retries"


def test_a_text_that_was_refused_is_not_quoted():
    with pytest.raises(InvalidInput) as raised:
        token(date_limit=SECRET)
    assert SECRET not in str(raised.value)
    assert f"{len(SECRET)} characters" in str(raised.value)


def test_two_tokens_are_the_same_call_only_with_the_same_user_bot_and_addresses():
    assert token().key == token(max_retries=9, date_limit="2027-01-31").key
    others = [
        token(),
        token(virtual_user="bob"),
        token(bot_idsha="b2"),
        token(mail="b@example.com"),
        token(cellular="1000"),
    ]
    assert len({call.key for call in others}) == len(others)


def test_a_missing_number_of_a_data_frame_is_no_address():
    with pytest.raises(InvalidInput, match='both "mail" and "cellular"'):
        create_access_token("ada", "bot", mail=float("nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mail", "cellular", "virtual_user", "bot_idsha"])
def test_an_opened_secret_is_sent_as_its_value_and_never_as_asterisks(name):
    sent = token(**{name: SecretStr("value-1")}, check_cellular=False).json
    assert sent["celullar" if name == "cellular" else name] == "value-1"


# What comes back


def test_a_user_is_decoded_with_its_secrets_hidden():
    found = user().decode(answer({**USER, "previously_registered": True}))
    assert (found.unique_id_sha, found.virtual_user, found.previously_registered) == ("a94a", "c1df", True)
    assert found.password.get_secret_value() == "pass-" + SECRET
    assert found.apikey.get_secret_value() == "key-" + SECRET
    assert SECRET not in repr(found) + str(found)


def test_a_chat_is_decoded_with_its_members():
    found = chat().decode(answer(CHAT, message="Ok.", time=0))
    assert (found.conversation_id, found.previously_created) == ("e83f", True)
    assert [(member.idsha, member.is_admin) for member in found.contacts] == [("one", True), ("two", False)]


def test_a_token_is_decoded_with_its_url_hidden():
    found = token().decode(answer(TOKEN))
    assert found.url.get_secret_value() == "https://web.example.test/?t=" + SECRET
    assert (found.user_idsha, found.date_limit, found.max_retries) == ("5d41", "2027-01-31", 10)
    assert found.previously_created is False
    assert SECRET not in repr(found) + str(found)


@pytest.mark.parametrize(("make", "body"), EVERY)
def test_keys_that_nobody_documented_are_kept_out_of_the_repr(make, body):
    found = make().decode(answer({**body, "session": SECRET + "-new"}))
    assert found.model_extra["session"] == SECRET + "-new"
    assert SECRET not in repr(found)


@pytest.mark.parametrize(("make", "body"), EVERY)
@pytest.mark.parametrize("code", [0, "0"])
@pytest.mark.parametrize("message", ["Ok", "Ok.", "ERROR", None, "", {"text": "Ok"}])
def test_the_code_decides_and_never_the_message(make, body, code, message):
    assert make().decode(answer(body, code=code, message=message))


@pytest.mark.parametrize(("make", "body"), EVERY)
@pytest.mark.parametrize("code", [1, 2, -1, "1", "37"])
def test_another_code_is_a_refusal_even_with_status_200_and_a_whole_body(make, body, code):
    with pytest.raises(VendorRejected, match="Ok") as raised:
        make().decode(answer(body, code=code))
    assert (raised.value.status, raised.value.code) == (200, int(code))


@pytest.mark.parametrize("message", [None, "", 7, ["x"]])
def test_a_refusal_without_a_message_is_one_all_the_same(message):
    with pytest.raises(VendorRejected, match=r"no message|7|x"):
        user().decode(answer({}, code=1, message=message))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, VendorRejected),
        (401, VendorAuthError),
        (403, VendorAuthError),
        (404, VendorRejected),
        (429, RateLimited),
        (500, VendorUnavailable),
        (503, VendorUnavailable),
        (302, VendorProtocolError),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"time": 0, "code": 1, "message": "no", "body": {}}',
        b'{"time": 0, "code": 0, "message": "Ok", "body": {"apikey": "s3cr3t-value"}}',
        b"<html>s3cr3t-value</html>",
        b"",
        b"[1]",
        b"null",
    ],
)
def test_the_http_status_counts_with_and_without_json(status, error, body):
    with pytest.raises(VendorError) as raised:
        user().decode(Response(status, {"content-type": "text/html"}, body))
    assert type(raised.value) is error
    assert raised.value.status == status
    assert SECRET not in str(raised.value)


def test_an_error_status_comes_with_the_vendors_code_and_message():
    with pytest.raises(VendorRejected, match="mail is wrong") as raised:
        token().decode(answer(None, status=400, code="12", message="mail is wrong"))
    assert raised.value.code == 12


@pytest.mark.parametrize("code", [0, "0", 0.0])
@pytest.mark.parametrize(("make", "body"), [(user, USER), (chat, CHAT), (token, TOKEN)])
def test_zero_is_a_success_however_it_is_written(make, body, code):
    make().decode(answer(body, code=code))


@pytest.mark.parametrize(
    ("make", "body", "name"),
    [
        (user, USER, "previously_registered"),
        (chat, CHAT, "previously_created"),
        (token, TOKEN, "previously_created"),
    ],
)
def test_a_null_is_the_same_as_a_key_that_is_left_out(make, body, name):
    assert getattr(make().decode(answer({**body, name: None})), name) is False


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("max_retries", "", None),
        ("max_retries", "unlimited", None),
        ("date_limit", {"date": "2027-01-31 00:00:00"}, None),
        ("user_idsha", False, None),
        ("previously_created", [], False),
    ],
)
def test_a_token_that_was_sent_is_not_lost_for_a_detail_that_cannot_be_read(name, value, read):
    found = token().decode(answer({**TOKEN, name: value}))
    assert found.url.get_secret_value() == TOKEN["url"]
    assert getattr(found, name) is read


@pytest.mark.parametrize("make", [user, chat, token])
@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ([], "no code"),
        ("text", "no code"),
        (None, "no code"),
        ({}, "no code"),
        ({"code": None, "body": {}}, "no code"),
        ({"code": True, "body": {}}, "no code"),
        ({"code": "zero", "body": {}}, "no code"),
        ({"code": 0}, "no body object"),
        ({"code": 0, "body": None}, "no body object"),
        ({"code": 0, "body": []}, "no body object"),
        ({"code": 0, "body": "x"}, "no body object"),
        ({"code": 0, "body": {}}, "unexpected shape"),
        (
            {"code": 0, "body": {"virtualUser": [SECRET], "conversationId": [SECRET], "url": [SECRET]}},
            "unexpected shape",
        ),
    ],
)
def test_json_of_another_shape_is_named_and_not_quoted(make, document, fault):
    with pytest.raises(VendorProtocolError, match=fault) as raised:
        make().decode(Response(200, {}, json.dumps(document).encode()))
    assert raised.value.status == 200
    assert SECRET not in str(raised.value) + repr(raised.value)
    # pydantic's own error may quote the response.
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_a_missing_key_of_the_body_is_named():
    with pytest.raises(VendorProtocolError, match=r"apikey \(missing\)"):
        user().decode(answer({"virtualUser": "x", "pass": SECRET}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"mail": "Ada@Example.com"}, {"mail": "ada@example.com"}),
        ({"mail": "jose\u0301@example.com"}, {"mail": "jos\u00e9@example.com"}),
        ({"cellular": "+34 600-00 (00) 00"}, {"cellular": "+3460000 00 00"}),
    ],
)
def test_an_address_that_is_written_otherwise_is_the_same_address(one, other):
    assert token(**one).key == token(**other).key


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan")])
def test_limits_that_are_missing_are_left_out(missing):
    call = token(max_retries=missing, date_limit=missing)
    assert not {"max_retries", "date_limit"} & set(call.json)
