"""Run a batch of many rows with answers from nowhere, and print the peak of the memory it took in kB."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from pathlib import Path

from airflow_provider.http.async_client import AsyncClient
from airflow_provider.http.call import Response
from airflow_provider.http.steps import Send
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

BODY = {"url": "https://web.example.test/?t=" + "x" * 40, "user_idsha": "u" * 40, "max_retries": 10}
ANSWER = Response(200, {}, json.dumps({"code": 0, "message": "Ok", "time": 0, "body": BODY}).encode())
REFUSAL = Response(200, {}, b'{"code": 1, "message": "no", "time": 0}')


async def send(client: AsyncClient, step: Send) -> Response:
    client.setup.requests += 1
    return REFUSAL if step.call.json["virtual_user"].endswith("7") else ANSWER


def main(rows: int) -> None:
    os.environ["AIRFLOW_CONN_IMBEE_DEFAULT"] = json.dumps(
        {
            "conn_type": "imbee",
            "host": "imbee.invalid",
            "password": "secret-1",
            "extra": {"corporate_token": "secret-2"},
        }
    )
    AsyncClient._send = send  # type: ignore[assignment,method-assign]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in.csv")
        with source.open("w") as file:
            file.write("virtual_user,mail,note\n")
            for number in range(rows):
                file.write(f"user-{number},user-{number}@example.com,{'n' * 100}\n")
        result = ImbeeCreateAccessTokensOperator(
            task_id="probe",
            records=str(source),
            output=f"{folder}/out.jsonl",
            defaults={"bot_idsha": "bot"},
            on_error="continue",
        ).execute({})
    assert (result["total"], result["failed"]) == (rows, rows // 10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main(int(sys.argv[1]))
