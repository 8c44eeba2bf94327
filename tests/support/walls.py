"""Which module imports which: read from the source, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HTTP_LIBRARIES = {"requests", "aiohttp", "httpx", "urllib3", "http", "urllib"}
SHARED_ROOMS = {"http", "batch", "store", "quota"}


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


def breaches(root: Path) -> list[str]:
    """Return each import that breaks a wall of the house, as a sentence."""
    house, rooms = root.name, vendors(root)
    found = []
    for one in imports(root):
        room = _room(one.module, house)
        target = _room(one.name, house) if one.name.split(".")[0] == house else None
        if room in rooms and target in rooms - {room}:
            found.append(f"{one}: a vendor's room knows no other vendor's")
        if room in SHARED_ROOMS and target in rooms:
            found.append(f"{one}: {room}/ knows no vendor")
        if one.module.endswith(("calls", "crm", "envelope", "fields")) and room in rooms:
            top = one.name.split(".")[0]
            if top == "airflow" or top in HTTP_LIBRARIES:
                found.append(f"{one}: calls know neither Airflow nor an HTTP library")
        inside = one.name.split(".")[0] == house
        if room == "sandbox" and inside and target != "sandbox" and one.name != f"{house}.__version__":
            found.append(f"{one}: the sandbox shares no code with what it tests")
        if room != "sandbox" and target == "sandbox":
            found.append(f"{one}: nothing depends on the sandbox")
    return found


def _room(module: str, house: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == house and len(parts) > 1 else None
