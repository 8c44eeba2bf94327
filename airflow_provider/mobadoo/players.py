"""Players of a file, on their way into the wallet: what a record has is checked, and groups are loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.failures import Failures
from airflow_provider.batch.jobs import Job
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.extract.seen import Seen
from airflow_provider.mobadoo.launches import read_hash, read_player, unwritable
from airflow_provider.mobadoo.wallet.loading import Outcome, Player
from airflow_provider.records.json_lines import is_storable
from airflow_provider.records.parsing import Row
from airflow_provider.texts import text_or_none
from airflow_provider.values import shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.mobadoo.wallet import SqlWallet
    from airflow_provider.mobadoo.wallet.loading import Loaded
    from airflow_provider.records.writers import Output

RESULT = "loaded"
"""The field of a record that has its result."""

BLOCK = 500
"""Players that are loaded in one transaction."""

REPORTED = 50
"""Differing balances that are named in the result; each record has its own in its result."""

# A balance has no more digits, and a longer text is not even looked at.
AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")

CURRENCY = re.compile(r"[A-Za-z]{3}")


def load(
    player: str, currency: str, balance: str, display_name: str | None = None, hash: str | None = None
) -> Any:
    """Name what a record may have, as the function of a call does. Nobody calls it: there is no request."""


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """How players are loaded, and which failed records end it.

    :param conn_id: id of the connection whose players they are
    :param wallet_conn_id: connection of the wallet's database; empty: the provider's own
    :param differences: ``report``, ``adjust`` or ``fail``
    :param task: names the task of a run: an adjustment is booked once under it
    :param mapping: finds the values of a record
    :param on_error: as in every batch
    :param max_failures: as in every batch
    """

    conn_id: str
    wallet_conn_id: str
    differences: str
    task: str
    mapping: RecordMapping
    on_error: str = "fail"
    max_failures: int | None = None
    # Of a record that may have a session, which is not sealed where the row cannot be read.
    has_secrets: bool = True

    def wrong_key(self, at_least: int) -> VendorError | None:
        """Return the error of a worker that opens no sealed value; None where it opens some or met too few.

        :param at_least: how many values must have been met
        """
        return self.mapping.sealed.wrong_key(at_least)


@dataclass(slots=True)
class Read:
    """A record, and what was read of it.

    :param row: the record as it was read
    :param player: the player
    :param error: why there is none
    """

    row: Row
    player: Player | None = None
    error: VendorError | None = None


class LoadBatch:
    """Loads the players of a batch, group by group.

    :param plan: how they are loaded
    :param wallet: the wallet
    :param results: takes each record with what became of it
    :param reports: takes the report of each failed record
    :param log: the log of the task
    """

    def __init__(
        self, plan: LoadPlan, wallet: SqlWallet, results: Output, reports: Output, *, log: Any
    ) -> None:
        self.counts = BatchCounts()
        self.failures = Failures(plan, self.counts, reports)
        self._plan = plan
        self._wallet = wallet
        self._results = results
        self._log = log
        self._seen = Seen()
        self._outcomes = dict.fromkeys(("unchanged", "differs", "adjusted"), 0)
        self._different: list[dict[str, int | None]] = []

    def run(self, rows: Iterator[Row]) -> None:
        """Load all players.

        :param rows: the records
        :raises VendorError: a failed record that ends the batch, or a database that cannot be used
        :raises OSError: an output cannot be written
        """
        while block := list(islice(rows, BLOCK)):
            read = [self._read(row) for row in block]
            self._refuse_repeats(read)
            self._load(read)

    def remember(self) -> None:
        """Do nothing: each group is stored when it is loaded."""

    def told(self) -> dict[str, Any]:
        """Return how many players were there already, by what became of them, and which balances differ."""
        if count := self._outcomes["differs"]:
            self._log.warning(
                "Balances that differ from the wallet's, and were not changed: %d. The first is that of row "
                "%s; each result has both amounts.",
                count,
                self._different[0]["row"],
            )
        return {**self._outcomes, **({"differences": self._different} if self._different else {})}

    def close(self) -> None:
        """Remove the temporary file."""
        self._seen.close()

    def _read(self, row: Row) -> Read:
        if row.error is not None:
            return Read(row, error=row.error)
        try:
            player = read_record(self._plan.mapping.arguments(row.record))
            if is_storable(row.record):
                return Read(row, player)
        except VendorError as error:
            return Read(row, error=error)
        except UnicodeError:
            pass
        # What cannot be written must stay out of the report.
        return Read(Row(row.number, {}, row.source_row), error=unwritable())

    def _refuse_repeats(self, read: Sequence[Read]) -> None:
        given = [(one, one.player.player) for one in read if one.player is not None]
        known = self._seen.add([(player, None) for _, player in given])
        for (one, _), again in zip(given, known, strict=True):
            if again is not None:
                one.error = InvalidInput(
                    '"player" is in an earlier record already.',
                    field="player",
                    remedy="Keep one record of each player.",
                )

    def _load(self, read: Sequence[Read]) -> None:
        # Those that cannot be loaded first: where one of them ends the batch, nothing of its group is loaded.
        for one in read:
            if one.error is not None:
                self._fail(one.row, one.error)
        good = [(one.row, one.player) for one in read if one.player is not None and one.error is None]
        players, adjust = [player for _, player in good], self._plan.differences == "adjust"
        loaded = self._wallet.load(players, adjust=adjust, once=self._plan.task)
        for (row, _), found in zip(good, loaded, strict=True):
            self._write(row, found)

    def _write(self, row: Row, found: Loaded) -> None:
        if found.error is not None:
            self._fail(row, found.error)
            return
        if found.outcome == Outcome.DIFFERS and self._plan.differences == "fail":
            self._fail(row, _differs())
            return
        self.counts.add("created" if found.outcome == Outcome.CREATED else "existing", row)
        if found.outcome != Outcome.CREATED:
            self._outcomes[found.outcome] += 1
        if found.outcome in (Outcome.DIFFERS, Outcome.ADJUSTED) and len(self._different) < REPORTED:
            self._different.append({"row": row.source_row})
        result = {"outcome": found.outcome.value, "balance": str(found.balance)}
        if found.before is not None and found.before != found.balance:
            result["before"] = str(found.before)
        # What a CSV file has of an earlier load has names with a dot.
        kept = {name: value for name, value in row.record.items() if not name.startswith(f"{RESULT}.")}
        self._results.write({**kept, RESULT: result})

    def _fail(self, row: Row, error: VendorError) -> None:
        ending = self.failures.add(Job(row), error)
        if ending is not None:
            raise ending


def read_record(values: dict[str, Any]) -> Player:
    """Read a player.

    :param values: the values of the record, by name
    :raises InvalidInput: one of them cannot be right
    """
    hash = values.get("hash")
    return Player(
        player=read_player(values["player"]),
        currency=read_currency(values["currency"]),
        balance=read_balance(values["balance"]),
        display_name=text_or_none(values.get("display_name"), "display_name", prose=True),
        hash=None if hash is None else read_hash(hash),
    )


def read_currency(value: Any) -> str:
    """Read a currency.

    :param value: the value of the record
    :raises InvalidInput: it is not three letters
    """
    found = text_or_none(value, "currency") if isinstance(value, str) else None
    if found is None or not CURRENCY.fullmatch(found):
        raise InvalidInput(
            f'"currency" must be three letters of ISO 4217, like EUR; it is {shape(value)}.', field="currency"
        )
    return found.upper()


def read_balance(value: Any) -> Decimal:
    """Read a balance, exactly.

    :param value: text, a whole number or a ``Decimal``
    :raises InvalidInput: it is none of these, or has another form than ``10.50``
    """
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 30:
        return value
    text = str(value) if whole else value.strip() if isinstance(value, str) else ""
    if AMOUNT.fullmatch(text):
        return Decimal(text)
    remedy = "Write it with a point, without exponent, currency and separators of thousands."
    if isinstance(value, float):
        remedy = "Give it as text: a number with a fraction is not exact."
    elif isinstance(value, str) and "," in value:
        remedy = "Write it with a point, and without separators of thousands."
    raise InvalidInput(
        f'"balance" must be text like 10.50; it is {shape(value)}.', field="balance", remedy=remedy
    )


def _differs() -> InvalidInput:
    return InvalidInput(
        '"balance" is not what the wallet has. Nothing was changed.',
        field="balance",
        remedy='Find out why. differences="adjust" changes the wallet, with an entry; "report" only tells.',
    )
