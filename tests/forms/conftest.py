from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import MISSING, ConnectionPage, browser
from tests.support.web import WebAirflow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


@pytest.fixture(scope="module")
def chromium() -> Iterator[BrowserContext]:
    if MISSING:
        pytest.skip(MISSING)
    with browser() as context:
        yield context


@pytest.fixture(scope="module")
def web(chromium: BrowserContext) -> Iterator[WebAirflow]:
    with WebAirflow() as airflow:
        yield airflow


@pytest.fixture
def page(chromium: BrowserContext, web: WebAirflow) -> Iterator[ConnectionPage]:
    """Admin > Connections, freshly loaded."""
    with chromium.new_page() as page, web.explained():
        yield ConnectionPage(page, web.url)
