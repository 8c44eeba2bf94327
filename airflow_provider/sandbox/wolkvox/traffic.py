"""How many requests there are: at a time, in a minute and of an address."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock


class Traffic:
    """Count requests, and find those that are too many.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of wolkvox's switches
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any]) -> None:
        self.clock = clock
        self.switch = switch
        self.in_flight: Counter[str] = Counter()
        self.minute = 0
        self.in_minute = 0
        self.window = 0
        self.of_address: Counter[str] = Counter()
        self.banned: dict[str, float] = {}

    def arrive(self, secret: str, address: str) -> str | None:
        """Count a request.

        :param secret: the token that it brings
        :param address: where it comes from
        :return: the trait of the switches that refuse it, or None
        """
        self.in_flight[secret] += 1
        minute = int(self.clock.seconds() // 60)
        self.in_minute = self.in_minute + 1 if minute == self.minute else 1
        self.minute = minute
        allowed = [one.strip() for one in self.switch("allowed_addresses").split(",") if one.strip()]
        if allowed and address not in allowed:
            return "address_refused"
        if self._too_many_of(address):
            return "address_limit"
        if 0 < self.switch("rate_limit_per_minute") < self.in_minute:
            return "rate_limit"
        if 0 < self.switch("concurrency_limit") < self.in_flight[secret]:
            return "concurrency"
        return None

    def leave(self, secret: str) -> None:
        """Count one request less."""
        # A reset may have come between.
        self.in_flight[secret] = max(0, self.in_flight[secret] - 1)

    def _too_many_of(self, address: str) -> bool:
        now = self.clock.seconds()
        window = int(now // self.switch("address_window_seconds"))
        if window != self.window:
            self.of_address.clear()
        self.window = window
        self.of_address[address] += 1
        if not 0 < self.switch("address_limit") < self.of_address[address]:
            return self.switch("address_limit") > 0 and now < self.banned.get(address, 0.0)
        self.banned[address] = now + self.switch("address_ban_seconds")
        return True
