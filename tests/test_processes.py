"""Which process holds a row, and whether it is gone."""

from __future__ import annotations

import pytest

from airflow_provider.processes import is_gone, new_owner
from tests.support.ledger import owner_that_is_gone


def test_this_process_is_there_and_each_run_has_a_name_of_its_own():
    first, second = new_owner(), new_owner()
    assert first != second
    assert not is_gone(first)
    assert len(first) <= 200


def test_a_process_whose_number_went_to_another_is_gone():
    assert is_gone(owner_that_is_gone())


@pytest.mark.parametrize(
    "owner",
    ["elsewhere/1/1/0", "", "no slashes", new_owner().rsplit("/", 2)[0] + "//0"],
    ids=["elsewhere", "empty", "no slashes", "no start"],
)
def test_of_others_nothing_is_known(owner):
    assert not is_gone(owner)
