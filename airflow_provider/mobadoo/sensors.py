"""The Mobadoo sensors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mobadoo import states as known
from airflow_provider.mobadoo.parameters import texts
from airflow_provider.waiting.sensor import WaitingSensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.mobadoo.hooks import MobadooHook
    from airflow_provider.mobadoo.triggers import MobadooMatchTrigger
    from airflow_provider.waiting.condition import Condition


class MobadooMatchSensor(WaitingSensor):
    """Wait until a match has one of some states.

    Mobadoo is not known to tell of a single match, so each look reads the list of matches of the video game.
    One look in each ``poke_interval`` serves all that wait for a match of this video game with the same
    ``after`` and ``before``. Give ``after``, so that a look has few pages.

    In ``FI`` or ``CA`` that is not waited for, the task fails at once: no other state follows. A state that a
    match has only between two looks is not seen.

    Returns ``videogame``, ``match_id``, ``state``, ``match`` (its row as it was seen, without its lists, like
    odds and games; numbers with a fraction or more than 18 digits are texts) and ``observed_at``.

    .. seealso:: :ref:`howto/sensor:MobadooMatchSensor`

    :param videogame: URL parameter of the video game, like ``lol`` (templated)
    :param match_id: id of the match (templated)
    :param states: the states, any of them ends the waiting: ``NS``, ``RU``, ``FI``, ``PD`` (``PT`` is the
        same), ``CA``, or another one exactly as Mobadoo writes it
    :param after: only look at matches from this moment on: a datetime, or a text as in ISO 8601; without an
        offset it is UTC (templated)
    :param before: only look at matches up to this moment (templated)
    :param missing_for: how long the match may be missing from the list, from the start of the sensor or from
        the look that first missed it; after that the task fails
    :param page_size: matches that a page is asked to have
    :param poke_interval: time between two looks
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = ("mobadoo_conn_id", "videogame", "match_id", "after", "before")
    ui_color = "#efe9fa"

    def __init__(
        self,
        *,
        videogame: str,
        match_id: str | int,
        states: Sequence[str] = (known.MatchState.FINISHED,),
        after: Any = None,
        before: Any = None,
        missing_for: timedelta | float = timedelta(hours=1),
        page_size: int = 25,
        poke_interval: timedelta | float = timedelta(minutes=5),
        mobadoo_conn_id: str = "mobadoo_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.mobadoo_conn_id = mobadoo_conn_id
        self.videogame = videogame
        self.match_id: Any = str(match_id) if type(match_id) is int else match_id
        self.states = [str(known.MatchState.read(one)) for one in texts("states", states)]
        self.after = after
        self.before = before
        self.missing_for = values.duration("missing_for", missing_for)
        self.page_size = values.whole_number("page_size", page_size, 1)
        for name in ("mobadoo_conn_id", "videogame", "match_id"):
            values.text(name, getattr(self, name))
        for name, value in (("after", after), ("before", before)):
            if value is not None:
                values.moment(name, value)

    def hook(self) -> MobadooHook:
        """Return the Mobadoo hook."""
        from airflow_provider.mobadoo.hooks import MobadooHook

        return MobadooHook(self.mobadoo_conn_id)

    def trigger(self, **values: Any) -> MobadooMatchTrigger:
        """Make the trigger that waits."""
        from airflow_provider.mobadoo.triggers import MobadooMatchTrigger

        return MobadooMatchTrigger(conn_id=self.mobadoo_conn_id, **values)

    def condition(self, started: datetime) -> Condition:
        """Say which match is to have which state."""
        from airflow_provider.extract import instants
        from airflow_provider.mobadoo.calls import list_matches
        from airflow_provider.mobadoo.conditions import MatchInState

        after, before = instants.given("after", self.after), instants.given("before", self.before)
        if after is not None and before is not None and after >= before:
            raise InvalidInput('"after" is not before "before".', field="after")
        # It says what cannot be a video game.
        list_matches(self.videogame)
        return MatchInState(
            videogame=self.videogame.strip(),
            match_id=str(self.match_id).strip(),
            states=tuple(self.states),
            after=None if after is None else after.isoformat(),
            before=None if before is None else before.isoformat(),
            page_size=self.page_size,
            started=started.isoformat(),
            missing_for=self.missing_for.total_seconds(),
        )
