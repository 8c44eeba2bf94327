"""What the demonstration shows of its two runs, and the checks that their numbers add up.

Everything is counted twice: as the Dag reports it, and as the customers' file and the sandbox have it.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.support.sandbox import SandboxProcess

BATCHES = ("users", "agent", "chats", "tokens")
OUTCOMES = ("created", "existing", "replayed", "failed", "unknown")
DONE = ("created", "existing", "replayed")
WINDOW, STEP = 12, 8


class Run:
    """A finished run of ``provision_customers``, and what the sandbox knows of it.

    :param summary: the run's ``summary.json``
    :param customers: the file that the run read
    :param sandbox: the sandbox that the run spoke to
    """

    def __init__(self, summary: Path, customers: Path, sandbox: SandboxProcess) -> None:
        self.folder = summary.parent
        content = json.loads(summary.read_text(encoding="utf-8"))
        self.steps: dict[str, dict[str, Any]] = content["steps"]
        self.quota: dict[str, dict[str, Any]] = content["quota"]
        with customers.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.state = sandbox.state()
        self.messages = sandbox.messages()
        self.secrets = sandbox.secrets()

    def done(self, step: str) -> int:
        return sum(self.steps[step][name] for name in DONE)

    def results(self, step: str) -> list[dict[str, Any]]:
        return read_lines(self.steps[step]["output"])

    @cached_property
    def rejected(self) -> list[dict[str, Any]]:
        """The reports of all failed records."""
        paths = (step["failures_output"] for step in self.steps.values())
        return [report for path in paths if path for report in read_lines(path)]

    @cached_property
    def rejected_rows(self) -> dict[tuple[str, str], list[int]]:
        """The rows of the customers' file that were rejected, by kind and field of the error."""
        # A step counts the records that it gets, so the row is found by its content; of equal rows the last.
        where = defaultdict(list)
        for number, row in enumerate(self.rows, 1):
            where[tuple(row.values())].append(number)
        found = defaultdict(list)
        for report in self.rejected:
            content = tuple(report["record"][column] for column in self.rows[0])
            found[report["error"], report["field"] or ""].append(where[content].pop())
        return {kind: sorted(numbers) for kind, numbers in found.items()}

    @cached_property
    def unusable_rows(self) -> int:
        """How many rows of the file are wrong, by a look at the file alone."""
        count = 0
        for row in self.rows:
            mail, phone, day = (row[name].strip() for name in ("email", "phone", "valid_until"))
            count += not (mail or phone) or not is_day(day)
        return count

    @cached_property
    def repeated_rows(self) -> int:
        """How many rows of the file have a customer whom a row before them has."""
        return len(self.rows) - len({row["customer_id"].strip() for row in self.rows})

    @cached_property
    def expected_messages(self) -> Counter[tuple[str, str]]:
        """The messages that must have been sent: one to each address of each customer."""
        addresses = Counter[tuple[str, str]]()
        customers = {record["customer_id"].strip(): record for record in self.results("tokens")}
        for record in customers.values():
            for channel, column in (("mail", "email"), ("sms", "phone")):
                if address := record[column].strip():
                    addresses[channel, address] += 1
        return addresses


def read_lines(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def is_day(text: str) -> bool:
    try:
        return not text or str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def show(run: Run, seconds: dict[str, float]) -> None:
    """Print the summary.

    :param run: the run
    :param seconds: how long each task took
    """
    sent = Counter(message["channel"] for message in run.messages)
    show_counts(run)
    print(f"\n  Sent by the sandbox   {sent['mail']:,} mails and {sent['sms']:,} SMS")
    before, after = run.quota["before"], run.quota["after"]
    print(
        f"  wolkvox quota         {before['remaining']:,} of {before['limit']:,} uses left before, "
        f"{after['remaining']:,} after"
    )
    print("  Seconds of the tasks  " + ", ".join(f"{task} {took:.1f}" for task, took in seconds.items()))
    print(f"\n  Rejected rows         {len(run.rejected):,}")
    reasons = {(report["error"], report["field"] or ""): report for report in reversed(run.rejected)}
    for kind, numbers in sorted(run.rejected_rows.items(), key=lambda item: -len(item[1])):
        first = run.rows[numbers[0] - 1]
        shown = ", ".join(f"{number:,}" for number in numbers[:8]) + (", …" if len(numbers) > 8 else "")
        reason = re.sub(r"\brow \d+", "row …", reasons[kind]["reason"].partition(": ")[2])
        print(f"  {len(numbers):5,}  {reason}")
        print(
            f"         rows {shown}; the first is {first['customer_id'].strip()} {first['full_name'].strip()}"
        )


def show_counts(run: Run) -> None:
    print(f"\n  {'':12}" + "".join(f"{name:>10}" for name in ("records", *OUTCOMES, "requests", "seconds")))
    for name in BATCHES:
        step = run.steps[name]
        counts = "".join(f"{step[count]:>10,}" for count in ("total", *OUTCOMES, "requests"))
        print(f"  {name:12}{counts}{step['seconds']:>10.1f}")


def show_again(first: Run, again: Run) -> None:
    """Print what the second run did.

    :param first: the first run
    :param again: the second run, of the same file
    """
    print("\n  The second run, of the same file:")
    show_counts(again)
    new = len(again.messages) - len(first.messages)
    if new:
        print(f"\n  Sent by the sandbox   {new:,} messages more")
    else:
        print(
            f"\n  Sent by the sandbox   nothing: nobody got a second message, and "
            f"{again.steps['tokens']['replayed']:,} tokens are those of the first run"
        )


def check(first: Run, again: Run, home: Path) -> list[str]:
    """Print the checks and return those that failed.

    :param first: the first run
    :param again: the second run, of the same file
    :param home: the folder in which no secret may be found in clear
    """
    return report((*checks(first), *checks_again(first, again), *checks_secrets(again, home)))


def report(found: Iterable[tuple[str, Any, Any]]) -> list[str]:
    """Print checks and return those that failed.

    :param found: of each check its text, what was found, and what it should be
    """
    failed = []
    for text, value, expected in found:
        good = value == expected
        print(
            f"  {'ok    ' if good else 'FAILED'}  {text}"
            + ("" if good else f": {value} instead of {expected}")
        )
        if not good:
            failed.append(text)
    return failed


def checks(run: Run) -> Iterator[tuple[str, Any, Any]]:
    """Give each check of the first run as its text, what the run says, and what it should be."""
    steps, imbee, wolkvox = run.steps, run.state["imbee"], run.state["wolkvox"]["tokens"][0]
    sums = {name: sum(steps[name][outcome] for outcome in OUTCOMES) for name in BATCHES}
    yield "every record has one outcome", {name: steps[name]["total"] for name in BATCHES}, sums
    totals = [len(run.rows), run.done("users"), run.done("chats")]
    given = [steps[name]["total"] for name in ("users", "chats", "tokens")]
    yield "every row reaches its last step", given, totals
    lines = [len(run.results(name)) for name in ("users", "chats", "tokens")]
    yield "every result is in a file", lines, [run.done(name) for name in ("users", "chats", "tokens")]
    rejected = sum(step["failed"] + step["unknown"] for step in steps.values())
    yield "every rejected record is in a report", len(run.rejected), rejected
    yield "every row is either done or rejected", run.done("tokens") + len(run.rejected), len(run.rows)
    yield "the rejected rows are those that are wrong in the file", len(run.rejected), run.unusable_rows
    yield "who is in the file twice is sent one token", steps["tokens"]["replayed"], run.repeated_rows
    ids = {
        record["customer_id"].strip()
        for record in [*run.results("tokens"), *(r["record"] for r in run.rejected)]
    }
    yield "no customer is lost", ids == {row["customer_id"].strip() for row in run.rows}, True
    created = steps["users"]["created"] + steps["agent"]["created"]
    yield "the sandbox has these users", imbee["users"], created
    yield "the sandbox has these chats", imbee["chats"], steps["chats"]["created"]
    yield "the sandbox has these tokens", imbee["tokens"], steps["tokens"]["created"]
    sent = Counter((message["channel"], message["to"]) for message in run.messages)
    yield "the sandbox sent a message to each address", sent == run.expected_messages, True
    yield "nobody got the same message twice", [address for address, count in sent.items() if count > 1], []
    requests = run.state["requests"]
    yield (
        "the sandbox got these requests",
        requests["imbee"],
        sum(step["requests"] for step in steps.values()),
    )
    yield "wolkvox was asked twice, for two uses", [requests["wolkvox"], wolkvox["used"]], [2, 2]
    between = run.quota["before"]["remaining"] - run.quota["after"]["remaining"]
    yield "one use lies between the two readings", between, 1


def checks_again(first: Run, again: Run) -> Iterator[tuple[str, Any, Any]]:
    """Give each check of the second run, which must not do anything anew."""
    steps = again.steps
    sums = {name: sum(steps[name][outcome] for outcome in OUTCOMES) for name in BATCHES}
    yield "again: every record has one outcome", {name: steps[name]["total"] for name in BATCHES}, sums
    yield "again: nobody got a second message", len(again.messages), len(first.messages)
    requests = sum(step["requests"] for step in steps.values())
    sent = again.state["requests"]["imbee"] - first.state["requests"]["imbee"]
    yield "again: no token was asked for", [steps["tokens"]["requests"], sent], [0, requests]
    replayed = [steps["tokens"][name] for name in ("replayed", "created", "existing")]
    yield "again: every token is replayed", replayed, [first.done("tokens"), 0, 0]
    tokens = [{r["customer_id"].strip(): r["token"] for r in run.results("tokens")} for run in (first, again)]
    yield "again: everybody has the token of the first run", tokens[0] == tokens[1], True
    there = [steps[name]["existing"] for name in ("users", "agent", "chats")]
    made = [first.steps[name]["created"] for name in ("users", "agent", "chats")]
    yield "again: users and chats were there", there, made
    held = [[run.state["imbee"][name] for name in ("users", "chats", "tokens")] for run in (first, again)]
    yield "again: the sandbox has no more of anything", held[1], held[0]
    yield "again: the same rows are rejected", again.rejected_rows, first.rejected_rows


def checks_secrets(run: Run, home: Path) -> Iterator[tuple[str, Any, Any]]:
    """Give the check that looks for secrets."""
    yield (
        f"none of {len(run.secrets):,} secrets is in any file in clear",
        files_with_secrets(home, run.secrets),
        [],
    )


def files_with_secrets(folder: Path, secrets: list[str]) -> list[str]:
    """Name the files below a folder that have a secret in clear: outputs, logs, databases."""
    # Thousands of secrets in megabytes of text: one pass looks at every STEP-th place for a part of one.
    # Wherever a secret lies, one of STEP parts that begin side by side begins at such a place.
    parts = defaultdict(list)
    short = []
    for secret in (text.encode() for text in secrets):
        first = len(secret) - WINDOW - STEP + 1
        if first < 0:
            short.append(secret)
            continue
        for start in range(first, first + STEP):
            parts[secret[start : start + WINDOW]].append(secret)
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        hits = parts.keys() & {data[index : index + WINDOW] for index in range(0, len(data), STEP)}
        if any(secret in data for secret in (*short, *(secret for hit in hits for secret in parts[hit]))):
            found.append(str(path.relative_to(folder)))
    return found
