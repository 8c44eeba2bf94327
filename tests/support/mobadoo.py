"""A small Mobadoo over real HTTP, for what its lists may look like, and operators that read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from airflow_provider.http.retry import RequestPolicy
from tests.support.servers import serving

TOKEN = "stage-token-4711"
QUICK = RequestPolicy(attempts=1, backoff=0.0)

Answer = tuple[int, Any]


class Mobadoo:
    """Answers like Mobadoo may.

    :param games: matches by the URL parameter of their video game
    """

    def __init__(self, **games: list[dict[str, Any]]) -> None:
        self.url = ""
        self.games: dict[str, list[dict[str, Any]]] = games
        self.listed: Any = None
        self.markets: dict[str, Any] = {}
        self.tokens = [TOKEN]
        self.shape = "paged"
        self.most: int | None = None
        self.ignored: set[str] = set()
        self.next: Callable[[dict[str, str], str], Any] | None = None
        self.answers: dict[str, Answer] = {}
        self.meanwhile: Callable[[str, int], None] = lambda path, number: None
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.resets = 0

    def __call__(
        self, method: str, target: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = parts.path.removeprefix("/api/v1/")
        token = query.pop("token", "")
        self.requests.append((path, query))
        self.meanwhile(path, self.paths().count(path))
        if token in self.tokens:
            status, answer = self.answers.get(path) or self._answer(path, query)
        else:
            status, answer = 401, {"detail": "Invalid token."}
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return status, {"Content-Type": "application/json"}, raw

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    def _answer(self, path: str, query: dict[str, str]) -> Answer:
        if path == "videgames":
            games = self.listed
            return 200, [
                {"name": name.upper(), "url": name} for name in self.games
            ] if games is None else games
        if path == "notifications/reset":
            self.resets += 1
            return 200, {}
        game, _, rest = path.partition("/")
        if game not in self.games:
            return 404, {"detail": "Not found."}
        if rest == "markets":
            return 200, self.markets.get(game, [{"id": 10, "name": "Match winner"}])
        assert rest == "match/"
        return 200, self._page(game, query)

    def _page(self, game: str, query: dict[str, str]) -> Any:
        rows = self.games[game]
        limit = int(query["limit"]) if "limit" not in self.ignored else len(rows)
        limit = min(limit, self.most or limit)
        offset = int(query.get("offset", 0)) if "offset" not in self.ignored else 0
        page = rows[offset : offset + limit]
        if self.shape == "bare":
            return page
        if self.shape == "no next":
            return {"results": page}
        if self.shape == "counted":
            return {"count": len(rows), "results": page}
        if self.shape == "page counted":
            return {"count": len(page), "results": page}
        more = offset + limit < len(rows)
        following = {**query, "limit": str(limit), "offset": str(offset + limit), "token": TOKEN}
        url = f"{self.url}/api/v1/{game}/match/"
        link: Any = f"{url}?{urlencode(following)}" if more else None
        if self.next is not None and more:
            link = self.next(following, url)
        return {"count": len(rows), "next": link, "previous": None, "results": page}


def matches(count: int, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """Make matches with ids in a row."""
    return [
        {"id": number, "status": "NS", "begin_at": "2026-12-01T18:00:00Z", **fields}
        for number in range(first, first + count)
    ]


@contextmanager
def mobadoo_serving(vendor: Mobadoo, set_connection: Any, **extra: Any) -> Iterator[Mobadoo]:
    """Run a small Mobadoo; ``mobadoo_default`` leads to it."""
    with serving(vendor) as server:
        vendor.url = server.url
        set_connection(
            "mobadoo_default",
            conn_type="mobadoo",
            host=f"{server.url}/api/v1/",
            password=TOKEN,
            extra={"timeout": 5, **extra},
        )
        yield vendor


def work(kind: type[Any], *, run_id: str = "run-1", **options: Any) -> Any:
    """Run an operator as one try of a task of a run."""
    operator = kind(**{"task_id": "read", "request_policy": QUICK, **options})
    instance = SimpleNamespace(
        dag_id="dag", run_id=run_id, task_id=operator.task_id, map_index=-1, try_number=1
    )
    context: Any = {"ti": instance}
    return operator.execute(context)
