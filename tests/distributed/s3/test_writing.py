"""Outputs in an object store: whole or not at all, and nothing is sent again because an upload is slow."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.batch import execution
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator
from airflow_provider.records import destinations
from airflow_provider.records.writers import FileOutput
from tests.distributed.s3.measure import MEBIBYTE
from tests.distributed.s3.store import Fault, Seen, Store
from tests.support.batches import outcomes
from tests.support.imbee_runs import tokens
from tests.support.processes import answer_of, environment
from tests.support.sandbox import SandboxProcess

INPUT = "s3://files@bucket/in.jsonl"
OUTPUT = "s3://files@bucket/tokens.jsonl"


def addressees(count: int, width: int = 50_000) -> list[dict[str, Any]]:
    """Records that are wide, so that few of them are many bytes of results."""
    return [
        {"virtual_user": f"user-{n}", "mail": f"user-{n}@example.com", "note": "n" * width}
        for n in range(1, count + 1)
    ]


def access_tokens(records: Any, **options: Any) -> ImbeeCreateAccessTokensOperator:
    return ImbeeCreateAccessTokensOperator(
        task_id="tokens", records=records, defaults={"bot_idsha": "bot"}, **options
    )


def refusing(kind: str, times: int, status: int = 503) -> Fault:
    """Refuse the first requests of a kind."""
    left = [status] * times
    return lambda seen: left.pop() if seen.kind == kind and left else None


def results(store: Store) -> list[str]:
    return [json.loads(line)["virtual_user"] for line in store.read("tokens.jsonl").splitlines()]


@pytest.fixture
def longest_block(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect for how long a batch's event loop was held up, in seconds."""
    drive, found = execution._drive, []

    async def beat() -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            found.append(time.monotonic() - began - 0.01)

    async def watched(*arguments: Any) -> int:
        heart = asyncio.create_task(beat())
        try:
            return await drive(*arguments)
        finally:
            heart.cancel()

    monkeypatch.setattr(execution, "_drive", watched)
    return found


def test_an_object_is_uploaded_once_and_appears_when_it_is_complete(store: Store) -> None:
    store.put("out.jsonl", b'{"id": "old"}\n')
    store.seen.clear()
    output = FileOutput("s3://files@bucket/out.jsonl")
    for number in range(30):
        output.write({"id": number, "note": "n" * MEBIBYTE})
    output.complete()
    assert store.read("out.jsonl") == b'{"id": "old"}\n'
    output.publish()
    assert store.read("out.jsonl").count(b"\n") == 30
    assert store.uploads() == []
    uploaded = [seen for seen in store.seen if seen.kind not in ("HEAD", "GET", "list")]
    assert [seen.kind for seen in uploaded] == ["begin", "part", "part", "part", "part", "complete"]
    # Each byte goes up once, and the store copies none.
    assert sum(seen.size for seen in uploaded if seen.kind == "part") == len(store.read("out.jsonl"))


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.jsonl.gz"])
def test_an_output_is_written_with_bounded_memory(store: Store, name: str) -> None:
    rows = 1_000_000 if name == "out.jsonl" else 300_000
    found = answer_of("tests.distributed.s3.measure", "write", f"s3://files@bucket/{name}", str(rows))
    print(f"\nwrote {rows:,} rows to {name}: {found['megabytes']:.0f} MiB more, {found['seconds']:.1f} s")
    assert found["megabytes"] < 96


def test_a_file_without_records_is_an_object(store: Store) -> None:
    FileOutput("s3://files@bucket/out.jsonl").publish()
    assert (store.read("out.jsonl"), store.uploads()) == (b"", [])


@pytest.mark.parametrize("end", ["keep", "abandon", "close"])
def test_what_does_not_end_well_leaves_nothing(store: Store, end: str) -> None:
    output = FileOutput("s3://files@bucket/out.jsonl")
    for _ in range(9):
        output.write({"note": "n" * MEBIBYTE})
    getattr(output, end)()
    assert (store.keys(), store.uploads()) == ([], [])


def test_a_batch_goes_on_while_an_upload_takes_35_seconds(
    store: Store, sandbox: SandboxProcess, longest_block: list[float]
) -> None:
    # One part takes twelve seconds; all of them take longer than a client waits for an answer.
    store.bytes_per_second = 0.7 * MEBIBYTE
    sandbox.latency(0.02)
    began = time.monotonic()
    result = tokens(addressees(500), output=OUTPUT)
    seconds = time.monotonic() - began
    print(f"\n{seconds:.1f} s, the event loop held up for {max(longest_block) * 1000:.0f} ms at most")
    assert outcomes(result) == {"created": 500}
    assert len(sandbox.messages()) == len(results(store)) == 500
    assert seconds > 30
    assert max(longest_block) < 0.5


def test_a_part_that_takes_longer_than_the_library_would_wait_goes_up_once(store: Store) -> None:
    # s3fs would give up after 15 seconds, send it again, 25 times, and fail.
    store.bytes_per_second = 8 * MEBIBYTE / 35
    output = FileOutput("s3://files@bucket/out.jsonl")
    output.write({"note": "n" * (8 * MEBIBYTE - 100)})
    output.publish()
    assert store.kinds.count("part") == 1
    assert store.keys() == ["out.jsonl"]


@pytest.mark.parametrize("kind", ["part", "complete"])
def test_a_store_that_is_busy_repeats_the_upload_and_no_request(
    store: Store, sandbox: SandboxProcess, kind: str
) -> None:
    # More often than the library itself asks again.
    store.fault = refusing(kind, 8, status=500)
    result = tokens(addressees(200), output=OUTPUT)
    assert outcomes(result) == {"created": 200}
    assert len(sandbox.messages()) == len(results(store)) == 200
    assert store.uploads() == []


@pytest.mark.parametrize("kind", ["part", "complete"])
def test_a_store_that_refuses_ends_the_try_and_the_next_sends_nothing(
    store: Store, sandbox: SandboxProcess, kind: str
) -> None:
    store.fault = refusing(kind, 1, status=403)
    with pytest.raises(VendorError, match=r"tokens.jsonl cannot be written") as raised:
        tokens(addressees(50), output=OUTPUT)
    assert not isinstance(raised.value, InvalidInput)
    assert (store.keys(), store.uploads()) == ([], [])
    assert "secret-of-the-store" not in str(raised.value)
    result = tokens(addressees(50), output=OUTPUT, try_number=2)
    assert outcomes(result) == {"replayed": 50}
    assert len(sandbox.messages()) == len(results(store)) == 50


def test_what_is_under_way_when_an_upload_fails_is_answered_and_not_unknown(
    store: Store, sandbox: SandboxProcess
) -> None:
    # Requests that take longer than a task which is told to end would wait for them.
    sandbox.latency(5.0)
    store.fault = refusing("part", 1, status=403)
    with pytest.raises(VendorError, match="cannot be written"):
        tokens(addressees(400), output=OUTPUT, max_concurrency=100)
    sent = len(sandbox.messages())
    sandbox.latency(0.0)
    result = tokens(addressees(400), output=OUTPUT, try_number=2)
    assert outcomes(result) == {"created": 400 - sent, "replayed": sent}
    assert len(sandbox.messages()) == 400


def test_a_batch_that_is_told_to_end_aborts_its_upload(store: Store, sandbox: SandboxProcess) -> None:
    task = access_tokens(addressees(600), output=OUTPUT)
    sandbox.latency(0.05)

    def stop(seen: Seen) -> None:
        if seen.kind == "part":
            task.on_kill()

    store.fault = stop
    context: Any = {"ti": SimpleNamespace(try_number=1)}
    with pytest.raises(Exception, match=r"told to end|killed|stopped"):
        task.execute(context)
    assert (store.keys(), store.uploads()) == ([], [])


@contextmanager
def in_another_process(store: Store, sandbox: SandboxProcess, rows: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a batch of access tokens in a process of its own, until it uploads its second part."""
    store.put("in.jsonl", "\n".join(json.dumps(one) for one in addressees(rows)).encode())
    parts = 0
    come = threading.Event()

    def count(seen: Seen) -> None:
        nonlocal parts
        parts += seen.kind == "part"
        if parts == 2:
            come.set()

    store.fault = count
    command = [sys.executable, "-m", "tests.distributed.s3.measure", "batch", INPUT, OUTPUT]
    process = subprocess.Popen(command, env=environment(**sandbox.connections))
    try:
        assert come.wait(60)
        yield process
    finally:
        store.fault = None
        process.kill()
        process.wait()


def test_a_kill_leaves_no_object_but_an_unfinished_upload(store: Store, sandbox: SandboxProcess) -> None:
    sandbox.latency(0.02)
    with in_another_process(store, sandbox, 1000) as process:
        process.kill()
        process.wait()
    assert store.keys() == ["in.jsonl"]
    assert "tokens.jsonl" in store.uploads()
    sandbox.latency(0.0)
    result = tokens(INPUT, output=OUTPUT, try_number=2, on_error="continue")
    sent = [message["to"] for message in sandbox.messages()]
    print(f"\nafter the kill: {outcomes(result)}; twice {len(sent) - len(set(sent))}")
    assert len(sent) == len(set(sent))
    assert result["total"] == 1000
    assert len(results(store)) == 1000 - result["unknown"]
    # What was under way, and no record whose answer had come long before.
    assert result["unknown"] < 50


def test_what_a_kill_has_left_for_more_than_a_day_is_aborted(
    store: Store,
) -> None:
    client = store.client()
    for key in ("out.jsonl", "out.jsonl", "out.jsonl.more"):
        client.create_multipart_upload(Bucket="bucket", Key=key)
    # To moto, all uploads have begun in 2010.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(destinations, "OLD", 100 * 365 * 24 * 3600.0)
        FileOutput("s3://files@bucket/out.jsonl").publish()
    # They may be another try's that is running.
    assert store.uploads() == ["out.jsonl", "out.jsonl", "out.jsonl.more"]
    FileOutput("s3://files@bucket/out.jsonl").publish()
    assert store.uploads() == ["out.jsonl.more"]
    assert store.keys() == ["out.jsonl"]


def test_who_may_not_list_uploads_may_publish(store: Store) -> None:
    store.fault = lambda seen: 403 if seen.kind == "list" else None
    FileOutput("s3://files@bucket/out.jsonl").publish()
    assert store.keys() == ["out.jsonl"]
