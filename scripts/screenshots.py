"""Make the pictures of the operations page in ``docs/pictures``, from a real Airflow.

``python scripts/screenshots.py`` starts what ``make up`` starts, waits until the page is full, and takes each
part of it in light and in dark. ``--url`` takes those of an Airflow that is running. It needs Chromium.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.browser import CHROMIUM, MISSING, OPTIONS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Frame, Page

PICTURES = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 860
PARTS = {
    "overview": "",
    "batches": "batches",
    "unknown": "unknown",
    "decide": "unknown/all?until=9999999999",
    "quotas": "quotas",
    "deliveries": "deliveries",
    "delivery": "deliveries/3",
    "streams": "streams",
    "wallet": "wallet",
}
OPERATIONS = re.compile(r"Operations\s+(http\S+)/plugin/vendor-apis")


@contextmanager
def demo() -> Iterator[str]:
    """Start what ``make up`` starts; the value is where its web UI listens."""
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), "--up", "--few"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := OPERATIONS.search(line):
                yield found[1]
                return
        raise SystemExit("The demo ended before the page was full.")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def shoot(page: Page, path: Path) -> None:
    """Take what a window shows, but no empty space below it, and no path of this machine."""
    hide(page.main_frame)
    used = page.evaluate("Math.ceil(document.querySelector('footer').getBoundingClientRect().bottom)")
    height = min(HEIGHT, used + 16)
    page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})


def hide(frame: Frame) -> None:
    """Replace the folder of the demo by one that many have."""
    script = """([from, to]) => document.querySelectorAll('span.error, .error > summary').forEach(
        one => { one.textContent = one.textContent.replaceAll(from, to); })"""
    frame.evaluate(script, [str(ROOT / "build" / "demo"), "/opt/airflow"])


def take(browser: Browser, url: str, folder: Path) -> None:
    """Take every part of the page, in light and in dark, and one in Airflow's own frame and on a phone."""
    for scheme in ("light", "dark"):
        context = browser.new_context(
            color_scheme=scheme, locale="en-US", viewport={"width": WIDTH, "height": HEIGHT}
        )
        page = context.new_page()
        # A login, which needs no password there.
        page.goto(f"{url}/auth/token/login")
        page.goto(f"{url}/vendor-apis/batches")
        # A batch that has just begun has no time left yet; the page updates itself.
        page.get_by_text(re.compile("^about ")).first.wait_for(timeout=120_000)
        for name, path in PARTS.items():
            page.goto(f"{url}/vendor-apis/{path}")
            shoot(page, folder / f"page-{name}-{scheme}.png")
        page.goto(f"{url}/plugin/vendor-apis")
        page.frame_locator("iframe").get_by_role("heading", name="Overview").wait_for()
        hide(page.frames[-1])
        page.screenshot(path=folder / f"page-frame-{scheme}.png")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(f"{url}/vendor-apis/unknown")
        page.screenshot(path=folder / f"page-phone-{scheme}.png")
        context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--url", help="where an Airflow's web UI listens")
    parser.add_argument("--folder", type=Path, default=PICTURES, help="where the pictures go")
    options = parser.parse_args()
    if MISSING:
        raise SystemExit(MISSING)
    from playwright.sync_api import sync_playwright

    options.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        if options.url:
            take(browser, options.url.rstrip("/"), options.folder)
        else:
            with demo() as url:
                take(browser, url, options.folder)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
