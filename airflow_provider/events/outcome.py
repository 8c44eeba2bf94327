"""What has become of a delivery."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What has become of a delivery that is stored."""

    ACCEPTED = "accepted"
    """Stored, and at least one asset has an event of it."""

    NO_SUBSCRIBERS = "no_subscribers"
    """Stored. No Dag mentions an asset of it, so there is no event."""

    REPEATED = "repeated"
    """Equal to the latest delivery about the same thing: counted there, and not told again."""


class Busy(Exception):
    """A delivery could not be stored; nothing of it was. The vendor has to send it again.

    :param message: why
    :param retry_after: seconds after which to try again
    """

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
