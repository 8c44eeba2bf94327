"""What has changed since: the state, windows, both files, and a crash at each step."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    StoreUnavailable,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.extract import parts, store, watermarks
from airflow_provider.extract.paging import PagesUntilShort
from airflow_provider.records import writers
from tests.extract.test_extraction import Crash, crash, files, rows
from tests.support.acme_lists import AcmeListOperator, read
from tests.support.batches import lines
from tests.support.changes import SCHEMA, Vendor, document, modified

ENDINGS = ("jsonl", "csv", "parquet")
NONE = timedelta(0)


def ids(path: Any) -> list[str]:
    return [row["Id"] for row in lines(path)]


def watermark(ledger_path: Path) -> str | None:
    connection = sqlite3.connect(ledger_path)
    try:
        return connection.execute("SELECT watermark FROM vendor_apis_watermark").fetchone()[0]
    finally:
        connection.close()


# --- from run to run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["after", "number"])
def test_each_run_reads_what_has_changed_since_the_one_before(tmp_path, kind):
    vendor = Vendor.of(5)
    first = read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True, overlap=NONE, kind=kind)
    assert (first["since"], first["watermark"], first["total"]) == (None, "2026-11-01T00:00:05Z", 5)
    vendor.change(2, "2026-11-02T00:00:00.1234567Z")
    second = read(
        vendor, output=f"{tmp_path}/2.jsonl", incremental=True, overlap=NONE, kind=kind, run_id="run-2"
    )
    assert (second["since"], second["watermark"]) == ("2026-11-01T00:00:05Z", "2026-11-02T00:00:00.1234567Z")
    assert ids(tmp_path / "2.jsonl") == ["d-5", "d-2"]


def test_the_reading_begins_earlier_by_the_overlap(tmp_path):
    vendor = Vendor.of(5)
    read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    second = read(vendor, output=f"{tmp_path}/2.jsonl", incremental=True, run_id="run-2")
    assert (second["since"], second["total"]) == ("2026-10-31T23:45:05Z", 5)
    third = read(
        vendor, output=f"{tmp_path}/3.jsonl", incremental=True, run_id="run-3", overlap=timedelta(seconds=2)
    )
    assert ids(third["output"]) == ["d-3", "d-4", "d-5"]


def test_where_nothing_is_found_the_state_stays(tmp_path, ledger_path):
    read(Vendor.of(5), output=f"{tmp_path}/1.jsonl", incremental=True)
    second = read(Vendor.of(0), output=f"{tmp_path}/2.jsonl", incremental=True, run_id="run-2")
    assert (second["total"], second["watermark"]) == (0, "2026-11-01T00:00:05Z")
    assert watermark(ledger_path) == "2026-11-01T00:00:05Z"


def test_a_run_that_is_cleared_reads_from_where_it_read_before(tmp_path, ledger_path):
    vendor = Vendor.of(5)
    first: dict[str, Any] = {"output": f"{tmp_path}/1.jsonl", "incremental": True, "overlap": NONE}
    second: dict[str, Any] = {**first, "output": f"{tmp_path}/2.jsonl", "run_id": "run-2"}
    read(vendor, **first)
    vendor.change(1, "2026-11-02T00:00:00Z")
    read(vendor, **second)
    vendor.change(3, "2026-11-03T00:00:00Z")
    again = read(vendor, **second)
    assert again["since"] == "2026-11-01T00:00:05Z"
    assert ids(tmp_path / "2.jsonl") == ["d-5", "d-1", "d-3"]
    assert read(vendor, **first)["since"] is None
    assert watermark(ledger_path) == "2026-11-03T00:00:00Z"


def test_without_an_output_the_state_moves_too(ledger_path):
    result = read(Vendor.of(3), incremental=True)
    assert [row["Id"] for row in result["records"]] == ["d-1", "d-2", "d-3"]
    assert result["records"][0]["Price"] == "1.10"
    assert watermark(ledger_path) == "2026-11-01T00:00:03Z"


def test_tasks_have_states_of_their_own_or_share_one(tmp_path):
    vendor = Vendor.of(3)
    read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    assert read(vendor, output=f"{tmp_path}/2.jsonl", incremental=True, task_id="other")["since"] is None
    for name, since in (("a", None), ("b", "2026-11-01T00:00:03Z")):
        result = read(
            vendor,
            output=f"{tmp_path}/{name}.jsonl",
            incremental=True,
            overlap=NONE,
            state_key="shared",
            run_id=name,
        )
        assert result["since"] == since


# --- when the state does not move --------------------------------------------------------------------------


def test_pages_that_were_not_all_read_leave_the_state(tmp_path, capsys):
    vendor = Vendor.of(5)
    result = read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True, max_pages=1)
    assert (result["complete"], result["watermark"]) == (False, None)
    assert "the next run reads from the same time again" in capsys.readouterr().out
    assert read(vendor, output=f"{tmp_path}/2.jsonl", incremental=True, run_id="run-2")["since"] is None


def test_records_that_are_missing_in_the_first_reading_leave_the_state(tmp_path):
    vendor = Vendor.of(5)
    vendor.meanwhile[2] = lambda one: one.rows.pop(3)
    result = read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    assert (result["total"], result["complete"], result["watermark"]) == (4, False, None)


@pytest.mark.parametrize("kind", ["after", "number"])
def test_pages_that_become_smaller_without_a_word_lose_no_change(tmp_path, kind):
    vendor = Vendor.of(1, largest=2, says_size=False)
    settings: dict[str, Any] = {"incremental": True, "page_size": 100, "kind": kind}
    read(vendor, output=f"{tmp_path}/1.jsonl", **settings)
    # The latest comes first: after the first page alone the state would be ahead of all others.
    vendor.rows += [document(number) for number in (9, 8, 7, 6, 5)]
    second = read(vendor, output=f"{tmp_path}/2.jsonl", run_id="run-2", **settings)
    assert (second["total"], second["complete"], second["watermark"]) == (6, True, modified(9))


@pytest.mark.parametrize("kind", ["after", "number"])
def test_a_count_of_everything_costs_one_request_more(tmp_path, kind):
    vendor = Vendor.of(5, total="everything")
    settings: dict[str, Any] = {"incremental": True, "overlap": NONE, "kind": kind}
    read(vendor, output=f"{tmp_path}/1.jsonl", **settings)
    sent = len(vendor.asked)
    second = read(vendor, output=f"{tmp_path}/2.jsonl", run_id="run-2", **settings)
    assert (second["total"], len(vendor.asked) - sent) == (1, 2)


def test_an_empty_page_where_the_record_before_it_went_leaves_the_state(tmp_path):
    """A vendor that does not know the cursor any more may answer with nothing, and not with a refusal."""
    vendor = Vendor.of(1)
    read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    # The latest comes first: after the first page alone the state would be ahead of all others.
    vendor.rows += [document(number) for number in (9, 8, 7, 6, 5)]

    def lose_the_rest(one: Vendor) -> None:
        one.rows = one.rows[:2]

    vendor.meanwhile[len(vendor.asked) + 2] = lose_the_rest
    second = read(vendor, output=f"{tmp_path}/2.jsonl", run_id="run-2", incremental=True)
    assert (second["total"], second["complete"], second["watermark"]) == (2, False, "2026-11-01T00:00:01Z")


def test_a_page_after_a_short_one_may_be_refused(tmp_path):
    vendor = Vendor.of(5, total="everything")
    settings: dict[str, Any] = {"incremental": True, "overlap": NONE, "kind": "number"}
    read(vendor, output=f"{tmp_path}/1.jsonl", **settings)
    vendor.change(1, "2026-11-02T00:00:00Z")
    vendor.rows.pop(0)
    vendor.fail_at[len(vendor.asked) + 2] = VendorRejected("no such page", status=416)
    second = read(vendor, output=f"{tmp_path}/2.jsonl", run_id="run-2", page_size=100, **settings)
    assert (second["total"], second["watermark"]) == (2, "2026-11-02T00:00:00Z")


def test_a_number_that_counts_what_has_not_changed_too_does_not_hold_the_state_for_ever(tmp_path):
    vendor = Vendor.of(5, total="everything")
    read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True, overlap=NONE)
    vendor.change(1, "2026-11-02T00:00:00Z")
    second = read(vendor, output=f"{tmp_path}/2.jsonl", incremental=True, overlap=NONE, run_id="run-2")
    assert (second["total"], second["complete"]) == (2, False)
    assert second["watermark"] == "2026-11-02T00:00:00Z"


def test_pages_that_shifted_leave_the_state(tmp_path):
    vendor = Vendor.of(5)
    settings: dict[str, Any] = {"incremental": True, "overlap": timedelta(days=1), "kind": "number"}
    read(vendor, output=f"{tmp_path}/1.jsonl", **settings)
    vendor.rows.append(document(9, "2026-11-02T00:00:00Z"))
    vendor.meanwhile[len(vendor.asked) + 2] = lambda one: one.rows.pop(0)
    second = read(vendor, output=f"{tmp_path}/2.jsonl", run_id="run-2", **settings)
    assert (second["complete"], second["watermark"]) == (False, "2026-11-01T00:00:05Z")


def test_a_row_that_changed_while_it_was_read_is_in_the_next_run(tmp_path):
    vendor = Vendor.of(7)
    vendor.meanwhile[3] = lambda one: one.change(1, "2026-11-01T00:00:06.5Z")
    first = read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True, overlap=NONE)
    assert (first["repeated"], first["watermark"]) == (1, "2026-11-01T00:00:06.5Z")
    read(vendor, output=f"{tmp_path}/2.jsonl", incremental=True, overlap=NONE, run_id="run-2")
    assert ids(tmp_path / "2.jsonl") == ["d-7", "d-1"]


def test_times_that_are_none_do_not_move_the_state(tmp_path):
    vendor = Vendor([document(1), document(2, "soon"), b'{"Id":"x"}', b'{"Id":"y","Info":{"Modified":null}}'])
    result = read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    assert (result["total"], result["watermark"]) == (4, "2026-11-01T00:00:01Z")


# --- windows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"modified_since": "2026-11-01T00:00:03Z"}, ["d-3", "d-4", "d-5"]),
        ({"modified_since": datetime(2026, 11, 1, 0, 0, 3, tzinfo=UTC)}, ["d-3", "d-4", "d-5"]),
        ({"modified_since": "2026-11-01T01:00:03+01:00"}, ["d-3", "d-4", "d-5"]),
        ({"modified_before": "2026-11-01T00:00:03Z"}, ["d-1", "d-2"]),
        ({"modified_since": "2026-11-01T00:00:02", "modified_before": "2026-11-01T00:00:04"}, ["d-2", "d-3"]),
    ],
)
def test_a_window_neither_reads_nor_moves_the_state(tmp_path, ledger_path, window, expected):
    vendor = Vendor.of(5)
    read(vendor, output=f"{tmp_path}/0.jsonl", incremental=True, state_key="key")
    vendor.rows.append(document(6, "2026-12-01T00:00:00Z"))
    result = read(
        vendor, output=f"{tmp_path}/1.jsonl", incremental=True, state_key="key", run_id="run-2", **window
    )
    assert ids(result["output"])[: len(expected)] == expected
    assert result["complete"]
    assert watermark(ledger_path) == "2026-11-01T00:00:05Z"


def test_a_window_that_ends_before_it_begins_is_refused(tmp_path):
    vendor = Vendor.of(5)
    with pytest.raises(InvalidInput, match="is not before"):
        read(
            vendor,
            output=f"{tmp_path}/1.jsonl",
            modified_since="2026-11-02T00:00:00Z",
            modified_before="2026-11-01T00:00:00Z",
        )
    assert vendor.asked == []


def test_a_window_without_length_is_refused_with_the_reason_that_a_schedule_has_for_it():
    vendor = Vendor.of(5)
    day = "2026-11-02T00:00:00Z"
    with pytest.raises(InvalidInput, match=r"the same time.*CronDataIntervalTimetable"):
        read(vendor, modified_since=day, modified_before=day)
    assert vendor.asked == []


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("incremental", {"since": None}),
        ("incremental", {"changed_at": None}),
        ("modified_since", {"since": None}),
        ("modified_before", {"changed_at": None}),
    ],
)
def test_a_list_that_cannot_be_asked_by_time_says_so(tmp_path, field, options):
    vendor = Vendor.of(5)
    value = True if field == "incremental" else "2026-11-01T00:00:00Z"
    given: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput, match="cannot be asked for what has changed") as raised:
        read(vendor, output=f"{tmp_path}/1.jsonl", options=options, **given)
    assert raised.value.field == field
    assert vendor.asked == []


# --- interruptions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["after", "number"])
def test_a_quota_that_is_used_up_ends_it_and_the_next_try_goes_on(tmp_path, kind):
    vendor = Vendor.of(9)
    vendor.fail_at = {3: QuotaExhausted("used up", resets_at=datetime.now(UTC))}
    settings: dict[str, Any] = {"output": f"{tmp_path}/1.jsonl", "incremental": True, "kind": kind}
    with pytest.raises(QuotaExhausted):
        read(vendor, **settings)
    done = read(vendor, **settings)
    assert (done["resumed_at"], done["requests"], done["total"]) == (3, 3, 9)
    assert done["watermark"] == "2026-11-01T00:00:09Z"


STEPS = {
    "the start of the state": (watermarks.Watermark, "start", 1, 5),
    "a part": (parts.Parts, "add", 3, 5),
    "a part of the lines": (parts.Parts, "add", 4, 5),
    "its row": (store.ExtractStore, "save", 3, 5),
    "the row before the output": (store.ExtractStore, "save", 7, 5),
    "the output is complete": (writers.FileOutput, "complete", 1, 5),
    "the lines are complete": (writers.FileOutput, "complete", 2, 5),
    "the lines": (writers.FileOutput, "publish", 1, 5),
    "the output": (writers.FileOutput, "publish", 2, 5),
    "the row of the published output": (store.ExtractStore, "save", 8, 5),
    "the state": (watermarks.Watermark, "move", 1, 5),
    "the removal of the parts": (parts.Parts, "remove", 2, 5),
    "the removal of the row": (store.ExtractStore, "forget", 1, 5),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "name", "at", "pages"), STEPS.values(), ids=STEPS)
def test_a_crash_at_any_step_is_made_up_for_by_the_next_try(
    tmp_path, ledger_path, monkeypatch, kind, name, at, pages, after, ending
):
    vendor = Vendor.of(9)
    options = {"schema": SCHEMA}
    output, extra = tmp_path / f"out.{ending}", tmp_path / f"lines.{ending}"
    settings: dict[str, Any] = {
        "output": str(output),
        "lines_output": str(extra),
        "incremental": True,
        "options": options,
    }
    with monkeypatch.context() as patch:
        crash(patch, kind, name, at=at, after=after)
        with pytest.raises(Crash):
            read(vendor, **settings)
    if not output.exists():
        # The state never goes before the output.
        with_state = ledger_path.exists() and name != "start"
        assert not with_state or watermark(ledger_path) is None
    done = read(vendor, **settings)
    finished = name == "forget" and after
    assert len(vendor.asked) <= pages * (2 if finished else 1) + 1
    assert (done["total"], done["watermark"]) == (9, "2026-11-01T00:00:09Z")
    assert watermark(ledger_path) == "2026-11-01T00:00:09Z"
    assert rows(ledger_path) == []
    whole = tmp_path / "whole"
    read(
        Vendor.of(9),
        output=f"{whole}/out.{ending}",
        lines_output=f"{whole}/lines.{ending}",
        options=options,
        run_id="other",
    )
    for name in (output.name, extra.name):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert files(tmp_path) == {
        output.name,
        extra.name,
        "whole",
        f"whole/{output.name}",
        f"whole/{extra.name}",
    }


def test_a_value_that_does_not_fit_publishes_neither_file_and_the_next_try_asks_for_nothing(
    tmp_path, ledger_path
):
    vendor = Vendor([document(1), b'{"Id":"x","Price":"no"}'])
    settings: dict[str, Any] = {
        "output": f"{tmp_path}/out.parquet",
        "lines_output": f"{tmp_path}/lines.parquet",
        "options": {"schema": SCHEMA},
        "incremental": True,
    }
    for _ in range(2):
        with pytest.raises(InvalidInput, match="the column Price has a text"):
            read(vendor, **settings)
        assert not {"out.parquet", "lines.parquet"} & files(tmp_path)
    assert len(vendor.asked) == 2
    assert watermark(ledger_path) is None


def test_another_file_of_lines_begins_with_the_first_page(tmp_path):
    vendor = Vendor.of(5).break_at(2)
    with pytest.raises(VendorUnavailable):
        read(vendor, output=f"{tmp_path}/1.jsonl")
    done = read(vendor, output=f"{tmp_path}/1.jsonl", lines_output=f"{tmp_path}/lines.jsonl")
    assert "resumed_at" not in done
    assert len(lines(tmp_path / "lines.jsonl")) == 6


def test_without_a_store_nothing_is_read_that_could_not_be_told_from_what_was(tmp_path, monkeypatch):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(broken))
    vendor = Vendor.of(5)
    with pytest.raises(StoreUnavailable):
        read(vendor, output=f"{tmp_path}/1.jsonl", incremental=True)
    assert vendor.asked == []


# --- parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("lines_output", {"lines_output": "/data/2.jsonl"}),
        ("lines_output", {"output": "/data/2.jsonl", "lines_output": "/data/2.jsonl"}),
        ("output", {"output": "/data/1.jsonl", "lines_output": "/data/2.xlsx"}),
        ("modified_since", {"modified_since": 7}),
        ("modified_before", {"modified_before": 7}),
        ("incremental", {"incremental": "yes"}),
        ("overlap", {"overlap": "soon"}),
        ("overlap", {"overlap": timedelta(-1)}),
        ("state_key", {"state_key": ""}),
    ],
    ids=str,
)
def test_a_parameter_that_cannot_be_is_refused_when_the_dag_is_read(field, options):
    with pytest.raises(InvalidInput) as raised:
        AcmeListOperator(vendor=Vendor.of(0), **options)
    assert raised.value.field == field


def test_page_numbers_are_the_rule_that_it_says():
    assert PagesUntilShort().start == 1
