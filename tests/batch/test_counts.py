from __future__ import annotations

import pytest

from airflow_provider.batch.counts import BatchCounts


@pytest.mark.parametrize(
    ("done", "shown"),
    [
        (None, "1,006 records: 1 created, 1,000 existing, 2 replayed, 1 failed, 2 unknown"),
        ("deleted", "1,006 records: 1,001 deleted, 2 replayed, 1 failed, 2 unknown"),
    ],
)
def test_the_log_says_what_is_done_with_the_records(done, shown):
    counts = BatchCounts(1, 1000, 2, 1, 2, done)
    assert str(counts) == shown
    assert counts.as_dict() == {
        "total": 1006,
        "created": 1,
        "existing": 1000,
        "replayed": 2,
        "failed": 1,
        "unknown": 2,
    }
