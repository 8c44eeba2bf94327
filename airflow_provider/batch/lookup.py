"""What a batch looks up at the vendor before it sends its first record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.store.engine import Database
    from airflow_provider.store.waiting import Wait


class Recent(Protocol):
    """The records that the vendor has created or changed since a moment."""

    complete: bool
    """Whether it is certain that none is missing."""

    def find(self, key: Sequence[str]) -> list[Any]:
        """Return the results of the records that have the key of a call.

        :param key: the key
        :raises InvalidInput: nobody can tell whether it has
        """


class Lookup(Protocol):
    """Looks up at the vendor what a batch needs to know. It sends nothing that has an effect."""

    resend_after: float | None
    """Seconds after which a request of unknown outcome is sent again, if the vendor has no trace of it; None
    where such requests are not looked for."""

    blocking: bool
    """Whether :meth:`existing` may wait, for a database for example: it is called in a thread then."""

    @property
    def requests(self) -> int:
        """How many requests it has sent."""

    def prepare(self, database: Database, *, run: str, retry: bool, wait: Wait) -> None:
        """Read what is needed for all records.

        :param database: the provider's database
        :param run: the run of a Dag, whose tasks share what is read; empty outside of one
        :param retry: whether this is a later try of the task
        :param wait: waits for a database that is away
        :raises VendorError: it cannot be read
        """

    def existing(self, key: Sequence[str]) -> Any:
        """Return the result of the record that the vendor has with the key of a call; None where it has none.

        :param key: the key
        :raises InvalidInput: it has several
        """

    def recent(self, since: float) -> Recent:
        """Read what was created or changed since a moment.

        :param since: the moment, in seconds since 1970 by the clock of this machine
        :raises VendorError: it cannot be read
        """

    def unchecked(self) -> dict[str, int]:
        """Say how many values of which fields a check without requests could not check."""

    def close(self) -> None:
        """Close what is open."""
