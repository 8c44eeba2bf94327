"""Names of Mobadoo's assets: lower case, ASCII, each part between slashes.

What begins with an underscore is reserved, so no videogame and no entity can have such a name.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

ROOT = "mobadoo"
TICKETS = "_tickets"
DESYNC = "_desync"
OTHER = "_other"

LONGEST = 80
"""Characters of a part; a longer one is cut, and ends with a digest of all of it."""

READ = 1000
"""Characters of a text that are read for its part: bringing very long ones to ASCII can take minutes."""


def connection_name(conn_id: str) -> str:
    """Name the asset of everything that a connection hears.

    :param conn_id: id of the connection
    """
    # An underscore in front has no other meaning here.
    lead = "_" if conn_id.startswith("_") else ""
    return f"{ROOT}/{lead}{segment(conn_id)}"


def segment(text: str) -> str:
    """Write a text as one part of a name: the same text always gives the same part, and never an empty one.

    :param text: a videogame, an entity, a ticket's state, or the id of a connection
    """
    plain = unicodedata.normalize("NFKD", text[:READ]).encode("ascii", "ignore").decode()
    part = re.sub(r"[^a-z0-9._]+", "-", plain.lower()).strip("-._")
    if not part:
        # In another alphabet, or of signs alone.
        return f"x{_digest(text)}"
    if len(part) > LONGEST or len(text) > READ:
        return f"{part[:LONGEST]}-{_digest(text)}"
    return part


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
