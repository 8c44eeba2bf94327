"""What an import costs at each parse of a Dag, over ``airflow.sdk``, which every Dag has.

``python benchmarks/import_cost.py`` prints a table; with ``--check`` it ends with 1 if ours cost too much.
Each figure is the median of fresh processes, taken in turns so that a busy moment hits all alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version

LIMIT = 60.0
"""Milliseconds over ``airflow.sdk`` that ours may cost."""

OURS = "all of ours"
CANDIDATES: dict[str, tuple[str | None, tuple[str, ...]]] = {
    # The distribution, None for this one, and the modules.
    "imbee operators": (None, ("airflow_provider.imbee.operators",)),
    "wolkvox operators and sensors": (
        None,
        ("airflow_provider.wolkvox.operators", "airflow_provider.wolkvox.sensors"),
    ),
    "Mobadoo operators and sensors": (
        None,
        ("airflow_provider.mobadoo.operators", "airflow_provider.mobadoo.sensors"),
    ),
    "mPOHODA operators and sensors": (
        None,
        ("airflow_provider.mpohoda.operators", "airflow_provider.mpohoda.sensors"),
    ),
    OURS: (
        None,
        (
            "airflow_provider.imbee.operators",
            "airflow_provider.mobadoo.operators",
            "airflow_provider.mobadoo.sensors",
            "airflow_provider.mpohoda.operators",
            "airflow_provider.mpohoda.sensors",
            "airflow_provider.wolkvox.operators",
            "airflow_provider.wolkvox.sensors",
        ),
    ),
    "http provider's operators": (
        "apache-airflow-providers-http",
        ("airflow.providers.http.operators.http",),
    ),
    "slack provider's operators": (
        "apache-airflow-providers-slack",
        ("airflow.providers.slack.operators.slack",),
    ),
}
SCRIPT = """
import sys, time
import airflow.sdk
# What every Dag file uses: airflow.sdk loads its names when they are asked for.
from airflow.sdk import DAG, BaseOperator
before = time.perf_counter()
{imports}
print((time.perf_counter() - before) * 1000)
"""


def measure(modules: tuple[str, ...], environment: dict[str, str]) -> float:
    """Import modules in a fresh process and return the milliseconds."""
    script = SCRIPT.format(imports="\n".join(f"import {module}" for module in modules))
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def installed(distribution: str | None) -> str | None:
    """Return the version of a distribution, or None if it is not installed."""
    try:
        return version(distribution or "airflow-provider-vendor-apis")
    except PackageNotFoundError:
        return None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="processes per figure (9)")
    parser.add_argument(
        "--check", action="store_true", help=f"end with 1 if ours cost {LIMIT:.0f} ms or more"
    )
    arguments = parser.parse_args()

    present = {name: modules for name, (dist, modules) in CANDIDATES.items() if installed(dist)}
    times: dict[str, list[float]] = {name: [] for name in present}
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AIRFLOW_HOME": home, "PYTHONPYCACHEPREFIX": f"{home}/compiled"}
        # Installed packages are compiled. Otherwise it is the compiler that is measured.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for modules in present.values():
            measure(modules, environment)  # Compiles what was never imported here.
        for _ in range(arguments.rounds):
            for name, modules in present.items():
                times[name].append(measure(modules, environment))
    medians = {name: statistics.median(values) for name, values in times.items()}

    print(
        f"Import time over airflow.sdk; median of {arguments.rounds} processes; "
        f"Airflow {version('apache-airflow')}, Python {platform.python_version()}"
    )
    print()
    print(f"{'':32}{'ms':>8}{'lowest':>9}{'ratio':>8}")
    for name, (distribution, _) in CANDIDATES.items():
        release = installed(distribution)
        label = f"{name} {release}" if distribution and release else name
        if name not in medians:
            print(f"{label:32}{'not installed':>17}")
            continue
        ratio = medians[name] / medians[OURS]
        print(f"{label:32}{medians[name]:8.1f}{min(times[name]):9.1f}{ratio:8.1f}")
    if arguments.check and medians[OURS] >= LIMIT:
        print(f"\nOurs cost {medians[OURS]:.1f} ms; the limit is {LIMIT:.0f} ms.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
