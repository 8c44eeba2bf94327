"""Mobadoo's lists as the engine of extractions reads them: those of several video games as one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorError, VendorProtocolError
from airflow_provider.extract.listing import Listing, Query
from airflow_provider.mobadoo.answers import url_parameter
from airflow_provider.mobadoo.calls import list_markets, list_matches, list_tickets, list_videogames
from airflow_provider.mobadoo.links import next_query
from airflow_provider.mobadoo.pages import ROWS, SHOWN, ListPage, read_page, read_tickets
from airflow_provider.mobadoo.paging import GamePages, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from airflow_provider.http.call import Call, Response
    from airflow_provider.mobadoo.answers import MobadooPage
    from airflow_provider.mobadoo.hooks import MobadooHook


def matches(
    hook: MobadooHook,
    games: Sequence[str],
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    ordering: str | None = None,
    size: int,
    most: int | None = None,
) -> Query[ListPage]:
    """Return the query for the matches of video games.

    :param hook: the hook of the connection
    :param games: the URL parameters of the video games, at least one
    :param after: only matches from this moment on
    :param before: only matches up to this moment
    :param ordering: the field to sort by
    :param size: matches that a page is asked to have
    :param most: pages to read at most; None for all
    """
    asked = partial(list_matches, after=after, before=before, ordering=ordering, limit=size)
    return _query(hook, "mobadoo.list_matches", asked, games, size=size, most=most)


def markets(hook: MobadooHook, games: Sequence[str]) -> Query[ListPage]:
    """Return the query for the markets of video games.

    :param hook: the hook of the connection
    :param games: the URL parameters of the video games, at least one
    """
    return _query(hook, "mobadoo.list_markets", list_markets, games)


def tickets(
    hook: MobadooHook, asked: Mapping[str, str], *, size: int, most: int | None = None
) -> Query[ListPage]:
    """Return the query for the tickets of the account.

    :param hook: the hook of the connection
    :param asked: further query parameters; which there are is not published
    :param size: tickets that a page is asked to have
    :param most: pages to read at most; None for all
    """

    def make(_: str, *, offset: int = 0) -> Call[Any]:
        return list_tickets({**asked, "limit": str(size), **({"offset": str(offset)} if offset else {})})

    return _query(
        hook, "mobadoo.list_tickets", make, ["tickets"], size=size, most=most, read=lambda _: read_tickets
    )


def active_videogames(hook: MobadooHook) -> list[str]:
    """Read which video games the account has.

    :param hook: the hook of the connection
    :return: their URL parameters
    :raises VendorError: they cannot be read
    """
    found: dict[str, None] = {}
    came = 0
    call = _prepared(hook, list_videogames())
    while True:
        page: MobadooPage = hook.run(call)
        try:
            games = _games_on(page)
        except VendorError as error:
            # It names what the answer has.
            error.redact(hook.options.secrets())
            raise
        has_new = not found.keys() >= set(games)
        came += len(games)
        found.update(dict.fromkeys(games))
        if page.next is None:
            if page.count is not None and came < page.count:
                raise _not_all_games(f"{came:,} of {page.count:,} came")
            return list(found)
        if not has_new:
            raise _not_all_games("a page that leads to another has none that is new")
        url = f"{hook.options.base_url.rstrip('/')}/{call.path}"
        call = replace(call, query=next_query(page.next, url, call.query, secrets=hook.options.secrets()))


def games_of(hook: MobadooHook, given: Sequence[str] | None) -> list[str]:
    """Return the video games to read: those that are given, or else all that the account has.

    :param hook: the hook of the connection
    :param given: their URL parameters; None for all
    :raises InvalidInput: there is none
    :raises VendorError: they cannot be read
    """
    games = active_videogames(hook) if given is None else list(dict.fromkeys(given))
    if not games:
        raise InvalidInput(
            '"videogames": the account has no active video game.'
            if given is None
            else '"videogames" names no video game.',
            field="videogames",
            remedy="Name them by their URL parameters, like lol, or check the account in the dashboard.",
        )
    return games


def _games_on(page: MobadooPage) -> list[str]:
    if page.records is None:
        keys = ", ".join(sorted(map(str, page.other))[:SHOWN]) or "no keys"
        raise VendorProtocolError(f"the response is no list of video games: it has {keys}")
    return [url_parameter(one) for one in page.records]


def _not_all_games(reason: str) -> VendorProtocolError:
    return VendorProtocolError(
        f"not all video games could be read: {reason}", remedy="Name the video games yourself, like lol."
    )


def _reader(videogame: str) -> Callable[[Response], ListPage]:
    return partial(read_page, videogame=videogame)


def _query(
    hook: MobadooHook,
    name: str,
    make: Callable[..., Call[Any]],
    games: Sequence[str],
    *,
    size: int | None = None,
    most: int | None = None,
    read: Callable[[str], Callable[[Response], ListPage]] = _reader,
) -> Query[ListPage]:
    def call(place: Place) -> Call[ListPage]:
        game = games[place.game]
        made = _prepared(hook, make(game, offset=place.offset) if place.offset else make(game))
        query = made.query if place.query is None else place.query
        return replace(made, query=query, decode=read(game))

    paging: Any = GamePages(
        games, call, size=size, base_url=hook.options.base_url, secrets=lambda: hook.options.secrets()
    )
    listing = Listing(
        name=name,
        call=call,
        read=_same,
        paging=paging,
        identity="id",
        distinct=True,
        marks=ROWS,
        exact=True,
    )
    return Query(
        listing=listing, ask=lambda position: call(Place.of(position)), size=size, most=most, about=games
    )


def _prepared(hook: MobadooHook, call: Call[Any]) -> Call[Any]:
    # As it is sent: a link is held against the path that the connection names.
    return hook.prepare(call, hook.options)


def _same(page: ListPage) -> ListPage:
    return page
