"""Write the tables of docs/money.rst: ``python -m tests.mobadoo.wallet.money_page``.

Each row is what the wallet did with messages in this order, a player of its own for each row.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import sqlalchemy as sa

from airflow_provider.mobadoo.wallet import Change, Refused, SqlWallet, Ticket
from airflow_provider.mobadoo.wallet.loading import Player
from airflow_provider.store.tables import wallet_entry, wallet_note

PAGE = Path(__file__).resolve().parents[3] / "docs" / "money.rst"
CREDIT = Decimal("100.00")
# A message, and the amount that it has: 10.00 bet, 18.50 won unless it says otherwise.
AMOUNTS = {"create": Decimal("10.00"), "RESOLVED": Decimal("18.50"), "CANCELED": None, "REJECTED": None}
ONCE: tuple[tuple[str, ...], ...] = tuple(
    order for length in (1, 2, 3) for order in permutations(("create", "RESOLVED", "CANCELED"), length)
)
AGAIN: tuple[tuple[str, ...], ...] = (
    ("create", "create"),
    ("create", "create 12.00"),
    ("create", "RESOLVED", "RESOLVED"),
    ("create", "RESOLVED", "RESOLVED 20.00"),
    ("create", "RESOLVED", "create"),
    ("create", "CANCELED", "REJECTED"),
    ("create", "CANCELED", "create"),
    ("CANCELED", "REJECTED", "create"),
    ("RESOLVED", "create", "RESOLVED"),
    ("create 200.00", "create 200.00"),
    ("create 200.00", "CANCELED"),
    ("create 200.00", "RESOLVED"),
    ("create 10.005", "create"),
    ("create", "RESOLVED 18.505", "RESOLVED"),
)
TABLES = {"orders": ONCE, "repeats": AGAIN}


@dataclass
class Happened:
    """What the wallet did with messages.

    :param answers: what it answered to each: OK, or why it refused
    :param balances: what the player had after each
    :param entries: the movements that were booked, with amounts
    :param notes: what a person is shown in the end
    """

    answers: list[str] = field(default_factory=list)
    balances: list[str] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Bench:
    """Sends messages to a wallet.

    :param wallet: the wallet
    """

    def __init__(self, wallet: SqlWallet) -> None:
        self.wallet = wallet
        self._made = 0

    def send(self, messages: Sequence[str], times: int = 1) -> Happened:
        """Send messages about one ticket of a new player.

        :param messages: like ``create 12.00``, in the order in which they arrive
        :param times: how often each comes before the next
        """
        self._made += 1
        player = f"player-{self._made}"
        self.wallet.load([Player(player=player, currency="EUR", balance=CREDIT)])
        happened = Happened()
        for message in messages:
            answers = {self._answer(player, message) for _ in range(times)}
            # The same thing again has the same answer.
            assert len(answers) == 1, (messages, answers)
            happened.answers.append(answers.pop())
            happened.balances.append(str(self.wallet.credit_of(player).balance))
        self._read(player, happened)
        return happened

    def _answer(self, player: str, message: str) -> str:
        name, _, given = message.partition(" ")
        amount = Decimal(given) if given else AMOUNTS[name]
        try:
            if name == "create":
                self.wallet.debit(Ticket(ticket="777", player=player, amount=amount or Decimal()))
            else:
                change = Change(ticket="777", player=player, state=name, amount=amount)
                (self.wallet.settle if name == "RESOLVED" else self.wallet.refund)(change)
        except Refused as refused:
            return refused.state
        return "OK"

    def _read(self, player: str, happened: Happened) -> None:
        entry, note = wallet_entry.c, wallet_note.c
        with self.wallet.database.read() as connection:
            entries = sa.select(entry.movement, entry.amount).where(entry.player == player)
            for movement, amount in connection.execute(entries.order_by(entry.number)):
                if movement != "opening":
                    happened.entries.append((movement, str(Decimal(amount).scaleb(-2))))
            notes = sa.select(note.kind, note.closed_at).where(note.player == player)
            for kind, closed_at in connection.execute(notes.order_by(note.created_at)):
                happened.notes.append(kind if closed_at is None else f"{kind}, closed")


def rendered(bench: Bench, orders: Sequence[Sequence[str]]) -> str:
    """Return a table of what the wallet does with messages in these orders."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 26 40 18 16", ""]
    lines += _row("What arrives", "What is answered", "Balance: 100.00, then", "Shown to a person")
    for order in orders:
        happened = bench.send(order)
        answers = [one if one == "OK" else f"*{one}*" for one in happened.answers]
        lines += _row(
            " → ".join(f"``{one}``" for one in order),
            " → ".join(answers),
            " → ".join(happened.balances),
            ", ".join(happened.notes) or "nothing",
        )
    return "\n".join(lines)


def page(bench: Bench, text: str) -> str:
    """Return the page with its tables as they are now.

    :param text: the page as it is
    """
    for name, orders in TABLES.items():
        begin, end = f".. Table {name}: written by {__spec__.name}", f".. End of the table {name}"
        pattern = re.compile(f"({re.escape(begin)}\n\n).*?(\n\n{re.escape(end)}\n)", re.DOTALL)
        found = pattern.search(text)
        assert found, f"docs/money.rst has no place for the table {name}"
        text = f"{text[: found.start()]}{found[1]}{rendered(bench, orders)}{found[2]}{text[found.end() :]}"
    return text


def _row(first: str, *cells: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {cell}" for cell in cells)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW__VENDOR_APIS__LEDGER_PATH"] = f"{folder}/wallet.db"
        wallet = SqlWallet()
        PAGE.write_text(page(Bench(wallet), PAGE.read_text()))
        wallet.close()


if __name__ == "__main__":
    main()
