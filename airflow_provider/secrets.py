"""Sealed secrets: how passwords, API keys and access URLs travel through XCom, files and the ledger.

A sealed value is text that may be stored anywhere. It is opened only at the moment of use. Rotating the
Fernet key works as for Airflow's connections: put the new key in front of the old one.

``sealed:v2:`` stands before Base64 of salt (16 bytes), nonce (12 bytes) and ciphertext: AES-256-GCM with a
key that HKDF-SHA256 derives from Airflow's first Fernet key and the salt. A process has one salt, so it
derives one key for all that it seals. A batch seals two values a record; Fernet itself takes ten times as
long. ``sealed:v1:`` stands before a Fernet token. It is no longer made, and still opened.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from decimal import Decimal
from functools import cache, lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk.crypto import FernetProtocol
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

V1 = "sealed:v1:"
V2 = "sealed:v2:"

_PURPOSE = b"airflow-provider-vendor-apis sealed:v2"
KEY_FIELD = "[core] fernet_key"
"""What errors name that the key is the reason of."""

_SALT_BYTES = 16
_NONCE = struct.Struct(">IQ")
"""The number of the process and that of the value: a key never uses the same twice, forks included."""
_PLAIN = {str, int, float, bool, type(None)}


def is_sealed(value: Any) -> bool:
    """Say whether a value is a sealed secret."""
    return isinstance(value, str) and value.startswith((V2, V1))


def seal(secret: SecretStr | str) -> str:
    """Seal a secret.

    :param secret: the secret in clear
    :return: text that may be stored anywhere
    :raises InvalidInput: Airflow has no Fernet key
    """
    clear = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    keyring = _keyring(_fernet())
    nonce = keyring.nonce()
    sealed = keyring.salt + nonce + keyring.own.encrypt(nonce, clear.encode(), None)
    return V2 + base64.b64encode(sealed).decode("ascii")


def seal_fields(value: Any) -> Any:
    """Turn a vendor's answer into plain JSON values, its secrets sealed and its exact decimals as text.

    :param value: a model, or a part of one
    :raises InvalidInput: Airflow has no Fernet key
    """
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, SecretStr):
        return seal(value)
    if isinstance(value, BaseModel):
        # Only the declared fields: other keys of a response may be secret.
        return {name: seal_fields(getattr(value, name)) for name in value.__class__.__pydantic_fields__}
    if isinstance(value, list | tuple):
        return [seal_fields(item) for item in value]
    if isinstance(value, Decimal):
        # With all its digits: neither the ledger nor XCom has a form for it.
        return format(value, "f")
    return value


def open_sealed(sealed: str) -> SecretStr:
    """Open a sealed value for use in this process, without registering it for masking.

    Airflow's masker rebuilds one regular expression with every secret it learns, which a batch cannot afford.

    :param sealed: the text that :func:`seal` returned
    :raises InvalidInput: it is not a sealed value, or was sealed with a key that this installation does not
        have
    """
    if not is_sealed(sealed):
        raise InvalidInput(
            f'a sealed value starts with "{V2}" or "{V1}"; this one does not.', field="sealed value"
        )
    fernet = _fernet()
    clear = _open_v1(sealed, fernet) if sealed.startswith(V1) else _open_v2(sealed, fernet)
    if clear is None:
        raise InvalidInput(
            "a sealed value cannot be opened: it was cut, or sealed with another Fernet key.",
            field=KEY_FIELD,
            remedy="Add the key it was sealed with to fernet_key, after the current one and a comma.",
        ) from None
    return SecretStr(clear.decode())


def reseal(sealed: str) -> str:
    """Seal a sealed value again with the current key; one that is sealed with it stays as it is.

    :param sealed: the text that :func:`seal` returned
    :raises InvalidInput: it is not a sealed value, or was sealed with a key that this installation does not
        have
    """
    # Fernet does not tell which of its keys has opened a token, and the form is outdated anyway.
    if sealed.startswith(V2) and _open_v2(sealed, _fernet(), current_only=True) is not None:
        return sealed
    return seal(open_sealed(sealed))


def unseal(sealed: str) -> str:
    """Open a sealed value in task code, and have it masked in the logs of the task.

    :param sealed: the text that :func:`seal` returned
    :return: the secret in clear
    :raises InvalidInput: it is not a sealed value, or was sealed with a key that this installation does not
        have
    """
    from airflow.sdk.log import mask_secret

    clear = open_sealed(sealed).get_secret_value()
    mask_secret(clear)
    return clear


def check_key() -> None:
    """Make sure that secrets can be sealed, before the first request that brings one.

    :raises InvalidInput: Airflow has no Fernet key
    """
    _fernet()


def digest_key(purpose: str) -> bytes:
    """Return a key for digests of personal data: without it nobody finds the data by trying all there are.

    It is derived from Airflow's first Fernet key, so all workers have the same.

    :param purpose: what the digests are for; each purpose has a key of its own
    :raises InvalidInput: Airflow has no Fernet key
    """
    return _keyring(_fernet()).digest_key(purpose)


class _Keyring:
    """The keys that are derived from Airflow's Fernet keys, each when it is first needed."""

    def __init__(self) -> None:
        from airflow.sdk import conf

        self._secrets = [
            base64.urlsafe_b64decode(part) for part in conf.get("core", "fernet_key", fallback="").split(",")
        ]
        self.ciphers = lru_cache(256)(self._derive)
        """The ciphers for a salt, the current key's first."""
        self.salt = os.urandom(_SALT_BYTES)
        self._numbers = count()
        self.own = self.ciphers(self.salt)[0]

    def nonce(self) -> bytes:
        """Return a number that this key uses for no other value."""
        return _NONCE.pack(os.getpid(), next(self._numbers))

    def digest_key(self, purpose: str) -> bytes:
        """Return a key that depends on the current Fernet key and the purpose alone."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = f"airflow-provider-vendor-apis digest {purpose}".encode()
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._secrets[0])

    def _derive(self, salt: bytes) -> list[AESGCM]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return [
            AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=_PURPOSE).derive(secret))
            for secret in self._secrets
        ]


_current: tuple[FernetProtocol, _Keyring] | None = None


def _forget() -> None:
    """Let a forked process have a salt, and so keys, of its own."""
    global _current
    _current = None


os.register_at_fork(after_in_child=_forget)


def _keyring(fernet: FernetProtocol) -> _Keyring:
    """Return the keyring; Airflow makes another ``fernet`` where it has read other keys."""
    global _current
    current = _current
    if current is None or current[0] is not fernet:
        _current = current = (fernet, _Keyring())
    return current[1]


def _open_v2(sealed: str, fernet: FernetProtocol, *, current_only: bool = False) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.b64decode(sealed.removeprefix(V2), validate=True)
    except (binascii.Error, ValueError):
        return None
    end = _SALT_BYTES + _NONCE.size
    salt, nonce = raw[:_SALT_BYTES], raw[_SALT_BYTES:end]
    if len(nonce) < _NONCE.size:
        return None
    for cipher in _keyring(fernet).ciphers(salt)[: 1 if current_only else None]:
        try:
            return cipher.decrypt(nonce, raw[end:], None)
        except InvalidTag:
            continue
    return None


def _open_v1(sealed: str, fernet: FernetProtocol) -> bytes | None:
    from cryptography.fernet import InvalidToken

    try:
        return fernet.decrypt(sealed.removeprefix(V1).encode())
    except InvalidToken:
        return None


def _fernet() -> FernetProtocol:
    get_fernet, unusable = _airflow()
    try:
        fernet = get_fernet()
    except unusable:
        # A key of the wrong form, or the placeholder that stands where no airflow.cfg has been written yet.
        fernet = None
    if fernet is None or not fernet.is_encrypted:
        raise InvalidInput(
            "Airflow has no usable Fernet key, so secrets cannot be sealed; they are never stored in clear.",
            field=KEY_FIELD,
            remedy=(
                'Set AIRFLOW__CORE__FERNET_KEY, from: python -c "from cryptography.fernet import Fernet; '
                'print(Fernet.generate_key().decode())"'
            ),
        )
    return fernet


@cache
def _airflow() -> tuple[Callable[[], FernetProtocol], type[Exception]]:
    """Import what is needed for each value once: an import statement takes longer than to seal."""
    from airflow.sdk.crypto import get_fernet
    from airflow.sdk.exceptions import AirflowException

    return get_fernet, AirflowException
