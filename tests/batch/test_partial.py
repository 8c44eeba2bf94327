"""What a batch with failed records is, and what is told of it, without an Airflow around it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.sdk.bases.notifier import BaseNotifier

from airflow_provider.batch import progress as module
from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.notifier import VendorFailureReportNotifier
from airflow_provider.batch.progress import KEY, Progress
from airflow_provider.exceptions import BatchFailed, InvalidInput
from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from tests.support.batches import execute, lines
from tests.support.imbee import users
from tests.support.patience import wait_until

pytestmark = pytest.mark.usefixtures("quick")
GOOD, BAD = {"unique_id_sha": "u1", "mail": "u1@example.com"}, {"mail": "canary@example.com"}


# --- on_partial_failure ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["warn", None, True])
def test_it_must_be_one_of_three(value):
    with pytest.raises(ValueError, match="on_partial_failure"):
        users([GOOD], on_partial_failure=value)


@pytest.mark.parametrize("value", ["fail", "skip_downstream"])
def test_it_says_nothing_where_the_first_failure_ends_the_batch(value):
    with pytest.raises(ValueError, match='needs on_error="continue"'):
        users([GOOD], on_error="fail", on_partial_failure=value)


def test_a_failure_comes_when_all_are_done_and_names_report_and_results(tmp_path):
    task = users([GOOD, BAD], output=str(tmp_path / "out.jsonl"), on_partial_failure="fail")
    with pytest.raises(BatchFailed) as failure:
        execute(task)
    assert str(tmp_path / "out.failed.jsonl") in str(failure.value)
    assert "canary" not in str(failure.value)
    assert len(lines(tmp_path / "out.jsonl")) == len(lines(tmp_path / "out.failed.jsonl")) == 1


def test_no_failed_record_is_no_failure():
    assert execute(users([GOOD], on_partial_failure="fail"))["created"] == 1


def test_an_instance_of_a_mapped_task_that_is_followed_sends_nothing(sandbox):
    from airflow.sdk import DAG

    with DAG("followed"):
        task = users([GOOD], on_partial_failure="skip_downstream")
        task >> users([GOOD], task_id="follows")
    with pytest.raises(InvalidInput, match='cannot skip "follows"'):
        execute(task, map_index=0)
    assert sandbox.requests("imbee") == []


def test_a_mapped_task_that_follows_cannot_be_skipped_and_nothing_is_sent(sandbox):
    from airflow.sdk import DAG, task_group

    @task_group
    def group(records):
        users(records, task_id="inside")

    for follows in ("many", "group.inside"):
        with DAG("followed"):
            first = users([GOOD], on_partial_failure="skip_downstream")
            more: Any
            if follows == "many":
                more = ImbeeCreateUsersOperator.partial(task_id="many").expand(records=[[GOOD], [GOOD]])
            else:
                more = group.expand(records=[[GOOD], [GOOD]])
            first >> more
        with pytest.raises(InvalidInput, match=f'cannot skip "{follows}", which is mapped'):
            execute(first)
    assert sandbox.requests("imbee") == []


# --- the report --------------------------------------------------------------------------------------------


class Mail(BaseNotifier):
    """A notifier that keeps what it sends."""

    template_fields = ("text",)
    sent: ClassVar[list[str]] = []

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        self.sent.append(self.text)


def context_of(task: Any, **more: Any) -> dict[str, Any]:
    instance = SimpleNamespace(dag_id="dag", run_id="run 1", task_id="users", map_index=-1)
    return {"ti": instance, "task": task, "dag": None, **more}


def test_templates_of_another_notifier_have_the_report_each_time_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(Mail, "sent", [])
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/team/")
    notifier = VendorFailureReportNotifier(Mail("{{ vendor_report.subject }} {{ vendor_report.url }}"))
    task = users([GOOD, BAD], output=str(tmp_path / "out.jsonl"))
    execute(task)
    for _ in range(2):
        notifier(context_of(task))
    url = "https://airflow.example.com/team/vendor-apis/batches"
    told = f"dag.users: 1 of 2 records failed, 0 unknown {url}?task=dag/run%201/users"
    assert Mail.sent == [told, told]


def test_a_task_that_failed_before_it_began_is_told_without_counts():
    sent: list[Any] = []
    notifier = VendorFailureReportNotifier(sent.append)
    notifier(context_of(users([GOOD]), exception=InvalidInput("canary of a message", field="x")))
    [report] = sent
    assert (report.error, report.counts, report.conn_id) == ("InvalidInput", {}, None)
    assert "canary" not in str(report)
    assert report.subject == "dag.users failed"
    assert "<br>" in report.html


def test_nothing_is_told_where_all_went_well_unless_that_is_wanted():
    task = users([GOOD])
    execute(task)
    sent: list[Any] = []
    VendorFailureReportNotifier(sent.append)(context_of(task))
    assert sent == []
    VendorFailureReportNotifier(sent.append, always=True)(context_of(task))
    assert sent[0].subject == "dag.users: all 1 records are done"


def test_what_is_no_notifier_is_refused():
    with pytest.raises(TypeError, match="notifier"):
        VendorFailureReportNotifier("slack")  # type: ignore[arg-type]


# --- progress ----------------------------------------------------------------------------------------------


class Store:
    """A task state store that keeps what is written, and may be slow or away."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.written: list[tuple[str, dict[str, Any]]] = []
        self.error = error
        self.free = threading.Event()
        self.free.set()

    def set(self, key: str, value: dict[str, Any]) -> None:
        self.free.wait()
        self.written.append((key, value))
        if self.error:
            raise self.error


def half() -> float:
    return 0.5


def test_it_is_written_again_and_again_and_at_the_end():
    store, counts = Store(), BatchCounts()
    with Progress(store, interval=0.01).told(counts, half, 4):
        counts.created = 2
        wait_until(lambda: len(store.written) >= 2)
        counts.failed = 2
    assert {key for key, _ in store.written} == {KEY}
    assert (store.written[1][1]["total"], store.written[1][1]["ended"]) == (4, False)
    last = store.written[-1][1]
    assert (last["done"], last["total"], last["failed"], last["ended"]) == (4, 4, 2, True)


def test_a_store_that_fails_is_left_alone_and_the_batch_goes_on():
    store = Store(error=RuntimeError("away"))
    with Progress(store, interval=0.01).told(BatchCounts(), half, 4):
        time.sleep(0.2)
    assert len(store.written) == 1


def test_a_batch_does_not_wait_for_a_slow_store(monkeypatch):
    monkeypatch.setattr(module, "LAST_WAIT", 0.1)
    store = Store()
    store.free.clear()
    with Progress(store, interval=60).told(BatchCounts(), half, 4):
        pass
    assert store.written == []
    store.free.set()


def test_without_a_store_there_is_no_thread():
    before = threading.active_count()
    with Progress(None).told(BatchCounts(), half, 4):
        assert threading.active_count() == before


def test_what_is_read_ahead_of_a_file_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """All 100 records are read before the first is done: there are no more of them for that."""
    totals: list[int | None] = []
    told = Progress.told

    def watched(self: Any, counts: Any, fraction: Any, total: Any) -> Any:
        add = type(counts).add

        def note(own: Any, name: str, row: Any) -> None:
            add(own, name, row)
            totals.append(self._now(own, fraction(), total, ended=False)["total"])

        monkeypatch.setattr(type(counts), "add", note)
        return told(self, counts, fraction, total)

    monkeypatch.setattr(Progress, "told", watched)
    path = tmp_path / "people.csv"
    rows = [f"u{number},u{number}@example.com" for number in range(100)]
    path.write_text("\n".join(["unique_id_sha,mail", *rows]))
    execute(users(str(path), output=str(tmp_path / "out.jsonl")))
    assert set(totals) == {100}


def test_a_batch_writes_into_the_store_of_its_task(tmp_path: Path):
    store = Store()
    task: Any = users([GOOD, BAD])
    instance = SimpleNamespace(dag_id="d", run_id="r", task_id="t", try_number=1, map_index=-1)
    task.execute({"ti": instance, "task_state_store": store})
    assert [(value["done"], value["failed"]) for _, value in store.written][-1] == (2, 1)
