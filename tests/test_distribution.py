"""What people get who install a release: the sdist, the wheel, and the listing of registries."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import registry_listing
from tests.support.sandbox import ROOT

MADE = shutil.ignore_patterns(
    ".venv", ".tox", ".git", "build", "dist", "*.egg-info", "__pycache__", ".mypy_cache"
)


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without what leads to this checkout."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **more}


def build(kind: str, source: Path, target: Path) -> Path:
    """Build an sdist or a wheel of a source tree, as a build frontend does, and return it."""
    target.mkdir(exist_ok=True)
    command = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(target)!r}))"
    subprocess.run(
        [sys.executable, "-c", command], cwd=source, env=clean_environment(), check=True, capture_output=True
    )
    [made] = target.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "source", ignore=MADE)
    return build("sdist", folder / "source", folder / "dist")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """The wheel made of the sdist, so that nothing that it needs is missing there."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = folder.iterdir()
    return build("wheel", source, folder / "dist")


def files(*folders: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_sdist_has_the_docs_and_the_examples_and_nothing_that_was_made(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files("docs", "dags_examples") <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "setup.py"} <= names
    assert not [name for name in names if name.startswith("tests") or name.endswith(".pyc")]


def test_the_wheel_has_the_package_and_the_examples_and_no_other_top_level_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    examples = {f"airflow_provider/examples/{path.partition('/')[2]}" for path in files("dags_examples")}
    assert examples <= names
    sources = {path for path in files("airflow_provider") if path.endswith((".py", ".ini", ".typed"))}
    assert sources <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"airflow_provider"}


def test_the_examples_are_copied_from_an_installed_wheel_without_the_repository(wheel, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    # Airflow and the rest are those of this environment: installing them takes a network and minutes.
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    environment = clean_environment(AIRFLOW_HOME=str(tmp_path / "home"))
    target = tmp_path / "home" / "dags" / "vendor_apis"

    def run(*command: str) -> str:
        done = subprocess.run(
            [python, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    where = run("-c", "import airflow_provider; print(airflow_provider.__file__)")
    assert where.strip() == str(site / "airflow_provider" / "__init__.py")
    printed = run("-m", "airflow", "vendor-apis", "examples", str(target))
    copied = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert copied == {path.partition("/")[2] for path in files("dags_examples")}
    assert f"{len(copied)} files written, 0 were there already, 0 of yours were kept." in printed


def test_the_listing_for_registries_is_that_of_the_code():
    assert registry_listing.PAGE.read_text() == registry_listing.render(), (
        "run python -m tests.registry_listing"
    )
