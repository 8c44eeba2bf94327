"""Load players: who is missing is created, and what differs is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.mobadoo.wallet.books import Opening
from airflow_provider.mobadoo.wallet.money import AmountError, decimals_of, to_decimal, to_minor
from airflow_provider.mobadoo.wallet.rules import Movement
from airflow_provider.store.sessions import LONGEST_PLAYER, Session, Sessions, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from airflow_provider.mobadoo.wallet.books import Books
    from airflow_provider.mobadoo.wallet.databases import Databases


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """A player to be loaded.

    :param player: the operator's own identifier of the player
    :param currency: three letters of ISO 4217
    :param balance: what the player has
    :param display_name: what the player is called; None: it stays as it is
    :param hash: a session in clear, in place of the one that the player has; None: it stays as it is
    """

    player: str
    currency: str
    balance: Decimal
    display_name: str | None = None
    hash: str | None = field(default=None, repr=False)


class Outcome(StrEnum):
    """What has become of a player who was loaded."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    """There with this balance; the name and the session are as they were given."""

    DIFFERS = "differs"
    """There with another balance, which stays."""

    ADJUSTED = "adjusted"
    """There with another balance, which was changed to the one that is given."""

    FAILED = "failed"
    """Nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What has become of a player.

    :param outcome: what
    :param before: the balance that the player had; None for a new one, and where it failed
    :param balance: the balance that the player has now; None where it failed
    :param error: why it failed
    """

    outcome: Outcome
    before: Decimal | None = None
    balance: Decimal | None = None
    error: VendorError | None = None


def load_players(
    databases: Databases,
    conn_id: str,
    players: Sequence[Player],
    run: Callable[[Callable[[Books], list[Loaded]]], list[Loaded]],
    *,
    adjust: bool,
    once: str = "",
) -> list[Loaded]:
    """Load players, see :meth:`SqlWallet.load`.

    :param databases: those of the wallet
    :param conn_id: the connection whose players they are
    :param players: the players
    :param run: does work in a transaction
    :param adjust: whether a balance that differs is changed
    :param once: names what the adjustments belong to; empty: each is one of its own
    """
    checked = [_checked(player) for player in players]
    sessions = {
        player.player: Session(player.player, digest_of(conn_id, player.hash), given=True)
        for player, one in zip(players, checked, strict=True)
        if player.hash and isinstance(one, int)
    }
    store = Sessions(databases.sessions, conn_id)
    taken = store.of_others([*sessions.values()])
    for position, player in enumerate(players):
        session = sessions.get(player.player)
        if session is not None and session.digest in taken:
            checked[position] = _invalid(
                "hash", "stands for another player", "Give each a hash of their own."
            )

    def work(books: Books) -> list[Loaded]:
        # Two transactions that lock the same players lock them in the same order.
        places = sorted(range(len(players)), key=lambda place: books.order(players[place].player))
        found = _without_locks(books, [(place, players[place], checked[place]) for place in places])
        for place in places:
            if place not in found:
                found[place] = _load(books, players[place], checked[place], adjust, once)
        return [found[place] for place in range(len(players))]

    loaded = run(work)
    store.replace(
        sessions[player.player]
        for player, one in zip(players, loaded, strict=True)
        if player.player in sessions and one.error is None
    )
    return loaded


def _without_locks(books: Books, given: Sequence[tuple[int, Player, int | VendorError]]) -> dict[int, Loaded]:
    """Load the players who are new, and those for whom there is nothing to do: most are, night after night.

    :param books: the books
    :param given: place, player and balance of each, in the order of their rows
    :return: what has become of them, by place
    """
    accounts = books.accounts({player.player for _, player, balance in given if isinstance(balance, int)})
    found: dict[int, Loaded] = {}
    openings: dict[int, Opening] = {}
    for place, player, balance in given:
        if isinstance(balance, VendorError):
            found[place] = Loaded(outcome=Outcome.FAILED, error=balance)
            continue
        decimals, account = decimals_of(player.currency), accounts.get(player.player)
        amount = to_decimal(balance, decimals)
        if account is None:
            openings[place] = Opening(
                player=player.player,
                currency=player.currency,
                decimals=decimals,
                balance=balance,
                display_name=player.display_name,
            )
            found[place] = Loaded(outcome=Outcome.CREATED, balance=amount)
        elif (account.currency, account.decimals, account.balance) == (
            player.currency,
            decimals,
            balance,
        ) and player.display_name in (None, account.display_name):
            found[place] = Loaded(outcome=Outcome.UNCHANGED, before=amount, balance=amount)
    books.open([*openings.values()])
    return found


def _load(books: Books, player: Player, balance: int | VendorError, adjust: bool, once: str) -> Loaded:
    account = books.account(player.player, lock=True)
    if account is None or isinstance(balance, VendorError):
        # Players are not removed, and what is wrong was told before.
        return Loaded(outcome=Outcome.FAILED, error=_invalid("player", "is gone", "Load it again."))
    decimals = decimals_of(player.currency)
    if account.currency != player.currency:
        error = _invalid(
            "currency", "is not the one that the player has", "A player's currency cannot be changed."
        )
        return Loaded(outcome=Outcome.FAILED, error=error)
    if account.decimals != decimals:
        # The list of currencies has changed since: what is in the books stays what it is.
        try:
            balance = to_minor(player.balance, account.decimals)
        except AmountError as error:
            return Loaded(outcome=Outcome.FAILED, error=_amount_error(error))
    if player.display_name not in (None, account.display_name):
        books.rename(account, player.display_name)
    before = to_decimal(account.balance, account.decimals)
    if account.balance == balance:
        return Loaded(outcome=Outcome.UNCHANGED, before=before, balance=before)
    if not adjust:
        return Loaded(outcome=Outcome.DIFFERS, before=before, balance=before)
    if once and books.has_entry(player.player, Movement.ADJUSTMENT, once):
        return Loaded(outcome=Outcome.ADJUSTED, balance=before)
    books.move(account, player.player, None, Movement.ADJUSTMENT, balance - account.balance, key=once)
    return Loaded(outcome=Outcome.ADJUSTED, before=before, balance=to_decimal(balance, account.decimals))


def _checked(player: Player) -> int | VendorError:
    """Return the balance in minor units, or what is wrong."""
    try:
        _check_text("player", player.player, required=True)
        _check_text("display_name", player.display_name or "")
        if player.hash:
            _check_text("hash", player.hash)
        return to_minor(player.balance, decimals_of(player.currency))
    except InvalidInput as error:
        return error
    except AmountError as error:
        return _amount_error(error)


def _amount_error(error: AmountError) -> InvalidInput:
    return _invalid("balance", str(error), "Write it with the decimals of the currency, like 10.50.")


def _check_text(name: str, text: str, *, required: bool = False) -> None:
    if required and not text:
        raise _invalid(name, "is empty", "Give each player an identifier.")
    if len(text) > LONGEST_PLAYER:
        raise _invalid(name, f"is longer than {LONGEST_PLAYER} characters", "Shorten it.")
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise _invalid(name, "has a character that databases do not store", "Remove it.")


def _invalid(name: str, fault: str, remedy: str) -> InvalidInput:
    return InvalidInput(f'"{name}" {fault}.', field=name, remedy=remedy)
