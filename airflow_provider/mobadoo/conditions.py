"""What can be waited for at Mobadoo, and how one look answers all that wait for it.

Nothing here imports Airflow or sends anything by itself.
"""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow_provider import clock
from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.extract.extraction import start_reading
from airflow_provider.mobadoo.listings import matches
from airflow_provider.mobadoo.pages import SHOWN
from airflow_provider.mobadoo.states import MatchState
from airflow_provider.waiting.condition import Look, Met, NotYet, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.extract.rows import Row
    from airflow_provider.mobadoo.hooks import MobadooHook
    from airflow_provider.waiting.condition import Asker, Condition, Looks

STATE_FIELDS = ("status", "state")
"""Where a match may have its state. That it has one is published, the name of the field is not."""

REMEMBERED = timedelta(days=1)
"""For how long it is known since when a match has not been listed."""

LONGEST_NUMBER = 18
"""Digits of a whole number that stays one; 18 of them always fit into 64 bits."""


@dataclass(frozen=True)
class MatchInState:
    """A match has one of some states.

    No request for one match is known, so the list of matches of its video game is read, once for all that
    wait for a match of the video game in the same window.

    :param videogame: URL parameter of the video game
    :param match_id: id of the match
    :param states: the states, as :class:`~airflow_provider.mobadoo.states.MatchState` reads them
    :param after: only matches from this moment on are looked at, in ISO 8601; None for all
    :param before: only matches up to this moment
    :param page_size: matches that a page is asked to have
    :param started: when the waiting began, in ISO 8601
    :param missing_for: seconds for which the match may be missing from the list
    """

    videogame: str
    match_id: str
    states: tuple[str, ...]
    after: str | None
    before: str | None
    page_size: int
    started: str
    missing_for: float

    def values(self) -> dict[str, Any]:
        """Return what makes the same condition again."""
        return asdict(self)

    async def check(self, looks: Looks, interval: timedelta) -> Met | NotYet:
        """Find out which state the match has."""
        look = await looks.get(self._list(cast("MobadooHook", looks.hook)), interval)
        row = look.answer["matches"].get(self.match_id)
        return self._judge_missing(look) if row is None else self._judge(row, look.at)

    def _judge(self, row: dict[str, Any], at: datetime) -> Met | NotYet:
        state = MatchState.read(_state(row, self._name))
        if state in self.states:
            return Met(
                {
                    "videogame": self.videogame,
                    "match_id": self.match_id,
                    "state": str(state),
                    "match": row,
                    "observed_at": at.astimezone(UTC).isoformat(),
                }
            )
        if state.is_terminal:
            raise VendorRejected(
                f'{self._name} is "{state}", and will not become {" or ".join(self.states)}',
                remedy="That no other state follows it is assumed.",
            )
        return NotYet(at, f'{self._name[0].upper()}{self._name[1:]} is "{state}"')

    def _judge_missing(self, look: Look) -> NotYet:
        left = look.answer["left"].get(self.match_id)
        since = max(datetime.fromisoformat(one) for one in (self.started, left) if one)
        if look.answer["complete"] and look.at - since >= timedelta(seconds=self.missing_for):
            raise VendorRejected(
                f"{self._name} has not been in the list since {since:%Y-%m-%d %H:%M %Z}",
                remedy=(
                    'Check "match_id", and "after" and "before": they may leave it out. It is not known '
                    'whether Mobadoo lists finished matches. "missing_for" says how long one may be missing.'
                ),
            )
        return NotYet(look.at, f"{self._name[0].upper()}{self._name[1:]} is not in the list")

    @property
    def _name(self) -> str:
        return f"the match {self.match_id} of {self.videogame}"

    def _list(self, hook: MobadooHook) -> Question:
        async def ask(asker: Asker, before: Look | None) -> Any:
            query = matches(
                hook,
                [self.videogame],
                after=_moment(self.after),
                before=_moment(self.before),
                ordering="begin_at",
                size=self.page_size,
            )
            found: dict[str, dict[str, Any]] = {}
            with closing(start_reading(query)) as reading:
                while reading.has_more:
                    call = query.call(reading.progress.position, reading.size)
                    for row in reading.take(query.listing.read(await asker.run(call))):
                        match = _kept(row)
                        if match.get("id") is not None:
                            found[str(match["id"])] = match
                complete = reading.progress.complete
            return {"matches": found, "left": _left(before, found), "complete": complete}

        key = ("matches", self.videogame, self.after, self.before)
        return Question(key, f"matches of {self.videogame}", ask)


CONDITIONS: dict[str, type[Any]] = {MatchInState.__name__: MatchInState}


def condition(name: str, values: Mapping[str, Any]) -> Condition:
    """Make a condition again.

    :param name: name of its class
    :param values: what its ``values`` returned, as JSON has them
    """
    made: Condition = CONDITIONS[name](
        **{field: tuple(value) if isinstance(value, list) else value for field, value in values.items()}
    )
    return made


def _kept(row: Row) -> dict[str, Any]:
    """Return what a look keeps of a match: not its lists, like odds and games. Numbers keep their digits."""
    raw: Any = cast("Any", row).raw
    match = json.loads(raw, parse_float=str, parse_int=_whole)
    return {name: value for name, value in match.items() if not isinstance(value, list)}


def _whole(digits: str) -> int | str:
    # Neither Airflow nor, beyond some thousand digits, Python takes a longer one for a number.
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def _left(before: Look | None, found: Mapping[str, Any]) -> dict[str, str]:
    """Say since when matches are not listed that were listed before."""
    if before is None:
        return {}
    now = clock.now()
    known = {**dict.fromkeys(before.answer["matches"], now.isoformat()), **before.answer["left"]}
    return {
        id_: since
        for id_, since in known.items()
        if id_ not in found and datetime.fromisoformat(since) > now - REMEMBERED
    }


def _state(row: Mapping[str, Any], name: str) -> str:
    for field in STATE_FIELDS:
        if isinstance(state := row.get(field), str):
            return state
    keys = sorted(map(str, row))[:SHOWN]
    raise VendorProtocolError(f"{name} has no state in {' or '.join(STATE_FIELDS)}; it has {', '.join(keys)}")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
