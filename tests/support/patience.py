"""Waiting for what another thread or process is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(look: Callable[[], T]) -> T:
    """Look until there is something to be seen, and return it.

    A minute is only there so that a test that cannot pass ends.

    :param look: returns something true as soon as it is there
    """
    until = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < until, "waited a minute"
        time.sleep(0.01)
    return found
