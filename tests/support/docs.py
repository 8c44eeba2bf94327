"""Pages of the documentation, and what is written on them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from tests.support.sandbox import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.rst"))


def page(name: str) -> str:
    """Return a page; for a vendor's with all that belong to it, like ``wolkvox_cases``."""
    parts = [DOCS / f"{name}.rst", *sorted(DOCS.glob(f"{name}_*.rst"))]
    return "".join(path.read_text(encoding="utf-8") for path in parts)


def section(text: str, title: str, marks: str = "-~") -> str:
    """Return what stands below a title, up to the next title of the same kind."""
    for mark in marks:
        _, found, rest = text.partition(f"\n{title}\n{mark * len(title)}\n")
        if found:
            return re.split(rf"\n[^\n]+\n{re.escape(mark)}{{3,}}\n", rest)[0]
    raise AssertionError(f"there is no section {title!r}")


def blocks(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Find each code block of a language: its caption and its text."""
    for found in re.finditer(
        rf"^( *)\.\. code-block:: {language}\n((?:\1   :.*\n)*)\n((?:\1   .*\n|\n)+)", text, re.MULTILINE
    ):
        caption = re.search(r":caption: (.*)", found[2])
        yield caption[1] if caption else "", textwrap.dedent(found[3]).strip() + "\n"


def rows(text: str) -> list[list[str]]:
    """Read the rows of list tables: the text of each cell."""
    return [
        [" ".join(cell.split()) for cell in re.split(r"\n     -(?= |\n|$)", row)]
        for row in re.findall(r"^   \* -(.*(?:\n     .*|\n     -)*)", text, re.MULTILINE)
    ]


def flat(text: str) -> str:
    return " ".join(text.split())
