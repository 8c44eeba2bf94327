"""Launch URLs of many players: no request is made, and what is remembered of a URL is a digest of its hash.

A batch has three steps. It makes the URLs and writes them to an output that nobody sees yet; it stores the
sessions, in place of those that the players had; it publishes the output. So every URL that somebody can read
has a session, and a batch that fails on a record leaves the URLs of before as they are.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from pydantic import SecretStr

from airflow_provider.batch.counts import BatchCounts
from airflow_provider.batch.failures import Failures
from airflow_provider.batch.jobs import Job
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.extract.seen import Seen
from airflow_provider.http.urls import with_query
from airflow_provider.records.json_lines import is_storable
from airflow_provider.records.parsing import Row
from airflow_provider.secrets import seal
from airflow_provider.store.sessions import LONGEST_PLAYER, Session, digest_of
from airflow_provider.texts import text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.records.writers import Output
    from airflow_provider.store.sessions import Sessions

RESULT = "launch"
"""The field of a record that has its result."""

BLOCK = 500
"""Records that are looked at together."""

HASH_BYTES = 24
"""Random bytes of a hash that is made here: 192 bits, 32 characters."""

# What no URL has to escape; and 128 random bits are 22 characters of Base64.
HASH = re.compile(r"[A-Za-z0-9._~-]{22,200}")


def launch(player: str, hash: str | None = None, profile: str | None = None) -> Any:
    """Name what a record may have, as the function of a call does. Nobody calls it: there is no request."""


@dataclass(frozen=True, kw_only=True)
class LaunchPlan:
    """How launch URLs are made, and which failed records end it.

    :param conn_id: id of the connection
    :param online_url: the player's front end; its query may have parameters of its own
    :param client_id: the customer
    :param profile: the profile of records that have none of their own
    :param mapping: finds the values of a record
    :param reveal: whether the URLs are written in clear
    :param on_error: as in every batch
    :param max_failures: as in every batch
    """

    conn_id: str
    online_url: str
    client_id: str
    profile: str
    mapping: RecordMapping
    reveal: bool = False
    on_error: str = "fail"
    max_failures: int | None = None
    has_secrets: ClassVar[bool] = True

    def wrong_key(self, at_least: int) -> VendorError | None:
        """Return the error of a worker that opens no sealed value; None where it opens some or met too few.

        :param at_least: how many values must have been met
        """
        return self.mapping.sealed.wrong_key(at_least)

    def url(self, hash: str, profile: str | None = None) -> str:
        """Make a launch URL, with the parameters in the order of the vendor's own sample.

        :param hash: the player's session, in clear
        :param profile: in place of the connection's
        """
        query = {"hash": hash, "client_id": self.client_id, "profile": profile or self.profile}
        return with_query(self.online_url, query)


@dataclass(slots=True)
class Made:
    """A record, and what was made of it.

    :param row: the record as it was read
    :param session: the session to be stored
    :param url: the launch URL, as it is written
    :param error: why there is none
    """

    row: Row
    session: Session | None = None
    url: str | None = None
    error: VendorError | None = None


class PendingSessions:
    """Sessions that wait until all records have been read, in a temporary file without a name.

    :param folder: where the file is; None for the system's own folder
    :raises OSError: it cannot be made
    """

    def __init__(self, folder: str | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".records-")  # noqa: SIM115 - closed by close

    def add(self, sessions: Sequence[Session]) -> None:
        """Add sessions.

        :raises OSError: they cannot be written
        """
        self._file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in sessions))

    def __iter__(self) -> Iterator[Session]:
        self._file.seek(0)
        for line in self._file:
            yield msgspec.json.decode(line, type=Session)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


class LaunchBatch:
    """Makes the launch URLs of a batch. It stores no session before :meth:`remember`.

    :param plan: how they are made
    :param sessions: the sessions of the connection's players
    :param results: takes each record with its URL
    :param reports: takes the report of each failed record
    :param folder: where sessions wait; None for the system's own folder
    :raises OSError: nothing can be written there
    """

    def __init__(
        self, plan: LaunchPlan, sessions: Sessions, results: Output, reports: Output, *, folder: str | None
    ) -> None:
        self.counts = BatchCounts(done="made")
        self.failures = Failures(plan, self.counts, reports)
        self._plan = plan
        self._sessions = sessions
        self._results = results
        self._pending = PendingSessions(folder)
        self._seen = Seen()

    def run(self, rows: Iterator[Row]) -> None:
        """Make the URLs of all records.

        :param rows: the records
        :raises VendorError: a failed record that ends the batch, or records that cannot be read
        :raises OSError: an output cannot be written
        """
        while block := list(islice(rows, BLOCK)):
            made = [self._make(row) for row in block]
            self._refuse_repeats(made)
            for one in made:
                self._write(one)
            self._pending.add([one.session for one in made if one.session and one.error is None])

    def remember(self) -> None:
        """Store the sessions of all URLs that were made: they replace those that the players have.

        :raises VendorError: they cannot be stored, or not all of them
        """
        self._sessions.replace(self._pending)

    def told(self) -> dict[str, Any]:
        """Return nothing: the counts say it all."""
        return {}

    def close(self) -> None:
        """Remove the temporary files."""
        self._pending.close()
        self._seen.close()

    def _make(self, row: Row) -> Made:
        if row.error is not None:
            return Made(row, error=row.error)
        try:
            values = self._plan.mapping.arguments(row.record)
            session, url = self._launch(values)
            if is_storable(row.record):
                return Made(row, session, url)
        except VendorError as error:
            return Made(row, error=error)
        except UnicodeError:
            pass
        # What cannot be written cannot be sealed either, and must stay out of the report.
        return Made(Row(row.number, {}, row.source_row), error=unwritable())

    def _launch(self, values: Mapping[str, Any]) -> tuple[Session, str]:
        player = read_player(values["player"])
        given = values.get("hash")
        hash = secrets.token_urlsafe(HASH_BYTES) if given is None else read_hash(given)
        url = self._plan.url(hash, text_or_none(values.get("profile"), "profile"))
        session = Session(player, digest_of(self._plan.conn_id, hash), given is not None)
        return session, url if self._plan.reveal else seal(url)

    def _refuse_repeats(self, made: Sequence[Made]) -> None:
        """Refuse a hash that another player has, and a player who has a URL in this batch already."""
        sessions = [(one, one.session) for one in made if one.session is not None]
        given = [(one, session) for one, session in sessions if session.given]
        hashes = self._seen.add([(f"hash {session.digest}", None) for _, session in given])
        others = self._sessions.of_others([session for _, session in given])
        for (one, session), known in zip(given, hashes, strict=True):
            if known is not None or session.digest in others:
                one.error = _hash_of_another(in_batch=known is not None)
        good = [(one, session) for one, session in sessions if one.error is None]
        players = self._seen.add([(f"player {session.player}", None) for _, session in good])
        for (one, _), known in zip(good, players, strict=True):
            if known is not None:
                one.error = _second_of_player()

    def _write(self, made: Made) -> None:
        if made.error is not None:
            ending = self.failures.add(Job(made.row), made.error)
            if ending is not None:
                raise ending
            return
        # What a CSV file has of an earlier launch has a name with a dot.
        kept = {name: value for name, value in made.row.record.items() if name != f"{RESULT}.url"}
        self._results.write({**kept, RESULT: {"url": made.url}})
        self.counts.add("created", made.row)


def read_player(value: Any) -> str:
    """Read the operator's own identifier of a player.

    :param value: the value of the record
    :raises InvalidInput: it is no text, is empty or too long
    """
    player = text_or_none(value, "player")
    if player is None:
        what = "has no character that can be seen"
    elif len(player) > LONGEST_PLAYER:
        what = f"has {len(player)} characters"
    elif not _is_unicode(player):
        what = "has a character that was cut off"
    else:
        return player
    raise InvalidInput(
        f'"player" {what}.',
        field="player",
        remedy=f"Give the player's identifier, of at most {LONGEST_PLAYER} characters.",
    )


def read_hash(value: Any) -> str:
    """Read a hash that a record has.

    :param value: the value of the record
    :raises InvalidInput: it cannot be in a URL as it is, or can be guessed
    """
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    text = text_or_none(value, "hash") or ""
    if not HASH.fullmatch(text):
        raise InvalidInput(
            f'"hash" must be 22 to 200 letters, digits, "-", ".", "_" or "~"; it has {len(text)} characters.',
            field="hash",
            remedy="Give a random one that nobody can guess, or leave it out: then one is made.",
        )
    return text


def _is_unicode(text: str) -> bool:
    """Say whether a database can take a text: half of a surrogate pair it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _second_of_player() -> InvalidInput:
    return InvalidInput(
        '"player" has a launch URL in an earlier record already: a player has one session.',
        field="player",
        remedy="Keep one record of each player.",
    )


def _hash_of_another(*, in_batch: bool) -> InvalidInput:
    where = "an earlier record has it" if in_batch else "it is the session of another player"
    return InvalidInput(
        f'"hash" cannot be used: {where}.',
        field="hash",
        remedy="Give each player a hash of their own, or leave it out: then one is made.",
    )


def unwritable() -> InvalidInput:
    """Return the error of a record with a value that no output can have."""
    return InvalidInput(
        "the record has a value that cannot be written to the results.",
        field="records",
        remedy="Look for cut-off characters, and values that are nested very deep or hold themselves.",
    )
