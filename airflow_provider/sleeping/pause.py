"""What a look says that has not found what is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """Look again at the given time.

    :param until: the time
    :param reason: why, in words
    """

    until: datetime
    reason: str
