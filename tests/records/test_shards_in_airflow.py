"""One batch on many workers: mapped task instances in a real Airflow, with one ledger between them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator, ImbeeCreateUsersOperator
from airflow_provider.records.shards import list_records, split_records
from tests.support.dags import register
from tests.support.sandbox import ROOT, SandboxProcess

pytestmark = pytest.mark.usefixtures("airflow_db", "ledger_of_its_own")


@pytest.fixture
def ledger_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "ledger.db"))


def run(dag: DAG, **conf: Any) -> dict[str, Any]:
    """Run a Dag, and return the results of its tasks; those of a mapped task as a list."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState

    register(dag)
    for each in dag.tasks:
        # A mistake shows at once; a mapped task has its options elsewhere.
        getattr(each, "partial_kwargs", each.__dict__)["retries"] = 0
    finished = dag.test(run_conf=conf)
    assert finished.state == DagRunState.SUCCESS
    found: dict[str, Any] = {}
    with create_session() as session:
        query = session.query(XComModel.task_id, XComModel.map_index, XComModel.value).where(
            XComModel.run_id == finished.run_id, XComModel.key == "return_value"
        )
        for task_id, map_index, value in sorted(query):
            result = json.loads(value) if isinstance(value, str) else value
            if map_index < 0:
                found[task_id] = result
            else:
                found.setdefault(task_id, []).append(result)
    return found


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.open()]


def test_the_example_creates_every_user_and_sums_up(sandbox: SandboxProcess, tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(ROOT / "dags_examples" / "example_sharded_batch.py"))
    assert bag.import_errors == {}
    people = [{"customer_id": f"C-{number}", "note": "two\nlines"} for number in range(50)]
    source = write(tmp_path / "people.csv", people)
    results = run(bag.dags["example_sharded_batch"], customers=source, shards=3, folder=str(tmp_path / "out"))
    assert [Path(path).name for path in results["split_records"]] == [
        f"people.000{number}-of-0003.row-{row}.csv" for number, row in ((1, 1), (2, 18), (3, 35))
    ]
    assert [result["total"] for result in results["create_users"]] == [17, 17, 16]
    assert results["sum_up"] == {
        "total": 50, "created": 50, "existing": 0, "replayed": 0, "failed": 0, "unknown": 0,
    }  # fmt: skip
    [folder] = (tmp_path / "out").iterdir()
    assert [result["output"] for result in results["create_users"]] == [
        str(folder / "users" / f"{number}.jsonl") for number in range(3)
    ]
    assert {record["customer_id"] for record in lines(folder / "users")} == {
        person["customer_id"] for person in people
    }
    assert sandbox.state()["imbee"]["users"] == 50


def test_what_stands_in_two_shards_is_sent_once(sandbox: SandboxProcess, tmp_path: Path) -> None:
    for shard, names in (("a", ["ada", "bob"]), ("b", ["bob", "zoe"])):
        write(
            tmp_path / f"{shard}.csv",
            [{"virtual_user": name, "mail": f"{name}@example.com"} for name in names],
        )
    with DAG("tokens_of_shards") as dag:
        ImbeeCreateAccessTokensOperator.partial(
            task_id="tokens",
            defaults={"bot_idsha": "bot-1"},
            # For the run alone: even then the scope is the task, not one of its mapped instances.
            ledger_scope="run",
            output=f"{tmp_path}/out/{{{{ ti.map_index }}}}.jsonl",
        ).expand(records=task(list_records)(f"{tmp_path}/*.csv"))
    results = run(dag)["tokens"]
    # Whichever comes first sends the record.
    assert sorted((result["created"], result["replayed"]) for result in results) == [(1, 1), (2, 0)]
    assert sorted(message["to"] for message in sandbox.messages()) == [
        "ada@example.com",
        "bob@example.com",
        "zoe@example.com",
    ]
    # Both outputs are complete, and the record that was replayed has the token of the other shard.
    tokens = {record["virtual_user"]: record["token"] for record in lines(tmp_path / "out")}
    assert len(lines(tmp_path / "out")) == 4
    assert [record["token"] for record in lines(tmp_path / "out") if record["virtual_user"] == "bob"] == [
        tokens["bob"]
    ] * 2


def test_mapped_batches_chain(sandbox: SandboxProcess, tmp_path: Path) -> None:
    people = [{"unique_id_sha": name, "mail": f"{name}@example.com"} for name in ("ada", "bob", "zoe")]
    source = write(tmp_path / "people.csv", people)
    with DAG("chained_shards") as dag:
        users = ImbeeCreateUsersOperator.partial(
            task_id="users", output=f"{tmp_path}/users/{{{{ ti.map_index }}}}.jsonl"
        ).expand(records=task(split_records)(source, 2, f"{tmp_path}/shards"))
        ImbeeCreateAccessTokensOperator.partial(
            task_id="tokens",
            defaults={"bot_idsha": "bot-1"},
            output=f"{tmp_path}/tokens/{{{{ ti.map_index }}}}.jsonl",
        ).expand(records=users.output)
    results = run(dag)
    assert [result["created"] for result in results["tokens"]] == [2, 1]
    assert len(sandbox.messages()) == 3
    assert len(lines(tmp_path / "tokens")) == 3
