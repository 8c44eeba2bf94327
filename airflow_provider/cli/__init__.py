"""``airflow vendor-apis``: the commands of this provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.cli.cli_config import GroupCommand

from airflow_provider.cli import deliveries, ledger, quota, receive, sessions, state, streams, wallet

if TYPE_CHECKING:
    from airflow.cli.cli_config import CLICommand


def get_cli_commands() -> list[CLICommand]:
    """Return the commands, for Airflow's own command line."""
    return [
        GroupCommand(
            name="vendor-apis",
            help="Look after the vendor APIs' ledger, quotas, states, sessions, events and wallets",
            subcommands=[
                ledger.group(),
                quota.command(),
                state.group(),
                sessions.group(),
                receive.command(),
                deliveries.group(),
                streams.group(),
                wallet.group(),
            ],
        )
    ]
