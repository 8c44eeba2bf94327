"""Records of a batch that change the same thing more than once."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Revisions:
    """Tells a change that a batch repeats after another change from the first one.

    Of two records in a row that change the same thing to the same content, the second changes nothing, and
    gets the stored result. After another content it does change something: x, y, x ends with x.
    So a record of the same thing with another content begins a revision, and from the second one on its
    number is part of the key. A try with the same records finds the same keys.
    """

    def __init__(self) -> None:
        # Numbers, since it has one for each thing that the batch changes.
        self._last: dict[int, int] = {}
        self._revisions: dict[int, int] = {}

    def key(self, key: Sequence[str]) -> tuple[str, ...]:
        """Return the key of the next record for the ledger.

        :param key: the call's own key: its last part is the content, the parts before name what is changed
        """
        *subject, content = key
        about, now = _number(subject), _number([content])
        if self._last.setdefault(about, now) != now:
            self._last[about] = now
            self._revisions[about] = self._revisions.get(about, 1) + 1
        revision = self._revisions.get(about)
        return tuple(key) if revision is None else (*key, f"revision {revision}")


def _number(parts: Sequence[str]) -> int:
    digest = hashlib.blake2b(json.dumps(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")
