"""Whether this worker can open the sealed values of a batch: one damaged value is not a wrong key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput
from airflow_provider.secrets import KEY_FIELD, open_sealed

if TYPE_CHECKING:
    from pydantic import SecretStr


class SealedValues:
    """The sealed values that a batch has met.

    While none of several can be opened, it is the key of the worker that is wrong, not the records.
    """

    def __init__(self) -> None:
        self._opened = 0
        self._unopened = 0

    def reset(self) -> None:
        """Begin to count: what has read the records before, like a forecast, has met the same values."""
        self._opened = self._unopened = 0

    def open(self, sealed: str) -> SecretStr:
        """Open one.

        :param sealed: a sealed value
        :raises InvalidInput: it cannot be opened
        """
        try:
            secret = open_sealed(sealed)
        except InvalidInput as error:
            self.note(error)
            raise
        self._opened += 1
        return secret

    def note(self, error: InvalidInput | None) -> None:
        """Take note of one that was opened elsewhere.

        :param error: why it could not be; None where it could
        """
        if error is None:
            self._opened += 1
        elif error.field == KEY_FIELD:
            self._unopened += 1

    def wrong_key(self, at_least: int) -> InvalidInput | None:
        """Return the error of a worker with another key; None where a value was opened, or there is none.

        :param at_least: how many values must have been met
        """
        if self._opened or self._unopened < at_least:
            return None
        return InvalidInput(
            f"this worker cannot open any of the {self._unopened:,} sealed values that it has met: they were "
            "sealed with another Fernet key.",
            field=KEY_FIELD,
            remedy=(
                "Check that fernet_key is the same on all workers. After a rotation, add the key that they "
                "were sealed with to fernet_key, after the current one and a comma."
            ),
        )

    def wrong_key_of(self, records: int) -> InvalidInput | None:
        """Return the error of a worker with another key; the value of one record alone may be damaged.

        :param records: how many records have been met
        """
        return self.wrong_key(min(2, max(1, records)))
