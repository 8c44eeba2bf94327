"""A reading of a vendor's quota."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

Source = Literal["probe", "header", "count"]


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a quota is left.

    :param limit: uses granted per period
    :param used: uses spent in this period
    :param remaining: uses left in this period
    :param resets_at: when counting starts again, as the vendor's answer says
    :param observed_at: when the vendor answered
    :param source: how it is known: asked for (``probe``), read from a reply (``header``) or counted here
        (``count``)
    """

    limit: int
    used: int
    remaining: int
    resets_at: datetime
    observed_at: datetime
    source: Source

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values, times in ISO 8601."""
        return {
            **asdict(self),
            "resets_at": self.resets_at.isoformat(),
            "observed_at": self.observed_at.isoformat(),
        }

    def __str__(self) -> str:
        return f"{self.remaining:,} of {self.limit:,} uses left, reset at {self.resets_at:%Y-%m-%d %H:%M %Z}"
