"""Records of an object store: a stream of bounded memory, and errors that say what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import list_records, split_records
from airflow_provider.records.writers import FileOutput
from tests.distributed.s3.store import Seen, Store
from tests.support.processes import answer_of

ROWS = 1_000_000


def csv(rows: int, width: int = 80) -> bytes:
    """Make a file of customers."""
    line = "user-{0:07},user-{0:07}@example.com," + "n" * width + "\n"
    return ("virtual_user,mail,note\n" + "".join(line.format(number) for number in range(rows))).encode()


def test_a_csv_of_120_mb_is_read_as_a_stream(store: Store) -> None:
    body = csv(ROWS)
    store.put("in.csv", body)
    found = answer_of("tests.distributed.s3.measure", "read", "s3://files@bucket/in.csv")
    print(f"\nread {len(body) / 1e6:.0f} MB: {found['megabytes']:.0f} MiB more, {found['seconds']:.1f} s")
    assert found["rows"] == ROWS
    assert found["megabytes"] < 64


def test_a_store_that_is_busy_for_a_moment_loses_no_row(store: Store) -> None:
    store.put("in.csv", csv(200_000))
    refused: list[Seen] = []

    def busy(seen: Seen) -> int | None:
        if seen.kind == "GET" and len(refused) < 3:
            refused.append(seen)
            return 503
        return None

    with Records("s3://files@bucket/in.csv") as records:
        store.fault = busy
        assert sum(row.error is None for row in records) == 200_000
    assert len(refused) == 3


def test_shards_of_an_object_are_objects(store: Store) -> None:
    store.put("in.csv", csv(10))
    shards = split_records("s3://files@bucket/in.csv", 3, "s3://files@bucket/shards")
    assert list_records("s3://files@bucket/shards/*.csv") == shards
    rows = []
    for shard in shards:
        with Records(shard) as records:
            rows += [(row.source_row, row.record["virtual_user"]) for row in records]
    assert rows == [(number + 1, f"user-{number:07}") for number in range(10)]
    assert store.uploads() == []


@pytest.mark.parametrize("uri", ["s3://files@bucket/none.csv", "s3://files@nowhere/in.csv"])
def test_an_object_that_is_not_there_is_named(store: Store, uri: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be opened") as raised:
        Records(uri).__enter__()
    assert uri in str(raised.value)
    assert "secret-of-the-store" not in str(raised.value) + raised.value.remedy


def test_a_uri_without_a_connection_says_how_to_name_one(store: Store, tmp_path: Path, monkeypatch) -> None:
    store.put("in.csv", csv(1))
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    # The worker has no credentials, and the bucket is not public.
    store.fault = lambda seen: 403
    with pytest.raises(InvalidInput) as raised:
        Records("s3://bucket/in.csv").__enter__()
    assert "s3://my_conn@bucket/…" in str(raised.value)


def test_credentials_of_the_worker_open_a_uri_without_a_connection(store: Store, monkeypatch) -> None:
    store.put("in.csv", csv(1))
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "role-of-the-machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Records("s3://bucket/in.csv") as records:
        assert len(list(records)) == 1


def test_a_connection_that_is_not_there_is_named(store: Store) -> None:
    # Amazon's provider would go on with the credentials of the worker.
    with pytest.raises(InvalidInput, match='Airflow has no connection "other"') as raised:
        Records("s3://other@bucket/in.csv").__enter__()
    assert "before the @" in raised.value.remedy
    with pytest.raises(InvalidInput, match='Airflow has no connection "other"'):
        FileOutput("s3://other@bucket/out.csv")


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(store: Store) -> None:
    store.put("in.csv", csv(400_000))
    with Records("s3://files@bucket/in.csv") as records:
        store.put("in.csv", csv(400_000, width=81))
        with pytest.raises(VendorError, match=r"in.csv cannot be read on, near record \d+") as raised:
            list(records)
    assert not isinstance(raised.value, InvalidInput)


@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.jsonl", "in.parquet"])
def test_a_store_that_stays_away_while_it_is_read_is_worth_another_try(store: Store, name: str) -> None:
    output = FileOutput(f"s3://files@bucket/{name}")
    for number in range(1000):
        # Nothing that gzip or Parquet could make small.
        output.write({"id": number, "note": os.urandom(15_000).hex()})
    output.publish()
    with Records(f"s3://files@bucket/{name}") as records:
        store.fault = lambda seen: 500
        with pytest.raises(VendorError, match=f"{name} cannot be read on, near record") as raised:
            list(records)
    assert not isinstance(raised.value, InvalidInput)
