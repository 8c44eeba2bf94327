"""The REST side: paths, slashes, the token, and who answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Answer, Request, json_answer
from airflow_provider.sandbox.mobadoo.wire import Problem, Writer, not_found

if TYPE_CHECKING:
    from airflow_provider.sandbox.mobadoo.account import Account

ROOT = "api/v1/"
GAME_LISTS = {"both": ("videgames", "videogames"), "videgames": ("videgames",), "videogames": ("videogames",)}


class Rest:
    """Answer REST requests.

    :param account: the account that is simulated
    :param mount: the first part of all paths
    """

    def __init__(self, account: Account, mount: str) -> None:
        self.account = account
        self.mount = mount
        self.switch = account.switch

    def answer(self, request: Request) -> Answer:
        """Serve one request."""
        try:
            moved = self._moved(request)
            if moved is not None:
                return moved
            if not self.account.tokens.allows(request, self.switch("auth_mode")):
                detail = "Authentication credentials were not provided or are not valid."
                raise Problem(self.switch("unauthorized_status"), {"detail": detail})
            return self._serve(request, self._place(request.path.rstrip("/")))
        except Problem as problem:
            return json_answer(problem.status, problem.body)

    # paths

    def _place(self, path: str) -> list[str]:
        """Return the parts of a path below the REST base, or below ``wallet``."""
        if self.switch("wallet_root") == "wallet":
            if path.startswith("wallet/"):
                return path.split("/")
            if path.startswith(f"{ROOT}wallet/"):
                raise not_found()
        if not path.startswith(ROOT):
            raise not_found()
        return path.removeprefix(ROOT).split("/")

    def _moved(self, request: Request) -> Answer | None:
        """Return what the form of a path with the wrong slash gets."""
        mode = self.switch("slash_mode")
        if mode == "both":
            return None
        slashed = request.path.endswith("/")
        form = self.switch("slash_form")
        printed = request.path.rstrip("/").endswith("/match")
        wanted = {"printed": printed, "always": True, "never": False}[form]
        if mode != "loop" and slashed == wanted:
            return None
        if mode == "strict 404":
            raise not_found()
        path = request.path.rstrip("/") + ("" if slashed else "/")
        query = request.query_string.decode("latin-1")
        # With its query, as the framework does it: the token too.
        location = f"/{self.mount}/{path}" + (f"?{query}" if query else "")
        return Answer(self.switch("redirect_status"), b"", ((b"location", location.encode("latin-1")),))

    # answers

    def _serve(self, request: Request, place: list[str]) -> Answer:
        if place[:2] == ["wallet", "ticket"]:
            return self.account.wallet.answer(request, place[2:])
        if request.method != "GET":
            raise Problem(405, {"detail": f'Method "{request.method}" not allowed.'})
        if place == ["notifications", "reset"]:
            return self._reset()
        if len(place) == 1 and place[0] in GAME_LISTS[self.switch("videogames_path")]:
            games = [Writer(self.switch).videogame(game) for game in self.account.feed.videogames]
            return json_answer(200, self.account.lists.catalogue(games))
        if len(place) == 2 and place[1] in ("markets", "match") and self._can_read(place[0]):
            return self._markets(place[0]) if place[1] == "markets" else self._matches(request, place[0])
        raise not_found()

    def _can_read(self, videogame: str) -> bool:
        return self.account.feed.knows(videogame) and videogame != self.switch("vanishing_game")

    def _markets(self, videogame: str) -> Answer:
        writer = Writer(self.switch)
        found = [writer.market(market) for market in self.account.feed.markets[videogame]]
        return json_answer(200, self.account.lists.catalogue(found))

    def _matches(self, request: Request, videogame: str) -> Answer:
        feed, lists = self.account.feed, self.account.lists
        chosen = lists.chosen(request, feed.matches[videogame])
        answer = json_answer(200, lists.page(request, chosen, Writer(self.switch).match))
        shift = self.switch("shift_while_reading")
        if shift == "insert":
            feed.put_first(videogame)
        start, end = lists.window(request)
        if shift == "remove" and chosen[start:end]:
            feed.remove(chosen[start])
        return answer

    def _reset(self) -> Answer:
        if not self.account.outbox.desynchronised and self.switch("reset_unprompted") == "refuse":
            raise Problem(400, {"detail": "There is nothing to reset."})
        self.account.outbox.end_desynchronisation()
        how = self.switch("reset_answer")
        if how == "json":
            body: dict[str, Any] = {"status": "ok"}
            return json_answer(200, body)
        return Answer(200 if how == "empty" else 204, b"", ())
