"""The operations page in a real browser and a real Airflow, as people with different roles use it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from airflow_provider.store.engine import Database
from tests.support.browser import MISSING, browser
from tests.support.page import SCRIPT, add_batch, add_quota, add_unknown
from tests.support.plugin import plugin_path
from tests.support.scheduler import Scheduler

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

ROLES = ("viewer", "user", "op", "admin")
SECRET = "canary-secret"


class WithRoles(Scheduler):
    """Airflow's API server, with a person of each role; the password is the name."""

    components = ("api-server",)

    def __init__(self) -> None:
        connection = {"conn_type": "mobadoo", "password": "canary-token", "extra": {"webhook_secret": SECRET}}
        super().__init__(
            "",
            (),
            {
                "AIRFLOW_CONN_MOBADOO_DEFAULT": json.dumps(connection),
                "AIRFLOW__VENDOR_APIS__WEBHOOK_CONNECTIONS": "mobadoo_default",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "passwords.json",
            },
        )
        passwords = self.home / "passwords.json"
        passwords.write_text(json.dumps({role: role for role in ROLES}))
        self._environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"] = str(passwords)

    def __enter__(self) -> Any:
        try:
            self._migrate()
            for name in self.components:
                self._start(name)
            self.wait_for("a healthy Airflow", self._healthy)
        except BaseException:
            self.close()
            raise
        return self

    @property
    def url(self) -> str:
        return self._url

    def token(self, role: str) -> str:
        answer = self._http.post(
            f"{self._url}/auth/token", json={"username": role, "password": role}, timeout=30
        )
        return str(answer.json()["access_token"])

    def deliver(self, body: Any) -> None:
        url = f"{self._url}/vendor-apis/webhooks/mobadoo_default"
        assert self._http.post(url, params={"secret": SECRET}, json=body, timeout=30).status_code == 202


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    if MISSING:
        pytest.skip(MISSING)
    with browser() as context:
        yield context


@pytest.fixture(scope="module")
def airflow(chromium: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithRoles]:
    path = [*plugin_path(tmp_path_factory.mktemp("plugin")), os.environ.get("PYTHONPATH", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, path)))
        running = WithRoles()
    with running, running.explained():
        yield running


@pytest.fixture
def book(airflow: WithRoles) -> Iterator[Database]:
    url = sa.URL.create("sqlite", database=str(airflow.home / "vendor_apis.db"))
    database = Database(url, shared=False)
    database.prepare()
    yield database
    database.close()


@contextmanager
def visit(chromium: BrowserContext, airflow: WithRoles, role: str | None, path: str = "") -> Iterator[Page]:
    """Open a part of the page as somebody. Nothing on it may ask a question or break a rule of the page."""
    chromium.clear_cookies()
    if role:
        chromium.add_cookies([{"name": "_token", "value": airflow.token(role), "url": airflow.url}])
    faults: list[str] = []
    with chromium.new_page() as page:
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.on(
            "console",
            lambda message: faults.append(message.text) if "Content Security" in message.text else None,
        )
        page.goto(f"{airflow.url}/vendor-apis/{path}")
        yield page
        assert faults == []


def test_a_record_is_found_by_a_filter_and_decided_with_the_keyboard(chromium, airflow, book):
    add_unknown(book, "ann@example.com")
    add_unknown(book, "bob@example.com", task="orders/run_2/tokens")
    with visit(chromium, airflow, "op", "unknown") as page:
        page.get_by_label("Dag, run and task").fill("customers")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("task=customers"))
        assert page.get_by_text("bob@example.com").count() == 0
        page.get_by_role("button", name="Yes, it is there").focus()
        page.keyboard.press("Enter")
        page.get_by_text("1 decided.").wait_for()
        assert "task=customers" in page.url
        page.get_by_role("link", name="Who has decided what").click()
        page.get_by_role("cell", name="op", exact=True).wait_for()
        page.get_by_text("is at the vendor").wait_for()


def test_all_of_a_filter_are_decided(chromium, airflow, book):
    for number in range(3):
        add_unknown(book, f"many-{number}", operation="imbee.create_chat")
    with visit(chromium, airflow, "admin", "unknown?operation=imbee.create_chat") as page:
        page.get_by_role("link", name="Decide about all").click()
        page.get_by_text("3 records of unknown outcome").wait_for()
        page.get_by_role("button", name="All are at the vendor").click()
        page.get_by_text("3 decided.").wait_for()


def test_a_delivery_is_replayed(chromium, airflow, book):
    airflow.deliver(
        {
            "message": "MODEL_CHANGED",
            "entity": "Match",
            "videogame": "lol",
            "result": {"id": 1, "name": SCRIPT},
        }
    )
    with visit(chromium, airflow, "op", "deliveries") as page:
        page.get_by_role("table").get_by_role("link").first.click()
        page.get_by_role("button", name="Replay").click()
        page.get_by_text("there is nobody to tell").wait_for()


@pytest.mark.parametrize("role", ["viewer", "user"])
def test_without_rights_the_page_is_empty_and_a_form_is_refused(chromium, airflow, book, role):
    id_ = add_unknown(book, "ann@example.com", conn_id="imbee_secret")
    add_batch(book, conn_id="imbee_secret")
    with visit(chromium, airflow, role, "unknown") as page:
        page.get_by_text("None: every record").wait_for()
        assert page.get_by_text("imbee_secret").count() == 0
        answer = page.request.post(f"{airflow.url}/vendor-apis/unknown/{id_}", form={"answer": "done"})
        assert answer.status == 403
        assert page.request.get(f"{airflow.url}/vendor-apis/deliveries/1").status in (403, 404)


def test_without_a_login_there_is_nothing(chromium, airflow):
    with visit(chromium, airflow, None) as page:
        assert page.request.get(f"{airflow.url}/vendor-apis/").status == 401
        assert page.get_by_text("Overview").count() == 0


def test_scripts_in_values_are_shown_and_not_run(chromium, airflow, book):
    add_unknown(book, SCRIPT, error=SCRIPT, task=f"{SCRIPT}/run/{SCRIPT}", conn_id="imbee_script")
    add_batch(
        book, conn_id="imbee_script", dag_id=SCRIPT, error=SCRIPT, output="<img src=x onerror=alert(1)>"
    )
    add_quota(book, conn_id="wolkvox_script", vendor=SCRIPT)
    for path in ("", "batches", "unknown?conn_id=imbee_script", "quotas", f"unknown?task={SCRIPT}"):
        with visit(chromium, airflow, "admin", path) as page:
            page.get_by_role("heading", level=1).wait_for()
    with visit(chromium, airflow, "admin", "unknown?conn_id=imbee_script") as page:
        page.get_by_text(SCRIPT).first.wait_for()


def test_what_runs_is_updated_while_it_is_looked_at(chromium, airflow, book):
    with visit(chromium, airflow, "op", "batches?conn_id=imbee_live") as page:
        page.get_by_text("No batch runs now.").wait_for()
        add_batch(book, conn_id="imbee_live", state="running", created=4321)
        page.get_by_role("cell", name="4,321").wait_for()
        page.get_by_role("button", name="Stop updating").click()
        page.get_by_role("button", name="Go on updating").wait_for()


def test_the_page_is_in_airflows_own_menu_and_opens_its_links_there(chromium, airflow, book):
    add_batch(book, conn_id="imbee_frame", dag_id="some_dag", run_id="run_1")
    with visit(chromium, airflow, "admin") as page:
        page.goto(f"{airflow.url}/plugin/vendor-apis")
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="Batches", exact=True).click()
        frame.get_by_role("link", name="some_dag / users").first.click()
        page.wait_for_url(re.compile("/dags/some_dag/runs/run_1/tasks/users"))


def test_it_fits_a_phone(chromium, airflow, book):
    add_unknown(book, "a-very-long-key-" * 20)
    add_batch(book)
    with visit(chromium, airflow, "admin") as page:
        page.set_viewport_size({"width": 360, "height": 740})
        for path in ("", "batches", "unknown", "quotas", "deliveries", "streams"):
            page.goto(f"{airflow.url}/vendor-apis/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
