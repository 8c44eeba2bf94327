"""What the simulated mPOHODA consists of, between one reset and the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.auth import Authority
from airflow_provider.sandbox.mpohoda.company import Company
from airflow_provider.sandbox.mpohoda.documents import Documents
from airflow_provider.sandbox.mpohoda.lists import Lists
from airflow_provider.sandbox.mpohoda.payments import Payments
from airflow_provider.sandbox.mpohoda.quota import Quota
from airflow_provider.sandbox.mpohoda.stock import Stock
from airflow_provider.sandbox.mpohoda.wire import Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.journal import Journal


class Parts:
    """The parts, and the form in which records are written.

    :param clock: the sandbox's clock
    :param journal: takes the secrets that are handed out
    :param switch: returns the value of one of mPOHODA's switches
    :param seed: random for each run
    """

    def __init__(self, clock: Clock, journal: Journal, switch: Callable[[str], Any], seed: str) -> None:
        self.clock = clock
        self.switch = switch
        self.company = Company(clock, switch)
        self.authority = Authority(clock, journal, switch, seed)
        self.quota = Quota(clock, switch)
        self.lists = Lists(self.company.records, switch)
        self.documents = Documents(self.company, switch)
        self.payments = Payments(self.company, switch)
        self.stock = Stock(self.company, switch)
        self.format = Format(switch)

    def switched(self) -> None:
        """Write dates and nulls as the switches say, and take the country's rates."""
        self.company.switched()
        self.quota.change()
        form = Format(self.switch)
        if form != self.format:
            self.format = form
            self.company.records.rewrite()
