"""An object store for the tests of this folder, and the Airflow connection that leads to it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator

import pytest

from tests.distributed.s3.store import Store, running

INSTALLED = all(importlib.util.find_spec(name) for name in ("boto3", "moto", "s3fs"))

collect_ignore_glob = [] if INSTALLED else ["test_*.py"]
"""The ordinary environment has no client of an object store; ``make test-distributed`` has."""


@pytest.fixture(scope="session")
def store_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running(tmp_path_factory.mktemp("moto")) as store:
        yield store


@pytest.fixture
def store(store_process: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store with one empty bucket. ``s3://files@bucket/…`` leads to it, by an Airflow connection."""
    from airflow.sdk.io import store as stores

    from airflow_provider.records import storage

    monkeypatch.setenv(
        "AIRFLOW_CONN_FILES",
        json.dumps(
            {
                "conn_type": "aws",
                "login": "tester",
                "password": "secret-of-the-store",
                "extra": {"endpoint_url": store_process.url, "region_name": "eu-central-1"},
            }
        ),
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    stores._STORE_CACHE.clear()
    storage._check_connection.cache_clear()
    store_process.clear()
    yield store_process
    stores._STORE_CACHE.clear()
    store_process.fault, store_process.bytes_per_second = None, None
