"""The provider's database, kept open by the API server, and what a section says where it cannot be used."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from airflow_provider.events import faults
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.store.location import located, wallet_conn_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.store.engine import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a section is empty.

    :param text: what is wrong, and what to do about it
    :param empty: whether there simply is nothing yet
    """

    text: str
    empty: bool = False


class NothingYet(Exception):
    """There is no database yet: no batch has run."""


class _Kept:
    """One open database, with its pool, for as long as the configuration names it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database: Database | None = None

    def get(self, wallet: str) -> Database:
        from airflow.models.connection import Connection

        with warnings.catch_warnings():
            # Airflow 3.2 warns about its own models.
            warnings.simplefilter("ignore")
            found = located(Connection.get_connection_from_secrets, wallet=wallet)
        with self._lock:
            if self._database is not None and self._database.same_as(found):
                found.close()
                return self._database
            # One that others still read from is closed when they have ended.
            self._database = found
            return found


_kept, _kept_wallet = _Kept(), _Kept()


@contextmanager
def ledger(*, wallet: bool = False) -> Iterator[Database]:
    """Open the provider's database; none is created.

    :param wallet: whether that of the wallet is meant, which may be another one
    :raises NothingYet: there is none
    :raises VendorError: it cannot be used
    """
    name = wallet_conn_id() if wallet else ""
    database = _kept_wallet.get(name) if name else _kept.get("")
    if not database.exists():
        raise NothingYet(database.place)
    database.prepare()
    yield database


def databases() -> list[Database | Failure]:
    """Return the provider's database, and that of the wallet where it is another one."""
    found = [with_ledger(lambda database: database)]
    if wallet_conn_id():
        wallet = with_ledger(lambda database: database, wallet=True)
        first = found[0]
        if isinstance(wallet, Failure) or isinstance(first, Failure) or not wallet.same_as(first):
            found.append(wallet)
    return found


def attempt(load: Callable[[], T]) -> T | Failure:
    """Load a section; where that fails, return what the section says instead.

    :param load: loads it
    """
    try:
        return load()
    except NothingYet as error:
        return Failure(
            f"There is no ledger yet ({error}): the first batch creates it. If one has run, give the API "
            "server the same [vendor_apis] ledger_conn_id as the workers.",
            empty=True,
        )
    except (InvalidInput, VendorError) as error:
        return Failure(str(error))
    except SQLAlchemyError as error:
        return Failure(f"{faults.describe(error)}.")


def with_ledger(load: Callable[[Database], T], *, wallet: bool = False) -> T | Failure:
    """Load a section from the provider's database.

    :param load: loads it
    :param wallet: whether that of the wallet is meant
    """

    def work() -> T:
        with ledger(wallet=wallet) as database:
            return load(database)

    return attempt(work)
