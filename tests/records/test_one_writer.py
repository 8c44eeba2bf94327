"""One output, one writer: what a file is named until it is complete, and what several writers do to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.records import destinations
from airflow_provider.records.destinations import WrittenByAnother
from airflow_provider.records.new_file import NewFile
from airflow_provider.records.partials import own_name
from airflow_provider.records.shards import list_records, split_records
from airflow_provider.records.storage import exists, reading
from airflow_provider.records.writers import FileOutput
from tests.support.batches import lines
from tests.support.processes import crowd
from tests.support.stores import ObjectStore, SlowStore, registered

ENDINGS = ("jsonl", "jsonl.gz", "csv", "parquet")


@pytest.fixture(params=["path", "file", "slow", "s3"])
def place(request, tmp_path, monkeypatch):
    """A place of each kind that a file can be written to."""
    with registered(SlowStore, monkeypatch.setitem), registered(ObjectStore, monkeypatch.setitem):
        yield {
            "path": f"{tmp_path}/x.jsonl",
            "file": f"file://{tmp_path}/x.jsonl",
            "slow": "slow://bucket/x.jsonl",
            "s3": "s3://bucket/x.jsonl",
        }[request.param]


def content(path: str) -> bytes:
    with reading(path) as file:
        return file.read()


def written(path: str, data: bytes = b"mine") -> NewFile:
    file = NewFile(path)
    file.write(data)
    return file


# --- names -------------------------------------------------------------------------------------------------


def test_two_tries_never_write_to_one_partial_file(tmp_path):
    path = str(tmp_path / "users.jsonl")
    names = {own_name(path) for _ in range(100)}
    assert len(names) == 100
    assert {os.path.dirname(name) for name in names} == {str(tmp_path)}
    for name in names:
        assert os.path.basename(name).startswith(".users.jsonl.")
        assert name.endswith(".partial")


def test_a_partial_file_is_not_listed_as_records(tmp_path):
    written(f"{tmp_path}/a.jsonl").publish()
    running, failed = written(f"{tmp_path}/b.jsonl"), written(f"{tmp_path}/c.jsonl")
    failed.keep()
    for pattern in (str(tmp_path), f"{tmp_path}/*", f"{tmp_path}/**"):
        assert list_records(pattern) == [f"{tmp_path}/a.jsonl"]
    running.abandon()


@pytest.mark.parametrize("name", ["x" * 241, "é" * 120])
def test_a_long_name_leaves_room_for_that_of_the_partial_file(tmp_path, name):
    path = f"{tmp_path}/{name}.jsonl"
    written(path).publish()
    written(path).keep()
    assert sorted(os.listdir(tmp_path)) == [f"{name}.jsonl", f"{name}.jsonl.partial"]


# --- two at once -------------------------------------------------------------------------------------------


def test_the_second_to_publish_is_told_and_the_file_of_the_first_stays(place):
    first, second = written(place, b"first"), written(place, b"second")
    first.publish()
    for step in (second.complete, second.publish):
        with pytest.raises(WrittenByAnother, match="Another task has written this file meanwhile"):
            step()
    assert content(place) == b"first"
    kept = second.keep()
    assert content(place) == b"first"
    if place.startswith("s3://"):
        assert kept is None
    else:
        assert content(kept) == b"second"


def test_what_the_second_keeps_as_soon_as_the_file_is_there_stays(place, monkeypatch):
    if place.startswith("s3://"):
        pytest.skip("nothing is kept there")
    written(place, b"first try").keep()
    first, second = written(place, b"first"), written(place, b"second")
    remove_kept = first._destination.remove_kept

    kept = []

    def keep_second() -> None:
        with pytest.raises(WrittenByAnother):
            second.complete()
        kept.append(second.keep())

    def slowly() -> None:
        if exists(place):
            keep_second()
        remove_kept()

    monkeypatch.setattr(first._destination, "remove_kept", slowly)
    first.publish()
    if not kept:
        keep_second()
    assert content(place) == b"first"
    assert content(kept[0]) == b"second"


def test_what_had_the_name_when_both_began_makes_no_difference(place):
    written(place, b"yesterday").publish()
    first, second = written(place, b"first"), written(place, b"second of today")
    first.publish()
    with pytest.raises(WrittenByAnother):
        second.publish()
    assert content(place) == b"first"


def test_a_file_that_was_taken_away_meanwhile_is_published(place):
    from airflow_provider.records.storage import remove

    written(place, b"yesterday").publish()
    file = written(place)
    remove(place)
    file.publish()
    assert content(place) == b"mine"


def test_two_tries_that_write_the_same_both_succeed(tmp_path):
    """A try that was believed dead publishes the very records of the next one."""
    path = f"{tmp_path}/x.jsonl"
    first, second = written(path), written(path)
    first.publish()
    second.publish()
    assert content(path) == b"mine"
    assert os.listdir(tmp_path) == ["x.jsonl"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_of_many_processes_that_publish_at_once_one_wins_and_all_others_know(tmp_path, ending):
    path = str(tmp_path / f"x.{ending}")
    written = multiprocessing.get_context("fork").Barrier(8)

    def write(index: int) -> bool:
        output = FileOutput(path)
        for number in range(200):
            output.write({"writer": index, "number": number})
        written.wait(60)
        try:
            output.publish()
        except WrittenByAnother:
            return output.keep() == f"{path}.partial"
        return False

    lost = crowd(8, write)
    assert lost.count(False) == 1
    assert sorted(os.listdir(tmp_path)) == [f"x.{ending}", f"x.{ending}.partial"]
    if ending == "jsonl":
        for name in (path, f"{path}.partial"):
            found = lines(name)
            assert [record["number"] for record in found] == list(range(200))
            assert len({record["writer"] for record in found}) == 1
        assert lines(path)[0]["writer"] == lost.index(False)


def test_a_folder_that_somebody_else_holds_does_not_hold_up_for_ever(tmp_path, monkeypatch):
    import fcntl

    monkeypatch.setattr(destinations, "LOCK_SECONDS", 0.1)
    opened = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    written(f"{tmp_path}/x.jsonl").publish()
    os.close(opened)
    assert content(f"{tmp_path}/x.jsonl") == b"mine"


def test_a_store_that_tells_nothing_of_its_files_gets_the_last_one(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem):

        def refused(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "no")

        first, second = written("slow://bucket/x.jsonl", b"1"), written("slow://bucket/x.jsonl", b"2")
        monkeypatch.setattr(SlowStore, "info", refused)
        first.publish()
        second.publish()
        monkeypatch.undo()


def test_two_tasks_that_split_the_same_file_at_once_make_whole_shards(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,name\n" + "".join(f"{number},name {number}\n" for number in range(3000)))
    names = crowd(4, lambda index: split_records(str(source), 3, f"{tmp_path}/shards"))
    assert len({tuple(found) for found in names}) == 1
    rows = [line for name in names[0] for line in Path(name).read_text().splitlines()[1:]]
    assert rows == [f"{number},name {number}" for number in range(3000)]
    assert sorted(os.listdir(tmp_path / "shards")) == [os.path.basename(name) for name in names[0]]


# --- what a try leaves -------------------------------------------------------------------------------------


def test_a_kept_file_is_replaced_as_a_whole_and_removed_when_the_file_is_complete(place):
    if place.startswith("s3://"):
        pytest.skip("nothing is kept there")
    written(place, b"first try").keep()
    second = written(place, b"second")
    assert content(place + ".partial") == b"first try"
    second.keep()
    assert content(place + ".partial") == b"second"
    written(place, b"third").publish()
    assert not exists(place + ".partial")


@pytest.mark.parametrize("end", ["abandon", "close"])
def test_a_try_that_has_written_nothing_leaves_what_an_earlier_one_kept(place, end):
    if place.startswith("s3://"):
        pytest.skip("nothing is kept there")
    written(place, b"first try").keep()
    getattr(NewFile(place), end)()
    assert content(place + ".partial") == b"first try"
    assert not exists(place)


def killed_writer(path: str) -> None:
    """Let a process write to a new file, and kill it."""
    child = os.fork()
    if not child:
        file = NewFile(path)
        file.write(b"x" * 100_000)
        file._raw.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def partials(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name.endswith(".partial"))


@pytest.mark.parametrize("end", ["publish", "keep", "abandon"])
def test_what_a_killed_try_left_is_removed_when_another_one_writes(tmp_path, end):
    path = str(tmp_path / "x.jsonl")
    killed_writer(path)
    [left] = partials(tmp_path)
    assert left.startswith(".x.jsonl.")
    file = NewFile(path)
    assert left in partials(tmp_path)
    file.write(b"mine")
    assert left not in partials(tmp_path)
    getattr(file, end)()


def test_what_a_live_writer_writes_is_never_removed(tmp_path):
    path = str(tmp_path / "x.jsonl")
    other = written(path, b"other")
    file = written(path, b"mine")
    file.keep()
    written(path, b"third").abandon()
    other.publish()
    assert content(path) == b"other"


def test_a_partial_file_of_another_output_is_left_alone(tmp_path):
    for name in ("x.jsonl.jsonl", "y.jsonl", "xx.jsonl"):
        killed_writer(str(tmp_path / name))
    before = partials(tmp_path)
    written(f"{tmp_path}/x.jsonl").publish()
    assert partials(tmp_path) == before
    assert len(before) == 3


@pytest.mark.parametrize(("age", "stays"), [(23 * 3600, True), (25 * 3600, False)])
def test_a_partial_file_of_an_unknown_host_is_removed_after_a_day(tmp_path, age, stays):
    left = tmp_path / ".x.jsonl.0123abcd-17-4711-89abcdef.partial"
    left.write_bytes(b"of another host")
    os.utime(left, (time.time() - age, time.time() - age))
    written(f"{tmp_path}/x.jsonl").publish()
    assert left.exists() is stays


def test_what_a_killed_try_left_at_a_uri_is_removed_too(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem):
        gone = os.fork()
        if not gone:
            os._exit(0)
        name = own_name("/bucket/x.jsonl").replace(f"-{os.getpid()}-", f"-{gone}-")
        os.waitpid(gone, 0)
        SlowStore().pipe_file(name, b"left")
        written("slow://bucket/x.jsonl").publish()
        assert set(SlowStore.store) == {"/bucket/x.jsonl"}
