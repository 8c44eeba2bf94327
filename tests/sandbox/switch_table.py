"""Write the tables of switches into the docs: ``python -m tests.sandbox.switch_table``."""

from __future__ import annotations

import json
from typing import Any

from tests.support.sandbox import ROOT, SandboxProcess

PAGES = {
    "sandbox": ROOT / "docs" / "sandbox_control.rst",
    **{vendor: ROOT / "docs" / f"sandbox_{vendor}.rst" for vendor in ("imbee", "mobadoo", "mpohoda")},
    "wolkvox": ROOT / "docs" / "sandbox_wolkvox_switches.rst",
}
"""The page of each vendor's switches; the sandbox has one of its own."""
BEGIN = ".. The table of switches is written by python -m tests.sandbox.switch_table\n"
END = ".. The end of the table of switches\n"


def of(vendor: str, switches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the switches that stand on the page of a vendor."""
    return [switch for switch in switches if switch["name"].startswith(f"{vendor}.")]


def render(switches: list[dict[str, Any]]) -> str:
    """Return the table for the described switches."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 36 16 30 18", ""]
    rows = [("Switch", "Default", "What it does", "Stands for")]
    for switch in switches:
        does = switch["description"]
        if "choices" in switch:
            does += " One of " + ", ".join(f"``{json.dumps(choice)}``" for choice in switch["choices"]) + "."
        if "strict" in switch:
            does += f" Strict: ``{json.dumps(switch['strict'])}``."
        rows.append(
            (f"``{switch['name']}``", f"``{json.dumps(switch['default'])}``", does, switch["stands_for"])
        )
    for name, *cells in rows:
        lines.append(f"   * - {name}")
        lines += [f"     - {cell}" for cell in cells]
    return "\n".join(lines) + "\n"


def split(page: str) -> tuple[str, str, str]:
    """Return the page before the table, the table, and the page after it."""
    head, _, rest = page.partition(BEGIN)
    table, _, tail = rest.partition(END)
    return head, table.strip("\n") + "\n", tail


def main() -> None:
    with SandboxProcess() as sandbox:
        switches = sandbox.control("GET", "switches?describe=1")["switches"]
    for vendor, page in PAGES.items():
        head, _, tail = split(page.read_text())
        page.write_text(f"{head}{BEGIN}\n{render(of(vendor, switches))}\n{END}{tail}")


if __name__ == "__main__":
    main()
