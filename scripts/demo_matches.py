"""What the demonstration shows of Mobadoo's matches, and the checks that they are those of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sandbox import SandboxProcess

COUNT = 500


class Resynchronisation:
    """An account that is out of step, with the folder that a run of the Dag fills.

    :param folder: the folder, which is made
    :param sandbox: the sandbox, which gets more matches
    """

    def __init__(self, folder: Path, sandbox: SandboxProcess) -> None:
        self.folder = folder
        self.sandbox = sandbox
        folder.mkdir()
        sandbox.control("POST", "mobadoo/matches", {"videogame": "lol", "count": COUNT})
        sandbox.control("POST", "mobadoo/webhook/desynchronise", {})
        self.was_out_of_step = self.state["desynchronised"]

    @property
    def state(self) -> dict[str, Any]:
        """What the sandbox has."""
        return dict(self.sandbox.state()["mobadoo"])

    def rows(self, name: str) -> int:
        """Count the rows of the files of a name."""
        from pyarrow.parquet import read_metadata

        return sum(int(read_metadata(path).num_rows) for path in self.folder.glob(f"{name}-*.parquet"))


def show(found: Resynchronisation) -> None:
    """Print what was read."""
    print("\nMobadoo, out of step and brought into step again\n")
    print(f"  Matches               {found.rows('matches'):,} of {len(found.state['matches'])} video games")
    print(f"  Markets               {found.rows('markets'):,}")
    print(f"  Files                 {found.folder}\n")


def checks(found: Resynchronisation) -> list[tuple[str, Any, Any]]:
    """Return what was found and what is expected, by what they are."""
    return [
        ("Mobadoo took the account to be out of step", found.was_out_of_step, True),
        ("every match of the sandbox was read", found.rows("matches"), sum(found.state["matches"].values())),
        ("the account is in step again", found.state["desynchronised"], False),
    ]
