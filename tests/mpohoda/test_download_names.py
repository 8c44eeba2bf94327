"""Names of downloaded files, and the folder or store that they come to."""

from __future__ import annotations

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.file_names import FileName
from tests.mpohoda.downloads import ID, PDF, Vendor, digest, documents, names, task, vendor_of_files
from tests.support.batches import execute, outcomes
from tests.support.stores import ObjectStore, SlowStore, registered


@pytest.fixture
def vendor(set_connection, no_waiting):
    with vendor_of_files(set_connection) as found:
        yield found


# Names


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("2026/001", "2026_001.pdf"),
        ("a\\b", "a_b.pdf"),
        ('<>:"|?*', "_______.pdf"),
        (" 26 ", "26.pdf"),
        ("Žofie & co.", "Žofie & co..pdf"),
        ("Z\u030cofie", "Žofie.pdf"),
        (260012, "260012.pdf"),
        ("a\u202egpj", "agpj.pdf"),
        ("a\ud800b", "a_b.pdf"),
        ("x/../../y", "x_.._.._y.pdf"),
        ("C:\\Windows", "C__Windows.pdf"),
        ("{id}", "{id}.pdf"),
    ],
)
def test_a_name_stays_in_its_folder(number, name):
    assert FileName("{number}", ".pdf").of({"number": number}) == name


@pytest.mark.parametrize(
    "number",
    [
        *("..", ".", "../x", ".hidden", "a\0b", "a\nb", "con", "NUL.x", "LPT1", "x" * 200, "ž" * 99),
        *("", " ", None, True, ["a"], {"a": 1}),
    ],
)
def test_a_value_that_makes_no_name_fails_its_record_without_being_shown(vendor, tmp_path, number):
    records = [{"id": ID.format(1), "number": number}, *documents(2)]
    result = execute(task(tmp_path / "out", records, on_error="continue"))
    assert outcomes(result) == {"created": 1, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (1, "InvalidInput")
    assert names(tmp_path / "out") == ["26FV0002.pdf"]
    assert names(tmp_path) == ["out"]
    assert not isinstance(number, str) or len(number) < 4 or number not in failure["reason"]


@pytest.mark.parametrize(
    "template",
    [
        *("../{number}", "a/{number}", "a\\b", "{number!r}", "{number:>9}", "{}", "{0}", "{number", "x}"),
        *("{a[0]}", "", " ", "a\n{id}", "{id.__class__}x{", "c:{id}"),
    ],
)
def test_a_template_that_is_none_is_refused_when_the_dag_is_parsed(template):
    with pytest.raises(InvalidInput) as raised:
        task("/tmp/x", [], name=template)
    assert raised.value.field == "name"


def test_fields_of_a_record_are_values_and_never_attributes():
    name = FileName("{id.__class__}", ".pdf")
    assert name.fields == ("id.__class__",)
    with pytest.raises(InvalidInput, match="is empty"):
        name.of({"id": "x"})


def test_a_template_with_the_ending_gets_no_second_one():
    assert FileName("{number}.PDF", ".pdf").of({"number": "1"}) == "1.pdf"


@pytest.mark.parametrize("other", ["26fv0001", "26FV0001", "26FV/0001", "26FV_0001"])
def test_two_documents_with_one_name_are_refused_before_anything_is_fetched(vendor, tmp_path, other):
    first = "26FV:0001" if "0001" in other and len(other) == 9 else "26FV0001"
    records = [
        {"id": ID.format(1), "number": first},
        {"id": ID.format(2), "number": "between"},
        {"id": ID.format(3), "number": other},
    ]
    with pytest.raises(InvalidInput, match="rows 1 and 3") as raised:
        execute(task(tmp_path, records))
    assert raised.value.field == "name"
    assert (vendor.asked, names(tmp_path)) == ([], [])
    assert outcomes(execute(task(tmp_path, records, name="{number}-{id}"))) == {"created": 3}


# The folder


@pytest.mark.parametrize("folder", ["file", "file/deeper"])
def test_a_folder_that_cannot_be_one_is_refused_before_anything_is_fetched(vendor, tmp_path, folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput) as raised:
        execute(task(tmp_path / folder, documents(1)))
    assert raised.value.field == "folder"
    assert '"folder"' in str(raised.value)
    assert vendor.asked == []


def test_a_uri_is_a_folder_too(vendor, tmp_path):
    result = execute(task(f"file://{tmp_path}/out/", documents(1)))
    assert result["records"][0]["file"]["path"] == f"file://{tmp_path}/out/26FV0001.pdf"
    assert names(tmp_path / "out") == ["26FV0001.pdf"]
    assert outcomes(execute(task(f"file://{tmp_path}/out", documents(1)), run_id="run-2")) == {"existing": 1}


def test_a_uri_that_nothing_opens_is_refused_before_anything_is_fetched(vendor):
    with pytest.raises(InvalidInput, match="cannot be written") as raised:
        execute(task("nowhere://hand-over", documents(1)))
    assert (raised.value.field, vendor.asked) == ("folder", [])


@pytest.mark.parametrize("store", [SlowStore, ObjectStore])
def test_files_come_to_a_store_whole_and_once(vendor, store, monkeypatch):
    folder = f"{store.protocol}://hand-over/a"
    with registered(store, monkeypatch.setitem):
        _fetch_twice(vendor, folder)
        found = [path.rpartition("/")[2] for path in sorted(store.store)]
    assert found == ["26FV0001.pdf", "26FV0002.pdf", "26FV0003.pdf"]


def _fetch_twice(vendor: Vendor, folder: str) -> None:
    first = execute(task(folder, documents(1, 2)))
    assert [one["file"]["path"] for one in first["records"]] == [
        f"{folder}/26FV0001.pdf",
        f"{folder}/26FV0002.pdf",
    ]
    again = execute(task(folder, documents(1, 2, 3)), run_id="run-2")
    assert outcomes(again) == {"created": 1, "existing": 2}
    assert {one["file"]["sha256"] for one in again["records"]} == {digest(PDF)}
    assert vendor.asked[2:] == [3]
