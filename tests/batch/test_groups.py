"""Rows that make one record together: none is lost, and a record that may lack one is not made."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.batch.nested_mapping import NestedMapping, nested
from airflow_provider.exceptions import InvalidInput, InvalidRecord, Mistake
from airflow_provider.http.call import Call, Repeat
from airflow_provider.records.groups import GroupedRecords
from airflow_provider.records.readers import Row


def make(body: Mapping[str, Any], *, key: Any) -> Call[Any]:
    return Call(
        "POST", "x", lambda response: response, Repeat.ONCE, json=dict(body), key=tuple(map(str, key))
    )


def mapping(**options: Any) -> NestedMapping:
    given: dict[str, Any] = {
        "fields": {},
        "defaults": {},
        "record_key": ["no"],
        "lists": ("Items",),
        **options,
    }
    return NestedMapping(make, rest="body", results=("before",), **given)


def body(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    return dict(mapping(**options).call({"no": "1", **record}).json)


def rows(source: Any, **options: Any) -> list[Row]:
    with GroupedRecords(
        source, grouping=mapping(unsent=["no"], **options).grouping("no", "Items")
    ) as records:
        return list(records)


def bodies(source: Any, **options: Any) -> list[dict[str, Any]]:
    maker = mapping(unsent=["no"], **options)
    with GroupedRecords(source, grouping=maker.grouping("no", "Items")) as records:
        found = list(records)
    assert not [row for row in found if row.error]
    return [dict(maker.call(row.record).json) for row in found]


def csv(path: Path, *lines: str) -> str:
    (path / "in.csv").write_text("\n".join(lines) + "\n")
    return str(path / "in.csv")


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        ({"A.B": 1, "A.C": 2, "D": 3}, {}, {"A": {"B": 1, "C": 2}, "D": 3}),
        ({"A": {"B": 1}, "A.C": 2}, {}, {"A": {"B": 1, "C": 2}}),
        ({"A": {"B.C": 1}}, {}, {"A": {"B": {"C": 1}}}),
        ({"A.B": "", "C": None}, {}, {}),
        ({"city": "x"}, {"fields": {"A.City": "city"}}, {"A": {"City": "x"}}),
        ({"before": {"id": 7}}, {"fields": {"A.Id": "before.id"}}, {"A": {"Id": 7}}),
        ({"A.B": 1, "A.C": 2}, {"include": ["A.B"]}, {"A": {"B": 1}}),
        ({"A.B": 1, "A.C": 2}, {"exclude": ["A.B"]}, {"A": {"C": 2}}),
        ({"A.B": ""}, {"defaults": {"A.B": 1, "A.C": 2}}, {"A": {"B": 1, "C": 2}}),
        # Lists: columns are one element, a list has its own.
        ({"Items.X.Q": 1, "Items.Y": 2}, {}, {"Items": [{"X": {"Q": 1}, "Y": 2}]}),
        ({"qty": 1}, {"fields": {"Items.X.Q": "qty"}}, {"Items": [{"X": {"Q": 1}}]}),
        ({"Items": [{"X": {"Q": 1}}, {"X.Q": 2}]}, {}, {"Items": [{"X": {"Q": 1}}, {"X": {"Q": 2}}]}),
        ({"lines": [{"qty": 1}, {"qty": 2}]}, {"fields": {"Items": "lines", "Items.X.Q": "qty"}}, {"Items": [{"X": {"Q": 1}}, {"X": {"Q": 2}}]}),
        ({"Items": [{"Q": 1, "Z": 1}]}, {"exclude": ["Items.Z"]}, {"Items": [{"Q": 1}]}),
        ({"Items": [{"Q": 1, "Z": 1}], "W": 1}, {"include": ["Items.Q"]}, {"Items": [{"Q": 1}]}),
        ({"Items": [{"Q": 1}], "W": 1}, {"include": ["Items"]}, {"Items": [{"Q": 1}]}),
        ({"Items": [{"X": {"Q": 1}}, {"X": {"Q": 2, "T": "b"}}]}, {"defaults": {"Items.X.T": "a"}}, {"Items": [{"X": {"Q": 1, "T": "a"}}, {"X": {"Q": 2, "T": "b"}}]}),
        ({"W": 1}, {"defaults": {"Items.X.T": "a"}}, {"W": 1}),
        ({"Items": "text"}, {}, {"Items": "text"}),
        # A constant of one kind is not put beside the other.
        ({"Items": [{"P": {"Id": 1}}, {"X": {"Q": 1}}]}, {"defaults": {"Items.X.T": "a"}, "alternatives": [("X", "P")]}, {"Items": [{"P": {"Id": 1}}, {"X": {"Q": 1, "T": "a"}}]}),
        ({"A.P.Id": 1}, {"defaults": {"A.X.Country": "c"}, "alternatives": [("X", "P")]}, {"A": {"P": {"Id": 1}}}),
    ],
)  # fmt: skip
def test_dots_in_names_lead_into_objects_and_lists(record, options, expected):
    assert body(record, unsent=["no"], **options) == expected


def test_a_name_that_leads_into_a_value_is_refused():
    with pytest.raises(InvalidInput, match=r'"A\.B" leads into "A"'):
        nested({"A": "text", "A.B": 1})


def test_the_key_is_a_field_of_the_document_or_of_the_record():
    assert mapping(record_key=["A.N", "no"], unsent=["no"]).call({"A.N": 5, "no": 6}).key == ("5", "6")
    assert mapping(record_key=["N"], fields={"N": "nr"}).call({"nr": 5}).key == ("5",)


def test_the_same_key_with_other_content_is_refused_and_with_the_same_is_not():
    maker = mapping()
    maker.call({"no": "1", "a": 1})
    maker.call({"no": "1", "a": 1})
    with pytest.raises(InvalidInput, match="group_by"):
        maker.call({"no": "1", "a": 2})


def test_rows_with_the_same_value_are_one_record_wherever_they_are(tmp_path):
    file = csv(tmp_path, "no,Text,Items.Q", "7,a,1", "8,b,2", "7,a,3", " 7 ,,4")
    found = rows(file)
    assert [(row.number, row.source_row, row.rows) for row in found] == [(1, 1, (1, 3, 4)), (2, 2, (2,))]
    assert bodies(file) == [
        {"Text": "a", "Items": [{"Q": "1"}, {"Q": "3"}, {"Q": "4"}]},
        {"Text": "b", "Items": [{"Q": "2"}]},
    ]


def test_a_list_of_rows_is_grouped_as_a_file_is():
    source = [{"no": 1, "Items.Q": 1}, {"no": "1", "Items": {"Q": 2}}]
    assert bodies(source) == [{"Items": [{"Q": 1}, {"Q": 2}]}]


def test_renamed_columns_are_lines_or_fields_of_the_record(tmp_path):
    file = csv(tmp_path, "no,name,qty,price", "7,Ada,1,2", "7,Ada,3,4")
    fields = {"A.Name": "name", "Items.X.Q": "qty", "Items.X.P": "price", "Items.X.T": "name"}
    assert bodies(file, fields=fields) == [
        {
            "A": {"Name": "Ada"},
            "Items": [{"X": {"Q": "1", "P": "2", "T": "Ada"}}, {"X": {"Q": "3", "P": "4", "T": "Ada"}}],
        }
    ]


def test_fields_that_differ_fail_the_record_and_are_named_with_their_rows(tmp_path):
    file = csv(tmp_path, "no,Due,Text,Items.Q", "7,1,a,1", "8,1,a,1", "7,2,b,1", "7,1,,1")
    broken, fine = rows(file)
    assert fine.error is None
    assert '"Due" (rows 1 and 3), "Text" (rows 1 and 3)' in str(broken.error)
    assert broken.rows == (1, 3, 4)
    assert [one["Q"] for one in broken.record["Items"]] == ["1", "1", "1"]


def test_what_is_not_sent_may_differ(tmp_path):
    file = csv(tmp_path, "no,shelf,Items.Q", "7,a,1", "7,b,2")
    assert len(bodies(file, exclude=["shelf"])) == len(bodies(file, include=["Items.Q"])) == 1
    assert rows(file)[0].error is not None


@pytest.mark.parametrize("stray", ["7", ",a,1"])
def test_a_row_that_belongs_nowhere_keeps_its_neighbours_from_being_sent(tmp_path, stray):
    file = csv(tmp_path, "no,Text,Items.Q", "6,a,1", "7,a,1", stray, "8,a,1", "9,a,1")
    found = rows(file)
    assert [row.error is None for row in found] == [True, False, False, False, True]
    assert "row 3 cannot be used" in str(found[1].error)
    assert sum(len(row.rows) or 1 for row in found) == 5


def test_a_row_that_belongs_nowhere_may_belong_to_any_record_of_a_file_without_order(tmp_path):
    file = csv(tmp_path, "no,Text,Items.Q", "6,a,1", "7,a,1", "6,a,1", "8,a,1", ",a,1", "9,a,1", "5,a,1")
    assert not [row for row in rows(file) if row.error is None]


def test_a_file_without_the_column_is_refused_at_once(tmp_path):
    with pytest.raises(InvalidInput, match='no column "no"'):
        rows(csv(tmp_path, "nr,Items.Q", "1,1"))


def test_mistakes_name_their_rows():
    error = InvalidRecord(
        [Mistake(("Items", 1, "Q"), "is missing"), Mistake(("Text",), "is long", "Cut it.")]
    )
    assert str(error) == '"Items[1].Q": is missing. "Text": is long. Cut it.'
    error.of_rows("Items", (4, 9))
    assert (error.row, error.field) == (9, "Items[1].Q")
    assert str(error) == 'row 9: "Items[1].Q" (row 9): is missing. "Text": is long. Cut it.'


def test_the_values_of_rows_keep_their_types_and_nested_rows_are_read(tmp_path):
    (tmp_path / "in.jsonl").write_text(
        "".join(json.dumps({"no": n % 2, "Items": {"Q": n / 2}}) + "\n" for n in range(4))
    )
    assert bodies(str(tmp_path / "in.jsonl")) == [
        {"Items": [{"Q": 0.0}, {"Q": 1.0}]},
        {"Items": [{"Q": 0.5}, {"Q": 1.5}]},
    ]


def test_the_memory_does_not_hold_the_rows(tmp_path):
    padding = "x" * 1000
    file = csv(tmp_path, "no,Text,Items.Q", *(f"{n % 5000},{padding},{n}" for n in range(20_000)))
    grouping = mapping(unsent=["no"]).grouping("no", "Items")
    tracemalloc.start()
    with GroupedRecords(file, grouping=grouping, folder=str(tmp_path)) as records:
        count = sum(len(row.rows) for row in records)
        assert records.fraction() == 1.0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 8_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
