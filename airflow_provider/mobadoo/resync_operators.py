"""The operator that resynchronises with Mobadoo after a desynchronisation.

Dags import it from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.mobadoo.list_operators import MobadooGamesOperator
from airflow_provider.records.formats import check_output
from airflow_provider.run_identity import RunIdentity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.extract.listing import Query
    from airflow_provider.extract.paging import Progress
    from airflow_provider.mobadoo.hooks import MobadooHook

NOT_SENT = "No reset was sent, so Mobadoo still takes this account to be out of step."
UNCONFIRMED = (
    "Everything was read, but Mobadoo did not confirm the reset. It may have taken effect; another try of "
    "this task sends it again."
)


class MobadooResyncOperator(MobadooGamesOperator):
    """Read video games, markets and matches again, then tell Mobadoo that the resynchronisation has ended.

    It is what Mobadoo asks for after a desynchronisation: each video game, its markets, all pages of its
    matches, and at the end a call of ``notifications/reset``. The reset is sent only if all of it was read,
    and after the output is in its place. Otherwise the task fails, and its error says that no reset was sent,
    or that it was sent and not confirmed.
    What can be read again is retried: a list that changed while it was read, a video game that disappeared.

    A later try goes on at the page of matches where the one before ended. Video games and markets are read
    again, which costs one request and one for each video game. If the output is in its place and only the
    reset failed, the matches are not read again.

    Returns ``videogames``, ``markets`` and ``matches`` (how many of each), ``reset`` (True), ``output``,
    ``markets_output``, ``pages`` of matches, ``requests`` (sent by this try), ``seconds``, ``records``
    without ``output``, and ``resumed_at`` where an earlier try had been interrupted.

    .. seealso:: :ref:`howto/operator:MobadooResyncOperator`

    :param videogames: the URL parameters of the video games, like ``["lol", "dota2"]``; None for all that
        the account has (templated)
    :param output: path or URI of the file for the matches, ``.jsonl``, ``.csv`` or ``.parquet``. Without it
        they are returned through XCom, at most 1,000 (templated)
    :param markets_output: path or URI of a file for the markets, each with its ``videogame``. Without it they
        are counted alone. It appears before the matches are read (templated)
    :param page_size: matches that a page is asked to have. What Mobadoo allows is not known
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*MobadooGamesOperator.template_fields, "markets_output")
    ui_color = "#d6cbee"

    def __init__(self, *, markets_output: str | None = None, **kwargs: Any) -> None:
        if kwargs.get("max_pages") is not None:
            raise InvalidInput(
                '"max_pages": a resynchronisation reads everything.',
                field="max_pages",
                remedy="Leave it out.",
            )
        # Before: the outlets are made of it.
        self.markets_output = markets_output
        super().__init__(**kwargs)
        if markets_output is not None:
            values.place("markets_output", markets_output)
            check_output(markets_output)
            if markets_output == self.output_path:
                raise InvalidInput("markets_output must be another file than output", field="markets_output")

    def outputs(self) -> Sequence[Any]:
        """Return paths or URIs of the files for the matches and the markets."""
        return [*super().outputs(), self.markets_output]

    def work(self, context: Any) -> dict[str, Any]:
        """Read everything, and send the reset if that worked.

        :return: counts, and where the records are
        """
        from airflow_provider.mobadoo.listings import markets, matches

        state = _Reset()

        def reset(_: Progress) -> None:
            state.began = True
            self._reset(hook)
            state.confirmed = True

        with closing(self.hook()) as hook, _saying_how_far(state):
            games = self.games(hook)
            found = self._read_markets(context, hook, markets(hook, games))
            query = matches(hook, games, ordering="begin_at", size=self.page_size)
            result, progress = self.read(context, hook, query, accept=_accept, settle=reset)
        if self.outcome is not None and self.markets_output:
            self.outcome.rows[os.fspath(self.markets_output)] = found
        names = ("output", "pages", "requests", "seconds", "records", "resumed_at")
        return {
            "videogames": len(games),
            "markets": found,
            "matches": progress.records,
            "reset": state.confirmed,
            "markets_output": self.markets_output,
            **{name: result[name] for name in names if name in result},
        }

    def _read_markets(self, context: Any, hook: MobadooHook, query: Query[Any]) -> int:
        from airflow_provider.extract.extraction import extract_to_file, read_pages, start_reading
        from airflow_provider.records.mapped_outputs import check_mapped_output

        if self.markets_output:
            output = os.fspath(self.markets_output)
            check_mapped_output(context, output, "markets_output")
            read = extract_to_file(
                query,
                hook.run,
                output,
                conn_id=hook.conn_id,
                base_url=hook.options.base_url,
                identity=RunIdentity.of(context),
                accept=_accept,
            )
            return read.progress.records
        with closing(start_reading(query)) as reading:
            for _ in read_pages(query, hook.run, reading):
                pass
            _accept(reading.progress)
            return reading.progress.records

    def _reset(self, hook: MobadooHook) -> None:
        from airflow_provider.mobadoo.calls import reset_notifications

        hook.run(reset_notifications())
        self.log.info("Everything was read, and Mobadoo was told so.")


def _accept(progress: Progress) -> None:
    """Refuse what may not be everything. Another try may find it whole."""
    if not progress.complete:
        raise VendorError(f"not everything could be read: {'; '.join(progress.gaps[:5])}")


@dataclass(slots=True)
class _Reset:
    """How far the reset has come.

    :param began: whether everything was read and published, so that it was about to be sent
    :param confirmed: whether Mobadoo has answered it with a success
    """

    began: bool = False
    confirmed: bool = False


@contextmanager
def _saying_how_far(reset: _Reset) -> Iterator[None]:
    try:
        yield
    except VendorError as error:
        told = UNCONFIRMED if reset.began else NOT_SENT
        if not reset.confirmed:
            error.remedy = f"{error.remedy} {told}" if error.remedy else told
        raise
