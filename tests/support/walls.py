"""Which module imports which: read from the source, without importing anything."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

HTTP_LIBRARIES = {"requests", "aiohttp", "httpx", "urllib3", "http", "urllib"}
WITH_AIRFLOW = {"assets", "hooks", "operators", "sensors", "triggers"}
"""The modules of a vendor that may import Airflow. All others describe calls, and need none."""
OF_THE_SANDBOX = {"__version__", "vendors"}
"""What the sandbox may take from the rest of the package: its version, and which vendors there are."""


@dataclass(frozen=True)
class Import:
    """One name that a module imports, with the line on which it does."""

    module: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.name}"


def imports(root: Path) -> Iterator[Import]:
    """Yield every import of every module below a package's folder, those inside functions included."""
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            for name in _names(node, parts[:-1]):
                yield Import(module, getattr(node, "lineno", 0), name)


def _names(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) + 1 - node.level] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        # What is imported may be a module itself.
        yield from (f"{base}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call):
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if called in ("import_module", "__import__", "import_string") and node.args:
            target = node.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                yield target.value


def vendors(root: Path) -> set[str]:
    """Return the vendors' rooms: the subpackages that have calls."""
    return {path.parent.name for path in root.glob("*/calls.py")}


def named(root: Path, names: Iterable[str]) -> list[str]:
    """Return each line outside of the vendors' folders and ``vendors.py`` that names a vendor, in any words.

    :param root: the package's folder
    :param names: the vendors' names; capitals make no difference
    """
    places = [root / "vendors.py", *(root / one for one in vendors(root))]
    places += [root / "sandbox" / one for one in vendors(root)]
    pattern = re.compile("|".join(map(re.escape, names)), re.IGNORECASE)
    return [
        f"{path.relative_to(root)}:{number} names {found[0]}"
        for path in sorted(root.rglob("*.py"))
        if not any(path.is_relative_to(place) for place in places)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def breaches(root: Path) -> list[str]:
    """Return each import that breaks a wall of the house, as a sentence."""
    house, rooms = root.name, vendors(root)
    found = []
    for one in imports(root):
        room = _room(one.module, house)
        target = _room(one.name, house) if one.name.split(".")[0] == house else None
        if room in rooms and target in rooms - {room}:
            found.append(f"{one}: a vendor's room knows no other vendor's")
        if room not in {*rooms, "sandbox"} and target in rooms:
            found.append(f"{one}: only a vendor's own room knows it; others find it through vendors.py")
        if room in rooms and one.module.split(".")[2:] and one.module.split(".")[2] not in WITH_AIRFLOW:
            top = one.name.split(".")[0]
            if (top == "airflow" and one.name != "airflow.sdk.Connection") or top in HTTP_LIBRARIES:
                found.append(f"{one}: calls know neither Airflow nor an HTTP library")
        inside = one.name.split(".")[0] == house
        if room == "sandbox" and inside and target not in {"sandbox", *OF_THE_SANDBOX}:
            found.append(f"{one}: the sandbox shares no code with what it tests")
        if room != "sandbox" and target == "sandbox":
            found.append(f"{one}: nothing depends on the sandbox")
    return found


def circles(root: Path) -> list[list[str]]:
    """Return circles among the files of a package, and among its rooms; none is what there should be.

    A room is a folder of the package, or a file beside them.
    """
    files: dict[str, set[str]] = defaultdict(set)
    rooms: dict[str, set[str]] = defaultdict(set)
    modules = set(_modules(root))
    for one in imports(root):
        target = one.name if one.name in modules else one.name.rpartition(".")[0]
        if target not in modules or target == one.module:
            continue
        files[one.module].add(target)
        here, there = _room(one.module, root.name), _room(target, root.name)
        if here and there and here != there:
            rooms[here].add(there)
    return [circle for graph in (files, rooms) if (circle := _circle(graph))]


def _circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _modules(root: Path) -> Iterator[str]:
    for path in root.rglob("*.py"):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _room(module: str, house: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == house and len(parts) > 1 else None
