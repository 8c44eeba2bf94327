"""What the Acme batches do with each record."""

from __future__ import annotations

from airflow_provider.acme import calls
from airflow_provider.batch.operation import Operation

ADD_MEMBERS = Operation(name="acme.add_member", call=calls.add_member, result_key="member")
