"""Headers of CSV files: what is understood, what is refused before any row, and what an error may show."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.columns import described, looks_like_data, shown
from airflow_provider.records.readers import Records, Row


@pytest.fixture
def opened(tmp_path):
    def read(content: str, name: str = "in.csv", **options: Any) -> tuple[tuple[str, ...], list[Row]]:
        path = tmp_path / name
        path.write_bytes(content.encode())
        with Records(str(path), **options) as records:
            return records.columns, list(records)

    return read


@pytest.fixture
def refused(opened):
    def read(*args: Any, **options: Any) -> InvalidInput:
        with pytest.raises(InvalidInput) as raised:
            opened(*args, **options)
        return raised.value

    return read


# Delimiters


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [("sep=;\n", ";"), ("SEP=;\r\n", ";"), ('"sep=|"\n', "|"), ("\ufeffsep=\t\n", "\t")],
)
@pytest.mark.parametrize("given", [False, True])
def test_the_line_of_excel_that_names_the_delimiter_is_understood(opened, first, delimiter, given):
    content = first + f"id{delimiter}mail\n1{delimiter}a@example.com\n2{delimiter}b{delimiter}c\n"
    columns, rows = opened(content, **({"delimiter": delimiter} if given else {}))
    assert columns == ("id", "mail")
    assert [(row.number, row.record) for row in rows] == [(1, {"id": "1", "mail": "a@example.com"}), (2, {})]
    assert str(rows[1].error).startswith("line 4: ")


def test_another_delimiter_than_that_of_excels_line_is_refused(refused):
    error = refused("sep=;\nid;mail\n1;a\n", delimiter="|")
    assert error.field == "delimiter"
    assert str(error) == (
        'the first line of the file is "sep=;", and "delimiter" is another. '
        'Leave out "delimiter", or set delimiter=";".'
    )


@pytest.mark.parametrize(
    ("header", "name", "options", "remedy"),
    [
        ("namecontact;emailcontact", "in.csv", {}, 'delimiter=";"'),
        ('"id;mail"', "in.csv", {}, 'delimiter=";"'),
        ("id\tmail", "in.csv", {}, 'delimiter="\\t"'),
        ("id|mail", "in.csv", {}, 'delimiter="|"'),
        ("id,mail", "in.tsv", {}, 'delimiter=","'),
        ("id,mail", "in.csv", {"delimiter": ";"}, 'delimiter=","'),
    ],
)
def test_one_column_whose_name_holds_another_delimiter_is_refused(refused, header, name, options, remedy):
    error = refused(f"{header}\n1\n", name, **options)
    assert "has one column, whose name holds" in str(error)
    assert remedy in error.remedy
    assert error.field == "records"


def test_one_column_alone_is_fine(opened):
    assert opened("id\n1\n")[0] == ("id",)


# Columns without a name


@pytest.mark.parametrize("place", [1, 2])
def test_a_column_without_a_name_that_has_values_is_refused(refused, place):
    header = ["id", "mail"]
    header.insert(place - 1, "")
    error = refused(",".join(header) + "\n\n,,\n0,Jan,jan@example.com\n")
    assert f"column {place} of " in str(error)
    assert "has no name, and has values" in str(error)
    assert "index=False" in error.remedy


def test_a_column_at_the_end_without_a_name_that_has_values_is_refused(refused):
    assert "column 3 of " in str(refused("id,mail,,\n1,a@example.com,x,\n"))


@pytest.mark.parametrize("header", ["id,mail,,", "id,mail, ,", ",id,mail", "id,,mail,"])
def test_columns_without_names_and_values_are_left_out(opened, header):
    places = [name.strip() for name in header.split(",")]
    line = ",".join({"id": "1", "mail": "a"}.get(name, "") for name in places)
    columns, rows = opened(f"{header}\n{line}\n")
    assert columns == ("id", "mail")
    assert [row.record for row in rows] == [{"id": "1", "mail": "a"}]


def test_a_later_value_in_a_column_without_a_name_fails_its_row(opened):
    for header, bad in ((",id,mail", "x,2,b"), ("id,,mail", "2,x,b"), ("id,mail,", "2,b,x")):
        good = bad.replace("x", "")
        _, rows = opened(f"{header}\n{good}\n{bad}\n")
        assert rows[0].record == {"id": "2", "mail": "b"}
        assert (rows[1].record, rows[1].text) == ({}, bad)
        assert str(rows[1].error).startswith("line 3: the row has a value in column ")
        assert "which has no name" in str(rows[1].error)


# Names


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff"])
@pytest.mark.parametrize("header", ["id,mail", '"id","mail"'])
def test_byte_order_marks_are_no_part_of_a_name(opened, mark, header):
    columns, rows = opened(f"{mark}{header}\r\n1,a@example.com\r\n")
    assert columns == ("id", "mail")
    assert rows[0].record["id"] == "1"


def test_blanks_before_quotes_are_no_part_of_a_name(opened):
    assert opened('namecontact, "emailcontact"\nJan, "jan@example.com"\n')[0] == (
        "namecontact",
        "emailcontact",
    )


def test_names_may_have_line_breaks(opened):
    columns, rows = opened('id,"e-mail\naddress"\n1,a\n')
    assert columns == ("id", "e-mail\naddress")
    assert len(rows) == 1


@pytest.mark.parametrize(
    "content", ['id,"mail\n1,a\n2,b\n', 'id,"mail\n1,a\n2,b,"\n3,c\n', 'i"d,mail\n1,a\n', 'id,"mail\n1,"a"\n']
)
def test_a_header_with_a_stray_quote_is_refused(refused, content):
    error = refused(content)
    assert "a quote that is out of place (line 1)" in str(error)
    assert "1,a" not in str(error)


def test_a_text_in_utf_16_without_a_mark_is_named(refused, tmp_path):
    path = tmp_path / "wide.csv"
    path.write_bytes("id,mail\n1,a\n".encode("utf-16-le"))
    with pytest.raises(InvalidInput, match="NUL characters: it may be UTF-16") as raised, Records(str(path)):
        pass
    assert "utf-16-le" in raised.value.remedy


def test_a_text_in_utf_16_without_a_mark_names_the_order_of_its_bytes(refused, tmp_path):
    path = tmp_path / "wide.csv"
    path.write_bytes("id,mail\n1,a\n".encode("utf-16-be"))
    with pytest.raises(InvalidInput) as raised, Records(str(path)):
        pass
    assert raised.value.remedy == 'Set encoding="utf-16-be".'
    with pytest.raises(InvalidInput, match="does not begin with the mark of utf-16") as raised:
        list(Records(str(path), encoding="utf-16").__enter__())
    assert '"utf-16-be"' in raised.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        "Jan,+421 900 111 222\nEva,421900111333\n",
        "Jan,421900111222\nEva,421900111333\n",
    ],
)
def test_a_phone_number_names_no_column(refused, content):
    error = refused(content)
    assert "the first line must name them" in str(error)
    assert "Jan" not in str(error)


def test_a_name_of_a_person_is_not_shown(refused):
    error = refused("Ján Novák,Ján Novák\nEva Malá,Brno\n")
    assert "Novák" not in str(error)


@pytest.mark.parametrize("line", ["sep=;,,", "sep=;,", '"sep=;"', "sep=;;", " sep=;", "SEP=;"])
def test_excels_line_is_understood_as_excel_completes_it(tmp_path, line):
    path = tmp_path / "in.csv"
    path.write_text(f"{line}\nid;name\n1;Ada\n")
    with Records(str(path)) as records:
        assert [row.record for row in records] == [{"id": "1", "name": "Ada"}]


@pytest.mark.parametrize("line", ["sep=", "sep=semi", "sep=semi,"])
def test_excels_line_without_one_character_is_refused(refused, line):
    assert 'Excel\'s "sep="' in str(refused(f"{line}\nid,name\n1,Ada\n"))


def test_one_column_with_a_name_that_holds_another_delimiter_is_refused_beside_empty_ones(refused):
    error = refused("namecontact;emailcontact,\nJan;jan@x.sk,\n")
    assert 'Set delimiter=";"' in error.remedy


def test_a_quoted_name_may_hold_its_own_delimiter(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text('"Name, Surname"\nAda\n')
    with Records(str(path)) as records:
        assert [row.record for row in records] == [{"Name, Surname": "Ada"}]


def test_a_mail_address_names_no_column(refused):
    error = refused("Jan,jan@example.com\nEva,eva@example.com\n")
    assert "an address or a phone number for the name of a column; it has 2 columns" in str(error)
    assert "jan@example.com" not in str(error)


def test_a_column_named_twice_is_not_shown_beside_what_may_be_data(refused):
    error = refused("Jan,Jan,2027-01-31\nx,y,z\n")
    assert "names columns twice; it has 3 columns, and the first line must name them" in str(error)
    assert "Jan" not in str(error)


@pytest.mark.parametrize(
    "name",
    [
        "jan@example.com",
        "+421900000001",
        "1990-01-31",
        "31.1.1990",
        "C-1001",
        "12",
        "x" * 61,
        "a\nb",
        "1 Jan 1990",
    ],
)
def test_what_looks_like_data_is_not_shown(name):
    assert looks_like_data(name)
    assert described(["id", name]) == (
        "it has 2 columns, and the first line must name them: its values look like data"
    )


@pytest.mark.parametrize(
    "name", ["id", "E-Mail", "q1", "address_line_2", "Dátum narodenia", "x" * 60, "user.apikey"]
)
def test_what_looks_like_a_name_is_shown(name):
    assert not looks_like_data(name)
    assert described([name, "id"]) == f"it has {name}, id"


@pytest.mark.parametrize(
    ("name", "text"),
    [("id\u200b", '"id\\u200b"'), ("\u200bid", '"\\u200bid"'), ("a\xa0b", '"a\\xa0b"'), ("ú b", "ú b")],
)
def test_invisible_characters_of_a_name_are_shown(name, text):
    assert shown(name) == text
    assert described([name]) == f"it has {text}"
