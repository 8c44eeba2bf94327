"""Places that cannot be written are found out before anything is written or sent."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.records.formats import ENDINGS, check_output
from airflow_provider.records.places import check_place
from airflow_provider.records.readers import Records
from airflow_provider.records.shards import list_records, split_records
from airflow_provider.records.writers import FileOutput
from tests.support.stores import ObjectStore, SlowStore, registered


def refused(path: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        FileOutput(str(path))
    assert raised.value.field == "output"
    assert raised.value.remedy
    return raised.value


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("prefix", ["", "file://"])
@pytest.mark.parametrize("name", ["out.jsonl/", "out.jsonl", "out.jsonl.partial"])
def test_a_folder_is_no_output(tmp_path, prefix, name):
    (tmp_path / name).mkdir()
    path = f"{prefix}{tmp_path}/{name.removesuffix('.partial')}"
    assert "is a folder" in str(refused(path))
    assert files(tmp_path) == {name.strip("/")}


@pytest.mark.parametrize("path", ["out/", "/", "{tmp}/", "s3://bucket/out/", "file://{tmp}/"])
def test_a_name_that_ends_with_a_slash_is_a_folder(tmp_path, path):
    assert "is a folder" in str(refused(path.format(tmp=tmp_path)))


@pytest.mark.parametrize(
    "name", ["users.json", "users.txt", "users.xlsx", "users", ".jsonl", "users.parquet.gz"]
)
def test_an_ending_that_no_batch_reads_is_refused_with_those_that_one_does(tmp_path, name):
    error = refused(tmp_path / name)
    assert ENDINGS in error.remedy
    with pytest.raises(InvalidInput, match="unknown format"):
        check_output(tmp_path / name)


@pytest.mark.parametrize(
    "value", ["{{ params.output }}", "/data/{{ ds }}", "{% if a %}x{% endif %}", object()]
)
def test_what_a_template_makes_is_not_known_beforehand(value):
    check_output(value)


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "out.jsonl", tmp_path / "file" / "more" / "out.jsonl"):
        assert f"{tmp_path}/file is not a folder" in str(refused(path))


def test_a_link_that_leads_nowhere_is_no_folder(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert "link is not a folder" in str(refused(tmp_path / "link" / "out.jsonl"))


def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("protected")
    path.chmod(0o444)
    assert "is read-only" in str(refused(path))
    assert path.read_text() == "protected"
    assert files(tmp_path) == {"out.jsonl"}


@pytest.mark.parametrize("below", ["out.jsonl", "more/out.jsonl"])
def test_a_folder_that_may_not_be_written_is_named(tmp_path, monkeypatch, below):
    # Root may write anywhere: what the system says to others is played here.
    closed = tmp_path / "closed"
    closed.mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(closed) and real(path, mode))
    assert f"{closed} is read-only" in str(refused(closed / below))
    assert files(tmp_path) == {"closed"}


def test_a_file_of_another_user_in_a_shared_folder_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    path.write_text("x")
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert "belongs to another user" in str(refused(path))
    assert stat.S_ISREG(path.stat().st_mode)


def test_a_pipe_is_no_output(tmp_path):
    os.mkfifo(tmp_path / "out.jsonl")
    assert "a device or a pipe" in str(refused(tmp_path / "out.jsonl"))


@pytest.mark.parametrize("name", ["x" * 250, "é" * 125])
def test_a_name_that_is_too_long_is_refused_with_the_longest(tmp_path, name):
    error = refused(tmp_path / f"{name}.jsonl")
    assert "too long" in str(error)
    assert str(os.pathconf(tmp_path, "PC_NAME_MAX")) in error.remedy


def test_a_path_that_is_too_long_is_refused(tmp_path):
    assert refused(f"{tmp_path}/{'x/' * 3000}out.jsonl")


# --- stores ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "package"),
    [
        ("s3", "apache-airflow-providers-amazon[s3fs]"),
        ("s3a", "apache-airflow-providers-amazon[s3fs]"),
        ("gs", "apache-airflow-providers-google"),
        ("gcs", "apache-airflow-providers-google"),
        ("abfs", "apache-airflow-providers-microsoft-azure"),
        ("abfss", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_a_store_without_its_provider_is_refused_with_the_package_to_install(tmp_path, scheme, package):
    path = f"{scheme}://bucket/x.csv"
    error = refused(path)
    assert f'no installed Airflow provider opens "{scheme}://"' in str(error)
    assert error.remedy == f"pip install '{package}' on the workers."
    with pytest.raises(InvalidInput, match=r"cannot be opened: no installed Airflow provider") as raised:
        Records(path).__enter__()
    assert (raised.value.field, raised.value.remedy) == ("records", error.remedy)
    with pytest.raises(InvalidInput, match="cannot be listed: no installed Airflow provider") as raised:
        list_records(f"{scheme}://bucket/*.csv")
    assert raised.value.remedy == error.remedy
    (tmp_path / "in.csv").write_text("id\n1\n")
    with pytest.raises(InvalidInput, match="no installed Airflow provider") as raised:
        split_records(str(tmp_path / "in.csv"), 2, f"{scheme}://bucket/shards")
    assert raised.value.remedy == error.remedy


@pytest.mark.parametrize("scheme", ["ftp", "https", "s4"])
def test_an_unknown_scheme_is_refused_with_those_that_are_known(scheme):
    error = refused(f"{scheme}://host/x.csv")
    assert f'no installed Airflow provider opens "{scheme}://"' in str(error)
    assert "s3" in error.remedy
    assert "pip" not in error.remedy


def test_a_provider_without_its_library_is_refused_with_the_package_to_install(monkeypatch):
    from airflow.sdk.io import fs, store

    def get_fs(conn_id: Any, options: Any) -> Any:
        raise ImportError("Airflow FS S3 protocol requires the s3fs library")

    monkeypatch.setitem(fs._register_filesystems(), "s3", get_fs)
    monkeypatch.setattr(store, "_STORE_CACHE", {})
    assert refused("s3://bucket/x.jsonl").remedy == (
        "pip install 'apache-airflow-providers-amazon[s3fs]' on the workers."
    )


@pytest.fixture
def objects(monkeypatch):
    with registered(ObjectStore, monkeypatch.setitem) as kind:
        yield kind


def failing(error: Exception) -> Any:
    def initiate(self: Any) -> None:
        raise error

    return initiate


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "The specified bucket does not exist"),
        FileNotFoundError("The specified bucket does not exist"),
        PermissionError(errno.EACCES, "Access Denied"),
    ],
)
def test_a_bucket_that_is_not_there_or_closed_shows_before_anything_is_written(objects, monkeypatch, error):
    from tests.support import stores

    monkeypatch.setattr(stores.Upload, "_initiate_upload", failing(error))
    assert str(error.args[-1]) in str(refused("s3://bucket/x.jsonl"))
    assert "part" not in " ".join(objects.log)


def test_a_store_that_is_away_for_now_is_worth_another_try(objects, monkeypatch):
    from tests.support import stores

    class ConnectTimeout(Exception):
        """What the library of a store raises."""

    monkeypatch.setattr(stores.Upload, "_initiate_upload", failing(ConnectTimeout("no route")))
    with pytest.raises(VendorError, match="no route") as raised:
        FileOutput("s3://bucket/x.jsonl")
    assert not isinstance(raised.value, InvalidInput)
    assert raised.value.remedy


def test_a_folder_in_a_store_that_has_folders_is_no_output(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem) as kind:
        kind().pipe_file("/bucket/out.jsonl/x", b"x")
        assert "is a folder" in str(refused("slow://bucket/out.jsonl"))


class Container(ObjectStore):
    protocol = "abfs"

    def info(self, path: str, **options: Any) -> Any:
        if path.strip("/") == "gone":
            raise FileNotFoundError(errno.ENOENT, "No such container", path)
        return super().info(path, **options)


def test_a_container_that_is_not_there_is_named(monkeypatch):
    with registered(Container, monkeypatch.setitem):
        assert "there is no container gone" in str(refused("abfs://gone/x.jsonl"))


def test_what_a_store_does_not_tell_is_no_reason(monkeypatch):
    with registered(SlowStore, monkeypatch.setitem) as kind:

        def untold(*_: Any, **__: Any) -> None:
            raise RuntimeError("no")

        monkeypatch.setattr(kind, "isdir", untold)
        check_place("slow://bucket/out.jsonl")
