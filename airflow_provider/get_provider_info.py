"""What Airflow knows of this provider without importing it.

``import airflow`` loads this module in every process, so it imports nothing of Airflow and nothing slow.
"""

from __future__ import annotations

from typing import Any

from airflow_provider import __version__
from airflow_provider.http.options import connection_type
from airflow_provider.imbee.connection import ImbeeOptions
from airflow_provider.wolkvox.connection import WolkvoxOptions


def get_provider_info() -> dict[str, Any]:
    """Return the metadata of the provider, as Airflow's ``provider_info.schema.json`` describes it."""
    return {
        "package-name": "airflow-provider-vendor-apis",
        "name": "Vendor APIs",
        "description": "Imbee and wolkvox CRM: provisioning in batches, access tokens, quotas.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": "Imbee",
                "external-doc-url": "https://docs.imbee.me/imbee-docs/rest-api",
                "tags": ["service"],
            },
            {
                "integration-name": "wolkvox CRM",
                "external-doc-url": "https://crmvox.com/en/token-information",
                "tags": ["service"],
            },
        ],
        "hooks": [
            {"integration-name": "Imbee", "python-modules": ["airflow_provider.imbee.hooks"]},
            {"integration-name": "wolkvox CRM", "python-modules": ["airflow_provider.wolkvox.hooks"]},
        ],
        "operators": [
            {"integration-name": "Imbee", "python-modules": ["airflow_provider.imbee.operators"]},
            {
                "integration-name": "wolkvox CRM",
                "python-modules": ["airflow_provider.wolkvox.operators", "airflow_provider.quota.operators"],
            },
        ],
        "sensors": [
            {"integration-name": "wolkvox CRM", "python-modules": ["airflow_provider.wolkvox.sensors"]},
        ],
        "triggers": [
            {"integration-name": "wolkvox CRM", "python-modules": ["airflow_provider.quota.triggers"]},
        ],
        "cli": ["airflow_provider.cli.get_cli_commands"],
        "config": {
            "vendor_apis": {
                "description": "The database of the ledger of batches, and of quotas.",
                "options": {
                    "ledger_conn_id": {
                        "description": (
                            "Connection (postgres, mysql or sqlite) of the database with ledger and quotas. "
                            "Empty: an SQLite file under AIRFLOW_HOME, for executors that run all tasks on "
                            "one machine."
                        ),
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "vendor_ledger",
                        "default": "",
                    },
                    "ledger_path": {
                        "description": "Path of the SQLite file. Empty: vendor_apis.db under AIRFLOW_HOME.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/var/lib/airflow/vendor_apis.db",
                        "default": "",
                    },
                },
            },
        },
        "connection-types": [connection_type(options) for options in (ImbeeOptions, WolkvoxOptions)],
    }
