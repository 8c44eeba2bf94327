"""What the commands say of themselves, as Airflow prints it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from airflow_provider.cli import get_cli_commands


def texts(commands: Iterable[Any]) -> Iterator[str]:
    for command in commands:
        yield from (command.help, getattr(command, "description", None) or "")
        for argument in getattr(command, "args", ()):
            yield argument.kwargs.get("help") or ""
        yield from texts(getattr(command, "subcommands", ()))


@pytest.mark.parametrize("text", sorted(set(texts(get_cli_commands()))))
def test_help_is_printed_as_it_is_written(text: str) -> None:
    # Airflow's help reads rich's markup, in which a section of the configuration is a style.
    from rich.text import Text

    assert Text.from_markup(text).plain == text
