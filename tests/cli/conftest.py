from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration has the ledger; it is not there yet."""
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "ledger.db"))
    return tmp_path / "ledger.db"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """A function that runs a command in this process and returns its exit status and what it printed."""
    import argparse

    from airflow.cli.cli_parser import _add_command

    from airflow_provider.cli import get_cli_commands

    parser = argparse.ArgumentParser("airflow")
    for command in get_cli_commands():
        _add_command(parser.add_subparsers(), command)

    def run(*words: str, answer: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("" if answer is None else f"{answer}\n"))
        capsys.readouterr()
        status: Any = 0
        try:
            groups = ("quota", "state", "sessions", "deliveries", "receive", "streams", "wallet")
            group = [] if words[:1] and words[0] in groups else ["ledger"]
            args = parser.parse_args(["vendor-apis", *group, *words])
            args.func(args)
        except SystemExit as end:
            status = end.code
        printed = capsys.readouterr()
        if isinstance(status, str):
            # What Python does with a text: it is printed, and the exit status is 1.
            return 1, printed.out, printed.err + status
        return status, printed.out, printed.err

    return run
