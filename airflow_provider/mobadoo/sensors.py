"""The Mobadoo sensors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException

from airflow_provider import clock, values
from airflow_provider.events.matching import checked
from airflow_provider.links import VENDOR_LINKS
from airflow_provider.mobadoo import states as known
from airflow_provider.mobadoo.parameters import texts
from airflow_provider.waiting.sensor import WaitingSensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

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
        instants.window("after", after, "before", before)
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


class MobadooEventSensor(BaseSensorOperator):
    """Wait for one message of Mobadoo's WebSocket, without a worker.

    It hears what comes while it waits: not what came before, and not what is sent while the socket is not
    open. Where a message must not be missed, schedule a Dag on an asset instead. The sensors of a connection
    share one socket in each triggerer.

    Returns the event, as a Dag that is scheduled on the asset finds it under ``payload``.

    .. seealso:: :ref:`howto/sensor:MobadooEventSensor`

    :param where: what the message must have: values, or lists of those that will do, by dotted path, like
        ``{"videogame": "lol", "result.id": 7}`` (templated)
    :param timeout: how long to wait; then the task fails, or is skipped with ``soft_fail``
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = ("mobadoo_conn_id", "where")
    operator_extra_links = VENDOR_LINKS
    ui_color = "#efe9fa"

    def __init__(
        self,
        *,
        where: Mapping[str, Any],
        timeout: timedelta | float = timedelta(days=1),
        mobadoo_conn_id: str = "mobadoo_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=values.duration("timeout", timeout).total_seconds(), **kwargs)
        self.where = checked("where", where)
        self.mobadoo_conn_id = mobadoo_conn_id
        values.text("mobadoo_conn_id", mobadoo_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer."""
        from airflow_provider.mobadoo.triggers import MobadooWaitTrigger

        # A connection that cannot be used fails the task now, and not at its timeout.
        self.hook().options  # noqa: B018
        limits = [timedelta(seconds=self.timeout), self.execution_timeout]
        longest = min(limit for limit in limits if limit is not None)
        self.defer(
            trigger=MobadooWaitTrigger(
                mobadoo_conn_id=self.mobadoo_conn_id,
                where=self.where,
                deadline=(clock.now() + longest).isoformat(),
            ),
            method_name="execute_complete",
            timeout=longest + timedelta(minutes=1),
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event, or give up.

        :param event: what the trigger has heard
        """
        if "found" in event:
            found: dict[str, Any] = event["found"]
            return found
        message = f"No message that matches {sorted(self.where)} came before the sensor's timeout."
        if self.soft_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)

    def hook(self) -> MobadooHook:
        """Return the Mobadoo hook."""
        from airflow_provider.mobadoo.hooks import MobadooHook

        return MobadooHook(self.mobadoo_conn_id)
