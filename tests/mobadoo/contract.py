"""Holds requests against Mobadoo's contract: paths, verbs, parameters and their formats, and where the token is.

It is written from the contract's tables, and shares no code with the calls and none with the sandbox.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

ROOT = "api/v1/"
NUMBER, COUNT = re.compile(r"[1-9]\d*"), re.compile(r"\d+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PAGING = {"limit": NUMBER, "offset": COUNT}
MATCHES = {
    **PAGING,
    "ordering": re.compile(r"-?[a-z]+(_[a-z]+)*"),
    "date_range_before": TIME,
    "date_range_after": TIME,
}
# Each call: its verb, its path as it is printed, and its parameters besides the token.
CALLS: tuple[tuple[str, re.Pattern[str], Mapping[str, re.Pattern[str]]], ...] = (
    ("GET", re.compile(r"vide(o)?games"), {}),
    ("GET", re.compile(r"[a-z0-9_-]+/markets"), {}),
    ("GET", re.compile(r"[a-z0-9_-]+/match/"), MATCHES),
    ("GET", re.compile(r"notifications/reset"), {}),
    ("POST", re.compile(r"wallet/ticket/(create|confirm|cancel|resolve)"), {}),
    ("GET", re.compile(r"wallet/ticket"), PAGING),
    ("GET", re.compile(r"wallet/ticket/(?!(create|confirm|cancel|resolve)$)[^/]+"), {}),
)
AMOUNTS = ("bet_amount", "won_amount")
REDIRECTS = (301, 302, 307, 308)
AGENT = "airflow-provider-vendor-apis"


def faults(request: Mapping[str, Any], switches: Mapping[str, Any] | None = None) -> list[str]:
    """Return what is wrong with a request.

    :param request: an entry of the sandbox's journal
    :param switches: the sandbox's switches: the header of the token, and the parameter that names a page
    """
    known = switches or {}
    found = [*_token(request, str(known.get("mobadoo.auth_header", "Authorization")))]
    if not request["path"].startswith(ROOT):
        return [*found, "the path is not below the REST base"]
    path = request["path"].removeprefix(ROOT)
    call = next(((verb, names) for verb, printed, names in CALLS if printed.fullmatch(path)), None)
    if call is None:
        return [*found, f"{_shown(path)} is no path that is printed"]
    verb, names = call
    if request["method"] != verb:
        found.append(f"{_shown(path)} is sent with {request['method']}")
    parameter = str(known.get("mobadoo.next_parameter", "offset"))
    if parameter != "offset" and names:
        names = {**names, parameter: re.compile(r".+")}
    found += _query(request["query_string"], names)
    return [*found, *_body(request, path)]


def faults_of_ours(
    requests: Iterable[Mapping[str, Any]], switches: Mapping[str, Any] | None = None
) -> list[str]:
    """Return what is wrong with the requests that this package has sent, of all in a journal."""
    found = []
    moved: Counter[str] = Counter()
    for one in requests:
        if not _header(one, "User-Agent").startswith(AGENT):
            # Tests of the sandbox itself send wrong requests on purpose, with a client of their own.
            continue
        if not one["path"] or one["path"].startswith("online"):
            # The WebSocket has no tables, and the player's page none of ours.
            found += [*_token(one, "Authorization")] if not one["path"] else []
            continue
        followed = moved[one["path"]] > 0
        # What follows a redirect has the form that the vendor asked for.
        found += faults({**one, "path": _other(one["path"])} if followed else one, switches)
        if followed:
            moved[one["path"]] -= 1
        elif one["status"] in REDIRECTS:
            moved[_other(one["path"])] += 1
    return found


def _token(request: Mapping[str, Any], header: str) -> Iterator[str]:
    query = [value for name, value in _pairs(request) if name == "token"]
    sent = len(query) + bool(_header(request, header))
    if sent != 1:
        yield f"it has {sent} tokens"
    if "" in query:
        yield "its token is empty"
    if isinstance(request["json"], dict) and "token" in request["json"]:
        yield "it has a token in its body"


def _query(text: str, names: Mapping[str, re.Pattern[str]]) -> Iterator[str]:
    seen = set()
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name == "token":
            continue
        if name in seen:
            yield f"{name} comes twice"
        seen.add(name)
        if name not in names:
            yield f"there is no parameter {name}"
        elif not names[name].fullmatch(value) or (names[name] is TIME and not _is_time(value)):
            yield f"{name} has not the form of the contract"


def _body(request: Mapping[str, Any], path: str) -> Iterator[str]:
    body = request["json"]
    if request["method"] == "GET":
        if body is not None:
            yield "a GET has a body"
        return
    several = path.endswith("/resolve") and isinstance(body, list)
    for one in body if several else [body]:
        if not isinstance(one, dict):
            yield "its body is no object"
        elif not isinstance(one.get("transaction_id"), str | int) or one["transaction_id"] == "":
            yield "its body has no transaction_id"
        else:
            yield from _ticket(one, path.rpartition("/")[2])


def _ticket(body: Mapping[str, Any], call: str) -> Iterator[str]:
    """Hold the fields against those that Mobadoo itself sends of a ticket."""
    if "sealed:v" in str(body):
        yield "its body has a sealed value"
    if call == "create" and body.get("state", "CREATED") != "CREATED":
        yield "a new ticket has another state than CREATED"
    tips = body.get("tips", [])
    if "tips" in body and not (
        isinstance(tips, list) and tips and all(isinstance(tip, dict) for tip in tips)
    ):
        yield "its tips are no list of objects"
        return
    for holder in (body, *tips):
        for name in AMOUNTS:
            amount = holder.get(name, 0)
            if isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0:
                yield f"{name} is no amount"


def _pairs(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    return parse_qsl(request["query_string"], keep_blank_values=True)


def _header(request: Mapping[str, Any], name: str) -> str:
    return {key.lower(): str(value) for key, value in request["headers"].items()}.get(name.lower(), "")


def _other(path: str) -> str:
    return path.removesuffix("/") if path.endswith("/") else f"{path}/"


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _shown(path: str) -> str:
    # Without what may be a ticket's id.
    return re.sub(r"(wallet/ticket/)(?!create|confirm|cancel|resolve).+", r"\1...", path)
