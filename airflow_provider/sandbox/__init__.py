"""The vendors simulated over real HTTP, for Dag authors without a vendor account and for tests.

Start it with ``python -m airflow_provider.sandbox``. It is written from the vendors' pages alone and shares
no code with the rest of this package: a client and a simulator that share a misreading would agree with
each other and not with the vendor.
"""

from __future__ import annotations
