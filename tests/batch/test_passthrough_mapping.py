from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from airflow_provider.batch.known import Known
from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.batch.passthrough_mapping import PassthroughMapping
from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, Repeat
from airflow_provider.secrets import seal
from airflow_provider.values import is_empty


def make(id_: str, fields: dict[str, Any]) -> Call[Any]:
    return Call("POST", "x", lambda response: response, Repeat.SAFE, json={"id": id_, "fields": fields})


def mapping(**options: Any) -> PassthroughMapping:
    given: dict[str, Any] = {
        "rest": "fields",
        "fields": {},
        "defaults": {},
        "chained": {"id_": "step.id"},
        "results": ("step", "other"),
        **options,
    }
    return PassthroughMapping(make, **given)


def sent(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    return dict(mapping(**options).call({"id_": "7", **record}).json["fields"])


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        ({"a": 1, "b": "x"}, {}, {"a": 1, "b": "x"}),
        ({"a": 0, "b": False}, {}, {"a": 0, "b": False}),
        ({"a": "", "b": None, "c": float("nan"), "d": 1}, {}, {"d": 1}),
        ({"a": 1, "step": {"id": "8"}, "other": {"x": 1}}, {}, {"a": 1}),
        ({"a": 1, "other": "a text is a field"}, {}, {"a": 1, "other": "a text is a field"}),
        ({"a": 1, "b": 2}, {"fields": {"x": "a"}}, {"x": 1, "b": 2}),
        ({"a": 1, "x": 2}, {"fields": {"x": "a"}}, {"x": 1}),
        ({"a": 1, "x": 2}, {"fields": {"x": "a", "a": "x"}}, {"x": 1, "a": 2}),
        ({"a": "", "x": 2}, {"fields": {"x": "a"}}, {}),
        ({"n": {"m": 1, "o": 2}, "b": 3}, {"fields": {"x": "n.m"}}, {"x": 1, "b": 3}),
        ({"a": 1, "b": 2}, {"include": ["b"]}, {"b": 2}),
        ({"a": 1, "b": 2}, {"include": ["x"], "fields": {"x": "a"}}, {"x": 1}),
        ({"a": 1, "b": 2}, {"include": []}, {}),
        ({"a": 1}, {"include": ["n.m"]}, {}),
        ({"n.m": 1, "a": 2}, {"include": ["n.m"]}, {"n.m": 1}),
        ({"n": {"m": 1}}, {"include": ["n.m"]}, {"n.m": 1}),
        ({"a": 1, "b": 2}, {"exclude": ["b"]}, {"a": 1}),
        ({"a": 1, "b": 2, "c": 3}, {"exclude": ["b"], "include": ["a", "b"]}, {"a": 1}),
        ({"a": 1, "b": 2}, {"include": ["b"], "defaults": {"c": 3}}, {"b": 2, "c": 3}),
        ({"n": {"m": 1}}, {"fields": {"x": "n.m"}}, {"x": 1}),
        ({"n.m": 1}, {"fields": {"x": "n.m"}}, {"x": 1}),
        ({"a": 1}, {"include": [], "defaults": {"c": 2}}, {"c": 2}),
        ({"key": "9", "a": 1}, {"fields": {"id_": "key"}}, {"a": 1}),
        ({"row": {"key": "9"}, "a": 1}, {"fields": {"id_": "row.key"}}, {"a": 1}),
        ({"a": 1}, {"defaults": {"b": 2, "a": 3}}, {"a": 1, "b": 2}),
        ({"a": ""}, {"defaults": {"a": ""}}, {"a": ""}),
        ({"a": ""}, {"defaults": {"a": None}}, {}),
        ({"a": "x"}, {"defaults": {"a": None}}, {"a": "x"}),
    ],
)
def test_the_fields_are_what_is_left_or_what_is_chosen(record, options, expected):
    assert sent(record, **options) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"fields": {"x": "emial"}},
        {"fields": {"x": "emial.home"}},
        {"fields": {"id_": "emial"}},
        {"include": ["a", "emial"]},
        {"exclude": ["emial"]},
        {"convert": lambda *_: None, "converted": {"emial": []}},
        {"convert": lambda *_: None, "converted": {"a": ["emial"]}},
    ],
)
def test_a_name_that_no_record_of_a_list_has_is_told_once(options, caplog):
    found = mapping(**options)
    for _ in (1, 2):
        found.tell_unseen({"a", "email"})
    [told] = caplog.messages
    assert told.startswith('No record of the list has "emial')


@pytest.mark.parametrize(
    "options",
    [
        {"fields": {"x": "a", "y": "n.m"}},
        {"include": ["a", "n.m", "c"], "defaults": {"c": 1}},
        {"exclude": ["a"]},
        {"required": ["missing"]},
    ],
)
def test_what_some_record_has_or_every_record_must_have_is_not_told(options, caplog):
    mapping(**options).tell_unseen({"a", "n"})
    assert caplog.messages == []


def test_other_parameters_are_filled_as_ever():
    assert mapping().call({"step": {"id": "8"}, "a": 1}).json["id"] == "8"
    assert mapping(defaults={"id_": "d"}).call({"a": 1}).json == {"id": "d", "fields": {"a": 1}}
    with pytest.raises(InvalidInput, match='"id_" is empty'):
        mapping().call({"a": 1})


def test_what_is_required_must_have_a_value():
    assert sent({"a": 1}, required=["a"]) == {"a": 1}
    assert sent({"a": ""}, required=["a"], defaults={"a": 2}) == {"a": 2}
    for record in ({}, {"a": ""}, {"a": None}):
        with pytest.raises(InvalidInput, match=r'^"a" is empty') as raised:
            sent(record, required=["a"])
        assert raised.value.field == "a"


def test_a_sealed_secret_is_not_sent_as_a_field():
    with pytest.raises(InvalidInput, match='"a" holds a sealed secret') as raised:
        sent({"a": seal("s3cret")})
    assert "s3cret" not in str(raised.value)


def test_values_are_converted_with_other_fields_of_the_record_at_hand():
    options = {
        "convert": lambda name, value, find: [name, value, find("unit")],
        "converted": {"a": ["unit"]},
    }
    # What is a part of another value is no field of its own.
    assert sent({"a": 1, "b": 2, "unit": "kg"}, **options) == {"a": ["a", 1, "kg"], "b": 2}
    assert sent({"b": 2, "unit": "kg"}, **options) == {"b": 2}
    assert sent({"x": 1, "unit": "kg"}, fields={"a": "x"}, **options) == {"a": ["a", 1, "kg"]}
    assert sent({"unit": "kg"}, defaults={"a": ""}, **options) == {"a": ""}


@pytest.mark.parametrize("options", [{"required": ["a"]}, {"converted": {"a": []}}])
def test_a_choice_that_leaves_out_what_is_asked_for_is_refused_at_once(options):
    with pytest.raises(InvalidInput, match='"include" leaves out "a"') as raised:
        mapping(include=["b"], **options)
    assert raised.value.field == "include"
    with pytest.raises(InvalidInput, match='"exclude" leaves out "a"') as raised:
        mapping(exclude=["a"], **options)
    assert raised.value.field == "exclude"
    mapping(include=["b"], defaults={"a": 1}, **options)
    mapping(include=["a"], fields={"a": "b"}, **options)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"include": ["b"], "fields": {"a": "x"}}, "include"),
        ({"exclude": ["a"], "fields": {"a": "x"}}, "exclude"),
        ({"exclude": ["a"], "defaults": {"a": 1}}, "exclude"),
    ],
)
def test_what_is_named_twice_and_contradicts_itself_is_refused(options, field):
    with pytest.raises(InvalidInput, match=f'"{field}"') as raised:
        mapping(**options)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("columns", "options", "missing"),
    [
        (["id_", "x"], {}, None),
        (["step", "x"], {}, None),
        (["x"], {}, "id_"),
        (["id_", "x"], {"fields": {"a": "x"}}, None),
        (["id_", "x"], {"fields": {"a": "y"}}, "y"),
        (["id_", "x"], {"fields": {"a": "x.y"}}, None),
        (["id_", "x"], {"required": ["a"]}, "a"),
        (["id_", "x"], {"required": ["a"], "defaults": {"a": 1}}, None),
        (["id_", "x"], {"converted": {"y": []}}, "y"),
        (["id_", "x"], {"converted": {"x": ["z"]}}, "z"),
        (["id_", "x"], {"required": ["a"], "fields": {"a": "x"}}, None),
        (["id_", "x"], {"include": ["x"]}, None),
        (["id_", "x"], {"include": ["a"], "fields": {"a": "x"}}, None),
        (["id_", "x"], {"include": ["y"]}, "y"),
        (["id_", "x"], {"exclude": ["x"]}, None),
    ],
)
def test_the_columns_of_a_file_are_checked_first(columns, options, missing):
    if missing is None:
        mapping(**options).check_columns(columns)
        return
    with pytest.raises(InvalidInput, match=f'no column "{missing}"'):
        mapping(**options).check_columns(columns)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"fields": {"x": "vendor_name"}}, 'fields={"vendor_name": "x"}'),
        ({"fields": {"y": "vendor_name"}}, None),
        ({"converted": {"x": ["z"]}}, None),
    ],
)
def test_fields_the_wrong_way_round_are_shown_the_right_way(options, hint):
    with pytest.raises(InvalidInput) as raised:
        mapping(**options).check_columns(["id_", "x"])
    assert ("turn it round" in raised.value.remedy) == (hint is not None)
    assert hint is None or hint in raised.value.remedy


def test_columns_that_may_be_values_of_a_person_are_not_shown():
    for options in ({"required": ["a"]}, {"exclude": ["a"]}):
        with pytest.raises(
            InvalidInput, match="it has 3 columns, and the first line must name them"
        ) as raised:
            mapping(**options).check_columns(["id_", "Jan", "jan@example.com"])
        assert "Jan" not in str(raised.value)
        assert "jan" not in str(raised.value)


def test_the_row_of_the_original_file_is_sent_only_where_it_is_asked_for():
    assert sent({"x": 1, "source_row": 7}) == {"x": 1}
    assert sent({"x": 1, "source_row": 7}, fields={"row": "source_row"}) == {"x": 1, "row": 7}


def test_what_a_partial_function_has_by_name_is_not_for_records_to_say():
    def function(a: str, *, b: str = "b") -> Call[Any]:
        return Call("POST", "x", lambda response: response, Repeat.SAFE, json=[a, b])

    bound = RecordMapping(partial(function, b="ours"), fields={}, defaults={}, chained={})
    assert bound.call({"a": "1", "b": "theirs"}).json == ["1", "ours"]
    with pytest.raises(InvalidInput, match="names b, which"):
        RecordMapping(partial(function, b="ours"), fields={"b": "x"}, defaults={}, chained={})


class NotATime(datetime):
    """What data frames have for a time that is not there."""

    def __ne__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), Decimal("nan"), NotATime(2026, 1, 1)])
def test_what_counts_as_no_value(value):
    assert is_empty(value)


@pytest.mark.parametrize("value", ["0", 0, False, 0.0, Decimal(0), datetime(2026, 1, 1), [], {}])
def test_what_counts_as_a_value(value):
    assert not is_empty(value)


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        ({"made_at": 1, "a": 1, "b": 2}, {}, {"a": 1, "b": 2}),
        ({"made_at": 1, "a": 1, "b": 2}, {"defaults": {"a": 3}}, {"a": 3, "b": 2}),
        ({"made_at": 1, "a": 1, "b": 2}, {"defaults": {"a": None}}, {"b": 2}),
        ({"made_at": 1, "a": 1, "b": 2}, {"fields": {"a": "b"}, "defaults": {"a": 3}}, {"a": 2}),
        ({"made_at": 1, "a": 1}, {"fields": {"a": "a"}, "defaults": {"a": 3}}, {"a": 1}),
        ({"made_at": 1, "a": 1, "b": 2}, {"include": ["a"], "defaults": {"a": 3}}, {"a": 3}),
        ({"made_at": 1, "a": 1}, {"include": ["made_at"]}, {"made_at": 1}),
        ({"made_at": 1, "a": 1}, {"fields": {"made_at": "made_at"}}, {"made_at": 1, "a": 1}),
        ({"made_at": 1, "a": 1}, {"defaults": {"made_at": 2}}, {"made_at": 2, "a": 1}),
        ({"made_at": None, "a": 1}, {"defaults": {"a": 3}}, {"a": 1}),
        ({"made_by": "x", "a": 1}, {"defaults": {"a": 3}}, {"made_by": "x", "a": 1}),
        ({"step": {"id": "7"}, "made_by": "x", "a": 1}, {"defaults": {"a": 3}}, {"a": 3}),
    ],
)
def test_an_update_sends_defaults_first_and_nothing_that_the_vendor_does_not_take_back(
    record, options, expected
):
    known = Known(marks=("made_at",), read_only=lambda name, value: name.startswith("made_"))
    assert sent(record, known=known, **options) == expected
