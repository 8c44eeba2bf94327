"""``python -m airflow_provider.sandbox``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

INSTALL = "pip install 'airflow-provider-vendor-apis[sandbox]'"


def main(arguments: list[str] | None = None) -> int:
    """Serve the simulated vendors until SIGINT or SIGTERM.

    :param arguments: the command line; None takes the process's own
    :return: the exit code
    """
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider.sandbox",
        description="Simulate the vendors over HTTP, for Dag authors without a vendor account and for tests.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8765, help="port, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--latency", type=_seconds, default=0.0, metavar="SECONDS", help="delay every vendor answer, up to 60"
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="write URL and connections there as JSON once it listens",
    )
    parser.add_argument(
        "--switches", action="store_true", help="print every switch with its default, and end"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing")
    options = parser.parse_args(arguments)

    try:
        from airflow_provider.sandbox.server import run, switches
    except ModuleNotFoundError as error:
        if error.name != "uvicorn":
            raise
        print(f"The sandbox needs uvicorn: {INSTALL}", file=sys.stderr)
        return 1
    if options.switches:
        print(switches())
        return 0
    try:
        run(options.host, options.port, options.latency, options.ready_file, options.quiet)
    except (OSError, OverflowError) as error:
        place = f"{options.host} port {options.port}"
        print(f"Cannot listen on {place}: {error}. Choose another with --host or --port.", file=sys.stderr)
        return 1
    return 0


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 60")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
