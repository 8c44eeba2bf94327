"""Records that change the same thing more than once."""

from __future__ import annotations

import pytest

from airflow_provider.batch.revisions import Revisions


def keys(*pairs: str) -> list[tuple[str, ...]]:
    changes = Revisions()
    return [changes.key(("m", *pair)) for pair in pairs]


def test_without_repeats_a_key_is_its_own():
    assert keys("ax", "bx", "cy") == [("m", "a", "x"), ("m", "b", "x"), ("m", "c", "y")]


def test_the_same_content_in_a_row_is_the_same_change():
    assert len(set(keys("ax", "bx", "ax", "ax"))) == 2


@pytest.mark.parametrize(
    ("pairs", "turns"),
    [
        (("ax", "ay", "ax"), 3),
        (("ax", "ay", "ay", "ax", "ax", "ay"), 4),
        (("ax", "bx", "ay", "by", "ax", "bx"), 6),
        (("ax", "by", "ax"), 2),
    ],
)
def test_a_content_after_another_is_a_change_of_its_own(pairs, turns):
    assert len(set(keys(*pairs))) == turns


def test_a_second_try_finds_the_same_keys():
    pairs = ("ax", "ay", "ax", "bx", "ax")
    assert keys(*pairs) == keys(*pairs)


def test_half_of_a_character_is_no_obstacle():
    assert keys(("a", "\ud800")) == [("m", "a", "\ud800")]  # type: ignore[arg-type]
