from __future__ import annotations

import re
from pathlib import Path

from tests.sandbox.mobadoo.known_page import PAGE, TITLE, render

TESTS = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
# The traits that the guidance for a simulator names.
NAMED = {
    "auth_mode",
    "page_envelope",
    "slash_mode",
    "postponed_code",
    "event_spelling",
    "ws_mode",
    "webhook_retries",
    "retry_backoff",
    "desync_after_failures",
    "auto_confirm",
    "auto_resolve",
}


def test_the_page_is_that_of_the_table(api):
    assert PAGE.read_text() == render(api.control("traits", "GET")), (
        "run python -m tests.sandbox.mobadoo.known_page"
    )
    assert f"\n{TITLE}\n" in PAGE.read_text()


def test_each_switch_belongs_to_one_trait_and_says_how_well_it_is_known(api, sandbox):
    known = api.control("traits", "GET")
    switches = {one["name"]: one for one in sandbox.control("GET", "switches?describe=1")["switches"]}
    named = [one["switch"] for one in known["traits"] if "switch" in one]
    assert len(named) == len(set(named))
    assert {name for name in switches if name.startswith("mobadoo.")} - set(named) == {
        "mobadoo.maintenance_status",
        "mobadoo.maintenance_body",
    }
    for one in known["traits"]:
        assert one["known"] in ("documented", "observed", "assumed")
        if "switch" in one:
            assert switches[one["switch"]]["stands_for"] == f"{one['known']}: {one['source']}"
        if one["known"] != "assumed":
            assert any(one["source"].startswith(source) for source in known["sources"])


def test_every_trait_that_a_simulator_must_have_is_a_switch(sandbox):
    values = sandbox.switch()
    assert {f"mobadoo.{name}" for name in NAMED} <= set(values)
    assert values["mobadoo.webhook_retries"] == 3


def test_every_switch_is_tried_in_each_position(sandbox):
    for one in sandbox.control("GET", "switches?describe=1")["switches"]:
        name = one["name"].removeprefix("mobadoo.")
        if one["name"] != name:
            assert re.search(rf"\b{name}=", TESTS), f"no test sets {name}"
            for choice in one.get("choices", ()):
                assert f'"{choice}"' in TESTS, f"no test sets {name} to {choice!r}"
