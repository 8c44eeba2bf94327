"""The wallet that the configuration names: made when a server starts, one for each connection."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider.events.settings import SECTION
from airflow_provider.exceptions import InvalidInput

if TYPE_CHECKING:
    from airflow_provider.events.settings import Settings


class Wallets:
    """The wallets of the connections.

    :param settings: the configuration
    :raises InvalidInput: the option ``wallet`` names nothing that can be used
    """

    def __init__(self, settings: Settings) -> None:
        self._wallet = _made(settings.wallet, settings.wallet_conn_id)
        self._of: dict[str, Any] = {}

    def of(self, conn_id: str) -> Any:
        """Return the wallet of a connection.

        :param conn_id: the connection's id
        """
        found = self._of.get(conn_id)
        if found is None:
            choose = getattr(self._wallet, "for_connection", None)
            found = self._of[conn_id] = self._wallet if choose is None else choose(conn_id)
        return found

    def close(self) -> None:
        """Close what the wallet has opened, where it can be closed."""
        close = getattr(self._wallet, "close", None)
        if close is not None:
            close()


def _made(path: str, conn_id: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        found: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _invalid(f"names {path}, which cannot be imported ({type(error).__name__}: {error})") from None
    except Exception as error:
        # Without its text, which may quote anything.
        raise _invalid(f"names {path}, which cannot be imported ({type(error).__name__})") from error
    if not callable(found):
        raise _invalid(f"names {path}, which is neither a class nor a function")
    try:
        return found(conn_id)
    except Exception as error:
        # Without its text, which may quote a connection.
        raise _invalid(f"names {path}, which cannot be made ({type(error).__name__})") from error


def _invalid(fault: str) -> InvalidInput:
    return InvalidInput(
        f"[{SECTION}] wallet {fault}.",
        field=f"[{SECTION}] wallet",
        remedy=(
            "Name a class or a function by its path, as in my_company.wallet.Wallet. It is called with the "
            f"value of [{SECTION}] wallet_conn_id."
        ),
    )
