"""Rows of CSV files that are not as they should be: each is read, or fails with its line and its text."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.records import csv_text
from airflow_provider.records.csv_text import FIELD_LIMIT, CsvText, _Form
from airflow_provider.records.parsing import TEXT_LIMIT, Row
from airflow_provider.records.readers import Records


@pytest.fixture
def rows(tmp_path):
    def read(content: str, name: str = "in.csv", **options: Any) -> list[Row]:
        path = tmp_path / name
        path.write_bytes(content.encode())
        with Records(str(path), **options) as records:
            return list(records)

    return read


def good(rows: list[Row]) -> list[dict[str, Any]]:
    return [row.record for row in rows if row.error is None]


def bad(rows: list[Row]) -> list[tuple[int, str | None, str]]:
    """Return number, text and line of the rows that cannot be read."""
    return [(row.number, row.text, str(row.error).partition(":")[0]) for row in rows if row.error is not None]


# A quote that is out of place


def test_a_quote_that_is_never_closed_fails_its_row_alone(rows):
    found = rows('id,note\n1,x\n2,x\n3,"5 inch\n' + "".join(f"{n},x\n" for n in range(4, 13)))
    assert bad(found) == [(3, '3,"5 inch', "line 4")]
    assert [record["id"] for record in good(found)] == [str(n) for n in range(1, 13) if n != 3]
    assert "nothing closes it. Close the quote." in str(found[2].error)


def test_a_value_that_lacks_its_closing_quote_takes_no_other_row_along(rows):
    found = rows('id,name\n1,"Bob\n2,"Ann"\n3,"Cid"\n4,"Dan"\n5,"Eva"\n')
    assert bad(found) == [(1, '1,"Bob', "line 2")]
    assert [record["name"] for record in good(found)] == ["Ann", "Cid", "Dan", "Eva"]


@pytest.mark.parametrize("place", [1, 2, 500, 999, 1000])
def test_one_stray_quote_among_a_thousand_rows_fails_one(rows, place):
    lines = [f"{n},{chr(34) * (n == place)}note {n}" for n in range(1, 1001)]
    found = rows("id,note\n" + "\n".join(lines) + "\n")
    assert bad(found) == [(place, lines[place - 1], f"line {place + 1}")]
    assert [row.number for row in found] == list(range(1, 1001))
    assert len(good(found)) == 999


def test_a_row_over_several_lines_that_does_not_fit_the_header_is_read_again_line_by_line(rows):
    found = rows('id,note,x\n1,"a,b\n2,c,d\n3,e,"\n4,f,g\n')
    assert bad(found) == [(1, '1,"a,b', "line 2"), (3, '3,e,"', "line 4")]
    assert [record["id"] for record in good(found)] == ["2", "4"]
    assert "ends in line 4, where the row would not fit the header" in str(found[0].error)


def test_values_over_several_lines_stay_whole(rows):
    found = rows('id,note,x\n1,"two\nlines","a\r\n\r\nb"\n2,"with ""quotes""\n,and; more""",c\n3,d,"\n"\n')
    assert good(found) == [
        {"id": "1", "note": "two\nlines", "x": "a\r\n\r\nb"},
        {"id": "2", "note": 'with "quotes"\n,and; more"', "x": "c"},
        {"id": "3", "note": "d", "x": "\n"},
    ]
    assert [row.number for row in found] == [1, 2, 3]


def test_a_value_may_go_on_for_longer_than_the_lines_that_are_read_at_once(rows):
    value = "\n".join(map(str, range(1000)))
    assert good(rows(f'id,note\n1,"{value}"\n2,x\n')) == [
        {"id": "1", "note": value},
        {"id": "2", "note": "x"},
    ]


@pytest.mark.parametrize("line", ['1,x"jan"', '1,5" pipe', '1,"jan" x', '1, "jan"x', '1,""jan""', '1," a"b"'])
def test_a_quote_inside_a_value_fails_its_row_and_says_what_to_do(rows, line):
    found = rows(f"id,name\n{line}\n2,Eva\n")
    assert bad(found) == [(1, line, "line 2")]
    assert str(found[0].error).endswith(
        "a quote stands inside a value. Put the value in quotes, and double the quotes inside it."
    )
    assert good(found) == [{"id": "2", "name": "Eva"}]


@pytest.mark.parametrize(
    ("line", "mail"),
    [
        ('Jan, "jan@example.com"', "jan@example.com"),
        ('Jan, \t "a ""b"", c"', 'a "b", c'),
        (' "Jan", "two\nlines"', "two\nlines"),
        ('"Jan", x', " x"),
        ('"Jan",  ', "  "),
        ('"Jan", ""', ""),
        ('"Jan","a, ""b"""', 'a, "b"'),
    ],
)
def test_a_blank_before_a_quote_is_no_part_of_the_value_and_others_stay(rows, line, mail):
    assert good(rows(f"name, mail\n{line}\n")) == [{"name": "Jan", "mail": mail}]


def test_a_tab_that_separates_columns_is_no_blank(rows):
    assert good(rows('a\tb\tc\n\t"x"\t \n', "in.tsv")) == [{"a": "", "b": "x", "c": " "}]


@pytest.mark.parametrize("line", ['1,"x', '1","x', '1,"x"y', '1,"""x', '","'])
def test_many_stray_quotes_are_not_each_looked_for_to_the_end_of_the_file(rows, monkeypatch, line):
    looked_at = 0

    class Counting(_Form):
        def __init__(self, delimiter: str) -> None:
            super().__init__(delimiter)
            for name in ("plain", "complete", "opens", "stays", "closes", "reopens"):
                setattr(self, name, self.counting(getattr(self, name)))

        def counting(self, matches: Any) -> Any:
            def look(text: str) -> Any:
                nonlocal looked_at
                looked_at += text.count("\n")
                return matches(text)

            return look

    monkeypatch.setattr(csv_text, "_Form", Counting)
    assert len(rows("id,note\n" + f"{line}\n" * 3000)) == 3000
    assert looked_at < 20 * 3000


def test_a_quote_without_an_end_does_not_fill_the_memory(tmp_path):
    path = tmp_path / "in.csv"
    line = "x" * 5000 + "," + "y" * 5000 + "\n"
    with path.open("w") as file:
        file.write('id,note\n1,"x\n')
        for _ in range(10_000):
            file.write(line)
    assert path.stat().st_size > 5 * FIELD_LIMIT
    tracemalloc.start()
    with Records(str(path)) as records:
        count = sum(row.error is None for row in records)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 4 * FIELD_LIMIT


def test_a_value_over_several_lines_beyond_the_limit_fails_with_its_first_line(rows):
    long = "x" * (FIELD_LIMIT - 2)
    found = rows(f'id,note\n1,"{long}\ny\nz\n"\n2,Bob\n')
    assert next((row.number, len(row.text)) for row in found if row.error) == (1, TEXT_LIMIT)
    assert good(found)[-1] == {"id": "2", "note": "Bob"}
    found = rows(f'id,note\n1,"{long}\ny"\n2,Bob\n')
    assert [len(record["note"]) for record in good(found)] == [FIELD_LIMIT, 3]


def test_the_example_of_the_docs_is_read_as_they_say(rows):
    found = rows('sep=;\nid;name;note\n1;"Novák; Ján";"two\nlines"\n2;"Eva;x\n3;Dan;y\n')
    assert good(found) == [
        {"id": "1", "name": "Novák; Ján", "note": "two\nlines"},
        {"id": "3", "name": "Dan", "note": "y"},
    ]
    assert bad(found) == [(2, '2;"Eva;x', "line 5")]


# Too few and too many values


@pytest.mark.parametrize(
    ("content", "failed", "ids"),
    [
        (
            "id,addr,phone\r\n1,Main\rstreet 5,+421900000001\r\n2,Side 4,+421900000002\r\n",
            ["1,Main", "street 5,+421900000001"],
            ["2"],
        ),
        (
            "id,addr,phone\r\n1,Main 4,+421900000001\r\n2,Side 7\r\nBratislava,+421900000002\r\n",
            ["2,Side 7", "Bratislava,+421900000002"],
            ["1"],
        ),
        (
            "id,mail,phone\nC-1001,a@example.com,+421900000001\nC-1002,b@example.c",
            ["C-1002,b@example.c"],
            ["C-1001"],
        ),
        ("id,mail,phone\nC-1001,a@example.com,+421900000001\nC-00", ["C-00"], ["C-1001"]),
    ],
)
def test_half_a_row_fails(rows, content, failed, ids):
    found = rows(content)
    assert [text for _, text, _ in bad(found)] == failed
    assert [record["id"] for record in good(found)] == ids


def test_a_short_row_says_which_line_and_what_may_be_meant(rows):
    [row] = rows("id,name,mail\n1,Ada\n")
    assert str(row.error) == (
        "line 2: the row has 2 values for 3 columns. Check its line breaks and quotes. If the file leaves out "
        'trailing values, set missing_values="empty".'
    )


def test_missing_trailing_values_are_empty_where_the_file_is_said_to_leave_them_out(rows):
    found = rows('id,name,mail\n1,Ada\n2\n3,Cid,c@example.com\n"4"\n', missing_values="empty")
    assert bad(found) == []
    assert good(found) == [
        {"id": "1", "name": "Ada", "mail": ""},
        {"id": "2", "name": "", "mail": ""},
        {"id": "3", "name": "Cid", "mail": "c@example.com"},
        {"id": "4", "name": "", "mail": ""},
    ]


def test_missing_values_do_not_hide_what_a_quote_swallows(rows):
    found = rows('id,name,mail\n1,"Ada\n2,Bob,b@x.com\n3,C"\n4,Dan\n', missing_values="empty")
    assert [number for number, _, _ in bad(found)] == [1, 3]
    assert [record["id"] for record in good(found)] == ["2", "4"]


def test_empty_values_beyond_the_header_are_left_out_and_others_fail(rows):
    found = rows("id,name\n1,Ada,,\n2,Bob, ,x\n3,Cid\n")
    assert good(found) == [{"id": "1", "name": "Ada"}, {"id": "3", "name": "Cid"}]
    assert bad(found) == [(2, "2,Bob, ,x", "line 3")]


# What is no record


def test_a_row_that_repeats_the_header_fails(rows):
    for again in ("id,mail", "\ufeffid,mail", '"id","mail"', " id , mail", "id,mail,,"):
        found = rows(f"id,mail\r\n1,a@example.com\r\n{again}\r\n2,b@example.com\r\n")
        assert bad(found) == [(2, again, "line 3")], again
        assert "repeats the header" in str(found[1].error)
        assert [record["id"] for record in good(found)] == ["1", "2"]


def test_a_row_that_shares_a_value_with_the_header_is_a_record(rows):
    assert good(rows("id,mail\nid,a@example.com\n")) == [{"id": "id", "mail": "a@example.com"}]


@pytest.mark.parametrize("blank", ["", ",", "  ,", ",,,", "\t", "\x1a", "\ufeff", " , ,"])
@pytest.mark.parametrize("quoted", [False, True])
def test_rows_of_delimiters_alone_are_blank_lines(rows, blank, quoted):
    first = '"1","a"' if quoted else "1,a"
    found = rows(f"id,mail\r\n{blank}\r\n{first}\r\n{blank}\r\n{blank}\r\n2,b\r\n{blank}")
    assert [(row.number, row.record) for row in found] == [
        (1, {"id": "1", "mail": "a"}),
        (2, {"id": "2", "mail": "b"}),
    ]


def test_a_row_of_quotes_was_written_on_purpose(rows):
    assert good(rows('id,mail\n"",""\n"",\n')) == [{"id": "", "mail": ""}] * 2


def test_a_byte_order_mark_before_a_row_is_no_part_of_its_value(rows):
    assert good(rows("id,mail\n1,a\n\ufeff2,b\n")) == [{"id": "1", "mail": "a"}, {"id": "2", "mail": "b"}]


def test_the_text_of_a_row_is_kept_up_to_a_limit(rows):
    [row] = rows("id,mail\n1,2," + "x" * 20_000 + "\n")
    assert row.text == ("1,2," + "x" * 20_000)[:TEXT_LIMIT]


@pytest.mark.parametrize("text", ['1,"a"\n', '"1", "a"\n', "1,a\n", '1,"a\nb"\n'])
def test_what_is_read_line_by_line_is_what_the_csv_module_reads(text):
    reader = CsvText(["a,b\n", '"\n', *text.splitlines(keepends=True)], None, ",")
    reader.header()
    pieces = [piece for line, lines, _ in reader.blocks() for piece in reader.pieces(line, lines)]
    expected = next(csv.reader(text.splitlines(keepends=True), skipinitialspace=True))
    assert pieces[-1].values == expected
    assert [piece.error is None for piece in pieces] == [False, True]


# JSON lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "line 3: the line is a JSON array, not a JSON object."),
        ('[{"id": 1}]', "line 3: the line is a JSON array, not a JSON object."),
        ('{"id": 2', "line 3: the line is not a JSON object (9 characters)."),
        ("\x1a7", "line 3: the line is not a JSON object (3 characters)."),
    ],
)
def test_a_line_that_is_no_object_fails_with_its_text(rows, line, said):
    found = rows(f'{{"id": 1}}\n\n{line}\n{{"id": 3}}\n', "in.jsonl")
    assert good(found) == [{"id": 1}, {"id": 3}]
    assert (found[1].number, found[1].text) == (2, line)
    assert str(found[1].error) == f"{said} Write one object a line."


def test_a_file_of_json_lines_that_is_cut_off_says_so(rows):
    found = rows('{"id": 1}\n{"id": "2', "in.jsonl")
    assert "the file ends in it: it may be cut off" in str(found[1].error)
    assert found[1].text == '{"id": "2'


def test_byte_order_marks_and_the_end_of_dos_files_are_no_records_of_json_lines(rows):
    found = rows('\ufeff\ufeff{"id": 1}\n\ufeff{"id": 2}\n\x1a', "in.jsonl")
    assert good(found) == [{"id": 1}, {"id": 2}]
    assert len(found) == 2


def test_the_tests_have_the_limit_of_the_module(tmp_path: Path) -> None:
    assert csv.field_size_limit() == FIELD_LIMIT


# Rows that a quote would take along, though what is left looks like a record


SWALLOWED = {
    "a quote in the last column, and one later": (
        'id,note\n1,"5 inch\n2,x\n3,6 inch"\n4,y\n',
        ["2", "4"],
    ),
    "a lone quote in every row": (
        'id,mail,note\nu1,a@x.sk,"\nu2,b@x.sk,"\nu3,c@x.sk,"\nu4,d@x.sk,"\n',
        [],
    ),
    "all values in quotes": ('id,name,city\n"1","Bob,Brno\n2,Ann","Wien"\n"3","Cid","Graz"\n', ["3"]),
    "one column": ('id\n"1\n2\n3"\n4\n', ["2", "4"]),
}


@pytest.mark.parametrize("case", SWALLOWED)
def test_a_row_inside_a_value_is_a_row(rows, case):
    content, ids = SWALLOWED[case]
    found = rows(content)
    assert len(found) == content.count("\n") - 1
    assert [record["id"] for record in good(found)] == ids


def test_four_hundred_rows_between_two_quotes_are_read(rows):
    middle = "".join(f"{number},x\n" for number in range(2, 400))
    found = rows(f'id,note\n1,"5 inch\n{middle}400,6 inch"\n')
    assert len(found) == 400
    assert [number for number, _, _ in bad(found)] == [1, 400]


@pytest.mark.parametrize(
    "value",
    ["two\nlines", "Dear Sir, thanks\nfor all, bye", "a,b\nc,d,e", "x\n,y", "\n", "one\n\nthree"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_value_over_several_lines_stays_whole(rows, value, place):
    values = ["1", "2", "3"]
    values[place] = value
    shown = ",".join('"' + one.replace('"', '""') + '"' for one in values)
    [row] = rows(f"id,name,note\n{shown}\n")
    assert list(row.record.values()) == values


def test_lines_of_a_refused_record_are_no_short_rows(rows):
    found = rows(
        'id;note;x;y\nc1;"hello\nsecond line\nthird"\nc2;a\n', "in.csv", delimiter=";", missing_values="empty"
    )
    assert [record["id"] for record in good(found)] == ["c2"]
    assert len(found) == 4


def test_the_end_of_a_file_of_dos_is_no_part_of_a_value(rows):
    assert good(rows("id,name\r\n1,x\r\n2,y\x1a")) == [{"id": "1", "name": "x"}, {"id": "2", "name": "y"}]


@pytest.mark.parametrize("again", ["id,name", "ID,Name", "\u200bid,name", "name,id", "sep=;", "sep=;,"])
def test_a_second_header_is_no_record_however_it_is_written(rows, again):
    found = rows(f"id,name\n1,Ada\n{again}\n2,Bob\n", missing_values="empty")
    assert [record["id"] for record in good(found)] == ["1", "2"]
    assert "repeats the header" in str(found[1].error)


def test_half_a_header_is_no_record_either(rows):
    found = rows("id,name\n1,Ada\nid\n2\n", missing_values="empty")
    assert [record["id"] for record in good(found)] == ["1", "2"]
