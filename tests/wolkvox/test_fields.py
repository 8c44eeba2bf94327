from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.wolkvox.fields import (
    address,
    attachment,
    attachments,
    check_types,
    column,
    columns_of,
    currency,
    filled,
    participants,
    search,
    table,
    telephone,
)

FILE = {"type": "provider:attachment", "name": None, "media_type": None}
PHONE = {"type": "telephone", "country": "Colombia", "code": "57"}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (telephone("300", country="Colombia", code="57"), {**PHONE, "value": "300"}),
        (telephone(300, country="Colombia", code=57), {**PHONE, "value": "300"}),
        (telephone(3000000000.0, country="Colombia", code="57"), {**PHONE, "value": "3000000000"}),
        (address("Calle 1"), {"type": "address", "value": "Calle 1"}),
        (
            search("ACME", value_id="65f0", module="companies"),
            {"type": "search", "value": "ACME", "value_id": "65f0", "searchModuleName": "companies"},
        ),
        (
            currency(10.5, symbol="$", convert="COP"),
            {"type": "currency", "value": 10.5, "symbol": "$", "convert": "COP"},
        ),
        (table([{"a": 1}]), {"type": "table", "value": [{"a": 1}]}),
        (table('[{"a": 1}]'), {"type": "table", "value": [{"a": 1}]}),
        (table([]), {"type": "table", "value": []}),
        (participants(["a@o", "b@o"]), {"type": "participant", "value": ["a@o", "b@o"]}),
        (participants("a@o; b@o;"), {"type": "participant", "value": ["a@o", "b@o"]}),
        (attachment(path="/a/{{ ds }}.pdf"), {**FILE, "path": "/a/{{ ds }}.pdf"}),
        (attachment("b.pdf", path=Path("/a.pdf")), {**FILE, "name": "b.pdf", "path": "/a.pdf"}),
        (attachment("a", content=b"hello"), {**FILE, "name": "a", "content": "aGVsbG8="}),
        (attachment(content="aGVsbG8=", type="a/b"), {**FILE, "media_type": "a/b", "content": "aGVsbG8="}),
        (attachments("/a.pdf; s3://b/c.png"), [{**FILE, "path": "/a.pdf"}, {**FILE, "path": "s3://b/c.png"}]),
        (attachments([Path("/a;b.pdf")]), [{**FILE, "path": "/a;b.pdf"}]),
        (attachments(Path("/a.pdf")), [{**FILE, "path": "/a.pdf"}]),
        (attachments("data:a/b;base64,aGk="), ["data:a/b;base64,aGk="]),
    ],
)
def test_a_function_with_a_value_makes_the_value_of_a_field(made, expected):
    assert made == expected


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        (telephone(country="Colombia", code="57"), "300", {**PHONE, "value": "300"}),
        (
            telephone(country=column("country"), code=column("codes.intl")),
            300,
            {**PHONE, "country": "Chile", "code": "56", "value": "300"},
        ),
        (address(), "Calle 1", {"type": "address", "value": "Calle 1"}),
        (participants(), "a@o;b@o", {"type": "participant", "value": ["a@o", "b@o"]}),
        (attachments(), "/a.pdf;/b.pdf", [{**FILE, "path": "/a.pdf"}, {**FILE, "path": "/b.pdf"}]),
        (attachments(), {**FILE, "path": "/a.pdf"}, {**FILE, "path": "/a.pdf"}),
        (table(), '[{"a": 1}]', {"type": "table", "value": [{"a": 1}]}),
        ({"type": "relationship", "of": "x"}, "1", {"type": "relationship", "of": "x", "value": "1"}),
        (address(), {"type": "other", "value": "1"}, {"type": "other", "value": "1"}),
    ],
)
def test_the_same_function_without_a_value_declares_how_values_are_made(declared, value, expected):
    record = {"country": "Chile", "codes.intl": "56"}
    assert filled("field", declared, value, record.get) == expected
    assert json.loads(json.dumps(declared)) == declared, "a declaration is plain JSON"


def test_the_columns_that_a_declaration_takes_parts_from_are_known():
    assert columns_of(telephone(country=column("a"), code=column("b.c"))) == ["a", "b.c"]
    assert columns_of(telephone(country="Colombia", code="57")) == []


@pytest.mark.parametrize("value", [None, "", "  ", float("nan")])
def test_an_empty_value_is_refused(value):
    with pytest.raises(InvalidInput, match="the address has no value"):
        address(value)


@pytest.mark.parametrize("value", ["text", '{"a": 1}', "[1]", [1], 7])
def test_a_table_is_a_list_of_objects(value):
    with pytest.raises(InvalidInput, match=r'^"items": the table must be a list of objects') as raised:
        filled("items", table(), value, {}.get)
    assert raised.value.field == "items"
    assert "text" not in str(raised.value).replace("of text", "") or value == "text"


def test_an_empty_part_is_named_with_its_column():
    declared = search(value_id=column("company_id"), module="companies")
    with pytest.raises(InvalidInput, match='"company" needs "value_id", and "company_id" is empty') as raised:
        filled("company", declared, "ACME", {}.get)
    assert raised.value.field == "company"


@pytest.mark.parametrize(
    ("types", "told"),
    [
        ({"a": "address"}, "made by a function"),
        ({"a": {"value": 1}}, "made by a function"),
        ({"a": address("Calle 1")}, "would be that of every record"),
        ({"a": attachment(path="/a.pdf")}, "would be that of every record"),
    ],
)
def test_a_declaration_that_is_none_is_refused(types: Any, told):
    with pytest.raises(InvalidInput, match=told):
        check_types(types)


@pytest.mark.parametrize(
    "given", [{}, {"path": "/a", "content": b"a"}, {"path": 7}, {"content": 7}, {"path": b"/a"}]
)
def test_an_attachment_has_a_path_or_a_content(given: Any):
    with pytest.raises(InvalidInput, match="attachment"):
        attachment("a.pdf", **given)


def test_a_file_is_not_looked_for_where_it_is_named(tmp_path):
    assert attachment(path=str(tmp_path / "none"))["path"] == f"{tmp_path}/none"


@pytest.mark.parametrize("value", [7, ["/a.pdf", 7], ["/a.pdf", " "], {"a": 1}])
def test_what_is_no_path_is_named_by_its_number_and_its_shape(value: Any):
    with pytest.raises(InvalidInput, match=r'^"scans": file [12] is a?.*, and no path') as raised:
        filled("scans", attachments(), value, {}.get)
    assert raised.value.field == "scans"
    assert "/a.pdf" not in str(raised.value)


@pytest.mark.parametrize("value", [[""], ["a", None], [["a"]]])
def test_each_participant_is_a_user(value: Any):
    with pytest.raises(InvalidInput) as raised:
        filled("participants", participants(), value, {}.get)
    assert raised.value.field == "participants"
