from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest
from airflow.sdk.crypto import get_fernet
from cryptography.fernet import Fernet
from pydantic import SecretStr

from airflow_provider import secrets
from airflow_provider.exceptions import InvalidInput
from airflow_provider.secrets import V1, V2, check_key, is_sealed, open_sealed, reseal, seal, unseal
from tests.support.sandbox import ROOT

SECRET = "s3cr3t-välue"
EARLIER = (
    "sealed:v1:gAAAAABrB3seP26Ur1Qy8qJYhRo13jP8aInNsnW1SLltxtMBwdJwhoqSX-5xvJr2HnwZWaxz_NJguyCX"
    "pzu88POtjvQRNWEJTA=="
)
"""Sealed with Fernet, as version 1 was."""
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


@pytest.mark.parametrize(
    "clear", [SECRET, "", "x" * 10_000, "sealed:v1:looks-like-one", "sealed:v2:looks-like-one"]
)
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


@pytest.mark.parametrize(
    "value", ["", "plain", "sealed:v3:x", " sealed:v1:x", " sealed:v2:x", None, 7, ["sealed:v1:x"]]
)
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
@pytest.mark.parametrize(
    "action", [check_key, lambda: seal(SECRET), lambda: open_sealed(V1 + "x"), lambda: open_sealed(V2 + "x")]
)
def test_without_a_usable_key_nothing_is_sealed_or_opened(use_key, key, action):
    use_key(key)
    with pytest.raises(InvalidInput, match="no usable Fernet key") as raised:
        action()
    assert "AIRFLOW__CORE__FERNET_KEY" in raised.value.remedy
    assert raised.value.field == "[core] fernet_key"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("before", "after"), [(OLD, f"{OLD},{NEW}"), (f"{OLD},{NEW}", f"{NEW},{OLD}")], ids=["first", "second"]
)
def test_while_a_key_rolls_out_in_two_rounds_every_worker_opens_what_another_seals(use_key, before, after):
    for sealing in (before, after):
        use_key(sealing)
        sealed = seal(SECRET)
        for opening in (before, after):
            use_key(opening)
            assert open_sealed(sealed).get_secret_value() == SECRET


def test_in_one_round_a_worker_that_has_not_got_the_new_key_cannot_open_what_another_seals(use_key):
    use_key(f"{NEW},{OLD}")
    sealed = seal(SECRET)
    use_key(OLD)
    with pytest.raises(InvalidInput, match="another Fernet key"):
        open_sealed(sealed)


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
    "damage",
    [
        lambda s: s[:-5],
        lambda s: s[:20] + s[24:],
        lambda s: s[:10],
        lambda s: s[:10] + "ä",
        lambda s: s[:14],
        lambda s: V1 + s.removeprefix(V2).removeprefix(V1),
        lambda s: V2 + "AAAA" + s[14:],
    ],
)
@pytest.mark.parametrize("version", [V1, V2])
def test_a_damaged_value_is_refused(damage, version):
    sealed = seal(SECRET) if version == V2 else V1 + get_fernet().encrypt(SECRET.encode()).decode()
    with pytest.raises(InvalidInput, match="cannot be opened"):
        open_sealed(damage(sealed) if damage(sealed) != sealed else sealed[:-9])


def test_every_bit_of_a_sealed_value_counts():
    raw = bytearray(base64.b64decode(seal(SECRET).removeprefix(V2)))
    for position in range(len(raw)):
        raw[position] ^= 1
        with pytest.raises(InvalidInput, match="cannot be opened"):
            open_sealed(V2 + base64.b64encode(raw).decode())
        raw[position] ^= 1
    assert open_sealed(V2 + base64.b64encode(raw).decode()).get_secret_value() == SECRET


def test_what_was_sealed_by_an_earlier_version_is_opened(use_key):
    use_key("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=")
    assert open_sealed(EARLIER).get_secret_value() == SECRET


def test_what_another_process_has_sealed_is_opened_and_has_a_salt_of_its_own():
    script = f"from airflow_provider.secrets import seal; print(seal({SECRET!r}))"
    theirs = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    ).stdout.splitlines()[-1]
    assert open_sealed(theirs).get_secret_value() == SECRET
    salts = {base64.b64decode(one.removeprefix(V2))[:16] for one in (theirs, seal(SECRET), seal(SECRET))}
    assert len(salts) == 2


def test_a_fork_never_uses_a_nonce_again():
    def nonce() -> bytes:
        return base64.b64decode(seal(SECRET).removeprefix(V2))[16:28]

    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, nonce())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 12) != nonce()
    os.close(reading)
    os.close(writing)


def test_the_key_is_checked_before_anything_is_sent():
    assert secrets.check_key() is None  # type: ignore[func-returns-value]


def test_a_value_is_sealed_again_only_with_another_key(use_key):
    use_key(OLD)
    old, v1 = seal(SECRET), V1 + Fernet(OLD).encrypt(SECRET.encode()).decode()
    assert reseal(old) == old
    use_key(f"{NEW},{OLD}")
    new = [reseal(old), reseal(v1)]
    assert [reseal(value) for value in new] == new
    use_key(NEW)
    assert [open_sealed(value).get_secret_value() for value in new] == [SECRET, SECRET]
    for value in (old, v1, SECRET):
        with pytest.raises(InvalidInput):
            reseal(value)
