"""What a person sees of tasks in a real Airflow: links, partial failures, progress, lineage and reports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.support.sandbox import SandboxProcess
from tests.support.scheduler import Scheduler

DAG = "seen"
RUN = "manual__1"
DAGS = """
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, AssetAlias, task, task_group

from airflow_provider.batch.notifier import VendorFailureReportNotifier
from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from airflow_provider.mobadoo.operators import MobadooLaunchUrlsOperator
from airflow_provider.mpohoda.operators import MpohodaListOperator
from airflow_provider.mpohoda.sensors import MpohodaQuotaSensor

FOLDER = Path("FOLDER_OF_THE_TEST")
GOOD = {"unique_id_sha": "canary-person", "mail": "canary@example.com"}
BAD = {"unique_id_sha": "", "mail": "canary-bad@example.com"}
PARTLY = {"on_error": "continue", "retries": 2, "retry_delay": timedelta(seconds=1)}

def tell(report):
    (FOLDER / f"{report.task_id}.report").write_text(f"{report}")

def follower(name, **options):
    @task(task_id=name, **options)
    def follow():
        return name
    return follow()

with DAG("seen", default_args={"retries": 0}) as dag:
    partly = ImbeeCreateUsersOperator(
        task_id="partly",
        records=str(FOLDER / "people.csv"),
        output=str(FOLDER / "partly.jsonl"),
        on_partial_failure="skip_downstream",
        on_success_callback=VendorFailureReportNotifier(tell),
        **PARTLY,
    )
    partly >> follower("follows") >> follower("tidies_up", trigger_rule="all_done")
    partly >> follower("tears_down").as_teardown()

    fails = ImbeeCreateUsersOperator(
        task_id="fails",
        records=[GOOD, BAD],
        output=str(FOLDER / "{{ run_id }}" / "fails.jsonl"),
        on_partial_failure="fail",
        on_failure_callback=VendorFailureReportNotifier(tell),
        **PARTLY,
    )
    fails >> follower("follows_a_failure")

    alias = ImbeeCreateUsersOperator(
        task_id="succeeds",
        records=[GOOD, BAD],
        output=str(FOLDER / "{{ run_id }}" / "succeeds.jsonl"),
        outlets=[AssetAlias("canary_people")],
        on_success_callback=VendorFailureReportNotifier(tell),
        **PARTLY,
    )
    alias >> follower("follows_a_success")

    ImbeeCreateUsersOperator(
        task_id="all_good", records=[GOOD], on_success_callback=VendorFailureReportNotifier(tell)
    )

    mapped = ImbeeCreateUsersOperator.partial(
        task_id="mapped", on_partial_failure="skip_downstream", on_error="continue"
    ).expand(records=[[GOOD], [BAD]])
    mapped >> follower("follows_all")

    # Nothing follows, so nothing has to be skipped.
    ImbeeCreateUsersOperator.partial(
        task_id="instances", on_partial_failure="skip_downstream", on_error="continue"
    ).expand(records=[[GOOD], [BAD]])

    @task_group
    def each(records):
        one = ImbeeCreateUsersOperator(
            task_id="one", records=records, on_partial_failure="skip_downstream", on_error="continue"
        )
        one >> follower("after_one")

    each.expand(records=[[GOOD], [BAD]])

    MpohodaListOperator(task_id="list", resource="Activities", output=str(FOLDER / "list.csv"))
    MpohodaQuotaSensor(task_id="quota", min_remaining=1)
    MobadooLaunchUrlsOperator(
        task_id="launch", records=[{"player": "canary-player"}], output=str(FOLDER / "launch.jsonl")
    )
    ImbeeCreateUsersOperator(task_id="refused", records=[GOOD], imbee_conn_id="refused")
"""


class SeenAirflow(Scheduler):
    """An Airflow whose tasks have ended."""

    folder: Path

    def links(self, task_id: str, map_index: int = -1) -> dict[str, str]:
        """The links of a task as the UI gets them, without those that it does not show."""
        index = f"?map_index={map_index}"
        found = self._api("GET", f"dags/{DAG}/dagRuns/{RUN}/taskInstances/{task_id}/links{index}")
        return {name: link for name, link in found["extra_links"].items() if link is not None}

    def states(self) -> dict[str, list[str]]:
        """The states of the instances of each task."""
        rows = self._api("GET", f"dags/{DAG}/dagRuns/{RUN}/taskInstances?limit=100")["task_instances"]
        found: dict[str, list[str]] = {}
        for row in sorted(rows, key=lambda row: row["map_index"]):
            found.setdefault(row["task_id"], []).append(row["state"])
        return found

    def tries(self, task_id: str) -> int:
        return int(self._api("GET", f"dags/{DAG}/dagRuns/{RUN}/taskInstances/{task_id}")["try_number"])

    def get(self, path: str) -> Any:
        return self._api("GET", path)

    def lineage(self, task_id: str, kind: str) -> dict[str, Any]:
        """The last event that OpenLineage has of a task."""
        pytest.importorskip("airflow.providers.openlineage")
        lines = (self.folder / "lineage.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        [*_, last] = [e for e in events if e["job"]["name"] == f"{DAG}.{task_id}" and e["eventType"] == kind]
        return dict(last)


@pytest.fixture(scope="module")
def airflow(
    sandbox_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeenAirflow]:
    sandbox_process.reset()
    folder = tmp_path_factory.mktemp("seen")
    variables = {
        **sandbox_process.connections,
        "AIRFLOW_CONN_REFUSED": json.dumps(
            {
                "conn_type": "imbee",
                "host": "https://127.0.0.1:1",
                "password": "canary-password",
                "extra": {"corporate_token": "canary-token", "web_url": "https://imbee.example.com/admin"},
            }
        ),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(folder / "lineage.jsonl"), "append": True}
        ),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "test",
    }
    running = SeenAirflow(DAGS.replace("FOLDER_OF_THE_TEST", str(folder)), [DAG], variables)
    running.folder = folder
    (folder / "people.csv").write_text("unique_id_sha,mail\nu1,a@example.com\n,bad@example.com\nu2,\n")
    with running:
        with running.explained():
            running.trigger(DAG, RUN)
            running.wait_for("the run to end", lambda: running.state(DAG, RUN) in ("success", "failed"))
        yield running


def query(link: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(link).query).items()}


def of(task_id: str) -> dict[str, str]:
    return {"task": f"{DAG}/{RUN}/{task_id}"}


def test_failed_records_skip_the_tasks_that_follow_and_nothing_else(airflow):
    states = airflow.states()
    assert states["partly"] == ["success"]
    assert airflow.tries("partly") == 1
    assert states["follows"] == ["skipped"]
    # The rules of what comes later hold, and what cleans up runs.
    assert states["tidies_up"] == states["tears_down"] == ["success"]
    result = airflow.result(DAG, RUN, "partly")
    assert (result["total"], result["created"], result["failed"]) == (3, 2, 1)


def test_failed_records_fail_the_task_at_once_and_its_results_are_there(airflow):
    states = airflow.states()
    assert (states["fails"], states["follows_a_failure"]) == (["failed"], ["upstream_failed"])
    assert airflow.tries("fails") == 1
    assert (airflow.folder / RUN / "fails.jsonl").exists()


def test_failed_records_alone_change_nothing(airflow):
    states = airflow.states()
    assert (states["succeeds"], states["follows_a_success"]) == (["success"], ["success"])


def test_what_follows_a_mapped_task_cannot_be_skipped_and_the_task_says_so_before_it_sends(airflow):
    states = airflow.states()
    assert states["mapped"] == states["each.one"] == ["failed", "failed"]
    assert states["follows_all"] == ["upstream_failed"]
    assert states["each.after_one"] == ["upstream_failed", "upstream_failed"]
    [log, *_] = airflow.home.glob(f"logs/dag_id={DAG}/**/task_id=mapped/**/*.log")
    assert 'Airflow cannot skip \\"follows_all\\"' in log.read_text()


def test_a_batch_links_to_its_records_and_to_those_that_failed(airflow):
    links = airflow.links("partly")
    assert set(links) == {"Records", "Failed records", "Output"}
    assert all(urlsplit(link).netloc == "" for link in links.values())
    assert {name: urlsplit(link).path for name, link in links.items()} == {
        "Records": "/vendor-apis/batches",
        "Failed records": "/vendor-apis/batches",
        "Output": "/vendor-apis/batches",
    }
    assert query(links["Records"]) == query(links["Output"]) == query(links["Failed records"]) == of("partly")


def test_a_batch_without_failures_has_no_link_to_them(airflow):
    assert "Failed records" not in airflow.links("all_good")
    assert "Records" in airflow.links("all_good")


def test_each_instance_of_a_mapped_task_has_its_links(airflow):
    assert "Failed records" not in airflow.links("instances", 0)
    assert query(airflow.links("instances", 1)["Failed records"]) == of("instances")
    assert airflow.states()["instances"] == ["success", "success"]


def test_lists_and_sensors_link_to_quota_vendor_and_output(airflow):
    links = airflow.links("list")
    assert query(links.pop("Quota")) == {"conn_id": "mpohoda_default"}
    assert links == {
        "Vendor": "https://app.mpohoda.cz",
        "Output": f"/dags/{DAG}/runs/{quote(RUN)}/tasks/list/xcom",
    }
    assert set(airflow.links("quota")) == {"Quota", "Vendor"}
    assert airflow.links("launch")["Vendor"] == "https://dashboard.mobadoo.com"


def test_the_vendors_application_is_what_the_connection_says(airflow):
    assert airflow.links("refused")["Vendor"] == "https://imbee.example.com/admin"


def test_a_report_is_sent_where_records_failed_and_only_there(airflow):
    reports = {path.stem: path.read_text() for path in airflow.folder.glob("*.report")}
    assert set(reports) == {"partly", "fails", "succeeds"}
    assert reports["partly"].splitlines()[0] == "seen.partly: 1 of 3 records failed, 0 unknown"
    for told in (
        "Connection: imbee_default",
        "Operation: imbee.create_user",
        "Records: 3 total, 2 created, 0 existing, 0 replayed, 1 failed, 0 unknown",
        f"Report: {airflow.folder}/partly.failed.jsonl",
    ):
        assert told in reports["partly"].splitlines()
    assert "Error: BatchFailed" in reports["fails"]
    assert re.search(r"^See: http://127.0.0.1:\d+/vendor-apis/batches\?", reports["fails"], re.MULTILINE)


def test_the_events_of_outputs_say_what_is_in_them(airflow):
    events = airflow.get("assets/events?limit=100")["asset_events"]
    extras = {Path(event["uri"]).name: event["extra"] for event in events}
    assert set(extras) == {"partly.jsonl", "succeeds.jsonl", "list.csv", "launch.jsonl"}
    ours = {"operation": "imbee.create_user", "conn_id": "imbee_default", "failed": 1, "unknown": 0}
    assert extras["partly.jsonl"] == {"rows": 2, **ours}
    assert extras["succeeds.jsonl"] == {"rows": 1, **ours}
    assert extras["list.csv"]["operation"] == "mpohoda.Activities"
    assert extras["list.csv"]["rows"] == airflow.result(DAG, RUN, "list")["total"]


def rows(datasets: list[dict[str, Any]], facet: str) -> dict[tuple[str, str], int | None]:
    side = {"outputStatistics": "outputFacets", "inputStatistics": "inputFacets"}[facet]
    return {
        (one["namespace"], one["name"]): (one.get(side) or {}).get(facet, {}).get("rowCount")
        for one in datasets
    }


def test_lineage_has_the_file_the_vendor_and_the_output_with_their_rows(airflow, sandbox_process):
    event = airflow.lineage("partly", "COMPLETE")
    host = urlsplit(sandbox_process.url).netloc
    folder = str(airflow.folder)
    assert rows(event["inputs"], "inputStatistics") == {("file", f"{folder}/people.csv"): 3}
    assert rows(event["outputs"], "outputStatistics") == {
        ("file", f"{folder}/partly.jsonl"): 2,
        (f"imbee://{host}", "imbee.create_user"): 2,
    }
    [schema] = [one["facets"]["schema"] for one in event["outputs"] if one["facets"].get("schema")]
    [user] = schema["fields"]
    assert (user["name"], user["type"]) == ("user", "struct")
    assert "virtual_user" in [field["name"] for field in user["fields"]]


def test_lineage_has_what_a_task_did_before_it_failed(airflow, sandbox_process):
    event = airflow.lineage("fails", "FAIL")
    host = urlsplit(sandbox_process.url).netloc
    assert rows(event["outputs"], "outputStatistics") == {
        ("file", f"{airflow.folder}/{RUN}/fails.jsonl"): 1,
        (f"imbee://{host}", "imbee.create_user"): 1,
    }
    event = airflow.lineage("refused", "FAIL")
    assert rows(event["outputs"], "outputStatistics") == {("imbee://127.0.0.1:1", "imbee.create_user"): 0}


def test_lineage_of_a_list_has_the_columns(airflow, sandbox_process):
    event = airflow.lineage("list", "COMPLETE")
    host = urlsplit(sandbox_process.url).netloc
    total = airflow.result(DAG, RUN, "list")["total"]
    assert rows(event["inputs"], "inputStatistics") == {(f"mpohoda://{host}", "mpohoda.Activities"): total}
    assert rows(event["outputs"], "outputStatistics") == {("file", f"{airflow.folder}/list.csv"): total}
    [output] = event["outputs"]
    assert "Name" in [field["name"] for field in output["facets"]["schema"]["fields"]]


def test_lineage_of_launch_urls_names_no_vendors_dataset(airflow):
    event = airflow.lineage("launch", "COMPLETE")
    assert event["inputs"] == []
    assert rows(event["outputs"], "outputStatistics") == {("file", f"{airflow.folder}/launch.jsonl"): 1}


def test_the_progress_of_a_batch_is_in_the_task_state_store(airflow):
    path = f"dags/{DAG}/dagRuns/{RUN}/taskInstances/partly"
    if not hasattr_task_state_store():
        pytest.skip("Airflow has a task state store from 3.3 on")
    entry = airflow.get(f"{path}/state-store/vendor_apis_progress")
    assert {name: entry["value"][name] for name in ("done", "total", "failed", "unknown", "ended")} == {
        "done": 3,
        "total": 3,
        "failed": 1,
        "unknown": 0,
        "ended": True,
    }


def hasattr_task_state_store() -> bool:
    from airflow.sdk.execution_time import context

    return hasattr(context, "TaskStateStoreAccessor")


def test_none_of_it_has_a_secret_or_personal_data(airflow):
    told = "".join(path.read_text() for path in airflow.folder.glob("lineage.jsonl"))
    told += "".join(path.read_text() for path in airflow.folder.glob("*.report"))
    told += json.dumps([airflow.links(task) for task in ("partly", "fails", "list", "launch", "refused")])
    told += json.dumps(airflow.get("assets/events?limit=100"))
    for canary in ("canary-password", "canary-token", "canary-person", "@example.com", "canary-player"):
        assert canary not in told
