"""What the operations page shows, and to whom."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import sqlalchemy as sa

from airflow_provider import links
from airflow_provider.ledger import admin, decisions
from tests.support.imbee import users
from tests.support.page import SCRIPT, add_batch, add_delivery, add_note, add_quota, add_unknown, rows

PARTS = [
    "",
    "batches",
    "batches/running",
    "unknown",
    "unknown/decisions",
    "quotas",
    "deliveries",
    "streams",
    "wallet",
]
NAMED = {("LEDGER_CONN_ID", part) for part in PARTS if part != "deliveries"}
"""Parts that cannot be shown where the option names a connection that is not found."""

WITHOUT_RIGHTS = ["viewer", "user"]
WITH_RIGHTS = ["op", "admin"]


# --- who sees what -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_who_is_not_logged_in_sees_nothing(look, book, part):
    assert look(part, None).status_code == 401


@pytest.mark.parametrize("role", WITH_RIGHTS)
def test_who_may_look_at_connections_sees_what_is_done_through_them(look, book, role):
    add_unknown(book, "ann@example.com")
    add_batch(book, failed=31)
    add_quota(book)
    number = add_delivery()
    assert "ann@example.com" in rows(look("unknown", role))[0]
    assert "31" in rows(look("batches", role))[0]
    assert "90 of 1,000 remain" in look("quotas", role).text
    assert rows(look("deliveries", role))[0].startswith(f"{number} ")
    assert look(f"deliveries/{number}", role).status_code == 200


@pytest.mark.parametrize("role", WITHOUT_RIGHTS)
def test_who_may_look_at_no_connection_sees_an_empty_page(look, book, role):
    add_unknown(book, "ann@example.com")
    add_batch(book, state="running")
    add_quota(book)
    number = add_delivery()
    for part in PARTS:
        page = look(part, role)
        assert rows(page) == []
        assert "default" not in page.text
        assert "ann@" not in page.text
    assert look(f"deliveries/{number}", role).status_code == 403
    assert look("unknown", role, conn_id="imbee_default").text.count("ann@example.com") == 0


def test_who_may_look_at_one_connection_sees_its_rows_alone(look, book, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    def of_one(*, method: str, details: Any, user: Any) -> bool:
        return method == "GET" and details.conn_id == "imbee_default"

    monkeypatch.setattr(get_auth_manager(), "is_authorized_connection", of_one)
    add_unknown(book, "mine")
    add_unknown(book, "theirs", conn_id="imbee_other")
    [row] = rows(look("unknown"))
    assert "mine" in row
    assert "You may not decide" in row
    assert rows(look("unknown", conn_id="imbee_other")) == []


@pytest.mark.parametrize("part", PARTS)
def test_nothing_of_the_page_is_kept_by_a_browser_or_runs_what_is_not_its_own(look, book, part):
    headers = look(part).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy


def test_values_are_shown_as_text(look, book):
    add_unknown(book, SCRIPT, error=SCRIPT, task=f"{SCRIPT}/run/{SCRIPT}", conn_id=SCRIPT, operation=SCRIPT)
    add_batch(book, dag_id=SCRIPT, run_id=SCRIPT, task_id=SCRIPT, error=SCRIPT, output=SCRIPT, report=SCRIPT)
    add_batch(book, dag_id=SCRIPT, state="running", operation=SCRIPT)
    add_quota(book, conn_id=SCRIPT, vendor=SCRIPT)
    add_note(book, conn_id=SCRIPT, player=SCRIPT, ticket=SCRIPT, amount=SCRIPT)
    number = add_delivery(conn_id=SCRIPT, family=SCRIPT, payload={SCRIPT: SCRIPT}, assets=[SCRIPT])
    for part in [*PARTS, f"deliveries/{number}"]:
        assert SCRIPT not in look(part).text
    filters = {"conn_id": SCRIPT, "operation": SCRIPT, "task": SCRIPT, "family": SCRIPT, "after": SCRIPT}
    for part in PARTS:
        assert SCRIPT not in look(part, **filters).text
    assert "&lt;script&gt;" in look("unknown").text


# --- the batches -------------------------------------------------------------------------------------------


def test_a_batch_that_runs_shows_how_far_it_is(look, book):
    add_batch(book, state="running", created=500, age=100)
    [row] = rows(look("batches/running"))
    assert "25.0 %" in row
    assert " 500 5 " in row
    assert "about 5 min" in row


def test_more_batches_than_a_table_shows_are_said_to_run(look, book):
    for number in range(50):
        add_batch(book, state="running", dag_id=f"dag_{number}", age=number)
    for part in ("", "batches", "batches/running"):
        assert "There are more" not in look(part).text
    assert "<b>50</b>Running batches" in look().text
    add_batch(book, state="running", dag_id="oldest", conn_id="imbee_other", age=100)
    for part in ("", "batches", "batches/running"):
        page = look(part)
        assert len([row for row in rows(page) if "25.0 %" in row]) == 50
        assert "There are more" in page.text
        assert "oldest" not in page.text
    assert "<b>50+</b>Running batches" in look().text
    filtered = look("batches", conn_id="imbee_other")
    assert "oldest" in filtered.text
    assert "There are more" not in filtered.text


def test_a_batch_whose_process_was_killed_is_interrupted(look, book):
    add_batch(book, state="running", age=200, silent=100)
    assert rows(look("batches/running")) == []
    [row] = rows(look("batches"))
    assert row.startswith("interrupted")


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "done"),
        ({"failed": 3}, "partly failed"),
        ({"unknown": 1}, "partly failed"),
        ({"state": "failed", "error": "the quota is used up"}, "failed"),
    ],
    ids=str,
)
def test_a_batch_that_has_ended_shows_how(look, book, fields, state):
    add_batch(book, **fields)
    [row] = rows(look("batches"))
    assert row.startswith(state)
    assert fields.get("error", "") in row


def test_filters_in_the_address_lead_to_a_task(look, book):
    add_batch(book, task_id="users")
    add_batch(book, task_id="tokens", failed=2)
    add_batch(book, dag_id="orders")
    assert len(rows(look("batches", task="customers/run_1"))) == 2
    [row] = rows(look("batches", task="customers/run_1/tokens"))
    assert "tokens" in row
    assert len(rows(look("batches", state="partly"))) == 1
    assert len(rows(look("batches", operation="imbee.create_user", conn_id="imbee_default"))) == 3
    assert rows(look("batches", conn_id="imbee_other")) == []


def test_the_links_of_a_task_lead_to_its_own_rows(look, book, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")
    run = "manual__2026-11-26T05:00:00+00:00"
    for task_id in ("users", "tokens"):
        add_batch(book, run_id=run, task_id=task_id, failed=1, unknown=1)
        add_unknown(book, f"key of {task_id}", task=f"customers/{run}/{task_id}")
    task: Any = SimpleNamespace(dag_id="customers", run_id=run, task_id="tokens", map_index=-1)
    for link in (
        links.RecordsLink().get_link(users([]), ti_key=task),
        links.failures_page(task, SimpleNamespace(recorded=True, counts={"failed": 1, "unknown": 1})),
        links.failures_page(task, SimpleNamespace(recorded=True, counts={"failed": 0, "unknown": 1})),
    ):
        parts = urlsplit(link)
        [row] = rows(look(parts.path.removeprefix("/vendor-apis/"), **dict(parse_qsl(parts.query))))
        assert "tokens" in row


def test_many_rows_are_paged_without_a_gap_or_a_repeat(look, book):
    now = time.time()
    for number in range(120):
        # Some of the same time, and of two connections.
        add_unknown(
            book,
            f"key-{number:03}",
            updated_at=now - number // 3,
            conn_id=f"imbee_{'a' if number % 2 else 'b'}",
        )
    seen: list[str] = []
    query: dict[str, str] = {}
    for _ in range(3):
        page = look("unknown", **query)
        seen += [row.split()[0] for row in rows(page)]
        following = re.search(r'rel="next" href="[^"]*after=([^"&]*)', page.text)
        query = {"after": following[1]} if following else {}
    assert not query
    assert len(seen) == 120
    assert len(set(seen)) == 120
    assert seen[0] in ("key-000", "key-001", "key-002")


# --- a database that cannot be used ------------------------------------------------------------------------


def test_without_a_ledger_the_page_says_so_and_shows_the_rest(look):
    number = add_delivery()
    page = look()
    assert "There is no ledger yet" in page.text
    assert rows(page)[0].startswith(f"{number} ")


def test_a_ledger_that_cannot_be_used_leaves_the_deliveries(look, ledger_path):
    ledger_path.write_bytes(b"not a database at all " * 100)
    number = add_delivery()
    for part in ("", "batches", "unknown", "quotas", "streams", "wallet"):
        page = look(part)
        assert page.status_code == 200
        assert "cannot be used" in page.text
        assert page.text.count("<b>") == page.text.count("</b>")
    assert rows(look())[0].startswith(f"{number} ")


@pytest.mark.parametrize("option", ["LEDGER_CONN_ID", "WALLET_CONN_ID"])
def test_a_database_whose_connection_the_api_server_does_not_have_is_told_and_the_rest_shown(
    look, book, monkeypatch, option
):
    number = add_delivery()
    monkeypatch.setenv(f"AIRFLOW__VENDOR_APIS__{option}", "nowhere")
    for part in PARTS:
        page = look(part)
        assert page.status_code == 200
        told = f"[vendor_apis] {option.lower()} names, is not found" in page.text
        assert told == (part in ("unknown/decisions", "wallet") or (option, part) in NAMED)
    overview = look()
    assert rows(overview)[0].startswith(f"{number} ")
    assert 'href="/vendor-apis/wallet"><b>–</b>' in overview.text


def test_without_the_table_of_deliveries_the_page_says_what_to_do(look, book, monkeypatch):
    from airflow_provider.events import deliveries

    def missing(**_: Any) -> Any:
        raise sa.exc.OperationalError("SELECT", {}, Exception("no such table: vendor_apis_delivery"))

    monkeypatch.setattr(deliveries, "list_deliveries", missing)
    add_unknown(book, "ann")
    add_delivery()
    page = look()
    assert page.status_code == 200
    assert "airflow db migrate" in page.text
    assert "<b>1</b>Records of unknown outcome" in page.text


# --- quotas ------------------------------------------------------------------------------------------------


def test_a_quota_shows_its_history(look, book):
    add_quota(book)
    text = look("quotas").text
    days = re.findall(r"<title>(\S+): ([\d,]+) sent", text)
    assert len(days) == 30
    assert [int(sent) for _, sent in days[-6:]] == [500, 400, 300, 200, 100, 7]
    assert days[-1][0] == datetime.now(UTC).date().isoformat()
    assert "1,507 in all, at most 500" in text


# --- odd addresses ----------------------------------------------------------------------------------------


ODD = [
    "%",
    "'; --",
    "\N{PILE OF POO}",
    "x" * 900,
    "1_99999999999999999999999",
    "nan_x",
    "inf_1",
    "-1",
]


@pytest.mark.parametrize("value", ODD, ids=ascii)
def test_odd_values_of_filters_find_nothing_and_break_nothing(look, book, value):
    add_unknown(book, "ann")
    admin.forget(book, [add_unknown(book, "bob")], decisions.Decider("ann", "page"))
    add_batch(book)
    number = add_delivery()
    for part in PARTS:
        for name in ("conn_id", "operation", "task", "state", "family", "outcome", "after"):
            assert look(part, **{name: value}).status_code == 200, (part, name)
    for name in ("conn_id", "operation", "task"):
        assert rows(look("unknown", **{name: value})) == rows(look("batches", **{name: value})) == []
    for path in ("unknown", "batches", f"deliveries/{number}"):
        assert look(path, **{"x" * 2000: value}).status_code == 200


def test_values_that_are_too_long_or_no_numbers_are_refused(look, press, book):
    assert look("unknown", task="x" * 10_000).status_code == 422
    for name in ("conn_id", "operation", "task"):
        assert look("unknown", **{name: "a\x00b"}).status_code == 422
    assert press("unknown/a%00b", answer="done").status_code == 422
    assert press("wallet/a%00b/close").status_code == 422
    for before in ("-1", "x", str(2**63)):
        assert look("deliveries", before=before).status_code == 422
    for number in ("-1", str(2**63), "9" * 400):
        assert look(f"deliveries/{number}").status_code == 404


# --- deliveries --------------------------------------------------------------------------------------------


def test_a_delivery_is_replayed_by_a_click_and_the_audit_log_says_by_whom(look, press, monkeypatch):
    from airflow.models.log import Log
    from airflow.utils.session import create_session

    number = add_delivery()
    pressed = press(f"deliveries/{number}/replay", "op")
    assert (pressed.status_code, pressed.headers["location"]) == (
        303,
        f"/vendor-apis/deliveries/{number}?told=0",
    )
    assert "nobody to tell" in look(f"deliveries/{number}", told=0).text
    with create_session(scoped=False) as session:
        query = sa.select(Log).where(Log.event == "vendor_apis.replay").order_by(Log.id.desc())
        entry = session.scalars(query).first()
        assert (entry.owner, f'"delivery": {number}' in entry.extra) == ("op_name", True)
    assert press(f"deliveries/{number}/replay", "viewer").status_code == 403
    assert press(f"deliveries/{number}/replay", None).status_code == 401
    assert press(f"deliveries/{number}/replay", "op", token="x").status_code == 403
    assert press("deliveries/999999/replay").status_code == 404


def test_deliveries_are_filtered_and_paged(look):
    numbers = [add_delivery(family="A" if number % 2 else "B") for number in range(104)]
    page = look("deliveries", family="A")
    assert len(rows(page)) == 50
    last = re.search(r'rel="next" href="[^"]*before=(\d+)', page.text)[1]
    assert [row.split()[0] for row in rows(look("deliveries", family="A", before=last))] == [
        str(number) for number in reversed(numbers[:4]) if number % 2 == numbers[1] % 2
    ]
    assert rows(look("deliveries", outcome="accepted")) == []


# --- streams -----------------------------------------------------------------------------------------------


def test_who_listens_to_a_stream_is_shown_with_what_waits(look, book):
    from airflow_provider.store.tables import listener, spool

    now = time.time()
    with book.begin() as connection:
        for name, lease in (("here", now + 60), ("gone", now - 60)):
            values = {"owner": name, "stream": name, "conn_id": f"mobadoo_{name}", "heard_at": now - 5}
            connection.execute(sa.insert(listener).values(**values, lease_until=lease, closed=0))
        for _ in range(3):
            values = {"stream": "gone", "owner": "gone", "received_at": now, "event": "{}"}
            connection.execute(sa.insert(spool).values(**values))
    gone, here = rows(look("streams"))
    assert gone.startswith("nobody listens mobadoo_gone")
    assert gone.endswith(" 3 0")
    assert here.startswith("listening mobadoo_here")
    assert here.endswith(" 0 1")
    assert rows(look("streams", "viewer")) == []


def test_the_gaps_of_a_stream_are_shown(look, book):
    from airflow_provider.pages import stream_section

    until = datetime.now(UTC)
    gap = {"since": (until - timedelta(seconds=90)).isoformat(), "until": until.isoformat()}
    add_delivery(source="websocket", family="DESYNC", gap=gap)
    add_delivery(
        source="websocket",
        family="DESYNC",
        gap={"since": None, "until": (until + timedelta(days=1)).isoformat()},
    )
    first, second = rows(look("streams"))
    assert "never heard before" in first
    assert second.endswith("1 min 30 s")
    assert rows(look("streams", "viewer")) == []
    extra = {
        "payload": {
            "conn_id": "mobadoo_default",
            "gap": {"since": (until - timedelta(seconds=90)).isoformat(), "until": until.isoformat()},
        }
    }
    assert stream_section._gap(extra)["seconds"] == 90
    for other in (
        None,
        {},
        {"payload": None},
        {"payload": {"gap": None}},
        {"payload": {"gap": {"until": 1}}},
        {"payload": {"conn_id": "c", "gap": {"since": None, "until": "yesterday"}}},
        {"payload": {"conn_id": "c", "gap": {"since": "x", "until": until.isoformat()}}},
        {"payload": {"conn_id": "c", "gap": {"since": "2026-11-26T00:00:00", "until": until.isoformat()}}},
    ):
        assert stream_section._gap(other) is None


def test_more_gaps_than_the_page_shows_are_said_to_be_there(look, book, monkeypatch):
    from airflow_provider.pages import stream_section

    until = datetime.now(UTC)
    for number in range(2):
        gap = {"since": None, "until": (until + timedelta(seconds=number)).isoformat()}
        add_delivery(source="websocket", family="DESYNC", gap=gap)
    assert "These are the latest" not in look("streams").text
    monkeypatch.setattr(stream_section, "MANY", 2)
    assert "These are the latest 2." in look("streams").text
