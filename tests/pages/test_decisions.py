"""What is decided on the operations page about records of unknown outcome, and by whom."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.ledger import admin, decisions
from airflow_provider.store.tables import ledger
from tests.support.page import SCRIPT, add_note, add_unknown, rows


def state_of(book: Any, id_: str) -> str | None:
    with book.read() as connection:
        return connection.scalar(sa.select(ledger.c.state).where(ledger.c.id == id_))


@pytest.mark.parametrize(("answer", "state"), [("done", "done"), ("not_done", None)])
def test_a_record_is_decided_by_a_click_and_the_trail_says_by_whom(look, press, book, answer, state):
    id_ = add_unknown(book, "ann@example.com")
    pressed = press(f"unknown/{id_}", "op", answer=answer, conn_id="imbee_default")
    assert pressed.status_code == 303
    assert pressed.headers["location"] == "/vendor-apis/unknown?conn_id=imbee_default&decided=1"
    assert state_of(book, id_) == state
    [row] = rows(look("unknown/decisions"))
    assert "op_name this page" in row
    assert id_ in row
    assert "ann@" not in row
    assert "1 decided" in look("unknown", decided=1).text
    assert press(f"unknown/{id_}", "op", answer=answer).status_code == 404


def test_a_decision_needs_a_right_a_login_and_a_form_of_ones_own(press, book):
    from tests.pages.conftest import token_of

    id_ = add_unknown(book, "ann")
    path = f"unknown/{id_}"
    assert press(path, None, answer="done").status_code == 401
    assert press(path, "viewer", answer="done").status_code == 403
    assert press(path, "user", answer="done").status_code == 403
    assert press(path, "op", token="", answer="done").status_code == 403
    assert press(path, "op", token=token_of("admin"), answer="done").status_code == 403
    assert press(path, "op", site="same-site", answer="done").status_code == 403
    assert press(path, "op", site="cross-site", answer="done").status_code == 403
    assert press(path, "op", answer="perhaps").status_code == 422
    assert press("unknown/nothing", "op", answer="done").status_code == 404
    assert state_of(book, id_) == "unknown"
    assert press(path, "op", site="same-origin", answer="done").status_code == 303


def test_a_refusal_is_a_page_that_says_why_and_leads_on(look, press, book):
    id_ = add_unknown(book, "ann")
    refused = {
        401: press(f"unknown/{id_}", None, answer="done"),
        403: press(f"unknown/{id_}", "op", token="old", answer="done"),
        404: press("unknown/nothing", "op", answer="done"),
        422: press(f"unknown/{id_}", "op", answer=SCRIPT),
    }
    for status, page in refused.items():
        assert page.status_code == status
        assert page.headers["Content-Type"].startswith("text/html")
        assert page.headers["Cache-Control"] == "no-store"
        assert "script-src 'sha256-" in page.headers["Content-Security-Policy"]
        assert 'href="/vendor-apis/unknown"' in page.text
        assert SCRIPT not in page.text
    assert "Load the page again" in refused[403].text
    assert "may have been decided" in refused[404].text
    assert look("deliveries/999999").status_code == 404
    assert "WWW-Authenticate" not in refused[403].headers


def test_the_overview_says_what_waits_for_a_person(look, book):
    assert 'class="box tile warn"' not in look().text
    add_unknown(book, "ann")
    add_note(book)
    page = look().text
    assert re.search(r'class="box tile warn" href="/vendor-apis/unknown"><b>1</b>', page)
    assert re.search(r'class="box tile bad" href="/vendor-apis/wallet"><b>1</b>', page)
    assert '/vendor-apis/wallet"><b>' not in look("", "viewer").text


def test_a_form_is_good_for_an_hour(press, book, monkeypatch):
    from airflow_provider.pages import access
    from tests.pages.conftest import token_of

    id_ = add_unknown(book, "ann")
    token = token_of("op")
    monkeypatch.setattr(access, "TOKEN_AGE", -1)
    assert press(f"unknown/{id_}", "op", token=token, answer="done").status_code == 403


def test_a_decision_is_about_what_the_page_has_shown_and_not_about_a_later_try(look, press, book):
    id_ = add_unknown(book, "ann", age=60)
    [seen] = re.findall(r'name="seen" value="([^"]+)"', look("unknown").text)
    # Somebody else has it sent again meanwhile, and that try breaks, too.
    with book.begin() as connection:
        connection.execute(sa.update(ledger).values(updated_at=time.time()))
    assert press(f"unknown/{id_}", answer="not_done", seen=seen).status_code == 404
    assert press("unknown", answer="not_done", until=seen).headers["location"].endswith("decided=0")
    assert state_of(book, id_) == "unknown"
    [seen] = re.findall(r'name="seen" value="([^"]+)"', look("unknown").text)
    assert press(f"unknown/{id_}", answer="not_done", seen=seen).status_code == 303
    assert state_of(book, id_) is None


@pytest.mark.parametrize("answer", ["done", "not_done"])
def test_a_record_that_is_sent_again_between_the_look_and_the_decision_is_left_alone(book, answer):
    id_ = add_unknown(book, "ann", age=60)
    until = time.time() - 30
    with book.begin() as connection:
        connection.execute(sa.update(ledger).values(updated_at=time.time()))
    by = decisions.Decider("ann", "page")
    changed = (
        admin.mark_done(book, [(id_, {})], by, until=until)
        if answer == "done"
        else admin.forget(book, [id_], by, until=until)
    )
    assert changed == 0
    assert state_of(book, id_) == "unknown"
    assert decisions.latest(book, ["imbee_default"], limit=1) == []


def test_only_rows_of_unknown_outcome_are_decided(press, book):
    id_ = add_unknown(book, "ann", state="done")
    assert press(f"unknown/{id_}", answer="not_done").status_code == 404
    assert state_of(book, id_) == "done"


def test_all_of_a_filter_are_decided_but_none_that_came_later(look, press, book):
    until = time.time() - 50
    for number in range(7):
        add_unknown(book, f"old-{number}")
    other = add_unknown(book, "other", operation="imbee.create_chat")
    late = add_unknown(book, "late", age=10)
    filters = {"operation": "imbee.create_access_token"}
    asked = look("unknown/all", until=until, **filters)
    assert "<b>7</b>" in asked.text
    pressed = press("unknown", answer="done", until=until, **filters)
    assert pressed.headers["location"] == "/vendor-apis/unknown?decided=7"
    assert (state_of(book, other), state_of(book, late)) == ("unknown", "unknown")
    assert len(decisions.latest(book, ["imbee_default"], limit=100)) == 7
    assert press("unknown", "viewer", answer="done", until=until).status_code == 403
