from __future__ import annotations

import re

import pytest

from tests.sandbox.clients import TOKEN, USER, imbee, new_chat, new_token, new_user

SHA1 = re.compile(r"[0-9a-f]{40}\Z")


def test_a_new_user_gets_id_and_credentials_in_the_envelope(sandbox):
    envelope = new_user(sandbox)
    assert set(envelope) == {"time", "code", "message", "body"}
    assert envelope["code"] == 0
    body = envelope["body"]
    assert set(body) == {"virtualUser", "pass", "apikey", "previously_registered"}
    assert all(SHA1.match(body[name]) for name in ("virtualUser", "pass", "apikey"))
    assert body["previously_registered"] is False


def test_a_repeated_user_comes_back_with_the_same_values(sandbox):
    first, second = new_user(sandbox)["body"], new_user(sandbox)["body"]
    assert second == {**first, "previously_registered": True}
    assert sandbox.state()["imbee"]["users"] == 1


def test_time_and_message_of_the_envelope_vary(sandbox):
    envelopes = [new_user(sandbox) for _ in range(4)]
    assert {envelope["message"] for envelope in envelopes} == {"Ok", "Ok."}
    assert {type(envelope["time"]) for envelope in envelopes} == {int, float}


@pytest.mark.parametrize("name", ["uniqueIdSha", *USER])
def test_a_user_without_a_field_is_refused(sandbox, name):
    assert new_user(sandbox, **{name: None})["code"] == 1
    assert sandbox.state()["imbee"]["users"] == 0


def test_only_the_identifier_may_be_required(sandbox):
    sandbox.switch({"imbee.user_required_fields": "uniqueIdSha"})
    assert new_user(sandbox, platform=None, osVersion=None)["code"] == 0
    assert new_user(sandbox, "")["code"] == 1


def test_platforms_may_be_restricted(sandbox):
    sandbox.switch({"imbee.platforms": "ios, android"})
    assert new_user(sandbox, platform="airflow")["code"] == 1
    assert new_user(sandbox, platform="ios")["code"] == 0


def test_rotated_credentials_end_the_old_apikey(sandbox):
    sandbox.switch({"imbee.rotate_credentials": True})
    other = new_user(sandbox, "other")["body"]["virtualUser"]
    first, second = new_user(sandbox)["body"], new_user(sandbox)["body"]
    assert first["virtualUser"] == second["virtualUser"]
    assert first["apikey"] != second["apikey"]
    assert first["pass"] != second["pass"]
    assert new_chat(sandbox, first["apikey"], other)["code"] == 1
    assert new_chat(sandbox, second["apikey"], other)["code"] == 0


def test_a_known_user_may_be_refused(sandbox):
    sandbox.switch({"imbee.repeat_user": "error"})
    assert [new_user(sandbox)["code"], new_user(sandbox)["code"]] == [0, 1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"X_WOOS_KEY": None}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"key": "wrong"}, 403),
        ({"Content_Type": "text/plain"}, 400),
    ],
)
def test_each_header_is_checked(sandbox, headers, status):
    response = imbee(sandbox, "token/new", TOKEN, **headers)
    assert response.status_code == status
    assert response.json()["code"] == 1
    assert sandbox.messages() == []


def test_a_charset_in_the_content_type_is_fine(sandbox):
    assert (
        imbee(sandbox, "token/new", TOKEN, Content_Type="application/json; charset=utf-8").json()["code"] == 0
    )


@pytest.mark.parametrize("path", ["token/new", "third_parties/user/new"])
def test_a_users_apikey_opens_only_chats(sandbox, path):
    apikey = new_user(sandbox)["body"]["apikey"]
    assert imbee(sandbox, path, {"uniqueIdSha": "x", **USER, **TOKEN}, key=apikey).status_code == 403


def test_the_corporate_token_opens_no_chat(sandbox):
    other = new_user(sandbox)["body"]["virtualUser"]
    response = imbee(sandbox, "chat/create", {"type": "chat", "contacts": [{"idsha": other}]})
    assert response.status_code == 403


def test_the_corporate_token_may_be_let_in_to_chats(sandbox):
    sandbox.switch({"imbee.chat_accepts_corporate_token": True})
    ada, bob = (new_user(sandbox, name)["body"]["virtualUser"] for name in "ab")
    body = {"type": "chat", "contacts": [{"idsha": ada}, {"idsha": bob}]}
    members = imbee(sandbox, "chat/create", body).json()["body"]["contacts"]
    assert members == [{"idsha": ada, "isadmin": 1}, {"idsha": bob, "isadmin": 0}]


@pytest.mark.parametrize(
    ("switch", "send"),
    [
        ("missing_header_status", {"Authorization": None}),
        ("bad_authorization_status", {"Authorization": "wrong"}),
        ("bad_key_status", {"key": "wrong"}),
        ("content_type_status", {"Content_Type": "text/plain"}),
        ("validation_status", {"body": []}),
        ("unknown_path_status", {"path": "chat/list"}),
    ],
)
def test_the_status_of_each_refusal_is_a_switch(sandbox, switch, send):
    arguments = {"path": "token/new", "body": TOKEN, **send}
    sandbox.switch({f"imbee.{switch}": 418})
    assert imbee(sandbox, **arguments).status_code == 418
    sandbox.switch({"imbee.errors_as_http_200": True})
    response = imbee(sandbox, **arguments)
    assert (response.status_code, response.json()["code"]) == (200, 1)


def test_only_post_is_served(sandbox):
    assert sandbox.get("/imbee/token/new").status_code == 405
    sandbox.switch({"imbee.wrong_method_status": 404})
    assert sandbox.get("/imbee/token/new").status_code == 404


@pytest.mark.parametrize(("value", "body"), [("null", None), ("{}", {}), ("[]", [])])
def test_the_body_of_an_error_is_a_switch(sandbox, value, body):
    sandbox.switch({"imbee.error_body": value, "imbee.error_code": 37})
    envelope = new_token(sandbox, bot_idsha=None)
    assert (envelope["body"], envelope["code"]) == (body, 37)


def test_the_body_of_an_error_may_be_absent(sandbox):
    sandbox.switch({"imbee.error_body": "absent"})
    assert "body" not in new_token(sandbox, bot_idsha=None)


def test_a_token_sends_one_mail_and_one_sms(sandbox):
    sandbox.clock(now="2026-03-01T12:00:00Z", freeze=True)
    body = new_token(sandbox, celullar="+34600000001", max_retries=3, date_limit="2027-01-31")["body"]
    assert set(body) == {"url", "user_idsha", "date_limit", "max_retries", "previously_created"}
    assert (body["max_retries"], body["date_limit"], body["previously_created"]) == (3, "2027-01-31", False)
    common = {"virtual_user": "ada", "bot_idsha": "bot-1", "at": "2026-03-01T12:00:00Z"}
    assert sandbox.messages() == [
        {"number": 1, "channel": "mail", "to": "ada@example.com", **common},
        {"number": 2, "channel": "sms", "to": "+34600000001", **common},
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"virtual_user": None},
        {"virtual_user": ""},
        {"virtual_user": 7},
        {"bot_idsha": None},
        {"mail": None},
        {"mail": ""},
        {"max_retries": "3"},
        {"max_retries": -1},
        {"date_limit": "31-01-2027"},
        {"date_limit": "20270131"},
        {"date_limit": "2027-02-30"},
        {"virtual_user": None, "virutal_user": "ada"},
        {"mail": None, "cellular": "+34600000001"},
    ],
    ids=str,
)
def test_a_token_with_bad_parameters_is_refused_and_sends_nothing(sandbox, changes):
    assert new_token(sandbox, **changes)["code"] == 1
    assert sandbox.messages() == []
    assert sandbox.state()["imbee"]["tokens"] == 0


def test_a_repeated_token_keeps_its_url_and_limits_but_sends_again(sandbox):
    first = new_token(sandbox, max_retries=3)["body"]
    second = new_token(sandbox, max_retries=9)["body"]
    assert second == {**first, "previously_created": True}
    assert len(sandbox.messages()) == 2


def test_a_repeated_token_may_send_nothing_and_change_all(sandbox):
    sandbox.switch(
        {
            "imbee.resend_on_repeat": False,
            "imbee.update_limits_on_repeat": True,
            "imbee.new_url_on_repeat": True,
        }
    )
    first = new_token(sandbox, max_retries=3)["body"]
    second = new_token(sandbox, max_retries=9)["body"]
    assert second["max_retries"] == 9
    assert first["url"] != second["url"]
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize(
    ("key", "tokens"), [("virtual_user", 1), ("virtual_user+bot", 2), ("virtual_user+bot+contact", 3)]
)
def test_what_makes_a_token_the_same_is_a_switch(sandbox, key, tokens):
    sandbox.switch({"imbee.token_key": key})
    for changes in ({}, {"bot_idsha": "bot-2"}, {"mail": "other@example.com"}):
        new_token(sandbox, **changes)
    assert sandbox.state()["imbee"]["tokens"] == tokens


@pytest.mark.parametrize(
    ("switch", "changes"),
    [
        ("accept_virutal_user", {"virtual_user": None, "virutal_user": "ada"}),
        ("accept_cellular", {"mail": None, "cellular": "+34600000001"}),
    ],
)
def test_other_spellings_may_be_accepted(sandbox, switch, changes):
    sandbox.switch({f"imbee.{switch}": True})
    assert new_token(sandbox, **changes)["code"] == 0


def test_limits_have_defaults_that_follow_the_clock(sandbox):
    sandbox.clock(now="2026-12-31T23:30:00Z", freeze=True)
    sandbox.switch({"imbee.default_max_retries": 4, "imbee.default_date_limit_days": 1})
    body = new_token(sandbox)["body"]
    assert (body["max_retries"], body["date_limit"]) == (4, "2027-01-01")
    sandbox.switch({"imbee.timezone": "Europe/Madrid"})
    assert new_token(sandbox, bot_idsha="bot-2")["body"]["date_limit"] == "2027-01-02"


def test_limits_may_be_restricted(sandbox):
    sandbox.clock(now="2026-06-01T12:00:00Z", freeze=True)
    assert new_token(sandbox, date_limit="2026-05-31", max_retries=99)["code"] == 0
    sandbox.switch({"imbee.refuse_past_dates": True, "imbee.highest_max_retries": 50})
    assert new_token(sandbox, date_limit="2026-05-31")["code"] == 1
    assert new_token(sandbox, date_limit="2026-06-01")["code"] == 0
    assert new_token(sandbox, max_retries=51)["code"] == 1


def test_both_contacts_may_be_refused(sandbox):
    sandbox.switch({"imbee.refuse_both_contacts": True})
    assert new_token(sandbox, celullar="+34600000001")["code"] == 1


def test_the_virtual_user_of_a_token_may_have_to_exist(sandbox):
    user = new_user(sandbox, "ada")["body"]["virtualUser"]
    accepted = {}
    for rule in ("any", "uniqueIdSha", "virtualUser"):
        sandbox.switch({"imbee.token_virtual_user": rule})
        accepted[rule] = [new_token(sandbox, virtual_user=name)["code"] == 0 for name in ("ada", user, "new")]
    assert accepted == {
        "any": [True, True, True],
        "uniqueIdSha": [True, False, False],
        "virtualUser": [False, True, False],
    }


def test_a_chat_lists_its_creator_first_and_as_admin(sandbox):
    ada, bob = new_user(sandbox, "a")["body"], new_user(sandbox, "b")["body"]
    envelope = new_chat(sandbox, ada["apikey"], bob["virtualUser"])
    assert (envelope["time"], envelope["message"]) == (0, "Ok.")
    body = envelope["body"]
    assert body["contacts"] == [
        {"idsha": ada["virtualUser"], "isadmin": 1},
        {"idsha": bob["virtualUser"], "isadmin": 0},
    ]
    assert SHA1.match(body["conversationId"])
    assert body["previously_created"] is False


def test_a_chat_from_the_other_side_is_the_same_chat(sandbox):
    ada, bob = new_user(sandbox, "a")["body"], new_user(sandbox, "b")["body"]
    first = new_chat(sandbox, ada["apikey"], bob["virtualUser"])["body"]
    second = new_chat(sandbox, bob["apikey"], ada["virtualUser"])["body"]
    assert second == {**first, "previously_created": True}


@pytest.mark.parametrize(("key", "chats"), [("unordered pair", 1), ("ordered pair", 2), ("every call", 3)])
def test_what_makes_a_chat_the_same_is_a_switch(sandbox, key, chats):
    sandbox.switch({"imbee.chat_key": key})
    ada, bob = new_user(sandbox, "a")["body"], new_user(sandbox, "b")["body"]
    for creator, contact in ((ada, bob), (bob, ada), (ada, bob)):
        new_chat(sandbox, creator["apikey"], contact["virtualUser"])
    assert sandbox.state()["imbee"]["chats"] == chats


@pytest.mark.parametrize(
    ("switch", "contacts", "changes"),
    [
        ({"imbee.chat_requires_known_contacts": False}, ["stranger"], {}),
        ({"imbee.self_chat": True}, ["ada"], {}),
        ({"imbee.chat_max_contacts": 2}, ["bob", "eve"], {}),
        ({"imbee.chat_type_required": False}, ["bob"], {"type": None}),
        ({"imbee.group_chats": True}, ["bob", "eve"], {"type": "group"}),
    ],
    ids=str,
)
def test_unusual_chats_are_refused_until_switched_on(sandbox, switch, contacts, changes):
    users = {name: new_user(sandbox, name)["body"] for name in ("ada", "bob", "eve")}
    ids = [users[name]["virtualUser"] if name in users else name for name in contacts]
    assert new_chat(sandbox, users["ada"]["apikey"], *ids, **changes)["code"] == 1
    assert sandbox.state()["imbee"]["chats"] == 0
    sandbox.switch(switch)
    assert new_chat(sandbox, users["ada"]["apikey"], *ids, **changes)["code"] == 0


@pytest.mark.parametrize(
    "contacts", [None, [], "bob", ["bob"], [{"id": "bob"}], [{"idsha": ""}], [{"idsha": 1}]]
)
def test_contacts_must_be_objects_with_an_idsha(sandbox, contacts):
    apikey = new_user(sandbox)["body"]["apikey"]
    assert new_chat(sandbox, apikey, contacts=contacts)["code"] == 1


@pytest.mark.parametrize(("dedupe", "groups"), [(False, 2), (True, 1)])
def test_groups_may_be_the_same_for_the_same_people(sandbox, dedupe, groups):
    sandbox.switch({"imbee.group_chats": True, "imbee.group_chats_dedupe": dedupe})
    ada, bob = new_user(sandbox, "a")["body"], new_user(sandbox, "b")["body"]
    for _ in range(2):
        new_chat(sandbox, ada["apikey"], bob["virtualUser"], type="group")
    assert sandbox.state()["imbee"]["chats"] == groups


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b"null"])
def test_a_body_that_is_no_json_object_is_refused(sandbox, body):
    headers = {
        "Authorization": sandbox.switch()["imbee.authorization"],
        "X-WOOS-KEY": sandbox.switch()["imbee.corporate_token"],
        "Content-Type": "application/json",
    }
    response = sandbox.http.post(sandbox.url + "/imbee/token/new", data=body, headers=headers, timeout=10)
    assert response.json()["code"] == 1


def test_any_text_is_an_identifier(sandbox):
    for unique in ("\ud800", "ñ 🙂", "a\0b", "'; --"):
        assert new_user(sandbox, unique)["code"] == 0
    assert sandbox.state()["imbee"]["users"] == 4


def test_credentials_are_switches(sandbox):
    sandbox.switch({"imbee.authorization": "Custom 1", "imbee.corporate_token": "c-2"})
    assert imbee(sandbox, "token/new", TOKEN).status_code == 401
    assert imbee(sandbox, "token/new", TOKEN, key="c-2", Authorization="Custom 1").json()["code"] == 0
