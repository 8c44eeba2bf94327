"""A real browser for a test, where one is installed. It reaches nothing but this machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page, Request

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
MISSING = (
    "Chromium is not installed (Debian: apt-get install chromium)"
    if not CHROMIUM
    else "playwright is not installed"
    if not find_spec("playwright")
    else ""
)
"""Why there is no browser; empty where there is one."""

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    # Names of other machines do not resolve, not even for the browser's own errands.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
PATIENCE = 60.0
"""Seconds after which something is waited for in vain."""


@contextmanager
def browser() -> Iterator[BrowserContext]:
    """Start a browser, and stop it at the end. What it asks another machine for fails the test."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=1000 * PATIENCE)
    abroad: list[str] = []
    here = re.compile(r"(http://127\.0\.0\.1:\d+/|blob:|data:)")

    def note(request: Request) -> None:
        if not here.match(request.url):
            abroad.append(request.url)

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        context = running.new_context(locale="en-US", viewport={"width": 1300, "height": 1800})
        context.set_default_timeout(1000 * PATIENCE)
        context.on("request", note)
        try:
            yield context
        finally:
            running.close()
    assert abroad == []


class ConnectionPage:
    """
    Admin > Connections in Airflow's web UI, used as a person does: by what is written on it.

    :param page: a page of the browser
    :param url: where Airflow listens
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(f"{url}/connections")

    @property
    def form(self) -> Locator:
        """The form that is open."""
        return self.page.get_by_role("dialog")

    def add(self, conn_id: str, kind: str) -> None:
        """Open the form of a new connection of a type."""
        self.page.get_by_role("button", name="Add Connection").click()
        self.fill("Connection ID", conn_id)
        self.choose("Connection Type", kind)

    def edit(self, conn_id: str) -> None:
        """Open the form of a connection."""
        self._listed(conn_id, "Edit Connection").click()

    def open(self, section: str) -> None:
        """Unfold a section of the form."""
        self.form.get_by_role("button", name=section, exact=True).click()
        self.form.get_by_role("button", name=section, exact=True, expanded=True).wait_for()

    def fill(self, label: str, value: Any) -> None:
        """Write a value into the field with a label."""
        self._field(label).fill(str(value))

    def choose(self, label: str, value: str) -> None:
        """Choose a value from the list with a label."""
        self._field(label).click()
        self.page.get_by_role("option", name=value, exact=True).click()

    @property
    def save_button(self) -> Locator:
        """The button that saves the form."""
        return self.form.get_by_role("button", name="Save")

    def save(self) -> None:
        """Save the form, which then closes."""
        self.save_button.click()
        self.form.wait_for(state="detached")

    def test(self, conn_id: str) -> tuple[str, str]:
        """Press Test; return the title and the text of what it shows."""
        self._listed(conn_id, "Test Connection").click()
        shown = self.page.locator("[data-scope=toast][data-part=root]").filter(has_text="Test Connection")
        # Both at once, because it goes away by itself.
        parts = "box => ['title', 'description'].map(p => box.querySelector(`[data-part=${p}]`).innerText)"
        title, text = shown.evaluate(parts)
        return title, text

    def _listed(self, conn_id: str, name: str) -> Locator:
        # The list may be from before the connection was there.
        self.page.reload()
        cell = self.page.get_by_role("cell", name=conn_id, exact=True)
        return self.page.get_by_role("row").filter(has=cell).get_by_role("button", name=name)

    def _field(self, label: str) -> Locator:
        """
        Find the field that stands beside a label.

        A label of Airflow's form does not name its field in HTML everywhere, so that it cannot be asked for.
        """
        written = re.compile(rf"^{re.escape(label)}\s*\*?\s*$")
        beside = self.form.locator("label").filter(has_text=written)
        group = beside.locator("xpath=ancestor::*[.//input or .//textarea][1]")
        return group.locator("input:visible, textarea:visible").first
