"""Imbee simulated: users, chats and web access tokens."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider.sandbox.imbee.switches import SWITCHES
from airflow_provider.sandbox.messages import Answer, Request, json_answer, text_answer
from airflow_provider.sandbox.vendor import Vendor

if TYPE_CHECKING:
    from collections.abc import Callable

USER_FIELDS = ("uniqueIdSha", "platform", "deviceName", "hardwareId", "osVersion")
# The page's samples differ in these on purpose here too: nothing may be concluded from them.
TRAITS = ((0.00019, "Ok"), (0.018, "Ok."), (0, "Ok"), (0.0021, "Ok."))


class Error(Exception):
    """A request that Imbee refuses.

    :param status: the HTTP status, unless errors come as HTTP 200
    :param message: the envelope's message
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class User:
    """A user created by third_parties/user/new."""

    id: str
    password: str
    apikey: str
    generation: int = 0


@dataclass(slots=True)
class Token:
    """A web access token created by token/new."""

    url: str
    user_idsha: str
    max_retries: int
    date_limit: str
    repeats: int = 0


class Imbee(Vendor):
    """The three documented endpoints."""

    name = "imbee"
    switches = SWITCHES

    def reset(self) -> None:
        """Forget users, chats and tokens."""
        self.users: dict[str, User] = {}
        self.ids: set[str] = set()
        self.apikeys: dict[str, User] = {}
        self.chats: dict[Any, dict[str, Any]] = {}
        self.tokens: dict[tuple[str, ...], Token] = {}
        self.traits = cycle(TRAITS)

    def state(self) -> dict[str, Any]:
        """Return how many users, chats, tokens and messages there are."""
        return {
            "users": len(self.users),
            "chats": len(self.chats),
            "tokens": len(self.tokens),
            "messages": len(self.journal.messages),
        }

    def connections(self, url: str) -> dict[str, dict[str, Any]]:
        """Return the connection ``imbee_default``."""
        return {
            "imbee_default": {
                "conn_type": "imbee",
                "host": url,
                "password": self.switch("authorization"),
                "extra": {"corporate_token": self.switch("corporate_token")},
            }
        }

    def maintenance(self) -> Answer:
        """Return the configured maintenance answer."""
        return text_answer(self.switch("maintenance_status"), self.switch("maintenance_body"))

    def serve(self, request: Request) -> Answer:
        """Check headers and body, carry the request out and wrap the result in the envelope."""
        try:
            body = self._serve(request)
        except Error as error:
            return self._refusal(error)
        time, message = next(self.traits)
        if request.path == "chat/create":
            time, message = 0, "Ok."
        return json_answer(200, {"time": time, "code": 0, "message": message, "body": body})

    def _refusal(self, error: Error) -> Answer:
        envelope = {"time": next(self.traits)[0], "code": self.switch("error_code"), "message": error.message}
        if self.switch("error_body") != "absent":
            envelope["body"] = json.loads(self.switch("error_body"))
        return json_answer(200 if self.switch("errors_as_http_200") else error.status, envelope)

    def _serve(self, request: Request) -> dict[str, Any]:
        endpoints: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
            "token/new": self._new_token,
            "third_parties/user/new": self._new_user,
            "chat/create": self._new_chat,
        }
        endpoint = endpoints.get(request.path)
        if endpoint is None:
            raise Error(self.switch("unknown_path_status"), "Unknown web service")
        if request.method != "POST":
            raise Error(self.switch("wrong_method_status"), "Method not allowed")
        key = self._authenticated(request)
        if request.media_type != "application/json":
            raise Error(self.switch("content_type_status"), "Content-Type must be application/json")
        if not isinstance(request.json, dict):
            raise self._invalid("The body must be a JSON object")
        return endpoint(request.json, key)

    def _authenticated(self, request: Request) -> str:
        authorization = request.headers.get("authorization")
        key = request.headers.get("x-woos-key")
        if not authorization or not key:
            raise Error(self.switch("missing_header_status"), "Authorization and X-WOOS-KEY are mandatory")
        if authorization != self.switch("authorization"):
            raise Error(self.switch("bad_authorization_status"), "Authorization is not valid")
        corporate = key == self.switch("corporate_token")
        if request.path == "chat/create":
            known = key in self.apikeys or (corporate and self.switch("chat_accepts_corporate_token"))
        else:
            known = corporate
        if not known:
            raise Error(self.switch("bad_key_status"), "X-WOOS-KEY is not valid")
        return key

    def _invalid(self, message: str) -> Error:
        return Error(self.switch("validation_status"), message)

    def _text(self, body: dict[str, Any], *names: str, required: bool = True) -> str:
        value = next((body[name] for name in names if body.get(name) not in (None, "")), "")
        if not isinstance(value, str):
            raise self._invalid(f"{names[0]} must be a string")
        if required and not value.strip():
            raise self._invalid(f"{names[0]} is required")
        return value

    # third_parties/user/new

    def _new_user(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        only_id = self.switch("user_required_fields") == "uniqueIdSha"
        for name in USER_FIELDS:
            self._text(body, name, required=name == "uniqueIdSha" or not only_id)
        platforms = [name.strip() for name in self.switch("platforms").split(",") if name.strip()]
        if platforms and body.get("platform") not in platforms:
            raise self._invalid("platform is not valid")
        unique = body["uniqueIdSha"]
        user = self.users.get(unique)
        known = user is not None
        if user is None:
            user = User(
                _sha1("user", unique), self._secret("pass", unique, 0), self._secret("apikey", unique, 0)
            )
            self.users[unique] = user
            self.ids.add(user.id)
        elif self.switch("repeat_user") == "error":
            raise self._invalid("uniqueIdSha exists already")
        elif self.switch("rotate_credentials"):
            del self.apikeys[user.apikey]
            user.generation += 1
            user.password = self._secret("pass", unique, user.generation)
            user.apikey = self._secret("apikey", unique, user.generation)
        self.apikeys[user.apikey] = user
        self.journal.secret(user.password, user.apikey)
        return {
            "virtualUser": user.id,
            "pass": user.password,
            "apikey": user.apikey,
            "previously_registered": known,
        }

    # token/new

    def _new_token(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        spellings = (
            ("virtual_user", "virutal_user") if self.switch("accept_virutal_user") else ("virtual_user",)
        )
        virtual_user = self._text(body, *spellings)
        bot = self._text(body, "bot_idsha")
        mail = self._text(body, "mail", required=False)
        spellings = ("celullar", "cellular") if self.switch("accept_cellular") else ("celullar",)
        phone = self._text(body, *spellings, required=False)
        if not mail and not phone:
            raise self._invalid("mail or celullar is required")
        if mail and phone and self.switch("refuse_both_contacts"):
            raise self._invalid("mail and celullar cannot come together")
        max_retries, date_limit = self._limits(body)
        user_idsha = self._token_user(virtual_user)

        parts = {"virtual_user": 1, "virtual_user+bot": 2, "virtual_user+bot+contact": 4}[
            self.switch("token_key")
        ]
        identity = (virtual_user, bot, mail, phone)[:parts]
        token = self.tokens.get(identity)
        known = token is not None
        if token is None:
            token = Token(self._url(identity, 0), user_idsha, max_retries, date_limit)
            self.tokens[identity] = token
        else:
            token.repeats += 1
            if self.switch("update_limits_on_repeat"):
                token.max_retries, token.date_limit = max_retries, date_limit
            if self.switch("new_url_on_repeat"):
                token.url = self._url(identity, token.repeats)
        if not known or self.switch("resend_on_repeat"):
            for channel, to in (("mail", mail), ("sms", phone)):
                if to:
                    self.journal.message(channel, to, virtual_user=virtual_user, bot_idsha=bot)
        return {
            "url": token.url,
            "user_idsha": token.user_idsha,
            "date_limit": token.date_limit,
            "max_retries": token.max_retries,
            "previously_created": known,
        }

    def _limits(self, body: dict[str, Any]) -> tuple[int, str]:
        max_retries = body.get("max_retries")
        if max_retries is None:
            max_retries = self.switch("default_max_retries")
        if type(max_retries) is not int or max_retries < 0:
            raise self._invalid("max_retries must be a number")
        if 0 < self.switch("highest_max_retries") < max_retries:
            raise self._invalid("max_retries is too high")
        today = self.clock.now(ZoneInfo(self.switch("timezone"))).date()
        text = self._text(body, "date_limit", required=False)
        if not text:
            return max_retries, str(today + timedelta(days=self.switch("default_date_limit_days")))
        try:
            limit = date.fromisoformat(text)
        except ValueError:
            limit = None
        if limit is None or str(limit) != text:
            raise self._invalid("date_limit must be YYYY-MM-DD")
        if limit < today and self.switch("refuse_past_dates"):
            raise self._invalid("date_limit is in the past")
        return max_retries, text

    def _token_user(self, virtual_user: str) -> str:
        """Return the id of the user that ``virtual_user`` means."""
        accepted = self.switch("token_virtual_user")
        if accepted != "virtualUser" and virtual_user in self.users:
            return self.users[virtual_user].id
        if accepted != "uniqueIdSha" and virtual_user in self.ids:
            return virtual_user
        if accepted != "any":
            raise self._invalid("virtual_user is not known")
        return _sha1("user", virtual_user)

    def _url(self, identity: tuple[str, ...], repeats: int) -> str:
        token = self._secret("token", *identity, repeats)
        url = f"https://web.example.test/?t={token}"
        self.journal.secret(url, token)
        return url

    # chat/create

    def _new_chat(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        kind = self._text(body, "type", required=self.switch("chat_type_required")) or "chat"
        if kind != "chat" and not (kind == "group" and self.switch("group_chats")):
            raise self._invalid("type is not valid")
        contacts = self._contacts(body)
        user = self.apikeys.get(key)
        creator = contacts[0] if user is None else user.id
        if user is None:
            contacts = contacts[1:]
        others = [contact for contact in contacts if contact != creator or self.switch("self_chat")]
        if not others:
            raise self._invalid("A chat needs somebody else")
        if kind == "chat" and len(others) > self.switch("chat_max_contacts"):
            raise self._invalid("Too many contacts")

        identity = self._chat_key(kind, creator, others)
        chat = self.chats.get(identity)
        if chat is not None:
            return {**chat, "previously_created": True}
        members = [{"idsha": creator, "isadmin": 1}, *({"idsha": other, "isadmin": 0} for other in others)]
        chat = {
            "contacts": members,
            "conversationId": _sha1("chat", *map(str, identity)),
            "previously_created": False,
        }
        self.chats[identity] = chat
        return chat

    def _contacts(self, body: dict[str, Any]) -> list[str]:
        contacts = body.get("contacts")
        if not isinstance(contacts, list) or not contacts:
            raise self._invalid("contacts is required")
        ids = []
        for contact in contacts:
            idsha = contact.get("idsha") if isinstance(contact, dict) else None
            if not isinstance(idsha, str) or not idsha:
                raise self._invalid("Every contact needs an idsha")
            if idsha not in self.ids and self.switch("chat_requires_known_contacts"):
                raise self._invalid("A contact is not known")
            ids.append(idsha)
        return list(dict.fromkeys(ids))

    def _chat_key(self, kind: str, creator: str, others: list[str]) -> tuple[Any, ...]:
        rule = self.switch("chat_key")
        if rule == "every call" or (kind == "group" and not self.switch("group_chats_dedupe")):
            return (kind, len(self.chats))
        people = [creator, *others]
        return (kind, *(people if rule == "ordered pair" else sorted(people)))

    def _secret(self, *parts: object) -> str:
        text = "\0".join(map(str, parts))
        return hmac.new(self.seed.encode(), _bytes(text), hashlib.sha1).hexdigest()


def _sha1(*parts: str) -> str:
    return hashlib.sha1(_bytes("\0".join(parts)), usedforsecurity=False).hexdigest()


def _bytes(text: str) -> bytes:
    # JSON may hold half a surrogate pair, which plain UTF-8 refuses.
    return text.encode("utf-8", "surrogatepass")


VENDOR = Imbee
