"""Imbee's REST API as plain functions: each returns a :class:`Call`, none sends anything.

Source: https://docs.imbee.me/imbee-docs/rest-api. Imbee's own spelling of names stays in this module.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from airflow_provider import dates
from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.http.call import Call, Response, idempotent, once
from airflow_provider.http.model import VendorModel, envelope_code, parse
from airflow_provider.http.status import error_for_status
from airflow_provider.phones import check_phone, dialled, plain_phone, same_phone
from airflow_provider.texts import plain_marks, text_or_none
from airflow_provider.values import BYTES, shape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pydantic import ValidationInfo, ValidatorFunctionWrapHandler

KEY_HEADER = "X-WOOS-KEY"


class _ImbeeModel(VendorModel):
    """A part of a response in which null stands for what is left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, document: Any) -> Any:
        return _given(document) if isinstance(document, dict) else document


class ImbeeUser(_ImbeeModel):
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


class ImbeeContact(_ImbeeModel):
    """A member of a chat.

    :param idsha: Imbee's identifier of the user
    :param is_admin: whether the user administers the chat; the creator does
    """

    idsha: str
    is_admin: bool = Field(False, alias="isadmin")


class ImbeeChat(_ImbeeModel):
    """A chat.

    :param conversation_id: Imbee's identifier of the chat
    :param contacts: its members, the creator among them
    :param previously_created: whether the chat was there before this call
    """

    conversation_id: str = Field(alias="conversationId")
    contacts: tuple[ImbeeContact, ...] = ()
    previously_created: bool = False


class ImbeeAccessToken(_ImbeeModel):
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

    @field_validator("user_idsha", "date_limit", "max_retries", "previously_created", mode="wrap")
    @classmethod
    def _or_absent(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """Take what cannot be read for absent: the message is out, and its URL must not be lost for that."""
        try:
            return read(value)
        except ValidationError:
            return cls.model_fields[str(info.field_name)].default


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
    :raises InvalidInput: ``unique_id_sha`` is empty, or a value is neither a text nor a number
    """
    user = _required("unique_id_sha", unique_id_sha)
    device = {
        "platform": _device("platform", platform),
        "deviceName": _device("device_name", device_name),
        "hardwareId": _device("hardware_id", hardware_id),
        "osVersion": _device("os_version", os_version),
    }

    def decode(response: Response) -> ImbeeUser:
        return parse(ImbeeUser, _body(response), status=response.status, unique_id_sha=user)

    return Call(
        "POST",
        "third_parties/user/new",
        decode,
        json={"uniqueIdSha": user, **_given(device)},
        key=(plain_marks(user),),
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
    given = [contacts] if isinstance(contacts, (str, *BYTES)) else contacts
    given = given if isinstance(given, list | tuple) else []
    others = [text for other in given if (text := text_or_none(other, "contacts"))]
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
    check_cellular: bool = True,
    default_region: str | None = None,
    date_format: str | None = None,
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
    :param check_cellular: whether a ``cellular`` that no phone can have is refused; else it is sent as given
    :param default_region: the country of the numbers without a country's code, like ``SK``, so that a number
        is the same however it is written; needs the library phonenumbers
    :param date_format: how texts in ``date_limit`` are written, like ``%d.%m.%Y``, in place of YYYY-MM-DD
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    user = _required("virtual_user", virtual_user)
    bot = _required("bot_idsha", bot_idsha)
    to_mail = _address(mail)
    to_phone, same = _phone(cellular, check_cellular, default_region)
    if to_mail is None and to_phone is None:
        raise InvalidInput(
            'both "mail" and "cellular" are empty.',
            field="mail, cellular",
            remedy="Imbee needs at least one of them to send the token to.",
        )
    limits = {"max_retries": _count("max_retries", max_retries), "date_limit": _day(date_limit, date_format)}

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
        key=(plain_marks(user), plain_marks(bot), _mailbox(to_mail), same),
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


def _address(mail: Any) -> str | None:
    """Return a mail address as it is sent: with the hyphen and the letters that others look like."""
    text = text_or_none(mail, "mail")
    if text is None or text.isascii():
        return text
    return unicodedata.normalize("NFKC", plain_marks(text)).replace(" ", "") or None


def _mailbox(mail: str | None) -> str:
    """Reduce an address to its mailbox: written differently, it must not get a second message."""
    return unicodedata.normalize("NFC", mail or "").casefold()


def _phone(value: Any, check: bool, region: str | None) -> tuple[str | None, str]:
    """Return a phone number as it is sent, and what is the same for every way to write it."""
    given = text_or_none(value, "cellular")
    text = plain_phone(given) if given else None
    if not text:
        return None, ""
    switch = "check_cellular" if check else None
    if switch:
        check_phone("cellular", text, switch)
    return text, same_phone("cellular", text, region, switch) if region else dialled(text)


def _digest(secret: str) -> str:
    return hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _required(name: str, value: Any) -> str:
    text = text_or_none(value, name)
    if text is None:
        raise InvalidInput(f'"{name}" is empty.', field=name, remedy="Imbee requires it.")
    return text


def _device(name: str, value: Any) -> str | None:
    # An empty text is sent: only None leaves a description out.
    return None if value is None else text_or_none(value, name) or ""


def _count(name: str, value: Any) -> int | None:
    try:
        text = text_or_none(value, name)
    except InvalidInput:
        text = ""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidInput(
            f'"{name}" must be a whole number; it is {shape(value)}.',
            field=name,
            remedy="Write it like 10, or leave it out for Imbee's default.",
        )
    return int(text)


def _day(value: Any, date_format: str | None) -> str | None:
    found = None if value is None else dates.day("date_limit", value, date_format)
    return None if found is None else found.isoformat()
