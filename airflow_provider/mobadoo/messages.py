"""What Mobadoo tells by webhook and WebSocket, read into the words of this package.

Mobadoo publishes one beginning of one message, so everything is read leniently: both families in both
spellings and under both keys, and what nobody knows is kept under a catch-all.
"""

from __future__ import annotations

import hashlib
import json
import re
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.events.matching import find, matches
from airflow_provider.events.message import Message
from airflow_provider.mobadoo.asset_names import DESYNC, OTHER, TICKETS, connection_name, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider.mobadoo.connection import MobadooOptions

FAMILIES = {
    "MODEL_CHANGE": "MODEL_CHANGED",
    "MODEL_CHANGED": "MODEL_CHANGED",
    "TICKET_CHANGE": "TICKET_CHANGED",
    "TICKET_CHANGED": "TICKET_CHANGED",
}
"""The families by each of their spellings; the one that Mobadoo sends is the one that is kept."""

KINDS = ("message", "type")
"""Where a message says what it is: models in the first, tickets in the second."""

LONGEST_THING = 200
"""Characters by which deliveries about the same thing are found; more are told by their digest."""

SEARCHED_SESSIONS = 50
"""Sessions that are looked for everywhere in a message's texts; further ones only where they are whole words.
A message has one. With thousands of them, the search would hold up the server for minutes."""

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_SESSION_IN_TEXT = re.compile(r"(?<![A-Za-z0-9_])(hash=)[^&#\s\"']+", re.IGNORECASE)


class _Content(NamedTuple):
    family: str
    group: str | None
    entity: str | None
    identity: Any
    assets: tuple[str, ...]


def read(conn_id: str, options: MobadooOptions, body: dict[str, Any]) -> Message:
    """Read a message.

    The player's session (``hash``) is left out at every depth: it must not be stored or told.

    :param conn_id: id of the connection that it came by
    :param options: what the connection says: ``identity`` and ``desync_match``
    :param body: the message, as decoded from JSON
    """
    payload = _without_sessions(body)
    content = _content(payload, options.identity)
    family, assets = content.family, content.assets
    if options.desync_match and matches(payload, options.desync_match):
        family = "DESYNC"
        assets = (DESYNC, *(name for name in assets if name != OTHER))
    base = connection_name(conn_id)
    # Two notices of missing messages look alike, and the second may be about others: each is told.
    digest = token_hex(32) if family == "DESYNC" else _digest(_canonical(payload))
    return Message(
        family=family,
        entity=content.entity,
        group=content.group,
        group_key="videogame",
        thing=_thing(family, content),
        assets=(base, *(f"{base}/{name}" for name in assets)),
        payload=payload,
        digest=digest,
    )


def family_of(body: Mapping[str, Any]) -> str | None:
    """Return the family of a message as it is kept; None where it is of none that is known.

    :param body: the message
    """
    return next((known for kind in _kinds(body) if (known := FAMILIES.get(kind.strip().upper()))), None)


def _content(payload: dict[str, Any], identity: str) -> _Content:
    family = family_of(payload) or "OTHER"
    if family == "MODEL_CHANGED":
        return _model(payload, identity)
    if family == "TICKET_CHANGED":
        return _ticket(payload)
    kinds = [*_kinds(payload)]
    return _Content("OTHER", None, None, [kinds, find(payload, identity)], (OTHER,))


def _model(payload: dict[str, Any], identity: str) -> _Content:
    group, entity = _named(payload.get("videogame")), _named(payload.get("entity"))
    assets: tuple[str, ...] = (OTHER,)
    if group:
        assets = (group, f"{group}/{entity}") if entity else (group,)
    return _Content("MODEL_CHANGED", group, entity, find(payload, identity), assets)


def _ticket(payload: dict[str, Any]) -> _Content:
    ticket = payload.get("ticket")
    known = ticket if isinstance(ticket, dict) else {}
    state = _named(known.get("state"))
    assets = (TICKETS, f"{TICKETS}/{state}") if state else (TICKETS,)
    # The id alone may be that of another player's ticket, too.
    identity = [known.get("id"), state, known.get("uuid")]
    return _Content("TICKET_CHANGED", None, "ticket", identity, assets)


def _kinds(payload: Mapping[str, Any]) -> Iterable[str]:
    return (payload[key] for key in KINDS if isinstance(payload.get(key), str))


def _named(value: Any) -> str | None:
    """Return a name as assets have it; None for what is no name."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return segment(value) if isinstance(value, str) and value.strip() else None


def _thing(family: str, content: _Content) -> str:
    # Without an identity it is all that has none: then only the same message twice in a row is a repeat.
    thing = _canonical([family, content.group, content.entity, content.identity])
    return thing if len(thing) <= LONGEST_THING else _digest(thing)


def _without_sessions(body: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the player's session: its fields, and its value in other texts."""
    sessions: set[str] = set()
    cleaned: dict[str, Any] = _cleaned(body, sessions)
    # The longest first: one may be a part of another.
    known = sorted((one for one in sessions if len(one) > 5), key=len, reverse=True)
    searched, words = known[:SEARCHED_SESSIONS], frozenset(known[SEARCHED_SESSIONS:])

    def hide(text: str) -> str:
        for session in searched:
            text = text.replace(session, "***")
        return _WORD.sub(lambda found: "***" if found[0] in words else found[0], text) if words else text

    return _in_texts(cleaned, hide) if known else cleaned


def _cleaned(value: Any, sessions: set[str]) -> Any:
    if isinstance(value, dict):
        sessions.update(text for name, one in value.items() if _is_session(name) for text in _texts(one))
        return {name: _cleaned(one, sessions) for name, one in value.items() if not _is_session(name)}
    if isinstance(value, list):
        return [_cleaned(one, sessions) for one in value]
    return _SESSION_IN_TEXT.sub(r"\1***", value) if isinstance(value, str) else value


def _texts(value: Any) -> Iterable[str]:
    """Return the texts and numbers in a value, however deep."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    elif value:
        yield str(value)


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(name): _in_texts(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_in_texts(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _is_session(name: str) -> bool:
    return name.strip().lower() == "hash"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
