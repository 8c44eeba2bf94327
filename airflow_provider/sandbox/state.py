"""The vendors and what they share: clock, journal, faults and switches."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from airflow_provider.sandbox.clock import Clock
from airflow_provider.sandbox.faults import Faults
from airflow_provider.sandbox.journal import SIZE, Journal
from airflow_provider.sandbox.registry import VENDORS
from airflow_provider.sandbox.switches import Switch, Switches
from airflow_provider.sandbox.vendor import Vendor, airflow_variable

REQUEST_LOG_SIZE = Switch(
    "sandbox.request_log_size",
    SIZE,
    "How many requests ``/_sandbox/requests`` keeps; older ones are dropped, the counters go on.",
    "the sandbox itself",
    minimum=1,
)


class Sandbox:
    """All vendors and their surroundings.

    :param latency: seconds that every vendor answer takes longer
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.url = ""
        self.latency = self.start_latency = latency
        self.clock = Clock()
        self.journal = Journal(self.clock)
        self.faults = Faults()
        every = [REQUEST_LOG_SIZE, *(switch for vendor in VENDORS for switch in vendor.switches)]
        self.switches = Switches(every)
        seed = secrets.token_hex(16)
        made = (vendor(self.clock, self.journal, self.switches, seed) for vendor in VENDORS)
        self.vendors: dict[str, Vendor] = {vendor.name: vendor for vendor in made}
        self.reset()

    def reset(self) -> None:
        """Bring everything back to the start; the seed and the port stay."""
        self.clock.reset()
        self.journal.reset()
        self.faults.reset()
        self.switches.reset()
        self.latency = self.start_latency
        for vendor in self.vendors.values():
            vendor.reset()
        self.switched()

    def stop(self) -> None:
        """End what the vendors do by themselves."""
        for vendor in self.vendors.values():
            vendor.stop()

    def switched(self) -> None:
        """Let changed switches take effect."""
        self.journal.resize(self.switches["sandbox.request_log_size"])
        for vendor in self.vendors.values():
            vendor.switched()
        self.journal.secret(*self.switches.secrets())

    def connections(self) -> dict[str, str]:
        """Return environment variables that define an Airflow connection for each vendor."""
        # The URL says the port too; Airflow's Test button needs it in its own field.
        port = urlsplit(self.url).port
        return dict(
            airflow_variable(conn_id, {**connection, "port": port})
            for vendor in self.vendors.values()
            for conn_id, connection in vendor.connections(f"{self.url}/{vendor.name}").items()
        )
