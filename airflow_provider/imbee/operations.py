"""What the Imbee batches do with each record."""

from __future__ import annotations

from airflow_provider.batch.operation import Late, Operation

CALLS = "airflow_provider.imbee.calls"

CREATE_USERS = Operation(
    name="imbee.create_user",
    call=Late(CALLS, "create_user"),
    result_key="user",
    existing="previously_registered",
)

CREATE_CHATS = Operation(
    name="imbee.create_chat",
    call=Late(CALLS, "create_chat"),
    result_key="chat",
    existing="previously_created",
    takes={"apikey": "user.apikey"},
    secret_parameters=("apikey",),
)

CREATE_ACCESS_TOKENS = Operation(
    name="imbee.create_access_token",
    call=Late(CALLS, "create_access_token"),
    result_key="token",
    existing="previously_created",
    # A message goes out for each: nobody must get a second one next week.
    scope="forever",
)
