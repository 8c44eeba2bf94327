"""Fill every part of the operations page of a running Airflow, with the sandbox as the vendors."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from requests import ConnectionError as RequestsConnectionError
from requests import Session, Timeout

from airflow_provider.store.engine import Database
from airflow_provider.store.tables import quota, quota_day, wallet_note

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

    from tests.support.sandbox import SandboxProcess

DAGS = Path(__file__).parent / "demo_dags"
RUN = "demo"
FINISHED = ("nightly_tokens", "refused_import", "campaign", "invoice_orders")
LONGEST = 400
BUSY = 120
"""Seconds that one answer of Airflow may take on a busy machine."""
SECRET = "demo-webhook-secret"
LIMIT, USED = 1000, 930


def folder(home: Path, examples: Path, *, few: bool) -> Path:
    """Make a folder with the example Dags and those that fill the page; return it.

    :param home: where it is made
    :param examples: the folder of the examples
    :param few: whether only what fills the page is in it
    """
    made = home / "dags"
    made.mkdir(exist_ok=True)
    wanted = [examples / "invoice_orders.py", examples / "example_mobadoo_stream.py"]
    for path in [*(wanted if few else examples.glob("*.py")), *DAGS.glob("*.py")]:
        (made / path.name).symlink_to(path)
    return made


def connections(ready_made: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the connections: the sandbox's own, and some that show something."""
    found = {
        name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value) for name, value in ready_made.items()
    }
    imbee, mobadoo = found["imbee_default"], found["mobadoo_default"]
    mobadoo["extra"] = {**(mobadoo.get("extra") or {}), "webhook_secret": SECRET}
    found["imbee_slow"] = {**imbee, "extra": {**imbee["extra"], "requests_per_second": 3}}
    found["imbee_expired"] = {**imbee, "password": "no-longer-valid"}
    found["wolkvox_campaign"] = {**found["wolkvox_default"], "password": "campaign-token"}
    return found


def fill(url: str, home: Path, sandbox: SandboxProcess) -> None:
    """Run the Dags, deliver what the webhook gets, and give the quotas a past.

    :param url: where Airflow's web UI listens
    :param home: its folder
    :param sandbox: the vendors
    :raises requests.RequestException: Airflow does not answer
    :raises RuntimeError: it refuses
    """
    operation = connections(sandbox.connections)["wolkvox_campaign"]["login"]
    sandbox.token(token="campaign-token", operation=operation, limit=LIMIT, used=USED)
    # Carried out, and the answer lost: nobody knows.
    sandbox.fault(vendor="imbee", path="token/new", action="close", after=True, times=12, skip=40)
    sandbox.fault(vendor="imbee", path="token/new", status=400, json={"message": "invalid mail"}, times=5)
    with Session() as http:
        http.trust_env = False
        token = _answer(http, "GET", f"{url}/auth/token").json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        for dag_id in (*FINISHED, "slow_import"):
            _trigger(http, url, dag_id)
        _deliver(url)
        _wait(http, url)
    _give_a_past(home / "vendor_apis.db")


def _answer(http: Session, method: str, url: str, **options: Any) -> Response:
    """Ask until there is an answer: on a busy machine SQLite is locked for long."""
    until = time.monotonic() + LONGEST
    while True:
        try:
            answer = http.request(method, url, timeout=BUSY, **options)
            if answer.status_code < 500:
                return answer
            found = str(answer.status_code)
        except (RequestsConnectionError, Timeout) as error:
            found = type(error).__name__
        if time.monotonic() > until:
            raise RuntimeError(f"{method} {url}: {found}")
        time.sleep(1)


def _trigger(http: Session, url: str, dag_id: str) -> None:
    until = time.monotonic() + LONGEST
    body = {"dag_run_id": RUN, "logical_date": None}
    while True:
        answer = _answer(http, "POST", f"{url}/api/v2/dags/{dag_id}/dagRuns", json=body)
        if answer.ok or answer.status_code == 409:
            return
        # The Dag file may not have been read yet.
        if time.monotonic() > until:
            raise RuntimeError(f"{dag_id} could not be started: {answer.status_code}")
        time.sleep(1)


def _deliver(url: str) -> None:
    def match(number: int, status: str) -> dict[str, Any]:
        result = {"id": number, "status": status, "name": f"Match {number}"}
        return {"message": "MODEL_CHANGED", "entity": "Match", "videogame": "lol", "result": result}

    bodies = [match(number, status) for number in range(1, 9) for status in ("PD", "RU")]
    bodies += [match(3, "RU"), {**match(99, "OP"), "videogame": "dota2"}]
    # A session of its own: Airflow's token is not the vendor's.
    with Session() as http:
        http.trust_env = False
        for body in bodies:
            # As a vendor does, until it is accepted; what comes twice is a repeat.
            webhook = f"{url}/vendor-apis/webhooks/mobadoo_default"
            _answer(http, "POST", webhook, params={"secret": SECRET}, json=body).raise_for_status()


def _wait(http: Session, url: str) -> None:
    until = time.monotonic() + LONGEST
    open_ = set(FINISHED)
    while open_ and time.monotonic() < until:
        for dag_id in tuple(open_):
            run = _answer(http, "GET", f"{url}/api/v2/dags/{dag_id}/dagRuns/{RUN}").json()
            if run.get("state") in ("success", "failed"):
                open_.remove(dag_id)
        time.sleep(1)


def _give_a_past(path: Path) -> None:
    """Write thirty days of requests, and something for the books: a demo has no past of its own."""
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    today = datetime.now(UTC).date()
    note = {
        "conn_id": "mobadoo_default",
        "player": "player-17",
        "ticket": "ticket-204",
        "kind": "contradiction",
    }
    note |= {"movement": "settle", "amount": "25.00", "state": "refunded", "recorded": "10.00"}
    now = time.time()
    with database.begin() as connection:
        connection.execute(
            sa.insert(wallet_note).values(**note, id="demo", times=3, created_at=now - 5400, updated_at=now)
        )
        for row in connection.execute(sa.select(quota.c.account, quota.c.granted)).all():
            granted = row.granted or LIMIT
            for back in range(1, 30):
                day = today - timedelta(days=back)
                digest = hashlib.sha256(f"{row.account}{back}".encode()).hexdigest()
                part = 0.2 + 0.6 * int(digest[:4], 16) / 65536
                # A quota of a month is not used up in a day.
                sent = int(granted * part / (8 if granted > 5000 else 1)) if day.weekday() < 6 else 0
                values = {"account": row.account, "day": day.isoformat(), "sent": sent}
                connection.execute(
                    sa.insert(quota_day).values(**values, granted=granted, remaining=granted - sent)
                )
    database.close()
