"""Write the table of switches into docs/sandbox.rst: ``python -m tests.sandbox.switch_table``."""

from __future__ import annotations

import json
from typing import Any

from tests.support.sandbox import ROOT, SandboxProcess

PAGE = ROOT / "docs" / "sandbox.rst"
BEGIN = ".. The table of switches is written by python -m tests.sandbox.switch_table\n"
END = ".. The end of the table of switches\n"


def render(switches: list[dict[str, Any]]) -> str:
    """Return the table for the described switches."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 28 18 34 20", ""]
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
        table = render(sandbox.control("GET", "switches?describe=1")["switches"])
    head, _, tail = split(PAGE.read_text())
    PAGE.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}")


if __name__ == "__main__":
    main()
