"""How fast mPOHODA's lists are read into a file, beside pagers written by hand and dlt, and with what memory.

``python benchmarks/mpohoda_extract.py`` reads 100,000 invoices from the sandbox in pages of 100, with every
contestant in a process of its own, in interleaved rounds, and prints the medians. dlt comes from PyPI into an
environment of its own, ``build/dlt``. ``--quick`` reads 10,000 and leaves dlt out; with ``--check`` it ends
with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from extract_contestants import HEADERS, PAGE_SIZE, PATH  # noqa: E402

from tests.support.sandbox import SandboxProcess  # noqa: E402

RECORDS, FEW, QUICK = 100_000, 1_000, 10_000
LATENCIES = (0.0, 0.03)
ENVIRONMENT = ROOT / "build" / "dlt"
DLT = "dlt[filesystem]==1.31.0"

NAMES = {
    "aiohttp": "aiohttp, a pager by hand",
    "requests": "requests, a pager by hand",
    "ours": "our operator",
    "flat": "dlt, lists left in the rows",
    "dlt": "dlt, rest_api source",
}
IN_DLT = {"flat", "dlt"}
"""Who runs in dlt's environment."""
OF_AIOHTTP, OF_DLT = 0.8, 3.0
"""How many times as fast ours is at least. The latter holds without latency alone: with a cursor each page
waits for the one before it, and all wait alike."""
GROWTH = 50
"""MiB that ours takes at most with 100,000 records beyond what it takes with 1,000."""

TEMPLATE = {
    "Text": "Objednávka {n}",
    "OrderNumber": "OBJ-{n}",
    "VariableSymbol": "{n}",
    "BusinessPartnerAddress": {
        "IdentificationNumber": "00012345",
        "CompanyName": "Ukážková predajňa, s.r.o.",
        "Street": "Vymyslená 7",
        "PostCode": "81101",
        "City": "Bratislava",
        "Email": "faktury@example.com",
    },
}


@dataclass(frozen=True)
class Sample:
    """What one run of one contestant measured."""

    seconds: float
    cpu: float
    memory: float
    requests: int


def seed(sandbox: SandboxProcess, records: int) -> None:
    """Give the sandbox its invoices, and let it write each of them once."""
    sandbox.reset()
    sandbox.switch({"mpohoda.quota": 1_000_000_000})
    wanted = {"resource": "IssuedInvoices", "count": records, "fields": TEMPLATE}
    sandbox.control("POST", "mpohoda/records", {**wanted, "first": "2026-01-01T00:00:00Z", "step": 60})
    for page in range(1, pages_of(records) + 1):
        query = {"PageSize": PAGE_SIZE, "PageNumber": page}
        sandbox.get(f"{PATH}IssuedInvoices", params=query, headers=HEADERS).raise_for_status()


def pages_of(records: int) -> int:
    """Return how many pages are asked for: the last is known by being short, so there may be an empty one."""
    return records // PAGE_SIZE + 1


def make_environment() -> Path:
    """Install dlt beside everything else; return its Python."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"Installing {DLT} into {ENVIRONMENT}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    # Says nothing and takes a second where it is there.
    subprocess.run([python, "-m", "pip", "install", "-q", DLT], check=True, stderr=subprocess.DEVNULL)
    return python


def measure(contestant: str, python: Path, sandbox: SandboxProcess, records: int) -> Sample:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        command = [str(python), str(HERE / "extract_contestants.py"), contestant]
        command += ["--url", sandbox.url, "--folder", folder]
        variables = environment(Path(folder), sandbox)
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{contestant} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        rows = Path(folder) / "rows.jsonl"
        files = [rows] if rows.is_file() else sorted(rows.glob("rows/*nvoices/*.jsonl*"))
        check_rows(contestant, files, records)
        return Sample(**json.loads(done.stdout))


def environment(home: Path, sandbox: SandboxProcess) -> dict[str, str]:
    """Return an environment with an Airflow of its own, and nothing that reaches out of this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "AIRFLOW_CONN_MPOHODA_DEFAULT": sandbox.connections["AIRFLOW_CONN_MPOHODA_DEFAULT"],
        "DLT_DATA_DIR": str(home / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        # Compressing would take it time that nobody else spends.
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
        "DATA_WRITER__DISABLE_COMPRESSION": "true",
    }


def check_rows(contestant: str, files: list[Path], records: int) -> None:
    count = 0
    for file in files:
        with file.open("rb") as lines:
            count += sum(1 for _ in lines)
    if count != records:
        names = [file.name for file in files]
        raise SystemExit(f"{contestant}: {count:,} rows in {names}, and not {records:,}")


def speed(
    sandbox: SandboxProcess, chosen: dict[str, Path], records: int, rounds: int, missed: list[str]
) -> dict[str, list[Sample]]:
    """Measure at each latency, and print the tables; return the samples at none."""
    first: dict[str, list[Sample]] = {}
    for latency in LATENCIES:
        sandbox.latency(latency)
        samples: dict[str, list[Sample]] = {name: [] for name in chosen}
        # Waiting is the same for all, and does not vary: one round of it less is enough.
        for number in range(rounds if not latency else max(1, rounds - 1)):
            for name, python in chosen.items():
                say(f"{latency * 1000:.0f} ms, round {number + 1}: {name}")
                samples[name].append(measure(name, python, sandbox, records))
        title = f"{records:,} records in pages of {PAGE_SIZE}, latency {latency * 1000:.0f} ms"
        show_speed(title, samples, records, latency, missed)
        first = first or samples
    sandbox.latency(0)
    return first


def show_speed(
    title: str, samples: dict[str, list[Sample]], records: int, latency: float, missed: list[str]
) -> None:
    rows = [["", "records/s", "of aiohttp", "of dlt", "CPU, s", "peak, MiB", "requests"]]
    for name, of in samples.items():
        rate = records / statistics.median(one.seconds for one in of)
        rows.append(
            [
                NAMES[name],
                f"{rate:,.0f}",
                spread(ratios(of, samples["aiohttp"])),
                spread(ratios(of, samples["dlt"])) if "dlt" in samples else "",
                f"{statistics.median(one.cpu for one in of):.2f}",
                f"{statistics.median(one.memory for one in of):.0f}",
                f"{of[0].requests:,}",
            ]
        )
    show(title, rows)
    at = f"at {latency * 1000:.0f} ms"
    for other, least in (("aiohttp", OF_AIOHTTP), ("dlt", OF_DLT)):
        if other in samples and not (latency and other == "dlt"):
            value = statistics.median(ratios(samples["ours"], samples[other]))
            expect(value >= least, f"{value:.2f} of {other}'s speed {at}, at least {least}", missed)
    spent = {one.requests for one in samples["ours"]}
    expect(spent == {pages_of(records)}, f"{spent} requests {at}, exactly {pages_of(records):,}", missed)


def ratios(own: list[Sample], other: list[Sample]) -> list[float]:
    """Return how many times as fast ours is, round by round: other work slows all of a round alike."""
    return [two.seconds / one.seconds for one, two in zip(own, other, strict=True)]


def spread(values: list[float]) -> str:
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


def memory(
    sandbox: SandboxProcess, python: Path, samples: list[Sample], records: int, missed: list[str]
) -> None:
    say(f"{FEW:,} records")
    seed(sandbox, FEW)
    few = measure("ours", python, sandbox, FEW)
    many = max(one.memory for one in samples)
    rows = [
        ["", "peak, MiB"],
        [f"{FEW:,} records", f"{few.memory:.1f}"],
        [f"{records:,} records", f"{many:.1f}"],
    ]
    show("Memory of our operator", rows)
    growth = many - few.memory
    expect(growth <= GROWTH, f"{growth:.1f} MiB more than with {FEW:,} records, at most {GROWTH}", missed)


def expect(fulfilled: bool, what: str, missed: list[str]) -> None:
    if not fulfilled:
        missed.append(what)


def say(text: str) -> None:
    print(f"{text:60}", end="\r", file=sys.stderr, flush=True)


def show(title: str, rows: list[list[str]]) -> None:
    say("")
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    used = [column for column, width in enumerate(widths) if width]
    print(title)
    for line in rows:
        cells = [
            line[column].rjust(widths[column]) if column else line[0].ljust(widths[0]) for column in used
        ]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(NAMES), help="contestants besides aiohttp and ours")
    parser.add_argument("--quick", action="store_true", help="10,000 records, two rounds, without dlt")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    arguments = parser.parse_args()
    records, rounds = (QUICK, 2) if arguments.quick else (RECORDS, arguments.rounds)
    names = {*arguments.only.split(","), "aiohttp", "ours"} - (IN_DLT if arguments.quick else set())
    own = Path(sys.executable)
    chosen = {name: make_environment() if name in IN_DLT else own for name in NAMES if name in names}
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}; {rounds} rounds, medians; "
        "ratios within a round\n"
    )
    missed: list[str] = []
    with SandboxProcess() as sandbox:
        say("seeding the sandbox")
        seed(sandbox, records)
        samples = speed(sandbox, chosen, records, rounds, missed)
        memory(sandbox, own, samples["ours"], records, missed)
    for what in missed:
        print(f"MISSED: ours has {what}")
    if not missed:
        print("Every target is reached.")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
