from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from airflow_provider.batch.known import Known
from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, Repeat
from airflow_provider.secrets import is_sealed, open_sealed, seal

SECRET = "s3cr3t-value"


def make(user: str, *, apikey: str | SecretStr | None = None, note: str | None = None) -> Call[Any]:
    clear = apikey.get_secret_value() if isinstance(apikey, SecretStr) else apikey
    return Call(
        "POST",
        "x",
        lambda response: response,
        Repeat.SAFE,
        json={"user": user, "apikey": clear, "note": note},
    )


def mapping(function: Callable[..., Call[Any]] = make, **options: Any) -> RecordMapping:
    given = {"fields": {}, "defaults": {}, "chained": {}, **options}
    return RecordMapping(function, **given)


def sent(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    call = mapping(**options).call(record)
    return {name: value for name, value in call.json.items() if value is not None}


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        ({"user": "ada"}, {}, {"user": "ada"}),
        ({"user": "ada", "other": 1}, {}, {"user": "ada"}),
        ({"id": "ada"}, {"fields": {"user": "id"}}, {"user": "ada"}),
        ({"id": "ada", "user": "bob"}, {"fields": {"user": "id"}}, {"user": "ada"}),
        ({"a": {"b": {"c": "ada"}}}, {"fields": {"user": "a.b.c"}}, {"user": "ada"}),
        ({"a.b": "ada"}, {"fields": {"user": "a.b"}}, {"user": "ada"}),
        ({"a.b": "ada", "a": {"b": "bob"}}, {"fields": {"user": "a.b"}}, {"user": "ada"}),
        ({"step": {"id": "ada"}}, {"chained": {"user": "step.id"}}, {"user": "ada"}),
        ({"step": {"id": "ada"}, "user": "bob"}, {"chained": {"user": "step.id"}}, {"user": "bob"}),
        ({"step": {"id": "ada"}, "user": " "}, {"chained": {"user": "step.id"}}, {"user": "ada"}),
        ({"user": "ada"}, {"defaults": {"note": "n"}}, {"user": "ada", "note": "n"}),
        ({"user": "ada", "note": "own"}, {"defaults": {"note": "n"}}, {"user": "ada", "note": "own"}),
        ({"user": "ada", "note": ""}, {"defaults": {"note": "n"}}, {"user": "ada", "note": "n"}),
        ({"user": "ada", "note": None}, {"defaults": {"note": "n"}}, {"user": "ada", "note": "n"}),
        (
            {"step": {"id": "ada"}},
            {"chained": {"user": "step.id"}, "defaults": {"user": "d"}},
            {"user": "ada"},
        ),
        ({"user": 0}, {}, {"user": 0}),
        ({"user": False}, {"defaults": {"user": "d"}}, {"user": False}),
    ],
)
def test_a_parameter_takes_its_value_from_field_own_name_chain_or_default_in_this_order(
    record, options, expected
):
    assert sent(record, **options) == expected


@pytest.mark.parametrize(
    ("record", "options", "looked"),
    [
        ({}, {}, '"user"'),
        ({"user": None}, {}, '"user"'),
        ({"user": "  "}, {}, '"user"'),
        ({"user": "ada"}, {"fields": {"user": "id"}}, '"id"'),
        ({"a": "text"}, {"fields": {"user": "a.b"}}, '"a.b"'),
        ({"step": None}, {"chained": {"user": "step.id"}}, '"user" or "step.id"'),
    ],
)
def test_an_empty_required_value_says_where_it_was_looked_for(record, options, looked):
    with pytest.raises(InvalidInput) as raised:
        mapping(**options).call(record)
    assert f'"user" is empty: the record has no value in {looked}.' in str(raised.value)
    assert raised.value.field == "user"
    assert '"fields"' in raised.value.remedy


@pytest.mark.parametrize("option", ["fields", "defaults"])
def test_a_parameter_that_the_call_does_not_have_is_refused_by_name(option):
    with pytest.raises(InvalidInput, match=f'"{option}" names mial, which') as raised:
        mapping(make, **{option: {"mial": "x", "user": "id"}})
    assert raised.value.field == option
    assert "user, apikey, note" in raised.value.remedy


def test_fields_the_wrong_way_round_are_shown_the_right_way():
    with pytest.raises(InvalidInput) as raised:
        mapping(make, fields={"customer": "user", "remark": "note", "mial": "x"})
    assert raised.value.remedy.endswith(
        'The vendor\'s name comes first: fields={"user": "customer", "note": "remark"}.'
    )


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (["user"], {}),
        (["id"], {"fields": {"user": "id"}}),
        (["other"], {"defaults": {"user": "d"}}),
        (["step"], {"chained": {"user": "step.id"}}),
        (["a"], {"fields": {"user": "a.b"}}),
        (["a.b"], {"fields": {"user": "a.b"}}),
        (["user", "n"], {"fields": {"note": "n"}}),
    ],
)
def test_a_file_with_the_columns_that_are_needed_passes(columns, options):
    mapping(**options).check_columns(columns)


@pytest.mark.parametrize(
    ("columns", "options", "missing", "parameter"),
    [
        (["usr", "mail"], {}, "user", "user"),
        (["user"], {"fields": {"user": "id"}}, "id", "user"),
        (["user"], {"fields": {"note": "n"}}, "n", "note"),
        (["user;mail"], {}, "user", "user"),
    ],
)
def test_a_missing_column_is_named_with_those_that_are_there(columns, options, missing, parameter):
    with pytest.raises(InvalidInput) as raised:
        mapping(**options).check_columns(columns)
    assert f'no column "{missing}" for "{parameter}"; it has {", ".join(columns)}' in str(raised.value)
    assert raised.value.field == parameter
    assert "delimiter" in raised.value.remedy
    # Only where the Dag's author has not said that a column has it.
    assert ("defaults" in raised.value.remedy) == (not options)


def test_columns_that_may_be_values_of_a_person_are_not_shown():
    with pytest.raises(InvalidInput) as raised:
        mapping().check_columns(["Jan", "+421900000001"])
    assert str(raised.value).startswith(
        'the file has no column "user" for "user"; it has 2 columns, and the first line must name them'
    )
    assert "421" not in str(raised.value)
    assert "Jan" not in str(raised.value)


def test_invisible_characters_show_why_a_column_is_missing():
    with pytest.raises(InvalidInput) as raised:
        mapping().check_columns(["user\u200b", "mail"])
    assert r'it has "user\u200b", mail.' in str(raised.value)


# Secrets


def test_a_sealed_value_is_opened_for_the_call_and_stays_sealed_in_the_record():
    record: dict[str, Any] = {"user": "ada", "step": {"apikey": seal(SECRET)}}
    before = record["step"]["apikey"]
    assert sent(record, chained={"apikey": "step.apikey"}, secrets=("apikey",))["apikey"] == SECRET
    assert record["step"]["apikey"] == before


@pytest.mark.parametrize(
    ("record", "options", "find"),
    [
        ({"apikey": SECRET}, {}, lambda record: record["apikey"]),
        ({"key": SECRET}, {"fields": {"apikey": "key"}}, lambda record: record["key"]),
        ({"a": {"key": SECRET}}, {"fields": {"apikey": "a.key"}}, lambda record: record["a"]["key"]),
        ({"a.key": SECRET}, {"fields": {"apikey": "a.key"}}, lambda record: record["a.key"]),
        (
            {"step": {"apikey": SECRET}},
            {"chained": {"apikey": "step.apikey"}},
            lambda record: record["step"]["apikey"],
        ),
        (
            {"step.apikey": SECRET},
            {"chained": {"apikey": "step.apikey"}},
            lambda record: record["step.apikey"],
        ),
    ],
)
def test_a_secret_in_clear_is_sealed_in_the_record_wherever_it_was(record, options, find):
    record["user"] = "ada"
    assert sent(record, secrets=("apikey",), **options)["apikey"] == SECRET
    assert is_sealed(find(record))
    assert open_sealed(find(record)).get_secret_value() == SECRET
    assert SECRET not in str(record)


def test_a_secret_that_is_a_number_is_sealed_too():
    record = {"user": "ada", "apikey": 123456}
    mapping(secrets=("apikey",)).call(record)
    assert "123456" not in str(record)


def test_a_secret_that_is_sealed_already_is_not_sealed_again_beside_one_in_clear():
    sealed = seal("of the batch before")
    record: dict[str, Any] = {"user": "ada", "apikey": SECRET, "step": {"apikey": sealed}}
    mapping(chained={"apikey": "step.apikey"}, secrets=("apikey",)).call(record)
    assert record["step"]["apikey"] == sealed


def test_other_values_in_clear_are_left_as_they_are():
    record = {"user": "ada", "note": "n"}
    mapping(secrets=("apikey",)).call(record)
    assert record == {"user": "ada", "note": "n"}


def test_a_sealed_value_may_stand_for_any_parameter():
    record = {"user": "ada", "note": seal("n")}
    note = sent(record)["note"]
    assert isinstance(note, SecretStr)
    assert note.get_secret_value() == "n"


@pytest.mark.parametrize("chained", [{}, {"apikey": "step.keys.apikey"}])
def test_what_a_record_holds_is_the_authors_and_stays_as_it_is(chained):
    keys = {"apikey": SECRET, "other": 1}
    step = {"keys": keys}
    record: dict[str, Any] = {"user": "ada", "step": step}
    fields = {} if chained else {"apikey": "step.keys.apikey"}
    mapping(fields=fields, chained=chained, secrets=("apikey",)).call(record)
    assert (step, keys) == ({"keys": keys}, {"apikey": SECRET, "other": 1})
    assert record["step"]["keys"]["other"] == 1
    assert open_sealed(record["step"]["keys"]["apikey"]).get_secret_value() == SECRET


def test_a_secret_in_a_mapping_that_is_no_dict_is_sealed_too():
    from types import MappingProxyType

    record: dict[str, Any] = {"user": "ada", "step": MappingProxyType({"apikey": SECRET})}
    mapping(chained={"apikey": "step.apikey"}, secrets=("apikey",)).call(record)
    assert is_sealed(record["step"]["apikey"])


@pytest.mark.parametrize("value", [b"s3cr3t-value", bytearray(b" s3cr3t-value ")])
def test_a_secret_that_came_as_bytes_is_sealed_as_it_is_sent(value):
    record: dict[str, Any] = {"user": "ada", "apikey": value}
    mapping(secrets=("apikey",)).call(record)
    assert open_sealed(record["apikey"]).get_secret_value() == SECRET


def test_a_secret_that_is_no_text_is_sealed_all_the_same():
    record: dict[str, Any] = {"user": "ada", "apikey": [SECRET]}
    mapping(secrets=("apikey",)).call(record)
    assert SECRET not in str(record)


def known_mapping(**options: Any) -> RecordMapping:
    known = Known(
        marks=("made_at", "change.id"), not_again=lambda given: () if "note" in given else ("apikey",)
    )
    return mapping(**{"chained": {"user": "step.id"}, "known": known, **options})


FROM_A_BATCH = {"step": {"id": "ada"}, "note": "own", "apikey": "k"}


@pytest.mark.parametrize(
    ("record", "options", "expected"),
    [
        (FROM_A_BATCH, {}, {"user": "ada", "note": "own"}),
        (FROM_A_BATCH, {"defaults": {"note": "n"}}, {"user": "ada", "note": "n", "apikey": "k"}),
        (FROM_A_BATCH, {"defaults": {"note": None}}, {"user": "ada"}),
        (FROM_A_BATCH, {"defaults": {"user": "bob"}}, {"user": "ada", "note": "own"}),
        (FROM_A_BATCH, {"defaults": {"apikey": "new"}}, {"user": "ada", "note": "own", "apikey": "new"}),
        (
            FROM_A_BATCH,
            {"fields": {"note": "note"}, "defaults": {"note": "n"}},
            {"user": "ada", "note": "own", "apikey": "k"},
        ),
        ({"user": "ada", "note": "own"}, {"defaults": {"note": "n"}}, {"user": "ada", "note": "own"}),
        ({**FROM_A_BATCH, "user": "ada"}, {"defaults": {"note": None}}, {"user": "ada"}),
        ({**FROM_A_BATCH, "user": "bob"}, {}, {"user": "bob", "note": "own", "apikey": "k"}),
        ({"user": "ada", "note": "own", "made_at": "1"}, {"defaults": {"note": None}}, {"user": "ada"}),
        (
            {"user": "ada", "note": "own", "made_at": ""},
            {"defaults": {"note": None}},
            {"user": "ada", "note": "own"},
        ),
        ({"user": "ada", "note": "own", "change": {"id": 1}}, {"defaults": {"note": None}}, {"user": "ada"}),
        ({"user": "ada", "note": "own", "change.id": 1}, {"defaults": {"note": None}}, {"user": "ada"}),
        (
            {"id": "bob", "note": "own", "made_at": "1"},
            {"fields": {"user": "id"}, "defaults": {"note": "n"}},
            {"user": "bob", "note": "own"},
        ),
    ],
)
def test_an_update_sends_defaults_before_what_the_vendor_has_already(record, options, expected):
    call = known_mapping(**options).call(record)
    assert {name: value for name, value in call.json.items() if value is not None} == expected


def test_a_secret_that_gives_way_is_sealed_all_the_same():
    record: dict[str, Any] = {"step": {"id": "ada"}, "apikey": SECRET}
    call = known_mapping(defaults={"apikey": "new"}, secrets=["apikey"]).call(record)
    assert call.json["apikey"] == "new"
    assert open_sealed(record["apikey"]).get_secret_value() == SECRET


def test_what_gives_way_is_told_once_and_without_its_value(caplog):
    caplog.set_level("INFO", "airflow_provider")
    one = known_mapping(defaults={"note": "n"})
    for _ in range(3):
        one.call({**FROM_A_BATCH, "note": "personal"})
    [told] = [record.getMessage() for record in caplog.records]
    assert '"note" is sent as "defaults" say' in told
    assert "personal" not in told
