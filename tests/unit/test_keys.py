from __future__ import annotations

import pytest

from airflow_provider.batch.keys import SeenKeys
from airflow_provider.exceptions import InvalidInput


def test_a_key_is_taken_once_and_the_repeat_names_the_first_row():
    with SeenKeys() as seen:
        seen.add(("ada", "bot", "a@example.com", ""), 3)
        seen.add(("ada", "bot", "", "+571"), 4)
        with pytest.raises(InvalidInput, match="repeats row 3") as raised:
            seen.add(("ada", "bot", "a@example.com", ""), 9)
        assert "not sent a second time" in str(raised.value)
        assert raised.value.field == "records"


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b"), ("ab",)), (("a,b",), ("a", "b")), (("", "a"), ("a", "")), (("ä",), ("a",))],
)
def test_keys_that_only_look_alike_are_different(one, other):
    with SeenKeys() as seen:
        seen.add(one, 1)
        seen.add(other, 2)


def test_each_batch_begins_with_none():
    for _ in range(2):
        with SeenKeys() as seen:
            seen.add(("a",), 1)


def test_no_key_is_shown_in_the_error():
    with SeenKeys() as seen:
        seen.add(("a@example.com",), 1)
        with pytest.raises(InvalidInput) as raised:
            seen.add(("a@example.com",), 2)
    assert "example.com" not in str(raised.value)
    assert raised.value.__suppress_context__
