"""Where Mobadoo's calls go: the paths as its pages print them, and what a connection may put in their place.

The verbs of the wallet are not published, and a path may be a misprint (``videgames``). So the connection may
name another verb and path for each call. The module uses the standard library alone: the connection reads it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider.http.parsers import json_value
from airflow_provider.http.urls import segment

if TYPE_CHECKING:
    from collections.abc import Mapping

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_PATH = re.compile(r"[A-Za-z0-9._~{}/-]+")
_PLACE = re.compile(r"\{([^{}]*)\}")


class Endpoint(NamedTuple):
    """Where a call goes.

    :param verb: HTTP method
    :param path: path below the base URL, with places in braces
    :param needed: the places that the path must have
    :param allowed: further places that it may have
    """

    verb: str
    path: str
    needed: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    def filled(self, places: Mapping[str, str]) -> str:
        """Return the path of one request.

        :param places: the value of each place; a value becomes one segment
        """
        return _PLACE.sub(lambda found: segment(places[found[1]]), self.path)


GAME, TICKET = ("videogame",), ("transaction_id",)

ENDPOINTS = {
    "list_videogames": Endpoint("GET", "videgames"),
    "list_markets": Endpoint("GET", "{videogame}/markets", GAME),
    "list_matches": Endpoint("GET", "{videogame}/match/", GAME),
    "reset_notifications": Endpoint("GET", "notifications/reset"),
    "create_ticket": Endpoint("POST", "wallet/ticket/create", (), TICKET),
    "confirm_ticket": Endpoint("POST", "wallet/ticket/confirm", (), TICKET),
    "cancel_ticket": Endpoint("POST", "wallet/ticket/cancel", (), TICKET),
    "resolve_ticket": Endpoint("POST", "wallet/ticket/resolve", (), TICKET),
    "list_tickets": Endpoint("GET", "wallet/ticket"),
    "get_ticket": Endpoint("GET", "wallet/ticket/{transaction_id}", TICKET),
}
"""The calls by name. Published: the paths, and the verbs of the first four. The other verbs are assumed."""

EXAMPLE = '{"list_videogames": "GET videogames"}'


def endpoints(value: Any) -> dict[str, Endpoint]:
    """Read the calls that go elsewhere: an object of ``"VERB path"`` by name, which may come as text.

    :param value: the object
    :raises ValueError: it is not one; the error says what is expected
    """
    given = json_value(value)
    if not isinstance(given, dict):
        raise ValueError(f"a JSON object like {EXAMPLE}")
    unknown = set(given) - set(ENDPOINTS)
    if unknown:
        raise ValueError(
            f"a JSON object like {EXAMPLE}; {len(unknown)} of its names are not among {', '.join(ENDPOINTS)}"
        )
    return {name: _endpoint(name, text) for name, text in given.items()}


def _endpoint(name: str, text: Any) -> Endpoint:
    known = ENDPOINTS[name]
    verb, _, path = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
    path = path.strip().removeprefix("/")
    places = _PLACE.findall(path)
    fault = None
    if verb.upper() not in VERBS or not path:
        fault = f'must be "VERB path" with one of {", ".join(VERBS)}'
    elif not _PATH.fullmatch(path) or re.search(r"[{}]", _PLACE.sub("", path)):
        fault = "must have a path below the base URL, without scheme, host, ?, # or blanks"
    elif any(part in ("", ".", "..") for part in path.removesuffix("/").split("/")):
        fault = "must have a path without empty parts and dots for a part"
    elif missing := [place for place in known.needed if place not in places]:
        fault = f"must have {{{missing[0]}}} in its path"
    elif set(places) - {*known.needed, *known.allowed}:
        usable = ", ".join(f"{{{place}}}" for place in (*known.needed, *known.allowed))
        fault = f"may have no place in its path but {usable}" if usable else "may have no {place} in its path"
    if fault is not None:
        raise ValueError(f"a JSON object like {EXAMPLE}; {name} {fault}")
    return Endpoint(verb.upper(), path, known.needed, known.allowed)
