"""Tries that are interrupted, and the tries after them."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.extract import parts, store
from airflow_provider.records import writers
from airflow_provider.run_identity import RunIdentity
from airflow_provider.store.engine import Database
from tests.support.batches import lines
from tests.support.listing import Vendor, extract, thing
from tests.support.processes import answer_of

ENDINGS = ("jsonl", "jsonl.gz", "csv", "parquet")


class Crash(BaseException):
    """The process ends here."""


def rows(ledger_path: Path) -> list[dict[str, Any]]:
    connection = sqlite3.connect(ledger_path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM vendor_apis_extract")]
    finally:
        connection.close()


def age(ledger_path: Path, seconds: float) -> None:
    connection = sqlite3.connect(ledger_path)
    with connection:
        connection.execute("UPDATE vendor_apis_extract SET updated_at = updated_at - ?", (seconds,))
    connection.close()


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def interrupted(output: Any, page: int = 3, count: int = 9, **options: Any) -> None:
    with pytest.raises(VendorUnavailable):
        extract(Vendor(count).break_at(page), output, **options)


# --- going on ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["numbers", "keys"])
@pytest.mark.parametrize("place", ["path", "uri"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_next_try_asks_for_the_pages_that_are_missing_and_the_output_is_the_same(
    tmp_path, ledger_path, ending, place, kind
):
    prefix = "file://" if place == "uri" else ""
    whole, output = tmp_path / f"whole.{ending}", tmp_path / "folder" / f"out.{ending}"
    extract(Vendor(9), whole)
    vendor = Vendor(9).break_at(3, 5)
    for _ in range(2):
        with pytest.raises(VendorUnavailable):
            extract(vendor, f"{prefix}{output}", kind=kind)
        assert not output.exists()
    done = extract(vendor, f"{prefix}{output}", kind=kind)
    assert vendor.asked == [1, 2, 3, 3, 4, 5, 5]
    assert (done.progress.records, done.progress.complete, done.resumed_at) == (9, True, 5)
    assert output.read_bytes() == whole.read_bytes()
    assert files(output.parent) == {output.name}
    assert rows(ledger_path) == []


def test_a_store_of_objects_keeps_the_parts_too(monkeypatch):
    from tests.support.stores import ObjectStore, registered

    with registered(ObjectStore, monkeypatch.setitem):
        vendor = Vendor(9).break_at(3)
        with pytest.raises(VendorUnavailable):
            extract(vendor, "s3://bucket/out.jsonl")
        assert len(ObjectStore.store) == 2
        extract(vendor, "s3://bucket/out.jsonl")
        assert vendor.asked == [1, 2, 3, 3, 4, 5]
        assert {name.strip("/") for name in ObjectStore.store} == {"bucket/out.jsonl"}


def test_memory_keeps_the_parts_too(monkeypatch):
    from tests.support.stores import SlowStore, registered

    with registered(SlowStore, monkeypatch.setitem):
        vendor = Vendor(9).break_at(3)
        with pytest.raises(VendorUnavailable):
            extract(vendor, "slow://folder/out.csv")
        extract(vendor, "slow://folder/out.csv")
        assert vendor.asked == [1, 2, 3, 3, 4, 5]
        assert set(SlowStore.store) == {"/folder/out.csv"}


@pytest.mark.parametrize(
    "error",
    [
        VendorUnavailable("away"),
        QuotaExhausted("used up", resets_at=datetime.now(UTC)),
        RateLimited("slowly"),
        VendorAuthError("no"),
        VendorRejected("no", status=400),
        VendorProtocolError("not JSON"),
        OSError(28, "No space left on device"),
        KeyboardInterrupt(),
        Crash(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_keeps_what_was_read(tmp_path, error):
    vendor = Vendor(9, fail_at={4: error})
    with pytest.raises(type(error)):
        extract(vendor, tmp_path / "out.jsonl")
    assert extract(vendor, tmp_path / "out.jsonl").resumed_at == 4
    assert vendor.asked == [1, 2, 3, 4, 4, 5]


def test_an_answer_that_turns_in_a_circle_is_read_anew(tmp_path, ledger_path):
    turning = Vendor(9, make=lambda number: {"id": number % 6})
    with pytest.raises(VendorProtocolError, match="page 4 has the very records of page 1"):
        extract(turning, tmp_path / "out.jsonl")
    assert rows(ledger_path) == []
    assert files(tmp_path) == set()
    assert extract(Vendor(9), tmp_path / "out.jsonl").resumed_at is None


def test_many_pages_make_few_files(tmp_path):
    interrupted(tmp_path / "out.jsonl", page=101, count=1000)
    assert len([name for name in files(tmp_path) if name.endswith(".jsonl")]) == 3 + 100 % parts.PAGES
    extract(Vendor(1000), tmp_path / "out.jsonl")
    assert [row["id"] for row in lines(tmp_path / "out.jsonl")] == list(range(1, 1001))


def test_max_pages_counts_the_pages_of_all_tries(tmp_path):
    vendor = Vendor(20).break_at(2)
    with pytest.raises(VendorUnavailable):
        extract(vendor, tmp_path / "out.jsonl", most=3)
    done = extract(vendor, tmp_path / "out.jsonl", most=3)
    assert (vendor.asked, done.progress.pages, done.progress.complete) == ([1, 2, 2, 3], 3, False)


# --- when nothing is gone on with --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"what": "other"},
        {"kind": "keys"},
        {"most": 100},
        {"base_url": "https://other.test"},
        {"identity": RunIdentity("dag", "run-2", "read")},
        {"identity": RunIdentity("dag", "run-1", "read", 0)},
        {"identity": RunIdentity("dag", "run-1", "other")},
    ],
    ids=str,
)
def test_another_question_and_another_task_begin_with_the_first_page(tmp_path, other):
    interrupted(tmp_path / "out.jsonl")
    vendor = Vendor(5)
    assert extract(vendor, tmp_path / "out.jsonl", **other).resumed_at is None
    assert vendor.asked == [1, 2, 3]
    assert len(lines(tmp_path / "out.jsonl")) == 5


def test_two_runs_with_one_output_leave_each_other_s_parts_alone(tmp_path):
    interrupted(tmp_path / "out.jsonl")
    extract(Vendor(5), tmp_path / "out.jsonl", identity=RunIdentity("dag", "run-2", "read"))
    assert extract(Vendor(9), tmp_path / "out.jsonl").resumed_at == 3
    assert files(tmp_path) == {"out.jsonl"}


def test_a_task_that_is_cleared_after_a_success_reads_anew(tmp_path):
    for _ in range(2):
        vendor = Vendor(5)
        assert extract(vendor, tmp_path / "out.jsonl").resumed_at is None
        assert vendor.asked == [1, 2, 3]


def test_parts_that_are_not_there_are_read_again(tmp_path, caplog):
    interrupted(tmp_path / "out.jsonl")
    next((tmp_path / "out.jsonl.parts").rglob("*.jsonl")).unlink()
    assert extract(Vendor(9), tmp_path / "out.jsonl").resumed_at is None
    assert "The parts that an earlier try left are not here" in caplog.text
    assert len(lines(tmp_path / "out.jsonl")) == 9


def test_outside_of_a_run_nothing_is_left_behind(tmp_path, ledger_path):
    interrupted(tmp_path / "out.jsonl", identity=RunIdentity("", "", "once"))
    assert not ledger_path.exists() or rows(ledger_path) == []
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_what_is_a_week_old_is_read_anew_and_removed_by_a_later_run(tmp_path, ledger_path):
    for name, run in (("a.jsonl", "run-1"), ("b.jsonl", "run-2"), ("c.jsonl", "run-3")):
        interrupted(tmp_path / name, identity=RunIdentity("dag", run, "read"))
    interrupted(tmp_path / "other.jsonl", identity=RunIdentity("dag", "run-1", "other"))
    age(ledger_path, store.STALE + 1)
    interrupted(tmp_path / "new.jsonl", identity=RunIdentity("dag", "run-4", "read"))
    assert {Path(row["output"]).name for row in rows(ledger_path)} == {"new.jsonl", "other.jsonl"}
    assert {name.split(".")[0] for name in files(tmp_path)} == {"new", "other"}
    age(ledger_path, store.STALE + 1)
    vendor = Vendor(5)
    assert (
        extract(vendor, tmp_path / "other.jsonl", identity=RunIdentity("dag", "run-1", "other")).resumed_at
        is None
    )
    assert {Path(row["output"]).name for row in rows(ledger_path)} == {"new.jsonl"}


# --- a crash after each step -------------------------------------------------------------------------------


def crash(monkeypatch: pytest.MonkeyPatch, kind: Any, name: str, *, at: int = 1, after: bool) -> None:
    """Let the process end before or after the call of a method that comes at so many."""
    real, calls = getattr(kind, name), []

    def method(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) != at:
            return real(*args, **kwargs)
        if after:
            real(*args, **kwargs)
        raise Crash

    monkeypatch.setattr(kind, name, method)


STEPS = {
    "the claim": (store.ExtractStore, "claim", 1, 5),
    "the first row": (store.ExtractStore, "save", 1, 5),
    "a part": (parts.Parts, "add", 3, 5),
    "its row": (store.ExtractStore, "save", 4, 5),
    "the last page's row": (store.ExtractStore, "save", 6, 5),
    "the row before the output": (store.ExtractStore, "save", 7, 5),
    "the output": (writers.FileOutput, "publish", 1, 5),
    "the row of the published output": (store.ExtractStore, "save", 8, 5),
    "the removal of the parts": (parts.Parts, "remove", 2, 5),
    "the removal of the row": (store.ExtractStore, "forget", 1, 5),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "name", "at", "pages"), STEPS.values(), ids=STEPS)
def test_a_crash_at_any_step_loses_at_most_the_page_under_way(
    tmp_path, ledger_path, monkeypatch, kind, name, at, pages, after
):
    vendor, output = Vendor(9), tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        crash(patch, kind, name, at=at, after=after)
        with pytest.raises(Crash):
            extract(vendor, output)
    extract(vendor, output)
    finished = name == "forget" and after
    assert len(vendor.asked) <= pages * (2 if finished else 1) + 1
    assert lines(output) == [thing(number) for number in range(1, 10)]
    assert files(tmp_path) == {"out.jsonl"}
    assert rows(ledger_path) == []


def test_a_crash_while_some_parts_are_removed_does_not_read_again(tmp_path, monkeypatch):
    vendor, output = Vendor(9), tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        crash(patch, store.ExtractStore, "forget", after=False)
        with pytest.raises(Crash):
            extract(vendor, output)
    before = output.read_bytes()
    done = extract(vendor, output)
    assert (len(vendor.asked), done.progress.records, done.progress.complete) == (5, 9, True)
    assert output.read_bytes() == before


# --- two tries at once -------------------------------------------------------------------------------------


def test_a_try_that_was_replaced_ends_and_leaves_no_page_of_its_own(tmp_path):
    output = tmp_path / "out.jsonl"
    first, second = Vendor(9, make=lambda number: {"id": number, "by": 1}), Vendor(9).break_at(4)
    ask = first.run

    def run(call: Any) -> Any:
        page = ask(call)
        if len(first.asked) == 3:
            with pytest.raises(VendorUnavailable):
                extract(second, output)
        return page

    first.run = run  # type: ignore[method-assign]
    with pytest.raises(VendorError, match="another try of this task has begun"):
        extract(first, output)
    assert (first.asked, second.asked) == ([1, 2, 3], [3, 4])
    done = extract(second, output)
    assert (second.asked, done.resumed_at) == ([3, 4, 4, 5], 4)
    assert [row["id"] for row in lines(output)] == list(range(1, 10))
    assert [row.get("by") for row in lines(output)] == [1] * 4 + [None] * 5
    assert files(tmp_path) == {"out.jsonl"}


def test_the_try_that_was_replaced_says_so_and_publishes_nothing(tmp_path, caplog):
    output = tmp_path / "out.jsonl"
    first = Vendor(9)
    ask = first.run

    def run(call: Any) -> Any:
        page = ask(call)
        if len(first.asked) == 3:
            extract(Vendor(9, make=lambda number: {"id": number}), output)
        return page

    first.run = run  # type: ignore[method-assign]
    with pytest.raises(VendorError, match="another try of this task has begun"):
        extract(first, output)
    assert "may still be running" in caplog.text
    assert [row["id"] for row in lines(output)] == list(range(1, 10))
    assert "name" not in lines(output)[-1]


# --- a store that cannot be used ---------------------------------------------------------------------------


def test_without_a_store_it_reads_all_the_same(tmp_path, monkeypatch, caplog):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(broken))
    done = extract(Vendor(9), tmp_path / "out.jsonl")
    assert (done.progress.records, done.resumed_at) == (9, None)
    assert "the next one may begin with the first page" in caplog.text
    assert len(lines(tmp_path / "out.jsonl")) == 9
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_a_store_that_goes_away_on_the_way_is_told_once_and_holds_up_nothing(tmp_path, monkeypatch, caplog):
    real, calls = Database.run, []

    def run(self: Database, work: Any) -> Any:
        calls.append(work)
        if len(calls) > 3:
            raise StoreUnavailable("away")
        return real(self, work)

    monkeypatch.setattr(Database, "run", run)
    assert extract(Vendor(9), tmp_path / "out.jsonl").progress.complete
    assert caplog.text.count("the next one may begin with the first page") == 1
    assert files(tmp_path) == {"out.jsonl"}


# --- what is found out before the first request ------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.xlsx", "file/out.jsonl"])
def test_an_output_that_cannot_be_written_is_found_out_before_the_first_page(tmp_path, name):
    (tmp_path / "file").write_text("")
    vendor = Vendor(9)
    with pytest.raises(InvalidInput) as raised:
        extract(vendor, tmp_path / name)
    assert raised.value.field == "output"
    assert vendor.asked == []


def test_parts_that_cannot_be_written_are_found_out_before_the_first_page(tmp_path):
    (tmp_path / "out.jsonl.parts").write_text("")
    vendor = Vendor(9)
    with pytest.raises(InvalidInput, match="beside"):
        extract(vendor, tmp_path / "out.jsonl")
    assert vendor.asked == []


# --- privacy and size --------------------------------------------------------------------------------------


def test_the_database_has_nothing_of_the_question_or_the_records(tmp_path, ledger_path):
    with pytest.raises(VendorUnavailable):
        extract(
            Vendor(9, make=lambda number: {"id": f"jana-{number}@example.com"}).break_at(3),
            tmp_path / "out.jsonl",
            what="maria@example.com",
        )
    assert "example.com" not in str(rows(ledger_path))


def test_a_million_records_need_little_memory():
    small, large = (answer_of("tests.support.listing_memory", str(count)) for count in (20_000, 1_000_000))
    assert large["records"] == 1_000_000
    assert large["files"] < 200
    assert large["peak"] - small["peak"] < 48 * 1024


# --- the output --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["folder.jsonl", "read_only.jsonl", "file/out.jsonl", "out.txt", "out/"])
def test_an_output_that_cannot_be_written_is_refused_before_the_first_page(tmp_path, ledger_path, name):
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "read_only.jsonl").write_text("x")
    (tmp_path / "read_only.jsonl").chmod(0o444)
    before = files(tmp_path)
    vendor = Vendor(9)
    with pytest.raises(InvalidInput) as raised:
        extract(vendor, f"{tmp_path}/{name}")
    assert raised.value.field == "output"
    assert vendor.asked == []
    assert files(tmp_path) == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_another_task_published_meanwhile_stays_and_the_next_try_asks_for_nothing(tmp_path, ending):
    output, other = tmp_path / f"out.{ending}", tmp_path / f"other.{ending}"
    extract(Vendor(3), other)
    vendor = Vendor(9)
    real = vendor.run

    def run(call: Any) -> Any:
        if len(vendor.asked) == 3:
            output.write_bytes(other.read_bytes())
        return real(call)

    vendor.run = run  # type: ignore[method-assign]
    with pytest.raises(InvalidInput, match="another task has written") as raised:
        extract(vendor, output)
    assert "What this one has read is kept" in str(raised.value)
    assert output.read_bytes() == other.read_bytes()
    asked = list(vendor.asked)
    vendor.run = real  # type: ignore[method-assign]
    extract(vendor, output)
    assert vendor.asked == asked
    whole = tmp_path / f"whole.{ending}"
    extract(Vendor(9), whole)
    assert output.read_bytes() == whole.read_bytes()
    assert files(tmp_path) == {output.name, other.name, whole.name}


def test_a_try_that_cannot_begin_leaves_what_an_earlier_one_kept(tmp_path):
    kept = tmp_path / "out.jsonl.partial"
    kept.write_text("of the try before\n")
    with pytest.raises(VendorUnavailable):
        extract(Vendor(9).break_at(1), tmp_path / "out.jsonl")
    assert kept.read_text() == "of the try before\n"


@pytest.mark.parametrize("damage", [lambda old: old[:-4], lambda old: b"\0" * len(old), lambda old: b""])
def test_a_part_that_a_power_cut_has_damaged_is_read_again(tmp_path, damage, caplog):
    interrupted(tmp_path / "out.jsonl")
    part = next((tmp_path / "out.jsonl.parts").rglob("*.jsonl"))
    part.write_bytes(damage(part.read_bytes()))
    assert extract(Vendor(9), tmp_path / "out.jsonl").resumed_at is None
    assert "The parts that an earlier try left are not here" in caplog.text
    assert lines(tmp_path / "out.jsonl") == [thing(number) for number in range(1, 10)]


def test_the_parts_of_an_older_version_are_gone_on_with(tmp_path, ledger_path):
    interrupted(tmp_path / "out.jsonl")
    connection = sqlite3.connect(ledger_path)
    with connection:
        [(progress,)] = connection.execute("SELECT progress FROM vendor_apis_extract")
        values = json.loads(progress)
        values["parts"].pop("sums")
        connection.execute("UPDATE vendor_apis_extract SET progress = ?", (json.dumps(values),))
    connection.close()
    assert extract(Vendor(9), tmp_path / "out.jsonl").resumed_at == 3
