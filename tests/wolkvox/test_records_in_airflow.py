"""Records of the CRM in a real Airflow, with its database, against the sandbox."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider.wolkvox.fields import column, telephone
from airflow_provider.wolkvox.operators import (
    WolkvoxDeleteRecordsOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateRecordsOperator,
)
from tests.support import dags
from tests.support.sandbox import SandboxProcess

pytestmark = pytest.mark.usefixtures("airflow_db")

TOKEN = "5a4db0c0de5a4db0c0de5a4db0c0de42"
PHONE = telephone(country=column("country"), code="57")


def chain(tmp_path: Path | None, size: int = 1) -> DAG:
    people = [{"idcontact": str(n), "phone": f"300{n}", "country": "Colombia"} for n in range(1, 8)]

    def output(name: str) -> dict[str, Any]:
        return {"output": str(tmp_path / f"{name}-{{{{ run_id }}}}.jsonl")} if tmp_path else {}

    with DAG("records", params={"module": "contacts"}) as dag:
        insert = WolkvoxInsertRecordsOperator(
            task_id="insert",
            module="{{ params.module }}",
            records=people,
            types={"phone": PHONE},
            **output("insert"),
        )
        update = WolkvoxUpdateRecordsOperator(
            task_id="update",
            module="contacts",
            records=insert.output,
            fields={},
            defaults={"campaign": "{{ run_id }}"},
            chunk_size=size,
            **output("update"),
        )
        query = WolkvoxQueryOperator(
            task_id="query",
            module="contacts",
            field="campaign",
            value="{{ run_id }}",
            page_size=3,
            **output("query"),
        )
        delete = WolkvoxDeleteRecordsOperator(
            task_id="delete", module="contacts", records=query.output, chunk_size=size, **output("delete")
        )
        insert >> update >> query >> delete
    return dag


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("with_files", [False, True], ids=["xcom", "files"])
def test_insert_update_query_and_delete_follow_one_another(
    sandbox: SandboxProcess, tmp_path, with_files, size
):
    run = dags.run(chain(tmp_path if with_files else None, size))
    assert dags.states(run) == dict.fromkeys(["insert", "update", "query", "delete"], "success")
    results = dags.results(run)
    assert results["insert"]["created"] == 7
    assert results["update"]["existing"] == results["delete"]["existing"] == 7
    assert (results["query"]["total"], results["query"]["pages"]) == (7, 3)
    assert sandbox.control("GET", "wolkvox/records")["records"].get("contacts", 0) == 0
    paths = [request["path"].rpartition("/")[2] for request in sandbox.requests("wolkvox")]
    writes = {1: 7, 3: 3}[size]
    many = {1: "update.php", 3: "updateMany.php"}[size]
    assert paths == ["insert.php"] * 7 + [many] * writes + ["query.php"] * 3 + ["delete.php"] * writes
    [first, *_] = [request["json"] for request in sandbox.requests("wolkvox")]
    assert first["fields"] == {
        "idcontact": "1",
        "phone": {"type": "telephone", "value": "3001", "country": "Colombia", "code": "57"},
    }
    if with_files:
        deleted = [json.loads(line) for line in Path(results["delete"]["output"]).read_text().splitlines()]
        assert [record["idcontact"] for record in deleted] == [str(n) for n in range(1, 8)]
    assert TOKEN not in "".join(dags.stored_results(run).values())


def test_a_second_run_does_all_of_it_again(sandbox: SandboxProcess):
    for _ in range(2):
        assert dags.results(dags.run(chain(None)))["insert"]["created"] == 7


def test_a_retry_goes_on_where_the_quota_ended(sandbox: SandboxProcess):
    sandbox.token(token=TOKEN, operation="demo_operation", limit=100, used=97)
    records = [{"idcontact": str(n)} for n in range(10)]
    with DAG("goes_on") as dag:
        WolkvoxInsertRecordsOperator(
            task_id="insert",
            module="contacts",
            records=records,
            retries=1,
            retry_delay=timedelta(0),
            on_retry_callback=lambda context: sandbox.token(
                token=TOKEN, operation="demo_operation", limit=100, used=0
            ),
        )
    result = dags.results(dags.run(dag))["insert"]
    assert (result["total"], result["created"], result["replayed"]) == (10, 7, 3)
    stored = sandbox.control("GET", "wolkvox/records/contacts")["records"]
    assert [record["idcontact"] for record in stored] == [str(n) for n in range(10)]


def test_a_batch_may_be_mapped_over_files_with_its_types(sandbox: SandboxProcess, tmp_path):
    paths = []
    for number in (1, 2):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"idcontact,phone,country\n{number},300,Chile\n")
        paths.append(str(path))
    with DAG("mapped") as dag:
        WolkvoxInsertRecordsOperator.partial(
            task_id="insert", module="contacts", types={"phone": PHONE}
        ).expand(records=paths)
    assert set(dags.states(dags.run(dag)).values()) == {"success"}
    stored = sandbox.control("GET", "wolkvox/records/contacts")["records"]
    assert sorted(record["idcontact"] for record in stored) == ["1", "2"]
    assert {record["phone"]["country"] for record in stored} == {"Chile"}


def test_a_dag_is_serialized_the_same_each_time():
    from airflow.serialization.serialized_objects import DagSerialization

    first, second = (DagSerialization.serialize_dag(chain(None)) for _ in range(2))
    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def test_types_may_come_from_another_task(sandbox: SandboxProcess):
    from airflow.sdk import task

    with DAG("types") as dag:

        @task
        def declare() -> dict[str, Any]:
            return {"phone": telephone(country="Chile", code="56")}

        WolkvoxInsertRecordsOperator(
            task_id="insert", module="contacts", records=[{"phone": "300"}], types=declare()
        )
    assert set(dags.states(dags.run(dag)).values()) == {"success"}
    [record] = sandbox.control("GET", "wolkvox/records/contacts")["records"]
    assert record["phone"] == {"type": "telephone", "value": "300", "country": "Chile", "code": "56"}
