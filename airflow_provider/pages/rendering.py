"""How the page is made: templates, what they may call, and the headers of the answer."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from airflow_provider.pages.ledger_database import Failure

if TYPE_CHECKING:
    from fastapi import Request

    from airflow_provider.pages.access import Viewer

HERE = Path(__file__).parent

SECTIONS = (
    ("", "Overview"),
    ("batches", "Batches"),
    ("unknown", "Unknown outcomes"),
    ("quotas", "Quotas"),
    ("deliveries", "Deliveries"),
    ("streams", "Streams"),
    ("wallet", "Wallets"),
)
"""The parts of the page: address and name."""


def render(
    request: Request, view: Viewer | None, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """Make an answer.

    :param request: the request
    :param view: who looks; None where that does not matter
    :param template: name of the template
    :param status: of the answer
    :param values: what the template shows
    """
    base = request.scope.get("root_path", "")
    text = (
        _environment()
        .get_template(template)
        .render(
            base=base,
            here=request.url.path.removeprefix(base).strip("/").partition("/")[0],
            sections=SECTIONS,
            airflow=airflow_path(),
            user=view.name if view else None,
            token=view.token if view else None,
            query=dict(request.query_params),
            **values,
        )
    )
    return HTMLResponse(text, status, headers(f"{base}/"))


@cache
def headers(base: str) -> dict[str, str]:
    """Return the headers of every answer: nothing but what the page itself has is run, shown or asked for.

    :param base: the path of the page
    """
    policy = (
        "default-src 'none'",
        f"style-src '{_digest('page.css')}'",
        f"script-src '{_digest('page.js')}'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def airflow_path() -> str:
    """Return the path below which Airflow's own UI is, without a final slash."""
    from airflow.configuration import conf

    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def task_path(dag_id: str, run_id: str = "", task_id: str = "", map_index: int = -1) -> str:
    """Return the path of a Dag, a run or a task in Airflow's UI.

    :param dag_id: the Dag
    :param run_id: the run
    :param task_id: the task
    :param map_index: which instance of a mapped task
    """
    path = f"{airflow_path()}/dags/{quote(dag_id, safe='')}"
    if run_id:
        path += f"/runs/{quote(run_id, safe='')}"
    if run_id and task_id:
        path += f"/tasks/{quote(task_id, safe='')}"
        path += f"/mapped/{map_index}" if map_index >= 0 else ""
    return path


def _digest(name: str) -> str:
    text = (HERE / "templates" / name).read_bytes()
    return "sha256-" + base64.b64encode(hashlib.sha256(text).digest()).decode()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        number=_number, moment=_moment, ago=_ago, duration=_duration, pretty=_pretty, key=_key
    )
    found.tests["failure"] = lambda value: isinstance(value, Failure)
    found.globals.update(
        task_path=task_path,
        with_query=_with_query,
        # As they are in the files: their digests are in the headers.
        style=Markup((HERE / "templates" / "page.css").read_text(encoding="utf-8")),  # noqa: S704
        script=Markup((HERE / "templates" / "page.js").read_text(encoding="utf-8")),  # noqa: S704
    )
    return found


def _with_query(path: str, **values: Any) -> str:
    query = urlencode({name: value for name, value in values.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,}"


def _moment(value: Any) -> Markup | str:
    """Return a time, in seconds since 1970 or in ISO 8601, as HTML."""
    if value is None:
        return "–"
    at = datetime.fromisoformat(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")


def _ago(value: float | None) -> str:
    return "never" if value is None else f"{_duration(max(0.0, time.time() - value))} ago"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    whole = round(seconds)
    for unit, name, below, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name} {rest} {part}" if rest else f"{whole // unit} {name}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"


def _key(value: Any) -> str:
    parts = [one for one in value if one not in (None, "")] if isinstance(value, list) else [value]
    return " · ".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in parts)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
