from __future__ import annotations

import pytest
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet
from pydantic import SecretStr

from airflow_provider import secrets
from airflow_provider.exceptions import InvalidInput
from airflow_provider.secrets import PREFIX, check_key, is_sealed, open_sealed, seal, unseal

SECRET = "s3cr3t-välue"
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def use_key(monkeypatch):
    def use(key: str) -> None:
        monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
        getattr(get_fernet, "cache_clear", lambda: None)()

    yield use
    monkeypatch.undo()
    getattr(get_fernet, "cache_clear", lambda: None)()


@pytest.fixture
def masked(monkeypatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr("airflow.sdk.log.mask_secret", found.append)
    return found


@pytest.mark.parametrize("clear", [SECRET, "", "x" * 10_000, "sealed:v1:looks-like-one"])
@pytest.mark.parametrize("wrap", [str, SecretStr])
def test_what_was_sealed_opens_to_the_same(clear, wrap):
    sealed = seal(wrap(clear))
    assert is_sealed(sealed)
    assert sealed.isascii()
    assert open_sealed(sealed).get_secret_value() == clear


def test_a_sealed_value_does_not_show_the_secret_nor_that_two_are_equal():
    first, second = seal(SECRET), seal(SECRET)
    assert SECRET not in first
    assert first != second


def test_an_opened_value_does_not_show_in_its_repr():
    assert SECRET not in repr(open_sealed(seal(SECRET)))


@pytest.mark.parametrize("value", ["", "plain", "sealed:v2:x", " sealed:v1:x", None, 7, ["sealed:v1:x"]])
def test_anything_else_is_not_sealed_and_refused(value):
    assert not is_sealed(value)
    with pytest.raises(InvalidInput, match="starts with") as raised:
        open_sealed(value)
    assert "plain" not in str(raised.value)


def test_unsealing_in_task_code_registers_the_value_with_the_masker(masked):
    assert unseal(seal(SECRET)) == SECRET
    assert masked == [SECRET]


def test_opening_for_a_request_does_not_register_it(masked):
    open_sealed(seal(SECRET))
    assert masked == []


def test_unsealed_values_are_masked_for_real():
    from airflow.sdk._shared.secrets_masker import redact

    clear = unseal(seal("s3cr3t-for-the-masker"))
    assert clear not in str(redact(f"the value is {clear}."))


@pytest.mark.parametrize("key", ["", "not-a-fernet-key"])
@pytest.mark.parametrize("action", [check_key, lambda: seal(SECRET), lambda: open_sealed(PREFIX + "x")])
def test_without_a_usable_key_nothing_is_sealed_or_opened(use_key, key, action):
    use_key(key)
    with pytest.raises(InvalidInput, match="no usable Fernet key") as raised:
        action()
    assert "AIRFLOW__CORE__FERNET_KEY" in raised.value.remedy
    assert raised.value.field == "[core] fernet_key"
    assert SECRET not in str(raised.value)


def test_a_retired_key_still_opens_what_it_sealed(use_key):
    use_key(OLD)
    sealed = seal(SECRET)
    use_key(f"{NEW},{OLD}")
    assert open_sealed(sealed).get_secret_value() == SECRET
    newly = seal(SECRET)
    use_key(NEW)
    assert open_sealed(newly).get_secret_value() == SECRET


def test_another_key_cannot_open_it_and_the_error_says_how_to_mend_that(use_key):
    use_key(OLD)
    sealed = seal(SECRET)
    use_key(NEW)
    with pytest.raises(InvalidInput, match="another Fernet key") as raised:
        open_sealed(sealed)
    assert "after the current one" in raised.value.remedy
    assert sealed not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-5], lambda s: s[:20] + s[24:], lambda s: PREFIX, lambda s: PREFIX + "ä"]
)
def test_a_damaged_value_is_refused(damage):
    with pytest.raises(InvalidInput, match="cannot be opened"):
        open_sealed(damage(seal(SECRET)))


def test_the_key_is_checked_before_anything_is_sent():
    assert secrets.check_key() is None  # type: ignore[func-returns-value]
