"""Sealed secrets: how passwords, API keys and access URLs travel through XCom, files and the ledger.

A sealed value is text, ``sealed:v1:`` and a token encrypted with Airflow's own Fernet key. It is opened only
at the moment of use. Rotating the Fernet key works as for Airflow's connections: put the new key in front of
the old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from airflow.sdk.crypto import FernetProtocol

PREFIX = "sealed:v1:"

_KEY_FIELD = "[core] fernet_key"


def is_sealed(value: Any) -> bool:
    """Say whether a value is a sealed secret."""
    return isinstance(value, str) and value.startswith(PREFIX)


def seal(secret: SecretStr | str) -> str:
    """Seal a secret.

    :param secret: the secret in clear
    :return: text that may be stored anywhere
    :raises InvalidInput: Airflow has no Fernet key
    """
    clear = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    return PREFIX + _fernet().encrypt(clear.encode()).decode()


def open_sealed(sealed: str) -> SecretStr:
    """Open a sealed value for use in this process, without registering it for masking.

    Airflow's masker rebuilds one regular expression with every secret it learns, which a batch cannot afford.

    :param sealed: the text that :func:`seal` returned
    :raises InvalidInput: it is not a sealed value, or was sealed with a key that this installation does not
        have
    """
    from cryptography.fernet import InvalidToken

    if not is_sealed(sealed):
        raise InvalidInput(f'a sealed value starts with "{PREFIX}"; this one does not.', field="sealed value")
    try:
        return SecretStr(_fernet().decrypt(sealed.removeprefix(PREFIX).encode()).decode())
    except InvalidToken:
        raise InvalidInput(
            "a sealed value cannot be opened: it was cut, or sealed with another Fernet key.",
            field=_KEY_FIELD,
            remedy="Add the key it was sealed with to fernet_key, after the current one and a comma.",
        ) from None


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


def _fernet() -> FernetProtocol:
    from airflow.sdk.crypto import get_fernet
    from airflow.sdk.exceptions import AirflowException

    try:
        fernet = get_fernet()
    except AirflowException:
        # A key of the wrong form, or the placeholder that stands where no airflow.cfg has been written yet.
        fernet = None
    if fernet is None or not fernet.is_encrypted:
        raise InvalidInput(
            "Airflow has no usable Fernet key, so secrets cannot be sealed; they are never stored in clear.",
            field=_KEY_FIELD,
            remedy=(
                'Set AIRFLOW__CORE__FERNET_KEY, from: python -c "from cryptography.fernet import Fernet; '
                'print(Fernet.generate_key().decode())"'
            ),
        )
    return fernet
