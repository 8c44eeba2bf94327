"""The tutorial, followed word for word: each block prints what the page shows below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.support.ports import free_port
from tests.support.sandbox import ROOT

NEXT = "@@@ the next block"
CHANGING = {
    r"in [\d.]+ s\.": "in N s.",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "TIME",
}


def steps() -> list[tuple[str, str]]:
    """Return each block of commands, and what the page says that it prints; nothing if it says nothing."""
    page = (ROOT / "docs" / "tutorial.rst").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^\.\. code-block:: (bash|text)\n((?:   :.*\n)*)\n((?:   .*\n|\n)+)", page, re.MULTILINE
    )
    found: list[tuple[str, str]] = []
    for language, options, text in blocks:
        text = textwrap.dedent(text).strip()
        if language == "text":
            found[-1] = (found[-1][0], text)
        elif "install" not in options:
            found.append((text, ""))
    return found


def same(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    for pattern, constant in CHANGING.items():
        text = re.sub(pattern, constant, text)
    return [line.strip() for line in text.strip().splitlines()]


def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    told = steps()
    assert len([shown for _, shown in told if shown]) >= 7
    port = free_port()
    script = f"\necho '{NEXT}'\n".join(commands for commands, _ in told)
    script = script.replace("8765", str(port)).replace(
        "airflow_provider.sandbox >", f"airflow_provider.sandbox --port {port} >"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    done = subprocess.run(
        # A shell with job control, like a terminal: the last block stops the sandbox by its job.
        ["bash", "-mc", f"trap 'kill %1 2> /dev/null' EXIT\n{script}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    printed = done.stdout.split(f"{NEXT}\n")
    assert len(printed) == len(told), done.stdout + done.stderr
    for (commands, shown), output in zip(told, printed, strict=True):
        if shown:
            assert same(output) == same(shown), f"{commands}\n{done.stderr}"
    assert "vendor-apis" in printed[0]
    assert '"url":"sealed:v2:' in done.stdout
    assert "dan@example.com" in done.stdout
