"""Imbee's REST API as plain functions: each returns a :class:`Call`, none sends anything.

Source: https://docs.imbee.me/imbee-docs/rest-api. Imbee's own spelling of names stays in this module.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.http.call import Call, Response, idempotent, once
from airflow_provider.http.model import VendorModel, envelope_code, parse
from airflow_provider.http.status import error_for_status
from airflow_provider.values import shape, text_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_HEADER = "X-WOOS-KEY"


class ImbeeUser(VendorModel):
    """A chat user.

    :param unique_id_sha: the caller's own identifier of the user, as it was sent
    :param virtual_user: Imbee's identifier of the user; ``contacts`` of a chat take it
    :param password: password of the user
    :param apikey: key that acts for the user, when creating a chat
    :param previously_registered: whether the user was there before this call
    """

    unique_id_sha: str
    virtual_user: str = Field(alias="virtualUser")
    password: SecretStr = Field(alias="pass")
    apikey: SecretStr
    previously_registered: bool = False


class ImbeeContact(VendorModel):
    """A member of a chat.

    :param idsha: Imbee's identifier of the user
    :param is_admin: whether the user administers the chat; the creator does
    """

    idsha: str
    is_admin: bool = Field(False, alias="isadmin")


class ImbeeChat(VendorModel):
    """A chat.

    :param conversation_id: Imbee's identifier of the chat
    :param contacts: its members, the creator among them
    :param previously_created: whether the chat was there before this call
    """

    conversation_id: str = Field(alias="conversationId")
    contacts: tuple[ImbeeContact, ...] = ()
    previously_created: bool = False


class ImbeeAccessToken(VendorModel):
    """A web access token.

    :param url: the URL that carries the token; whoever has it is let in
    :param user_idsha: Imbee's identifier of the user
    :param date_limit: the last day the token is valid, as Imbee writes it (YYYY-MM-DD)
    :param max_retries: how often the user may use the token
    :param previously_created: whether the token was there before this call
    """

    url: SecretStr
    user_idsha: str | None = None
    date_limit: str | None = None
    max_retries: int | None = None
    previously_created: bool = False


@idempotent
def create_user(
    unique_id_sha: str,
    *,
    platform: str | None = "airflow",
    device_name: str | None = "airflow",
    hardware_id: str | None = "airflow",
    os_version: str | None = "airflow",
) -> Call[ImbeeUser]:
    """Create a chat user, or fetch the one that has the same identifier (``POST third_parties/user/new``).

    Imbee does not say which of the four descriptions of a device are mandatory, so all of them are sent. That
    a repeat returns the existing user is known from Imbee's SDK, not from the REST page.

    :param unique_id_sha: the caller's own identifier of the user
    :param platform: platform of the user's device; None leaves it out, as with the next three
    :param device_name: name of the device
    :param hardware_id: identifier of the device
    :param os_version: version of its operating system
    :raises InvalidInput: ``unique_id_sha`` is empty
    """
    user = _required("unique_id_sha", unique_id_sha)
    device = {
        "platform": platform,
        "deviceName": device_name,
        "hardwareId": hardware_id,
        "osVersion": os_version,
    }

    def decode(response: Response) -> ImbeeUser:
        return parse(ImbeeUser, _body(response), status=response.status, unique_id_sha=user)

    return Call(
        "POST",
        "third_parties/user/new",
        decode,
        json={"uniqueIdSha": user, **_given(device)},
        key=(user,),
    )


@idempotent
def create_chat(
    apikey: SecretStr | str, contacts: Sequence[str] | str, *, type: str = "chat"
) -> Call[ImbeeChat]:
    """Create a chat between a user and others, or fetch the one they have (``POST chat/create``).

    :param apikey: key of the creating user, from :func:`create_user`
    :param contacts: ``virtual_user`` of each of the others; the creator is not listed
    :param type: kind of chat; the REST page documents ``chat`` alone
    :raises InvalidInput: the key or the contacts are missing
    """
    kind = _required("type", type)
    secret = apikey if isinstance(apikey, SecretStr) else SecretStr(_required("apikey", apikey))
    given = [contacts] if isinstance(contacts, str) else contacts
    given = given if isinstance(given, list | tuple) else []
    others = [text for other in given if (text := text_or_none(other))]
    if not others or len(others) < len(given):
        raise InvalidInput(
            f'"contacts" must name at least one other user; it has {len(given)} entries.',
            field="contacts",
            remedy="Give the virtual_user of each, as text or as a list of texts.",
        )

    def decode(response: Response) -> ImbeeChat:
        return parse(ImbeeChat, _body(response), status=response.status)

    return Call(
        "POST",
        "chat/create",
        decode,
        json={"type": kind, "contacts": [{"idsha": other} for other in others]},
        headers={KEY_HEADER: secret.get_secret_value()},
        # The creator's key tells whose chat it is, and must not be readable in the ledger.
        key=(_digest(secret.get_secret_value()), kind, *sorted(others)),
    )


@once
def create_access_token(
    virtual_user: str,
    bot_idsha: str,
    *,
    mail: str | None = None,
    cellular: str | None = None,
    max_retries: int | str | None = None,
    date_limit: date | str | None = None,
) -> Call[ImbeeAccessToken]:
    """Create a web access token, which Imbee sends to the user by mail, SMS or both (``POST token/new``).

    A real message goes out, and Imbee does not say whether a repeat sends another: the call is never repeated
    once any of it has left.

    :param virtual_user: identifier of the user
    :param bot_idsha: identifier of the bot
    :param mail: address for the mail; this or ``cellular`` must be given, or both
    :param cellular: phone number for the SMS
    :param max_retries: how often the user may use the token; None for Imbee's default
    :param date_limit: the last day it is valid: a date, a datetime or YYYY-MM-DD; None for Imbee's default
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    user = _required("virtual_user", virtual_user)
    bot = _required("bot_idsha", bot_idsha)
    to_mail, to_phone = text_or_none(mail), text_or_none(cellular)
    if to_mail is None and to_phone is None:
        raise InvalidInput(
            'both "mail" and "cellular" are empty.',
            field="mail, cellular",
            remedy="Imbee needs at least one of them to send the token to.",
        )
    limits = {"max_retries": _count("max_retries", max_retries), "date_limit": _day(date_limit)}

    def decode(response: Response) -> ImbeeAccessToken:
        return parse(ImbeeAccessToken, _body(response), status=response.status)

    return Call(
        "POST",
        "token/new",
        decode,
        # Imbee's parameter list says "virutal_user", its sample "virtual_user"; "celullar" is right in both.
        json={
            "virtual_user": user,
            "bot_idsha": bot,
            **_given({"mail": to_mail, "celullar": to_phone, **limits}),
        },
        key=(user, bot, _mailbox(to_mail), _dialled(to_phone)),
    )


def _body(response: Response) -> dict[str, Any]:
    """Take the body out of the envelope ``{"time", "code", "message", "body"}``: ``code`` decides."""
    try:
        envelope = response.json()
    except VendorProtocolError:
        if error := error_for_status(response):
            raise error from None
        raise
    known = envelope if isinstance(envelope, dict) else {}
    code, message = envelope_code(known.get("code")), known.get("message")
    if error := error_for_status(response, message if isinstance(message, str) else None, code=code):
        raise error
    if code is None:
        raise VendorProtocolError(
            "the response is not Imbee's envelope: it has no code", status=response.status
        )
    if code != 0:
        raise VendorRejected(str(message or "no message"), status=response.status, code=code)
    body = known.get("body")
    if not isinstance(body, dict):
        raise VendorProtocolError("the response has no body object", status=response.status, code=0)
    return body


def _mailbox(mail: str | None) -> str:
    """Reduce an address to its mailbox: written differently, it must not get a second message."""
    return unicodedata.normalize("NFC", mail or "").casefold()


def _dialled(phone: str | None) -> str:
    """Reduce a phone number to what is dialled."""
    return re.sub(r"[\s().\-/]", "", phone or "")


def _digest(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _required(name: str, value: Any) -> str:
    text = text_or_none(value)
    if text is None:
        raise InvalidInput(f'"{name}" is empty.', field=name, remedy="Imbee requires it.")
    return text


def _count(name: str, value: Any) -> int | None:
    text = text_or_none(value)
    if text is None:
        return None
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidInput(
            f'"{name}" must be a whole number; it is {shape(value)}.',
            field=name,
            remedy="Write it like 10, or leave it out for Imbee's default.",
        )
    return int(text)


def _day(value: date | str | None) -> str | None:
    if text_or_none(value) is None:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).strip()
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f'"date_limit" must be an existing day as YYYY-MM-DD; it is {shape(value)}.',
            field="date_limit",
            remedy="Write it like 2027-01-31, or leave it out for Imbee's default.",
        ) from None
    return text
