from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.sandbox.switch_table import PAGES, of, render, split
from tests.support.sandbox import ROOT, SandboxProcess


@pytest.fixture(scope="module")
def page() -> str:
    """Return all pages of the sandbox, the first one first."""
    pages = [ROOT / "docs" / "sandbox.rst", *sorted((ROOT / "docs").glob("sandbox_*.rst"))]
    return "".join(path.read_text() for path in pages)


def test_the_tables_of_switches_are_those_of_the_code(sandbox):
    switches = sandbox.control("GET", "switches?describe=1")["switches"]
    assert sum(len(of(vendor, switches)) for vendor in PAGES) == len(switches)
    for vendor, path in PAGES.items():
        expected = render(of(vendor, switches))
        assert split(path.read_text())[1] == expected, "run python -m tests.sandbox.switch_table"


def test_the_open_questions_name_every_open_switch_of_wolkvox_and_none_else(sandbox, page):
    questions = page.partition("Open questions about wolkvox\n")[2].partition(
        "Sandbox: switches of wolkvox\n"
    )[0]
    named = set(re.findall(r"``(wolkvox\.\w+)``", questions))
    described = sandbox.control("GET", "switches?describe=1")["switches"]
    every = {one["name"] for one in described if one["name"].startswith("wolkvox.")}
    open_ones = {
        one["name"]
        for one in described
        if one["name"] in every and not one["stands_for"].startswith(("configuration", "the sandbox itself"))
    }
    assert named <= every
    assert open_ones - named == {name for name in open_ones - named if name.endswith(("_text", "_status"))}, (
        "name it in the table of open questions"
    )


def test_every_control_path_is_documented_and_none_else(sandbox, page):
    documented = {
        tuple(line.strip(" *-`").split())
        for line in page.splitlines()
        if line.startswith("   * - ``") and "/_sandbox/" in line
    }
    served = set()
    for path in {path for _, path in documented}:
        for method in ("GET", "POST", "PUT", "DELETE"):
            response = sandbox.http.request(method, sandbox.url + path, timeout=10)
            if response.status_code not in (404, 405):
                served.add((method, path))
    assert served == documented
    known = sandbox.get("/_sandbox/nothing").json()["error"].partition("known paths are: ")[2].split(", ")
    assert {path.removeprefix("/_sandbox/") for _, path in documented} == {*known, "wolkvox/tokens"}


def test_every_fault_action_and_field_is_documented(sandbox, page):
    actions = sandbox.post("/_sandbox/faults", {"action": "?"}).json()["error"].partition("one of ")[2]
    fields = sandbox.post("/_sandbox/faults", {"?": 1}).json()["error"].partition("known ones are: ")[2]
    assert len(actions.split(", ")) == 7
    for name in [*actions.split(", "), *fields.split(", ")]:
        assert f"``{name}``" in page


def test_every_option_is_documented(page):
    command = [sys.executable, "-m", "airflow_provider.sandbox", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for option in {word.strip("[],") for word in text.split() if word.strip("[],").startswith("--")} - {
        "--help"
    }:
        assert f"``{option}" in page


def test_the_credentials_of_the_walk_are_those_of_the_sandbox(sandbox: SandboxProcess, page):
    for secret in sandbox.secrets():
        assert secret in page.partition("What is documented\n")[0]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_walk_works_as_written(sandbox, page):
    walk = page.partition("A walk with curl\n")[2].partition("What is documented\n")[0]
    blocks = re.findall(r"^\.\. code-block:: bash\n\n((?:   .*\n|\n)+)", walk, re.MULTILINE)
    script = "".join(map(textwrap.dedent, blocks)).replace("http://127.0.0.1:8765", sandbox.url)
    ended = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True, timeout=60)
    assert '"error": "null"' in ended.stdout
    assert '{"error":' not in ended.stdout
    assert sandbox.state()["imbee"] == {"users": 2, "chats": 0, "tokens": 1, "messages": 1}
    assert sandbox.state()["wolkvox"]["tokens"][0]["limit"] == 1
    assert sandbox.state()["mpohoda"]["records"]["IssuedInvoices"] == 100_001
    assert '"DocumentNumber":"' in ended.stdout.splitlines()[-1]
    assert [(fault["action"], fault["after"]) for fault in sandbox.faults()] == [("reset", True)]
