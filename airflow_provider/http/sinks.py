"""Where the body of a response goes that is a file: not into memory, but piece by piece to its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Saved:
    """A body that was written to a sink.

    :param size: bytes, decompressed
    :param sha256: their digest, in hexadecimal
    :param start: the first of them, 1,024 at most, so that a decoder can see what it is
    :param path: where it is; None before it is published
    """

    size: int
    sha256: str
    start: bytes = field(default=b"", repr=False)
    path: str | None = None


class Sink(Protocol):
    """A place for one body. Each method may wait for a disk or a network; one thread at a time calls them."""

    def write(self, data: bytes, /) -> object:
        """Take bytes.

        :raises OSError: they cannot be written
        """

    def publish(self, saved: Saved, /) -> Saved:
        """Give what was written its name, and return what is there now.

        :param saved: what was written
        :raises OSError: it cannot be done; nothing of it is left
        """

    def abandon(self) -> None:
        """Leave nothing of what was written."""


class NotSaved(Exception):
    """A sink could not take the body of a response, which is no fault of the vendor.

    :param error: what the sink raised
    """

    def __init__(self, error: OSError) -> None:
        super().__init__("a sink could not take the body")
        self.error = error
