"""Read the matches of the small Mobadoo, and what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_provider.mobadoo.operators import MobadooListMatchesOperator
from tests.support.mobadoo import Mobadoo, work

SHAPES = ["paged", "bare", "no next", "counted"]


def read(**options: Any) -> dict[str, Any]:
    return work(MobadooListMatchesOperator, **options)


def lines(path: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def ids(path: Any) -> list[int]:
    return [one["id"] for one in lines(path)]


def asked(vendor: Mobadoo, game: str = "lol") -> list[dict[str, str]]:
    return [query for path, query in vendor.requests if path == f"{game}/match/"]
