"""Mapped instances, and two runs at once, that have one output: in a real Airflow."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task, task_group

from airflow_provider.exceptions import InvalidInput
from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from airflow_provider.records import mapped_outputs
from airflow_provider.records.mapped_outputs import check_mapped_output, varies
from airflow_provider.records.shards import split_records
from airflow_provider.wolkvox.operators import WolkvoxQueryOperator
from tests.support.batches import lines
from tests.support.dags import register
from tests.support.sandbox import SandboxProcess

in_airflow = pytest.mark.usefixtures("airflow_db")


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unique_id_sha", "email"])
        writer.writerows([f"C-{number:03}", f"c{number}@example.com"] for number in range(30))
    return str(path)


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was refused because another instance has the same output."""
    found: list[str] = []

    def noted(context: Any, output: str) -> None:
        try:
            check_mapped_output(context, output)
        except InvalidInput:
            found.append(output)
            raise

    monkeypatch.setattr(mapped_outputs, "check_mapped_output", noted)
    return found


def run(dag: DAG) -> dict[str, list[str]]:
    """Run a Dag to its end, without retries, and return the states of its instances by task."""
    from airflow.utils.session import create_session

    register(dag)
    for each in dag.tasks:
        getattr(each, "partial_kwargs", each.__dict__)["retries"] = 0
    finished = dag.test()
    found: dict[str, list[str]] = {}
    with create_session() as session:
        for instance in finished.get_task_instances(session=session):
            found.setdefault(instance.task_id, []).append(str(instance.state))
    return found


@in_airflow
@pytest.mark.parametrize("name", ["users.jsonl", "{{ run_id }}/{{ task.task_id }}-{{ ti.try_number }}.jsonl"])
def test_instances_with_one_output_are_refused_before_anything_is_sent(
    sandbox: SandboxProcess, tmp_path: Path, source: str, name: str, refusals: list[str]
) -> None:
    with DAG("one_output") as dag:
        shards = task(split_records)(source, 3, f"{tmp_path}/shards")
        ImbeeCreateUsersOperator.partial(task_id="users", output=f"{tmp_path}/out/{name}").expand(
            records=shards
        )
    assert run(dag)["users"] == ["failed"] * 3
    assert len(refusals) == 3
    assert sandbox.requests("imbee") == []
    assert not (tmp_path / "out").exists()


@in_airflow
def test_an_output_that_is_expanded_twice_is_refused_and_the_others_are_written(
    sandbox: SandboxProcess, tmp_path: Path, refusals: list[str]
) -> None:
    outputs = [f"{tmp_path}/{name}.jsonl" for name in ("a", "b", "a")]
    with DAG("named_twice") as dag:
        ImbeeCreateUsersOperator.partial(task_id="users", records=[{"unique_id_sha": "ada"}]).expand(
            output=outputs
        )
    assert sorted(run(dag)["users"]) == ["failed", "failed", "success"]
    assert len(refusals) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["b.jsonl"]


@in_airflow
@pytest.mark.parametrize(
    "names",
    [
        ("{{ ds }}{{ run_id }}.jsonl", "{{ run_id }}.jsonl", "{{ ds }}{{ run_id }}.jsonl"),
        ("u.jsonl", "b.jsonl", "./u.jsonl"),
        # They have one report.
        ("u.jsonl", "b.jsonl", "u.csv"),
    ],
)
def test_outputs_that_come_to_the_same_are_refused_however_they_are_written(
    sandbox: SandboxProcess, tmp_path: Path, refusals: list[str], names: tuple[str, ...]
) -> None:
    with DAG("the_same") as dag:
        ImbeeCreateUsersOperator.partial(task_id="users", records=[{"unique_id_sha": "ada"}]).expand(
            output=[f"{tmp_path}/{name}" for name in names]
        )
    assert sorted(run(dag)["users"]) == ["failed", "failed", "success"]
    assert len(refusals) == 2


@in_airflow
def test_outputs_that_are_each_used_for_several_inputs_are_refused(
    sandbox: SandboxProcess, tmp_path: Path, refusals: list[str]
) -> None:
    with DAG("crossed") as dag:
        ImbeeCreateUsersOperator.partial(task_id="users").expand(
            output=[f"{tmp_path}/a.jsonl", f"{tmp_path}/b.jsonl"],
            records=[[{"unique_id_sha": "ada"}], [{"unique_id_sha": "bob"}]],
        )
    assert run(dag)["users"] == ["failed"] * 4
    assert len(refusals) == 4
    assert sandbox.requests("imbee") == []


@in_airflow
def test_instances_of_a_mapped_group_are_refused_too(
    sandbox: SandboxProcess, tmp_path: Path, source: str, refusals: list[str]
) -> None:
    with DAG("group_output") as dag:

        @task_group
        def shard(path: str) -> None:
            ImbeeCreateUsersOperator(task_id="users", records=path, output=f"{tmp_path}/users.jsonl")

        shard.expand(path=task(split_records)(source, 2, f"{tmp_path}/shards"))
    assert run(dag)["shard.users"] == ["failed"] * 2
    assert len(refusals) == 2
    assert sandbox.requests("imbee") == []


@in_airflow
def test_queries_with_one_output_are_refused_too(
    sandbox: SandboxProcess, tmp_path: Path, refusals: list[str]
) -> None:
    with DAG("one_query_output") as dag:
        WolkvoxQueryOperator.partial(
            task_id="read", module="contacts", field="idcontact", output=f"{tmp_path}/found.jsonl"
        ).expand(value=["1", "2"])
    assert run(dag)["read"] == ["failed"] * 2
    assert len(refusals) == 2
    assert sandbox.requests("wolkvox") == []


@in_airflow
def test_one_instance_alone_may_have_any_output(sandbox: SandboxProcess, tmp_path: Path, source: str) -> None:
    with DAG("one_instance") as dag:
        shards = task(split_records)(source, 1, f"{tmp_path}/shards")
        ImbeeCreateUsersOperator.partial(task_id="users", output=f"{tmp_path}/users.jsonl").expand(
            records=shards
        )
    assert run(dag)["users"] == ["success"]
    assert len(lines(tmp_path / "users.jsonl")) == 30


@in_airflow
@pytest.mark.parametrize("name", ["{{ ti.map_index }}.jsonl", "{{ task.records.split('.')[-2] }}.jsonl"])
def test_instances_whose_outputs_differ_are_not_refused(
    sandbox: SandboxProcess, tmp_path: Path, source: str, name: str
) -> None:
    with DAG("outputs") as dag:
        shards = task(split_records)(source, 3, f"{tmp_path}/shards")
        ImbeeCreateUsersOperator.partial(task_id="users", output=f"{tmp_path}/out/{name}").expand(
            records=shards
        )
    assert run(dag)["users"] == ["success"] * 3
    assert [len(lines(path)) for path in (tmp_path / "out").iterdir()] == [10, 10, 10]


@in_airflow
def test_arguments_that_come_with_their_outputs_are_not_refused(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    arguments = [
        {"records": [{"unique_id_sha": name}], "output": f"{tmp_path}/{name}.jsonl"}
        for name in ("ada", "bob")
    ]
    with DAG("arguments") as dag:
        ImbeeCreateUsersOperator.partial(task_id="users").expand_kwargs(arguments)
    assert run(dag)["users"] == ["success"] * 2


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("users.jsonl", False),
        ("{{ ds }}/{{ run_id }}/users.jsonl", False),
        ("{{ dag_run.conf['folder'] }}/{{ var.value.x }}/{{ macros.ds_add(ds, -1) }}.jsonl", False),
        ("{{ ti.task_id }}/{{ task.dag_id }}/{{ task_instance.try_number }}.jsonl", False),
        ("{{ ti.map_index }}.jsonl", True),
        ("{{ ti['map_index'] }}.jsonl", True),
        ("{{ task_instance.map_index }}.jsonl", True),
        ("{{ ti.task_id }}{{ ti.map_index }}.jsonl", True),
        ("{{ ti.xcom_pull('names')[ti.map_index] }}.jsonl", True),
        ("{{ task.records }}.jsonl", True),
        ("{{ ti }}.jsonl", True),
        ("{{ macros.uuid.uuid4() }}.jsonl", True),
        ("{{ my_own_macro() }}.jsonl", True),
        ("{% for one in task.records %}{{ one }}{% endfor %}.jsonl", True),
        ("{% if ds %}a{% endif %}.jsonl", False),
    ],
)
def test_what_of_a_template_differs_among_instances(template: str, expected: bool) -> None:
    assert varies(template) is expected


def test_parameters_differ_where_they_are_expanded() -> None:
    assert not varies("{{ params.name }}.jsonl")
    assert varies("{{ params.name }}.jsonl", frozenset({"params"}))


def context(count: Any, **task: Any) -> Any:
    instance = SimpleNamespace(
        dag_id="dag", run_id="run", task_id="users", map_index=1, get_ti_count=lambda **_: count
    )
    return {"ti": instance, "dag": SimpleNamespace(task_dict={"users": SimpleNamespace(**task)})}


def test_the_error_says_what_to_write() -> None:
    with pytest.raises(InvalidInput, match="the same for several instances") as raised:
        check_mapped_output(context(2, partial_kwargs={"output": "users.jsonl"}), "users.jsonl")
    assert raised.value.field == "output"
    assert "{{ ti.map_index }}" in raised.value.remedy


def test_what_airflow_does_not_tell_is_not_refused() -> None:
    check_mapped_output(context(1, partial_kwargs={"output": "users.jsonl"}), "users.jsonl")
    check_mapped_output(context(2, partial_kwargs={}), "users.jsonl")
    nothing_more: Any = {"ti": SimpleNamespace(map_index=1)}
    check_mapped_output(nothing_more, "users.jsonl")
    check_mapped_output({}, "users.jsonl")
