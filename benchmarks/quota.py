"""What waiting for a quota costs: requests, uses, memory, and held-up event loops.

``python benchmarks/quota.py`` measures three things and prints tables: fifteen hours of waiting, on a clock
that is moved; a thousand deferred sensors in a real triggerer, across a reset; and for how long they hold up
its event loop when they wake. ``--part`` chooses one; with ``--check`` it ends with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import statistics
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from tests.support.environment import isolate  # noqa: E402
from tests.support.sandbox import SandboxProcess  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from triggerer import Woken

PARTS = ("waiting", "triggerer", "stalls")
MOST_REQUESTS = 2
LONGEST_STALL = 0.05
"""Seconds."""

Rows = list[list[str]]

END = "end"
"""The heading of a column of words."""


class Report:
    """Prints tables, and remembers which targets were missed.

    :param output: where to print
    :param progress: where to say what is being done
    """

    def __init__(self, output: TextIO, progress: TextIO) -> None:
        self.output = output
        self.progress = progress
        self.missed: list[str] = []

    def say(self, text: str) -> None:
        print(f"{text:70}", end="\r", file=self.progress, flush=True)

    def show(self, title: str, rows: Rows, notes: tuple[str, ...] = ()) -> None:
        self.say("")
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        print(title, file=self.output)
        for first, *rest in rows:
            cells = [first.ljust(widths[0])]
            cells += [
                cell.ljust(width) if heading == END else cell.rjust(width)
                for cell, width, heading in zip(rest, widths[1:], rows[0][1:], strict=True)
            ]
            print("  " + "  ".join(cells).rstrip(), file=self.output)
        for note in notes:
            print(f"  {note}", file=self.output)
        print(file=self.output, flush=True)

    def expect(self, fulfilled: bool, what: str) -> None:
        if not fulfilled:
            self.missed.append(what)


def show_waiting(report: Report, sandbox: SandboxProcess, home: Path) -> None:
    from waiting import waiting

    for case, results in waiting(sandbox, home):
        rows = [["", "requests", "uses burnt", END]]
        for result in results:
            rows.append([result.sensor, f"{result.requests:,}", f"{result.burnt:,}", result.end])
            if "Wolkvox" in result.sensor and case.reset_known:
                fits = max(result.requests, result.burnt) <= MOST_REQUESTS
                report.expect(fits, f"{result.sensor}: {result.requests} requests, {case.title}")
        report.show(f"15 hours before the reset: {case.title}", rows)


def show_triggerer(
    report: Report, sandbox: SandboxProcess, home: Path, parts: list[str], rounds: int
) -> None:
    import triggerer

    instances = triggerer.create_dag()
    report.say("the sensors, with their default jitter")
    memory, spread = triggerer.quotas(home, instances, sandbox, jitter=triggerer.JITTER)
    report.say("the sensors, all in the same moment")
    _, at_once = triggerer.quotas(home, instances, sandbox, jitter=0)
    report.say("triggers that only sleep")
    sleeping, sleepers = triggerer.sleepers(home, instances)
    woken = {
        f"WolkvoxQuotaSensor, jitter {triggerer.JITTER} s, the default": spread,
        "WolkvoxQuotaSensor, jitter 0: all in one moment": at_once,
    }
    count = f"{triggerer.COUNT:,}"
    if "triggerer" in parts:
        rows = [["", "requests before", "after", "events", "until the last task goes on"]]
        for name, one in woken.items():
            before, after = one.requests
            rows.append([name, str(before), str(after), f"{one.fired:,}", f"{one.seconds:.1f} s"])
            report.expect(before + after <= MOST_REQUESTS, f"{name}: {before + after} requests")
            report.expect(one.fired == triggerer.COUNT, f"{name}: {one.fired} events")
        report.show(f"{count} deferred sensors across a reset, in airflow triggerer", rows)
        report.say("the http provider's sensors")
        poking = triggerer.pokers(home, instances, sandbox)
        rows = [["", "with none, MiB", "with all, MiB", "each, KiB", "each after the first, KiB"]]
        for name, held in {
            "a trigger that only sleeps": sleeping,
            "QuotaTrigger": memory,
            "HttpSensorTrigger": poking,
        }.items():
            mebibytes = [f"{size / 1024**2:.1f}" for size in (held.empty, held.full)]
            rows.append([name, *mebibytes, f"{held.each:.1f}", f"{held.further:.1f}"])
        report.show(f"Memory of the process that runs the triggers, {count} waiting", rows)
    if "stalls" in parts:
        rows = [["", "asleep, ms", "waking, ms"]]
        report.say("the triggers in an event loop of their own")
        alone = triggerer.alone(home, sandbox, rounds)
        for one in alone:
            report.expect(sum(one.requests) <= MOST_REQUESTS, f"alone: {sum(one.requests)} requests")
            report.expect(one.fired == triggerer.COUNT, f"alone: {one.fired} events")
        title = "QuotaTrigger in an event loop of its own, all in one moment"
        rows.append([title, *(spread_of(alone, field) for field in ("quiet", "stall"))])
        stall = statistics.median(one.stall for one in alone)
        report.expect(stall < LONGEST_STALL, f"{title}: {stall * 1000:.0f} ms")
        for name, one in {**woken, "a trigger that only sleeps, all in one moment": sleepers}.items():
            rows.append(
                [f"airflow triggerer: {name}", in_milliseconds(one.quiet), in_milliseconds(one.stall)]
            )
        report.expect(spread.stall < LONGEST_STALL, f"in the triggerer: {spread.stall * 1000:.0f} ms")
        report.show(
            f"Longest time for which {count} triggers held up the event loop",
            rows,
            (f"The first row is the median of {rounds} fresh processes, with the range.",),
        )


def spread_of(runs: list[Woken], field: str) -> str:
    values = sorted(getattr(run, field) for run in runs)
    low, high = in_milliseconds(values[0]), in_milliseconds(values[-1])
    return f"{in_milliseconds(statistics.median(values))} ({low} to {high})" if low != high else low


def in_milliseconds(seconds: float) -> str:
    import heartbeat

    # Shorter ones are not kept.
    return f"{seconds * 1000:.0f}" if seconds else f"< {heartbeat.WORTH_KEEPING * 1000:.0f}"


@contextmanager
def redirected() -> Iterator[tuple[TextIO, TextIO]]:
    """Let Airflow's logs go into a file, which is shown if something fails."""
    sys.stdout.flush()
    sys.stderr.flush()
    output, progress = (os.fdopen(os.dup(number), "w") for number in (1, 2))
    with tempfile.TemporaryFile() as logs:
        os.dup2(logs.fileno(), 1)
        os.dup2(logs.fileno(), 2)
        try:
            yield output, progress
        except Exception:
            traceback.print_exc()
            sys.stderr.flush()
            logs.seek(max(0, logs.tell() - 10_000))
            progress.write(logs.read().decode(errors="replace"))
            raise SystemExit(2) from None
        finally:
            for stream, number in ((output, 1), (progress, 2)):
                stream.flush()
                os.dup2(stream.fileno(), number)
                stream.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes for the stalls (3)")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    arguments = parser.parse_args()
    parts = [arguments.part] if arguments.part else list(PARTS)
    # As after Ctrl+C: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        home = Path(directory)
        isolate(os.environ, home)
        paths = [str(ROOT), str(HERE), os.environ.get("PYTHONPATH")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        os.environ["NO_PROXY"] = "127.0.0.1"
        with redirected() as (output, progress), SandboxProcess() as sandbox:
            os.environ.update(sandbox.connections)
            missed = measure(Report(output, progress), sandbox, home, parts, arguments.rounds)
    for what in missed:
        print(f"Missed: {what}", file=sys.stderr)
    return 1 if missed and arguments.check else 0


def measure(report: Report, sandbox: SandboxProcess, home: Path, parts: list[str], rounds: int) -> list[str]:
    from importlib.metadata import version

    import waiting

    os.environ[f"AIRFLOW_CONN_{waiting.HTTP_CONNECTION.upper()}"] = waiting.http_connection()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, Airflow {version('apache-airflow')}, "
        f"http provider {version('apache-airflow-providers-http')}\n",
        file=report.output,
        flush=True,
    )
    if "waiting" in parts:
        report.say("15 hours of waiting")
        show_waiting(report, sandbox, home)
    if "triggerer" in parts or "stalls" in parts:
        show_triggerer(report, sandbox, home, parts, rounds)
    return report.missed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
