"""Documents found by what a payment says of them: their number or variable symbol.

mPOHODA has no search, so they are looked up in an extract of its lists.
"""

from __future__ import annotations

import inspect
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.content import Repeated
from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.exceptions import InvalidInput
from airflow_provider.mpohoda import values
from airflow_provider.mpohoda.create_calls import own_key
from airflow_provider.mpohoda.resources import guid
from airflow_provider.records.columns import described
from airflow_provider.records.readers import Records
from airflow_provider.texts import text_or_none
from airflow_provider.values import is_empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.exceptions import VendorError
    from airflow_provider.http.call import Call
    from airflow_provider.mpohoda.transactions import Transactions
    from airflow_provider.records.readers import Record

COLUMNS = {"id": (), "number": ("DocumentNumber", "Number"), "variable_symbol": ("VariableSymbol",)}
"""Where an extract has what documents are found by; the list of unpaid ones calls the number otherwise."""

AMOUNT = "DocumentCurrencyAmount"
"""What the body of a payment in part has, and that of one in full has not."""

CACHE = 8 * 1024
"""Kibibytes of memory for the documents, however many there are; the rest is in a temporary file."""

AGAIN = "Read the list again with MpohodaListOperator, and run the task again."


class Documents:
    """The documents of an extract, by what they are found by.

    They are in a temporary file without a name, which is gone with the process. A document that comes several
    times counts once, as it came last: an extract of what has changed has it again.

    :param source: a list of documents, the path or URI of a file, the result of a list operator, or a list
        of paths and results, the oldest first
    :param match: ``id``, ``number`` or ``variable_symbol``
    :raises InvalidInput: they cannot be read, or lack a column
    """

    def __init__(self, source: Any, match: str) -> None:
        self._match = match
        self._columns = COLUMNS[match]
        # An empty name is a temporary file, which SQLite removes by itself.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in (f"cache_size = -{CACHE}", "journal_mode = OFF", "synchronous = OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE document (id TEXT PRIMARY KEY, mark TEXT, bare TEXT, abroad INTEGER) WITHOUT ROWID"
        )
        try:
            self._database.execute("BEGIN")
            for one in _sources(source):
                self._add(one)
            for name in ("mark", "bare"):
                self._database.execute(f"CREATE INDEX by_{name} ON document ({name})")
        except BaseException:
            self.close()
            raise

    def find(self, value: Any) -> str:
        """Return the id of the one document that a payment is for.

        :param value: its number or variable symbol, as the payment has it
        :raises InvalidInput: there is none, or there are several
        """
        mark = text_or_none(value, self._match) or ""
        found = self._ids("mark", mark)
        if not found and (bare := _bare(mark)):
            # Banks leave out leading zeros, or fill up with them.
            found = self._ids("bare", bare)
        if len(found) == 1:
            return found[0]
        told = self._match.replace("_", " ")
        if not found:
            raise InvalidInput(
                f'no document in "documents" has the {told} of the payment.',
                field=self._match,
                remedy=f"Look the payment up by hand. If the document is new: {AGAIN[0].lower()}{AGAIN[1:]}",
            )
        raise InvalidInput(
            f'{len(found)} documents in "documents" have the {told} of the payment.',
            field=self._match,
            remedy='Find out which one was paid, and send the payment with its "id" and match="id".',
        )

    def is_foreign(self, id_: str) -> bool:
        """Say whether a document is known to be in another currency than the company's own.

        :param id_: its id
        """
        found = self._database.execute("SELECT abroad FROM document WHERE id = ?", (id_,)).fetchone()
        return bool(found and found[0])

    def close(self) -> None:
        """Remove the file."""
        self._database.close()

    def _ids(self, column: str, value: str) -> list[str]:
        # The name of a column, and no value, is put into the statement.
        rows = self._database.execute(f"SELECT id FROM document WHERE {column} = ?", (value,))  # noqa: S608
        return [id_ for (id_,) in rows]

    def _add(self, source: Any) -> None:
        with _explained(), Records(source) as records:
            if records.columns is not None:
                self._check(records.columns)
            self._write(self._read(records, named=records.columns is not None))

    def _read(self, records: Records, *, named: bool) -> Iterator[tuple[Any, ...]]:
        columns: dict[str, None] = {}
        for row in records:
            if row.error is not None:
                raise _unusable(row.source_row, row.error)
            columns.update(dict.fromkeys(row.record))
            yield self._document(row.record, row.source_row)
        if columns and not named:
            self._check(tuple(columns))

    def _document(self, record: Record, number: int) -> tuple[Any, ...]:
        found = next((record[name] for name in self._columns if not is_empty(record.get(name))), None)
        try:
            id_, mark = guid("Id", record.get("Id")), text_or_none(found, self._match)
        except InvalidInput as error:
            raise _unusable(number, error) from None
        bare = _bare(mark or "") if self._match == "variable_symbol" else None
        return id_, mark, bare, _is_foreign(record)

    def _write(self, documents: Iterator[tuple[Any, ...]]) -> None:
        self._database.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)", documents)

    def _check(self, columns: tuple[str, ...]) -> None:
        lacking = [] if "Id" in columns else ["Id"]
        if self._columns and not set(self._columns) & set(columns):
            lacking.append(" or ".join(self._columns))
        if lacking:
            raise InvalidInput(
                f'"documents" has no {" and no ".join(lacking)}; {described(columns)}.',
                field="documents",
                remedy="Give the output of an MpohodaListOperator that reads the documents. The list of what "
                "is unpaid has no variable symbols.",
            )


class PaymentMapping(RecordMapping):
    """Makes the calls of payments, and refuses a part that has the key of another part of the same document.

    The ledger would take both for one payment. Of a payment in full there is one, whatever is said of it.

    :param function: makes the call
    :param transactions: is told which transaction each payment is of; None where nobody needs to know
    """

    def __init__(
        self, function: Callable[..., Call[Any]], *, transactions: Transactions | None = None, **more: Any
    ) -> None:
        super().__init__(function, **more)
        self._transactions = transactions
        self._key: Any = None
        self._repeated = Repeated("Name a field that is different for each payment, as record_key.")

    def call(self, record: dict[str, Any]) -> Call[Any]:
        """Make the call of a payment.

        :param record: the payment
        :raises InvalidInput: a value is missing, has the wrong shape, or is not certain
        """
        call = super().call(record)
        if AMOUNT in call.json:
            self._repeated.check(call)
        if self._transactions is not None and not is_empty(self._key):
            self._transactions.note(own_key(self._key), call.key)
        return call

    def arguments(self, record: Record) -> dict[str, Any]:
        """Return the values of a record by parameter, and remember its key."""
        arguments = super().arguments(record)
        self._key = arguments.get("key")
        return arguments


def matching_call(
    match: str, documents: Documents, call: Callable[..., Call[Any]]
) -> Callable[..., Call[Any]]:
    """Return a function that makes the call of a payment, whose document it looks up.

    :param match: the parameter that names the document: ``id``, ``number`` or ``variable_symbol``
    :param documents: the documents by that
    :param call: makes the call of a payment whose document's ``id`` is known
    """

    def make(**given: Any) -> Call[Any]:
        named = given.pop(match)
        id_ = guid("id", named) if match == "id" else documents.find(named)
        partial = not is_empty(given.get("amount"))
        if partial and is_empty(given.get("home_amount")) and documents.is_foreign(id_):
            raise InvalidInput(
                'the document is in another currency, and "home_amount" is empty.',
                field="home_amount",
                remedy="Fill it with what was paid in the home currency of the company.",
            )
        return call(id=id_, **given)

    own = inspect.signature(call)
    parameters = [one.replace(name=match) if one.name == "id" else one for one in own.parameters.values()]
    # A batch reads from it which fields a record may have.
    make.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return make


@contextmanager
def _explained() -> Iterator[None]:
    """Say "documents" where what reads records says "records"."""
    try:
        yield
    except InvalidInput as error:
        if error.field == "documents":
            raise
        message = error.message.replace('"records"', '"documents"', 1)
        raise InvalidInput(message, field="documents", remedy=error.remedy) from None


def _sources(source: Any) -> list[Any]:
    """Return what is read, one after another."""
    several = source if isinstance(source, Iterable) and not isinstance(source, str | Mapping) else None
    found = None if several is None else list(several)
    if found and all(isinstance(one, str | os.PathLike) or _is_result(one) for one in found):
        parts = found
    else:
        parts = [source if found is None else found]
    for one in parts:
        if isinstance(one, Mapping) and one.get("complete") is False:
            raise InvalidInput(
                '"documents" is the result of a list that was not read to its end: which documents are alike '
                "cannot be seen.",
                field="documents",
                remedy='Leave out "max_pages" where the list is read.',
            )
    return parts


def _unusable(number: int, error: VendorError) -> InvalidInput:
    return InvalidInput(f'"documents": row {number}: {error.message}', field="documents", remedy=error.remedy)


def _is_result(value: Any) -> bool:
    return isinstance(value, Mapping) and "Id" not in value and bool({"output", "records"} & set(value))


def _bare(mark: str) -> str | None:
    """Return a variable symbol without leading zeros; None where it is no number, or is 0."""
    return mark.lstrip("0") or None if mark.isascii() and mark.isdigit() else None


def _is_foreign(record: Record) -> bool:
    """Say whether a document has the rate of another currency; which one is home is in no list."""
    rate = record.get("ExchangeRate")
    if is_empty(rate):
        return False
    try:
        return values.number(rate) not in (0, 1)
    except values.Fault:
        return False
