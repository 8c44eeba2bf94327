"""Look for secrets where they must not be: in files, databases, texts and exceptions."""

from __future__ import annotations

import base64
import contextlib
import sqlite3
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

LENGTH = 16
"""So many characters of a secret give it away: a message may show a part of it, or cut it off."""


def needles(secrets: Iterable[str]) -> set[str]:
    """Return what to look for: the beginnings of secrets, as they are, in URLs and in base64."""
    found = set()
    for secret in secrets:
        # The beginning of a URL is no secret; what it carries is listed on its own.
        shown = secret if "://" in secret else secret[:LENGTH]
        encoded = base64.b64encode(secret.encode()).decode()[: max(LENGTH, len(shown))]
        found |= {shown, quote(shown, safe=""), encoded}
    assert all(len(needle) >= LENGTH for needle in found)
    return found


def in_text(text: str, secrets: Iterable[str]) -> list[str]:
    """Return the secrets that a text gives away."""
    return sorted(needle for needle in needles(secrets) if needle in text)


def in_files(root: Path, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Return files below a folder with the secrets that their bytes give away; names count too."""
    wanted = needles(secrets)
    found = []
    for path in sorted(root.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        text = str(path.relative_to(root)) + "\n" + content.decode("latin-1")
        found += [(str(path.relative_to(root)), needle) for needle in sorted(wanted) if needle in text]
    return found


def in_database(path: Path, secrets: Iterable[str], fernet_key: str) -> list[tuple[str, str]]:
    """Return columns of a SQLite database with the secrets that their values, decrypted too, give away."""
    from cryptography.fernet import Fernet, InvalidToken

    wanted = needles(secrets)
    found = set()
    for column, value in values(path):
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if text.startswith("gAAAA"):
            with contextlib.suppress(InvalidToken):
                text = Fernet(fernet_key).decrypt(text.encode()).decode()
        # JSON may write a character as \\uXXXX.
        for shown in (text, text.encode("latin-1", "replace").decode("unicode_escape", "replace")):
            found |= {(column, needle) for needle in wanted if needle in shown}
    return sorted(found)


def values(path: Path) -> Iterator[tuple[str, Any]]:
    database = sqlite3.connect(path)
    try:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            rows = database.execute(f'SELECT * FROM "{name}"')
            columns = [f"{name}.{column[0]}" for column in rows.description]
            for row in rows:
                yield from ((column, value) for column, value in zip(columns, row, strict=True) if value)
    finally:
        database.close()


def texts_of(error: BaseException) -> list[str]:
    """Return every text that an exception and those behind it may show, hidden ones included."""
    texts = []
    chain: list[BaseException] = [error]
    for link in chain:
        texts += [str(link), repr(link), repr(link.args), *getattr(link, "__notes__", [])]
        texts.append("".join(traceback.format_exception(link)))
        if type(link).__module__.startswith("airflow_provider"):
            texts.append(repr(vars(link)))
        behind = [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
        chain += [one for one in behind if one is not None and one not in chain]
    return texts
