"""What a kind of WebSocket is: where it is opened, and how its messages are told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.http.auth import shown_forms
from airflow_provider.redaction import HIDDEN, SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider.events.message import Message
    from airflow_provider.events.stream import Gap, Target


@dataclass(frozen=True, slots=True)
class Told:
    """How a message is told.

    :param event: the event, what JSON has, without secrets; the message is its ``payload``
    :param thing: identifies what it is about; None where repeats are not recognised
    :param digest: what a repeat has in common with the message that it repeats
    """

    event: dict[str, Any]
    thing: str | None = None
    digest: str = ""


class Feed(Protocol):
    """A kind of WebSocket, for one connection.

    :param conn_id: id of the connection
    """

    conn_id: str

    async def target(self) -> Target:
        """Read the connection and say where to open the socket. It comes before each opening."""

    def tell(self, body: Any, delivery: str, at: datetime) -> Told:
        """Say how a message is told.

        :param body: the message, decoded
        :param delivery: its id, by which Dags are idempotent
        :param at: when it came
        :raises Unusable: it cannot be told
        """

    def tell_gap(self, gap: Gap, delivery: str) -> dict[str, Any]:
        """Say how it is told that messages may be missing.

        :param gap: from when until when
        :param delivery: its id
        """

    def notice(self, event: dict[str, Any]) -> Message | None:
        """Say what an event tells assets that no watcher tells; None for nothing.

        :param event: the event, of a message or of a gap
        """


def pattern_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds secrets in texts, as they are and as they stand in a URL; None where there are none.

    A short one is found as a word alone: within words it may be a part of any of them.

    :param secrets: the secrets in clear
    """
    forms = {form for secret in secrets if secret for form in shown_forms(secret)}
    # The longest first: one may be a part of another.
    parts = [
        re.escape(form) if len(form) >= SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in sorted(forms, key=len, reverse=True)
    ]
    return re.compile("|".join(parts)) if parts else None


def without(value: Any, secrets: re.Pattern[str] | None) -> Any:
    """Return a message without secrets that its server has sent back.

    :param value: the message, or a part of it
    :param secrets: see :func:`pattern_of`
    """
    if secrets is None:
        return value
    if isinstance(value, dict):
        return {without(name, secrets): without(one, secrets) for name, one in value.items()}
    if isinstance(value, list):
        return [without(one, secrets) for one in value]
    return secrets.sub(HIDDEN, value) if isinstance(value, str) else value
