"""The operators that read Mobadoo's lists.

Dags import them from :mod:`airflow_provider.mobadoo.operators`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.extract.operator import VendorListOperator
from airflow_provider.mobadoo.parameters import check_texts
from airflow_provider.mobadoo.parameters import videogames as games_given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.extract.listing import Query
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.mobadoo.hooks import MobadooHook


class MobadooGamesOperator(VendorListOperator):
    """What the operators share that read the lists of several video games.

    :param videogames: the URL parameters of the video games, like ``["lol", "dota2"]``; None for all that
        the account has, which costs a request (templated)
    :param page_size: rows that a page is asked to have. What Mobadoo allows is not known
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*VendorListOperator.template_fields, "videogames", "mobadoo_conn_id")
    ui_color = "#e4ddf4"
    largest_page = 10_000

    def __init__(
        self,
        *,
        videogames: Sequence[str] | str | None = None,
        page_size: int = 25,
        mobadoo_conn_id: str = "mobadoo_default",
        **kwargs: Any,
    ) -> None:
        # Where it is not given, None would stand for the largest.
        values.whole_number("page_size", page_size, 1, self.largest_page)
        super().__init__(page_size=page_size, **kwargs)
        values.text("mobadoo_conn_id", mobadoo_conn_id)
        if videogames is not None:
            check_texts("videogames", videogames)
        self.videogames = videogames
        self.mobadoo_conn_id = mobadoo_conn_id

    def hook(self) -> MobadooHook:
        """Return the Mobadoo hook."""
        from airflow_provider.mobadoo.hooks import MobadooHook

        return MobadooHook(self.mobadoo_conn_id, policy=self.request_policy)

    def games(self, hook: MobadooHook) -> list[str]:
        """Return the URL parameters of the video games to read.

        :param hook: the hook of the connection
        """
        from airflow_provider.mobadoo.listings import games_of
        from airflow_provider.records.places import check_place

        if self.output_path:
            # Before the first request, where the video games are asked for.
            check_place(os.fspath(self.output_path))
        games = games_of(hook, games_given(self.videogames))
        self.log.info("Reading %d video games: %s.", len(games), ", ".join(games))
        return games


class MobadooListMatchesOperator(MobadooGamesOperator):
    """Read matches, of some video games or of all that the account has.

    Rows are Mobadoo's own objects, names and digits unchanged. A row that does not name its video game has it
    in the column ``videogame``, which comes first. A row that came before, by video game and ``id``, is
    dropped: rows move from page to page when the list changes.

    Returns ``total``, ``pages``, ``requests`` (sent by this try), ``complete``, ``output``, ``seconds``,
    ``records`` without ``output``, ``reasons`` where ``complete`` is False, and ``resumed_at``, the first
    page of this try, where an earlier one had been interrupted. ``complete`` is False where the list changed
    while it was read, fewer matches came than an answer counts, or a video game was not there (any more). The
    others are read all the same; if none is there, the task fails.

    .. seealso:: :ref:`howto/operator:MobadooListMatchesOperator`

    :param videogames: the URL parameters of the video games, like ``["lol", "dota2"]``; None for all that
        the account has, which costs a request (templated)
    :param after: only matches from this moment on: a datetime, or a text as in ISO 8601; without an offset it
        is UTC. That Mobadoo takes it is assumed (templated)
    :param before: only matches up to this moment (templated)
    :param ordering: the field to sort by; with a minus in front, it is assumed, the other way round
    :param output: path or URI of the file for the matches, ``.jsonl``, ``.csv`` or ``.parquet``. Without it
        they are returned through XCom, at most 1,000 (templated)
    :param page_size: matches that a page is asked to have. What Mobadoo allows is not known
    :param max_pages: pages to ask for at most, of all video games together; None for all
    :param mobadoo_conn_id: id of the Mobadoo connection (templated)
    """

    template_fields: Sequence[str] = (*MobadooGamesOperator.template_fields, "after", "before")

    def __init__(
        self,
        *,
        after: Any = None,
        before: Any = None,
        ordering: str = "begin_at",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("after", after), ("before", before)):
            if value is not None:
                values.moment(name, value)
        values.text("ordering", ordering)
        self.after = after
        self.before = before
        self.ordering = ordering

    def query(self, hook: VendorHook[Any]) -> Query[Any]:
        """Return the listing, and what is asked of it.

        :param hook: the hook of the connection
        """
        from airflow_provider.extract import instants
        from airflow_provider.mobadoo.calls import list_matches
        from airflow_provider.mobadoo.listings import matches

        after, before = instants.given("after", self.after), instants.given("before", self.before)
        instants.window("after", after, "before", before)
        # What is wrong with the question shows before the video games are asked for.
        list_matches("lol", after=after, before=before, ordering=self.ordering)
        mobadoo: Any = hook
        return matches(
            mobadoo,
            self.games(mobadoo),
            after=after,
            before=before,
            ordering=self.ordering,
            size=self.page_size,
            most=self.max_pages,
        )
