"""Write docs/mobadoo_known.rst: ``python -m tests.sandbox.mobadoo.known_page``."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.support.sandbox import ROOT, SandboxProcess

PAGE = ROOT / "docs" / "mobadoo_known.rst"
TITLE = "Mobadoo: what is known"
HEAD = f"""\
.. This page is written by python -m tests.sandbox.mobadoo.known_page

{TITLE}
{"=" * len(TITLE)}

Mobadoo publishes little about its API, and of some of its pages only the beginning can still be read. This page says, trait
by trait, what this package and its :doc:`sandbox <sandbox>` rely on:

*documented*
   A page of the vendor states it.
*observed*
   The published code of one of its customers shows it. Other accounts may differ.
*assumed*
   Nobody says so. It is the likeliest reading, or what the sandbox needs in order to run. Names that the sandbox invents say
   so themselves, like ``SIMULATOR`` and ``SIM_...``.

Where a trait has a switch, the sandbox can be set to another reading, so that you can try your Dags with it. The defaults are
the likeliest reading, or the least comfortable one. If you know better from your account, set the connection and the switches
to what you see, and rely on that. The sandbox gives the same table as JSON at ``/_sandbox/mobadoo/traits``.

"""


def render(known: dict[str, Any]) -> str:
    """Return the page for the table of traits."""
    counts = Counter(one["known"] for one in known["traits"])
    told = ", ".join(f"{counts[name]} are {name}" for name in ("documented", "observed", "assumed"))
    lines = [HEAD, f"Of the {len(known['traits'])} traits, {told}.", "", "Sources", "-------", ""]
    lines += [f"- {name[0].upper()}{name[1:]}: {address}" for name, address in known["sources"].items()]
    part = None
    for one in known["traits"]:
        if one["part"] != part:
            part = one["part"]
            lines += ["", part, "-" * len(part), ""]
            lines += [".. list-table::", "   :header-rows: 1", "   :widths: 40 13 22 25", ""]
            lines += _row("Trait", "Known", "Source", "Switch, and its default")
        lines += _row(one["trait"], one["known"], one["source"], _switch(one))
    return "\n".join(lines) + "\n"


def _row(first: str, *cells: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {cell}" for cell in cells)]


def _switch(one: dict[str, Any]) -> str:
    if "switch" not in one:
        return "fixed"
    return f"``{one['switch']}``: ``{json.dumps(one['default'])}``"


def main() -> None:
    with SandboxProcess() as sandbox:
        PAGE.write_text(render(sandbox.control("GET", "mobadoo/traits")))


if __name__ == "__main__":
    main()
