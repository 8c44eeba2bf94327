"""Values as people have them in their files: who gets a message, and with what in it."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from tests.support.batches import counts, execute, lines

pytestmark = pytest.mark.usefixtures("quick")

PHONES = [
    "+421900123456",
    "+421 900 123 456",
    "+421\u00a0900\u00a0123\u00a0456",
    "+421\u2011900\u2011123\u2011456",
    "+421\u2013900\u2013123456",
    "\u202a+421900123456\u202c",
    "+421900123456\u200b",
]
EXCEL = 'customer,phone\nC-1,4.21901E+11\nC-2,4.21901E+11\nC-3,4.21902E+11\nC-4,"4,21903E+11"\n'


def tokens(records: Any, **options: Any) -> dict[str, Any]:
    options = {"defaults": {"bot_idsha": "b"}, "on_error": "continue", "max_concurrency": 1, **options}
    return execute(ImbeeCreateAccessTokensOperator(task_id="tokens", records=records, **options))


def users(records: Any, **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", "max_concurrency": 1, **options}
    return execute(ImbeeCreateUsersOperator(task_id="users", records=records, **options))


def sent(sandbox: Any, *names: str) -> list[list[Any]]:
    return [[request["json"].get(name) for name in names] for request in sandbox.requests("imbee")]


def parquet(path: Path, **columns: Any) -> str:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    parquet.write_table(arrow.table(columns), path)
    return str(path)


# --- values that are no text -------------------------------------------------------------------------------


def test_bytes_of_a_parquet_file_are_text(sandbox, tmp_path):
    source = parquet(tmp_path / "in.parquet", virtual_user=[b"C-001"], mail=[b"jan@example.com"])
    result = tokens(source)
    assert counts(result) == {"total": 1, "created": 1}
    assert sent(sandbox, "virtual_user", "mail") == [["C-001", "jan@example.com"]]
    assert (result["records"][0]["virtual_user"], result["records"][0]["mail"]) == (
        "C-001",
        "jan@example.com",
    )
    assert counts(tokens([{"virtual_user": "C-001", "mail": "jan@example.com"}])) == {
        "total": 1,
        "replayed": 1,
    }


def test_bytes_that_are_passed_on_are_text_to_the_next_batch_too(sandbox, tmp_path):
    source = parquet(tmp_path / "in.parquet", unique_id_sha=[b"C-001"], mail=[b"jan@example.com"])
    first = users(source, output=str(tmp_path / "users.jsonl"))
    tokens(first, virtual_user_from="unique_id_sha")
    assert sandbox.messages()[0]["to"] == "jan@example.com"


def test_whole_numbers_that_became_floats_are_whole_numbers(sandbox, tmp_path):
    fields = {"virtual_user": "customer_id", "cellular": "phone"}
    source = parquet(
        tmp_path / "gaps.parquet", customer_id=[1001.0, None], phone=[421900111222.0, 421900111333.0]
    )
    assert counts(tokens(source, fields=fields)) == {"total": 2, "created": 1, "failed": 1}
    assert sent(sandbox, "virtual_user", "celullar") == [["1001", "421900111222"]]
    csv = tmp_path / "in.csv"
    csv.write_text("customer_id,phone\n1001,421900111222\n")
    assert counts(tokens(str(csv), fields=fields)) == {"total": 1, "replayed": 1}


def test_decimals_of_a_scale_are_whole_numbers(sandbox, tmp_path):
    ids = [Decimal("1001.00"), Decimal("1002.00")]
    result = tokens(parquet(tmp_path / "in.parquet", virtual_user=ids, mail=["a@e.com", "b@e.com"]))
    assert counts(result) == {"total": 2, "created": 2}
    assert sent(sandbox, "virtual_user") == [["1001"], ["1002"]]
    # As text for what reads it next.
    assert [record["virtual_user"] for record in result["records"]] == ["1001", "1002"]


def test_what_is_no_text_and_no_number_fails_its_record_by_name(sandbox, tmp_path):
    path = tmp_path / "in.jsonl"
    values = ["1001.0", "1e3", "true", '["a"]', '{"a":1}', "9007199254740993.0"]
    path.write_text("".join(f'{{"unique_id_sha":{value}}}\n' for value in values))
    result = users(str(path))
    assert counts(result) == {"total": 6, "created": 2, "failed": 4}
    assert sent(sandbox, "uniqueIdSha") == [["1001"], ["1000"]]
    assert [(one["row"], one["field"]) for one in result["failures"]] == [
        (row, "unique_id_sha") for row in (3, 4, 5, 6)
    ]
    for told, one in zip(
        ("a bool", "a list", "a dict", "a float of 16 digits"), result["failures"], strict=True
    ):
        assert told in one["reason"]


@pytest.mark.parametrize("name", ["platform", "device_name", "hardware_id", "os_version"])
def test_the_descriptions_of_a_device_are_texts_too(sandbox, name):
    result = users([{"unique_id_sha": "a", name: 1.0}, {"unique_id_sha": "b", name: ["x"]}])
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert result["failures"][0]["field"] == name
    assert "1" in sandbox.requests("imbee")[0]["json"].values()


@pytest.mark.parametrize(
    ("name", "value"),
    [("mail", ["a@e.com", "b@e.com"]), ("mail", True), ("cellular", {"a": 1}), ("bot_idsha", [1])],
)
def test_an_address_that_is_a_list_or_an_object_is_sent_to_nobody(sandbox, name, value):
    result = tokens([{"virtual_user": "ada", "mail": "a@e.com", name: value}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == name
    assert sandbox.requests("imbee") == []


def test_contacts_are_texts_one_by_one(sandbox):
    keys = users([{"unique_id_sha": "ada"}, {"unique_id_sha": "bob"}])["records"]
    other = keys[1]["user"]["virtual_user"]
    chats = execute(
        ImbeeCreateChatsOperator(
            task_id="chats",
            records=[{**keys[0], "contacts": [other.encode()]}, {**keys[0], "contacts": [{"idsha": other}]}],
            on_error="continue",
        )
    )
    assert counts(chats) == {"total": 2, "created": 1, "failed": 1}
    assert chats["failures"][0]["field"] == "contacts"


# --- what nobody sees --------------------------------------------------------------------------------------


def test_one_number_in_seven_ways_gets_one_message(sandbox):
    result = tokens([{"virtual_user": "u1", "cellular": phone} for phone in PHONES])
    assert counts(result) == {"total": 7, "created": 1, "replayed": 6}
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("phone", PHONES)
def test_a_number_is_sent_without_what_nobody_sees(sandbox, phone):
    tokens([{"virtual_user": "u1", "cellular": phone}])
    [[number]] = sent(sandbox, "celullar")
    assert number.isascii()
    assert number.replace("-", "").replace(" ", "") == "+421900123456"


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00ad"])
@pytest.mark.parametrize("name", ["virtual_user", "bot_idsha", "mail"])
def test_an_address_or_identifier_with_what_nobody_sees_is_the_same(sandbox, character, name):
    plain = {"virtual_user": "u1", "bot_idsha": "b1", "mail": "ada@example.com"}
    marked = {**plain, name: f"{plain[name][:1]}{character}{plain[name][1:]}"}
    assert counts(tokens([marked, plain])) == {"total": 2, "created": 1, "replayed": 1}
    assert sent(sandbox, name) == [[plain[name]]]


# --- phone numbers -----------------------------------------------------------------------------------------


def test_numbers_that_a_spreadsheet_has_rounded_are_sent_to_nobody(sandbox, tmp_path):
    (tmp_path / "excel.csv").write_text(EXCEL)
    options = {"fields": {"virtual_user": "customer", "cellular": "phone"}}
    result = tokens(str(tmp_path / "excel.csv"), **options)
    assert counts(result) == {"total": 4, "failed": 4}
    assert {one["field"] for one in result["failures"]} == {"cellular"}
    assert "Format the column as text" in result["failures"][0]["reason"]
    assert "4.2" not in json.dumps(result["failures"])
    assert sandbox.requests("imbee") == []
    as_given = tokens(str(tmp_path / "excel.csv"), **options, check_cellular=False)
    assert counts(as_given) == {"total": 4, "created": 4}
    assert sent(sandbox, "celullar")[0] == ["4.21901E+11"]


def test_with_a_country_a_national_number_is_the_same_person(sandbox):
    pytest.importorskip("phonenumbers")
    ways = ["0900 123 456", "+421 900 123 456", "00421900123456", 421900123456]
    records = [{"virtual_user": "u1", "cellular": way} for way in ways]
    assert counts(tokens(records, default_region="SK")) == {"total": 4, "created": 1, "replayed": 3}
    assert sent(sandbox, "celullar") == [["0900 123 456"]]
    # The key is that of a number with the country's code.
    assert counts(tokens(records[1:2])) == {"total": 1, "replayed": 1}
    assert counts(tokens(records[:1])) == {"total": 1, "existing": 1}
    assert len(sandbox.requests("imbee")) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("check_cellular", "yes"),
        ("default_region", "Slovakia"),
        ("date_format", "d.m.Y"),
        ("date_format", 5),
    ],
)
def test_a_parameter_that_cannot_be_right_is_refused_with_the_dag(name, value):
    with pytest.raises(InvalidInput, match=f"^{name} must be ") as raised:
        tokens([], **{name: value})
    assert raised.value.field == name


# --- dates -------------------------------------------------------------------------------------------------


def test_dates_are_read_in_the_format_of_the_file(sandbox):
    days = ["31.01.2027", "1.2.2027", date(2027, 3, 1), "2027-04-01"]
    records = [
        {"virtual_user": f"u{n}", "mail": "a@e.com", "date_limit": day} for n, day in enumerate(days, 1)
    ]
    result = tokens(records, date_format="%d.%m.%Y")
    assert counts(result) == {"total": 4, "created": 3, "failed": 1}
    assert sent(sandbox, "date_limit") == [["2027-01-31"], ["2027-02-01"], ["2027-03-01"]]
    assert "as %d.%m.%Y" in result["failures"][0]["reason"]


# --- what is only passed on --------------------------------------------------------------------------------

HUGE = 10**5000
ODD = {
    "nan": float("nan"),
    "infinite": float("inf"),
    "nul": "x\0y",
    "half": "cut \ud83d",
    "long": 2**64,
    "huge": HUGE,
    "set": {1},
    "bytes": b"\xff",
    "text": "Žofia".encode(),
    "nested": {"nan": [float("nan"), 2**70, b"a"], "\0": "\udc00"},
}


def test_xcom_gets_what_json_msgpack_and_every_database_can_hold(sandbox):
    import msgspec

    [record] = users([{"unique_id_sha": "a", **ODD}])["records"]
    document = json.dumps(record, allow_nan=False)
    assert "\\u0000" not in document.replace("\\\\u0000", "")
    document.encode()
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record)) == record
    assert (record["nan"], record["infinite"]) == (None, None)
    assert (record["nul"], record["half"]) == ("x\\u0000y", "cut \\ud83d")
    assert (record["long"], record["huge"]) == (str(2**64), "1" + "0" * 5000)
    assert (record["text"], record["set"]) == ("Žofia", "{1}")
    assert record["nested"] == {"nan": [None, str(2**70), "a"], "\\u0000": "\\udc00"}


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv.gz", ".parquet"])
def test_every_output_takes_what_is_passed_on(sandbox, tmp_path, ending):
    people = [{"unique_id_sha": "a", **ODD}, {"unique_id_sha": "b", "nan": "text", "long": 1, "nul": 2.5}]
    result = users(people, output=f"{tmp_path}/out{ending}")
    assert counts(result) == {"total": 2, "created": 2}
    if ending == ".jsonl":
        assert [record["nan"] for record in lines(tmp_path / "out.jsonl")] == [None, "text"]
    again = users(result, output=f"{tmp_path}/again{ending}")
    assert again["total"] == 2


@pytest.mark.parametrize("ending", [None, ".jsonl", ".csv", ".parquet"])
def test_a_record_that_is_nested_too_deep_for_an_output_fails_before_it_is_sent(sandbox, tmp_path, ending):
    depths = range(100, 1000, 25)
    (tmp_path / "in.jsonl").write_text(
        "".join(f'{{"unique_id_sha": "u{n}", "deep": {"[" * n}{"]" * n}}}\n' for n in depths)
    )
    result = users(str(tmp_path / "in.jsonl"), output=f"{tmp_path}/out{ending}" if ending else None)
    assert result["total"] == len(depths)
    assert result["failed"] > 0
    assert len(sandbox.requests("imbee")) == result["created"] == len(depths) - result["failed"]
    reasons = [one["reason"] for one in result["failures"]]
    assert any("cannot be written to the results" in reason for reason in reasons)


# --- the author's own records ------------------------------------------------------------------------------


def test_the_records_of_the_dag_author_are_never_changed(sandbox):
    keys = users([{"unique_id_sha": "ada"}, {"unique_id_sha": "bob"}], reveal=["apikey"])["records"]
    clear = keys[0]["user"]["apikey"]
    mine = [{"who": {"keys": {"apikey": clear}}, "contacts": [keys[1]["user"]["virtual_user"]]}]
    before = copy.deepcopy(mine)
    task = ImbeeCreateChatsOperator(task_id="chats", records=mine, fields={"apikey": "who.keys.apikey"})
    result = execute(task)
    assert mine == before
    assert clear not in json.dumps(result)


# --- what looks the same ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"mail": "jan-n@x.sk"}, {"mail": "jan\u2011n@x.sk"}),
        ({"mail": "jan-n@x.sk"}, {"mail": "jan\u2212n@x.sk"}),
        ({"mail": "jan-n@x.sk"}, {"mail": "jan-n\u00a0@x.sk"}),
        ({"mail": "jan@x.sk"}, {"mail": "jan\uff20x.sk"}),
        ({"virtual_user": "u-1"}, {"virtual_user": "u\u20111"}),
        ({"virtual_user": "u 1"}, {"virtual_user": "u\u00a01"}),
    ],
)
def test_what_looks_the_same_gets_one_message(sandbox, first, second):
    person = {"virtual_user": "u", "bot_idsha": "b", "mail": "a@x.sk"}
    result = tokens([{**person, **first}, {**person, **second}])
    assert counts(result) == {"total": 2, "created": 1, "replayed": 1}
    [again] = tokens([{**person, **second}], redo="all")["records"]
    assert again["token"]
    assert {message["to"] for message in sandbox.messages()} == {first.get("mail", "a@x.sk")}


@pytest.mark.parametrize("value", ["1\n2", "u\r\n", "b@x.sk\x1a", "a\0b", "a\u2028b"])
@pytest.mark.parametrize("field", ["virtual_user", "bot_idsha", "mail"])
def test_no_identifier_and_no_address_has_a_control_character(sandbox, field, value):
    person = {"virtual_user": "u", "bot_idsha": "b", "mail": "a@x.sk", field: f"{value}z"}
    result = tokens([person], on_error="continue")
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == field
    assert sandbox.messages() == []


def test_a_number_that_was_stored_in_32_bits_has_lost_its_digits(sandbox, tmp_path):
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    columns = {
        "virtual_user": arrow.array([1001.0, 123456789.0], arrow.float32()),
        "cellular": arrow.array(["+421900111222", "+421900111333"]),
        "score": arrow.array([0.1, 2.5], arrow.float32()),
    }
    parquet.write_table(arrow.table(columns), tmp_path / "in.parquet")
    result = tokens(f"{tmp_path}/in.parquet", defaults={"bot_idsha": "b"}, on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert [message["virtual_user"] for message in sandbox.messages()] == ["1001"]
    assert "no more than 7 for certain" in result["failures"][0]["reason"]
    assert [record["score"] for record in result["records"]] == [0.1]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_whole_number_stays_one_through_the_output_of_a_batch(sandbox, tmp_path, ending):
    people = [{"unique_id_sha": 1001.0, "mail": "a@x.sk"}, {"unique_id_sha": 1002.5, "mail": "b@x.sk"}]
    first = users(people, output=f"{tmp_path}/users{ending}")
    tokens(first, fields={"virtual_user": "unique_id_sha"}, defaults={"bot_idsha": "b"})
    assert [message["virtual_user"] for message in sandbox.messages()] == ["1001", "1002.5"]
