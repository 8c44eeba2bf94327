"""``airflow vendor-apis examples``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider.cli import examples
from tests.support.sandbox import ROOT

FILES = sorted(
    path.relative_to(ROOT / "dags_examples")
    for path in (ROOT / "dags_examples").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)


def test_every_example_and_its_data_are_copied(cli, tmp_path):
    status, out, err = cli("examples", str(tmp_path / "dags" / "vendor_apis"))
    assert (status, err) == (0, "")
    copied = {path: (tmp_path / "dags" / "vendor_apis" / path).read_bytes() for path in FILES}
    assert copied == {path: (ROOT / "dags_examples" / path).read_bytes() for path in FILES}
    assert [line.partition("vendor_apis/")[2] for line in out.splitlines()[:-1]] == [
        str(path) for path in FILES
    ]
    assert out.endswith(f"{len(FILES)} files written, 0 were there already, 0 of yours were kept.\n")


def test_a_file_of_the_user_is_never_replaced(cli, tmp_path):
    cli("examples", str(tmp_path))
    mine, gone = tmp_path / "provision_customers.py", tmp_path / "invoice_orders.py"
    mine.write_text("# my own\n")
    gone.unlink()
    status, out, _ = cli("examples", str(tmp_path))
    assert (status, mine.read_text()) == (0, "# my own\n")
    assert out.splitlines() == [
        f"written  {gone}",
        f"kept     {mine} (yours differs from the example)",
        f"1 files written, {len(FILES) - 2} were there already, 1 of yours were kept.",
    ]


def test_what_cannot_be_written_is_one_line(cli, tmp_path):
    (tmp_path / "file").write_text("")
    status, out, err = cli("examples", str(tmp_path / "file"))
    assert (status, out) == (1, "")
    assert err == f"The examples cannot be copied: Not a directory: {tmp_path / 'file' / FILES[0].parent}"


def test_no_half_file_is_left_where_the_disk_is_full(tmp_path, monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("/dev/full is not there")

    def full(path, mode):
        assert mode == "xb"
        path.touch()
        return open("/dev/full", "wb")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        examples._create(tmp_path / "example.py", b"x" * 100_000)
    assert list(tmp_path.iterdir()) == []


def test_an_installation_without_the_examples_says_so(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "PACKAGE", tmp_path / "package")
    status, _, err = cli("examples", str(tmp_path / "dags"))
    assert status == 1
    assert err.startswith("The examples are not in this installation.")
