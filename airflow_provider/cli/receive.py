"""``airflow vendor-apis receive``: the receiver of webhooks as a process of its own."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from airflow.cli.cli_config import ActionCommand, Arg

from airflow_provider.cli.common import one_line

if TYPE_CHECKING:
    from argparse import Namespace

HOST = "127.0.0.1"
PORT = 8090
GRACE = 40
"""Seconds that requests may still take when the server is told to stop: longer than any may take."""
HEALTH_CHECK = 120
"""Seconds in which a worker has to answer, also while it starts; as in Airflow's API server."""


def command() -> ActionCommand:
    """Return the command."""
    return ActionCommand(
        name="receive",
        help="Receive webhooks in a process of its own",
        description=(
            "Receive webhooks in a process of its own, behind a reverse proxy that faces the internet. It "
            "needs AIRFLOW__VENDOR_APIS__RECEIVER=process and Airflow's database. On SIGTERM it stores and "
            "answers what is begun, and ends."
        ),
        func=receive,
        args=(
            Arg(
                ("--host",),
                help=f"Address to listen on (default: {HOST}; 0.0.0.0 in a container)",
                default=HOST,
                metavar="ADDRESS",
            ),
            Arg(
                ("--port",),
                help=f"Port to listen on (default: {PORT})",
                type=_port,
                default=PORT,
                metavar="PORT",
            ),
            Arg(
                ("--workers",),
                help="Number of processes (default: 1)",
                type=_workers,
                default=1,
                metavar="COUNT",
            ),
        ),
    )


@one_line
def receive(args: Namespace) -> None:
    """Run the server until it is told to stop."""
    # Before anything looks a connection up, also in the processes that are started: otherwise none is found
    # that Airflow's database has.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    import uvicorn

    _check()
    uvicorn.run(
        "airflow_provider.events.process:create",
        factory=True,
        host=args.host,
        port=args.port,
        workers=args.workers,
        # As Airflow logs.
        log_config=None,
        # The proxy in front has one, and here it would be half of the work of refusing a stranger.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=HEALTH_CHECK,
    )


def _check() -> None:
    from airflow_provider.events.settings import load
    from airflow_provider.exceptions import InvalidInput

    settings = load()
    if settings.receiver != "process":
        raise InvalidInput(
            f'[vendor_apis] receiver is "{settings.receiver}", so webhooks are not received by a process of '
            "their own.",
            field="[vendor_apis] receiver",
            remedy="Set AIRFLOW__VENDOR_APIS__RECEIVER=process for this process and for the API server.",
        )
    if not settings.webhook_connections:
        raise InvalidInput(
            "[vendor_apis] webhook_connections is empty, so nothing would be received.",
            field="[vendor_apis] webhook_connections",
            remedy="List the ids of the connections, with commas between.",
        )
    if settings.callbacks:
        from airflow_provider.events.wallets import Wallets

        Wallets(settings).close()


def _port(text: str) -> int:
    return _number(text, least=1, most=65535)


def _workers(text: str) -> int:
    return _number(text, least=1, most=100)


def _number(text: str, *, least: int, most: int) -> int:
    if not text.isdecimal() or len(text) > 5 or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"it must be a whole number from {least} to {most}")
    return int(text)
