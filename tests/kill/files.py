"""The files that are sent while batches are killed, and what must have become of them."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from airflow_provider.http.retry import RequestPolicy
from tests.kill.counts import Counts, accounts, expect
from tests.kill.tasks import Seen, Task
from tests.support.sandbox import SandboxProcess

RECORDS = 80
"""Different keys in a file."""

TWICE = 6
"""Keys that a file has twice."""

SURVIVED = RequestPolicy().attempts - 1
"""How often what may be repeated may break in a file: with once more, one request could use up its attempts, and the
batch would end with an error, as it should."""

States = dict[str, set[str]]
"""What the ledger says of each key."""


class File:
    """A file of records.

    :param name: its name, with which its keys begin
    """

    vendor: ClassVar[str]
    operator: ClassVar[str]
    key: ClassVar[str]
    """The field that tells a record from all others."""
    broken: ClassVar[dict[str, int]] = {"POST": RECORDS // 8, "GET": SURVIVED}
    """How many connections break, by the method of the request. What is sent by POST here is not repeated."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[str] = []
        """The key of each record, as often as the file has it."""

    def write(self, folder: Path, draw: random.Random) -> Path:
        """Write it and return its path."""
        raise NotImplementedError

    def parameters(self, forever: bool) -> dict[str, Any]:
        """Return parameters of the operator."""
        return {"ledger_scope": "forever" if forever else "run"}

    def own_key(self, parts: Sequence[str]) -> str:
        """Return the record's key of a key in the ledger."""
        return parts[0]

    def prepare(self, sandbox: SandboxProcess) -> None:
        """Let the vendor show what was sent twice."""

    def there(self, sandbox: SandboxProcess) -> set[str]:
        """Return the keys of what the vendor has."""
        raise NotImplementedError

    def seen(self, sandbox: SandboxProcess, states: States) -> Seen:
        """Return what is known of its keys."""
        return Seen(
            done={key for key, found in states.items() if found == {"done"}},
            doubtful={key for key, found in states.items() if found & {"sent", "unknown"}},
            there=self.there(sandbox),
        )

    def check(self, counts: Counts, tasks: list[Task], sandbox: SandboxProcess, states: States) -> None:
        """Compare what the tasks say with what the vendor received and the ledger has."""
        raise NotImplementedError

    def check_sent_once(
        self, counts: Counts, tasks: list[Task], sent: Counter[str], states: States
    ) -> dict[str, set[str]]:
        """Make sure that what must not be repeated was not, and return the unknown ones of each task."""
        counts.messages += sent.total()
        counts.twice += sum(times - 1 for times in sent.values())
        unknown_of: dict[str, set[str]] = {}
        for task in tasks:
            done, unknown = accounts(counts, self.asked, task, self.key)
            unknown_of[task.log.name] = unknown
            # Neither done nor reported: this is what "lost" means.
            counts.lost += len(set(self.asked) - done - unknown)
            expect(counts, task, "done, but not there", done - set(sent))
            expect(counts, task, "done and unknown", done & unknown)
            loose = {key for key in done if states.get(key) != {"done"}}
            expect(counts, task, "done, but not in the ledger", loose)
            loose = {key for key in unknown if states.get(key) != {"unknown"}}
            expect(counts, task, "unknown, but not in the ledger", loose)
        unfinished = {key for key in states if "sent" in states[key]}
        expect(counts, tasks[0], "not finished in the ledger", unfinished)
        counts.unknown += len(set().union(*unknown_of.values()))
        return unknown_of

    def check_found(self, counts: Counts, task: Task, after: Seen) -> None:
        """Hold what ``reconcile`` found against the ledger before and after each try, and the vendor.

        Nothing else makes a doubtful record a done one: what is not there is not sent again so soon.
        """
        if not task.seen or task.result is None:
            return
        for before, next_ in zip(task.seen, [*task.seen[1:], after], strict=True):
            found = before.doubtful & next_.done
            counts.found += len(found)
            expect(counts, task, "found, but not there", found - next_.there)
        before = task.seen[-1]
        found, made = before.doubtful & after.done, after.done - before.done - before.doubtful
        expect(counts, task, "there, but not found", before.doubtful & before.there - found)
        expect(counts, task, "created anew, though it was there", made & before.there)
        result, unknown = task.result, after.doubtful
        told = {
            **result["reconciled"],
            **{name: result[name] for name in ("created", "existing", "replayed")},
        }
        of_each = Counter(self.asked)
        true = {
            "found": len(found),
            "resent": 0,
            "unknown": len(before.doubtful - found),
            "created": len(made),
            "existing": 0,
            # What was done or found before, and each key's second record.
            "replayed": sum(times for key, times in of_each.items() if key not in unknown) - len(made),
        }
        if told != true:
            counts.wrong.append(f"{task.log.name}: the result says {told}, and {true} is true")
        if before.done | found | made != after.done or not after.done <= after.there:
            counts.wrong.append(f"{task.log.name}: done before, found and created are not all that is done")


class ImbeeFile(File):
    """JSON lines with some keys twice."""

    vendor = "imbee"

    def row(self, number: int) -> dict[str, str]:
        raise NotImplementedError

    def write(self, folder: Path, draw: random.Random) -> Path:
        rows = [self.row(number) for number in range(RECORDS)]
        rows += draw.sample(rows, TWICE)
        draw.shuffle(rows)
        self.asked = [row[self.key] for row in rows]
        path = folder / "in.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path


class Tokens(ImbeeFile):
    """Access tokens: a mail each, so never repeated."""

    operator = "ImbeeCreateAccessTokensOperator"
    key = "virtual_user"

    def row(self, number: int) -> dict[str, str]:
        return tokens_row(self.name, number)

    def check(self, counts: Counts, tasks: list[Task], sandbox: SandboxProcess, states: States) -> None:
        sent = Counter(message[self.key] for message in sandbox.messages())
        self.check_sent_once(counts, tasks, sent, states)


class Users(ImbeeFile):
    """Users, which may be repeated, and all of whom must be made."""

    operator = "ImbeeCreateUsersOperator"
    key = "unique_id_sha"
    broken: ClassVar = {"POST": SURVIVED}

    def row(self, number: int) -> dict[str, str]:
        return {self.key: f"{self.name}-{number}"}

    def check(self, counts: Counts, tasks: list[Task], sandbox: SandboxProcess, states: States) -> None:
        keys = set(self.asked)
        made = sandbox.state()["imbee"]["users"]
        if made != len(keys):
            counts.wrong.append(f"{tasks[0].log.name}: {made} users were made of {len(keys)}")
        for task in tasks:
            done, unknown = accounts(counts, self.asked, task, self.key)
            counts.lost += len(keys - done)
            expect(counts, task, "unknown, though it may be repeated", unknown)
            loose = {key for key in keys if states.get(key) != {"done"}}
            expect(counts, task, "not done in the ledger", loose)


class Invoices(File):
    """A CSV file whose rows, in no order, are the lines of invoices; some invoices are there twice.

    mPOHODA knows no duplicates: an invoice that is sent twice is there twice.
    """

    vendor = "mpohoda"
    operator = "MpohodaCreateOperator"
    key = "order"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.lines: dict[str, list[str]] = {}
        """The lines of each invoice, in their order."""

    def write(self, folder: Path, draw: random.Random) -> Path:
        orders = [f"{self.name}-{number}" for number in range(RECORDS)]
        self.lines = {
            order: [f"{order} line {line}" for line in range(draw.randint(1, 3))] for order in orders
        }
        # The same order once more, as another document of the file.
        documents = [(order, order) for order in orders]
        documents += [(f"{order} again", order) for order in draw.sample(orders, TWICE)]
        # The lines of a document come in their order, and anywhere in the file.
        places = [document for document, order in documents for _ in self.lines[order]]
        draw.shuffle(places)
        waiting = {document: self.lines[order][::-1] for document, order in documents}
        orders_of = dict(documents)
        rows = [[one, orders_of[one], waiting[one].pop(), "2", "10.50"] for one in places]
        self.asked = [order for _, order in documents]
        path = folder / "in.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["document", self.key, "text", "quantity", "price"])
            writer.writerows(rows)
        return path

    def parameters(self, forever: bool) -> dict[str, Any]:
        return {
            "resource": "IssuedInvoices",
            "record_key": "OrderNumber",
            "group_by": "document",
            "fields": {
                "OrderNumber": self.key,
                "Items.TextItem.Text": "text",
                "Items.TextItem.Quantity": "quantity",
                "Items.TextItem.UnitPrice": "price",
            },
            "defaults": {"Items.TextItem.UnitPriceVatType": "WithVat"},
        }

    def own_key(self, parts: Sequence[str]) -> str:
        # The resource comes first.
        return parts[1]

    def check(self, counts: Counts, tasks: list[Task], sandbox: SandboxProcess, states: States) -> None:
        made = self._made(sandbox)
        sent = Counter(invoice["OrderNumber"] for invoice in made)
        self.check_sent_once(counts, tasks, sent, states)
        cut = {
            invoice["OrderNumber"]
            for invoice in made
            if [line["Text"] for line in invoice["Items"]] != self.lines[invoice["OrderNumber"]]
        }
        expect(counts, tasks[0], "without all of its lines", cut)
        for task in tasks:
            self.check_found(counts, task, self.seen(sandbox, states))

    def there(self, sandbox: SandboxProcess) -> set[str]:
        return {invoice["OrderNumber"] for invoice in self._made(sandbox)}

    def _made(self, sandbox: SandboxProcess) -> list[dict[str, Any]]:
        return sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]


class Tickets(File):
    """JSON lines of tickets with some ids twice. Mobadoo takes each of them as a bet, also the same one again."""

    vendor = "mobadoo"
    operator = "MobadooCreateTicketsOperator"
    key = "transaction_id"

    def prepare(self, sandbox: SandboxProcess) -> None:
        sandbox.switch({"mobadoo.duplicate_transaction": "another"})

    def write(self, folder: Path, draw: random.Random) -> Path:
        rows = [ticket_row(self.name, number) for number in range(RECORDS)]
        rows += draw.sample(rows, TWICE)
        draw.shuffle(rows)
        self.asked = [row[self.key] for row in rows]
        path = folder / "in.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def parameters(self, forever: bool) -> dict[str, Any]:
        # A bet is never placed again, in whatever run.
        return {}

    def check(self, counts: Counts, tasks: list[Task], sandbox: SandboxProcess, states: States) -> None:
        made = sandbox.control("GET", "mobadoo/tickets")["tickets"]
        self.check_sent_once(counts, tasks, Counter(ticket[self.key] for ticket in made), states)
        cut = {one[self.key] for one in made if one["tips"] != ticket_row(self.name, 0)["ticket"]["tips"]}
        expect(counts, tasks[0], "with another bet", cut)
        for task in tasks:
            self.check_found(counts, task, self.seen(sandbox, states))

    def there(self, sandbox: SandboxProcess) -> set[str]:
        return {ticket[self.key] for ticket in sandbox.control("GET", "mobadoo/tickets")["tickets"]}


FILES: dict[str, list[type[File]]] = {
    "imbee": [Tokens, Users],
    "mpohoda": [Invoices],
    "mobadoo": [Tickets],
    "all": [Tokens, Users, Invoices, Tickets],
}
"""What is sent to each vendor, in turn."""


def tokens_row(name: str, number: int) -> dict[str, str]:
    return {"virtual_user": f"{name}-{number}", "bot_idsha": "bot", "mail": f"{name}-{number}@example.com"}


def ticket_row(name: str, number: int) -> dict[str, Any]:
    ticket = {"uuid": "P-1", "hash": "session", "tips": [{"product_type": "odds", "bet_amount": 10.5}]}
    return {"transaction_id": f"{name}-{number}", "ticket": ticket}
