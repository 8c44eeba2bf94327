"""Files whose first line is no header: a vendor that takes any field must not get what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider.exceptions import InvalidInput
from tests.support.batches import counts
from tests.support.wolkvox import bodies, insert

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def file(tmp_path):
    def write(content: str) -> str:
        path: Path = tmp_path / "in.csv"
        path.write_text(content, encoding="utf-8", newline="")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("namecontact;emailcontact\nJan;jan@example.com\nEva;eva@example.com\n", 'Set delimiter=";"'),
        (
            ",namecontact,emailcontact\n0,Jan,jan@example.com\n1,Eva,eva@example.com\n",
            "column 1 of .* has no name",
        ),
        ("Jan,jan@example.com\nEva,eva@example.com\n", "address or a phone number for the name of a column"),
    ],
)
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_first_line_that_is_no_header_is_refused_before_anything_is_sent(
    sandbox, file, content, said, on_error
):
    with pytest.raises(InvalidInput, match=said) as raised:
        insert(file(content), on_error=on_error)
    assert "jan@example.com" not in str(raised.value)
    assert bodies(sandbox, "custom/insert.php") == []


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\nnamecontact;emailcontact\nJan;jan@example.com\n",
        'namecontact, emailcontact\nJan, "jan@example.com"\n',
        "namecontact,emailcontact,,\nJan,jan@example.com,,\n,,,\n\x1a",
    ],
)
def test_a_file_that_is_written_in_another_way_is_understood(sandbox, file, content):
    assert counts(insert(file(content))) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "custom/insert.php")
    assert body["fields"] == {"namecontact": "Jan", "emailcontact": "jan@example.com"}


def test_the_row_of_the_original_file_is_never_sent(sandbox, file):
    first = insert(file('namecontact,x\nJan,1\nBad,"\nEva,2\n'), on_error="continue")
    assert [record.get("source_row") for record in first["records"]] == [None, 3]
    insert([{"namecontact": record["namecontact"] + "2", "source_row": 9} for record in first["records"]])
    assert [body["fields"] for body in bodies(sandbox, "custom/insert.php")] == [
        {"namecontact": "Jan", "x": "1"},
        {"namecontact": "Eva", "x": "2"},
        {"namecontact": "Jan2"},
        {"namecontact": "Eva2"},
    ]


def test_a_column_is_looked_for_without_showing_what_may_be_data(sandbox, file):
    with pytest.raises(InvalidInput) as raised:
        insert(file("Jan,C-10017,1990-01-31\na,b,c\n"), include=["namecontact"])
    assert 'no column "namecontact"' in str(raised.value)
    assert "it has 3 columns, and the first line must name them" in str(raised.value)
    assert "1990" not in str(raised.value)
