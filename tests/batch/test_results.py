"""Chosen secrets of a result in clear, from what the vendor answered or from what is sealed."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from airflow_provider.batch import results
from airflow_provider.batch.results import revealed
from airflow_provider.http.model import VendorModel
from airflow_provider.secrets import is_sealed, seal_fields


class Inner(VendorModel):
    url: SecretStr | None = None


class Answer(VendorModel):
    name: str = "ada"
    key: SecretStr
    inner: Inner


ANSWER = Answer(key=SecretStr("s3cr3t"), inner=Inner(url=SecretStr("https://x")))


@pytest.mark.parametrize("value", [ANSWER, None], ids=["answered", "replayed"])
def test_what_is_named_is_in_clear_and_the_rest_stays_sealed(value):
    stored = seal_fields(ANSWER)
    shown = revealed(stored, ["inner.url"], value)
    assert shown["inner"] == {"url": "https://x"}
    assert is_sealed(shown["key"])
    assert is_sealed(stored["inner"]["url"]), "the ledger stores it sealed"
    assert revealed(stored, ["key", "inner.url"], value)["key"] == "s3cr3t"


def test_nothing_is_opened_that_was_just_sealed(monkeypatch):
    def refuse(sealed: str) -> None:
        raise AssertionError("it has been opened")

    monkeypatch.setattr(results, "open_sealed", refuse)
    assert revealed(seal_fields(ANSWER), ["key"], ANSWER)["key"] == "s3cr3t"


@pytest.mark.parametrize("value", [Answer(key=SecretStr("k"), inner=Inner()), None])
def test_a_secret_that_is_not_there_stays_none(value):
    stored = seal_fields(Answer(key=SecretStr("k"), inner=Inner()))
    assert revealed(stored, ["inner.url"], value)["inner"] == {"url": None}


def test_a_result_that_a_person_has_marked_as_done_may_have_nothing():
    assert revealed(None, ["key"]) is None
    assert revealed({}, ["inner.url"]) == {}
