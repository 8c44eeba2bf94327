"""Columns that are only passed on, with values that Airflow or its database refuse: the batch ends well."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import isolate
from tests.support.processes import run_module
from tests.support.sandbox import SandboxProcess

HALF_EMOJI = '{"unique_id_sha":"a","note":"cut emoji \\ud83d"}\n{"unique_id_sha":"b"}\n'
INFINITE = '{"unique_id_sha":"a","x":1e400}\n{"unique_id_sha":"b","n":123456789012345678901234567890}\n'


def files(folder: Path) -> list[str]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    (folder / "half_emoji.jsonl").write_text(HALF_EMOJI)
    (folder / "infinite.jsonl").write_text(INFINITE)
    (folder / "nul.csv").write_text("unique_id_sha,note\na,x\0y\nb,ok\n")
    table = arrow.table({"unique_id_sha": ["a", "b"], "score": [1.5, float("nan")]})
    parquet.write_table(table, folder / "nan.parquet")
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_row_is_sent_and_returned(sandbox: SandboxProcess, request: Any, tmp_path: Path, database: str):
    pytest.importorskip("pyarrow")
    home, folder = tmp_path / "airflow", tmp_path / "in"
    folder.mkdir()
    environ = dict(os.environ)
    isolate(environ, home)
    if database == "postgres":
        server = request.getfixturevalue("postgres_server")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
        url = server.url.render_as_string(hide_password=False)
        environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url
        environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] = url
    changes = {name: value for name, value in environ.items() if name.startswith("AIRFLOW")}
    changes |= sandbox.connections
    done = run_module("tests.support.values_in_airflow", *files(folder), **changes)
    assert done.returncode == 0, done.stderr[-5000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: one["state"] for name, one in found.items()} == dict.fromkeys(found, "success")
    rows = {name: one["result"]["records"] for name, one in found.items()}
    assert sorted(rows) == ["half_emoji.jsonl", "infinite.jsonl", "nan.parquet", "nul.csv"]
    for each in rows.values():
        assert [row["unique_id_sha"] for row in each] == ["a", "b"]
    assert rows["half_emoji.jsonl"][0]["note"] == "cut emoji \\ud83d"
    assert rows["infinite.jsonl"][0]["x"] is None
    assert rows["infinite.jsonl"][1]["n"] == "123456789012345678901234567890"
    assert [row["score"] for row in rows["nan.parquet"]] == [1.5, None]
    assert [row["note"] for row in rows["nul.csv"]] == ["x\\u0000y", "ok"]
