"""``airflow vendor-apis examples``: the example Dags, copied to where Airflow finds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg

from airflow_provider.cli.common import one_line, plain

if TYPE_CHECKING:
    from argparse import Namespace

PACKAGE = Path(__file__).resolve().parents[1]


def command() -> ActionCommand:
    """Return the command."""
    return ActionCommand(
        name="examples",
        help="Copy the example Dags with their data into a folder; a file that is there is never replaced",
        func=copy_examples,
        args=(
            Arg(("folder",), help="Folder, like $AIRFLOW_HOME/dags/vendor_apis", metavar="DIR", type=plain),
        ),
    )


def examples() -> Path:
    """Return the folder of the examples: in the installed package, or at the top of a source checkout."""
    installed, checkout = PACKAGE / "examples", PACKAGE.parent / "dags_examples"
    return installed if installed.is_dir() else checkout


@one_line
def copy_examples(args: Namespace) -> None:
    """Copy the examples and say of each file what became of it."""
    source, folder = examples(), Path(args.folder).expanduser()
    written = kept = same = 0
    try:
        for path in sorted(path for path in source.rglob("*") if path.suffix in (".py", ".csv", ".jsonl")):
            target = folder / path.relative_to(source)
            content = path.read_bytes()
            if _create(target, content):
                written += 1
                print(f"written  {target}")
            elif target.read_bytes() == content:
                same += 1
            else:
                kept += 1
                print(f"kept     {target} (yours differs from the example)")
    except OSError as error:
        raise SystemExit(f"The examples cannot be copied: {error.strerror}: {error.filename}") from None
    if not written + same + kept:
        raise SystemExit(
            "The examples are not in this installation. Install the wheel of the provider again."
        )
    print(f"{written} files written, {same} were there already, {kept} of yours were kept.")


def _create(target: Path, content: bytes) -> bool:
    """Create a file, whole or not at all; return whether it is new.

    :param target: the file
    :param content: what it gets
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = target.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        target.unlink(missing_ok=True)
        raise
    return True
