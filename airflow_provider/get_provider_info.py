"""What Airflow knows of this provider without importing it.

``import airflow`` loads this module in every process, so it imports nothing of Airflow and nothing slow.
"""

from __future__ import annotations

from typing import Any

from airflow_provider import __version__
from airflow_provider.events.settings import OPTIONS, SECTION
from airflow_provider.http.options import connection_type
from airflow_provider.vendors import PACKAGE, VENDORS

SHARED = "Vendor APIs"
"""The integration of what serves several vendors."""

SHARED_MODULES = {
    "operators": ["airflow_provider.quota.operators"],
    "triggers": ["airflow_provider.events.triggers", "airflow_provider.quota.triggers"],
}

LINKS = ("RecordsLink", "FailedRecordsLink", "OutputLink", "QuotaLink", "VendorLink")
"""What tasks have in Airflow's UI, in ``links.py``."""


def get_provider_info() -> dict[str, Any]:
    """Return the metadata of the provider, as Airflow's ``provider_info.schema.json`` describes it."""
    return {
        "package-name": "airflow-provider-vendor-apis",
        "name": SHARED,
        "description": f"{', '.join(vendor.name for vendor in VENDORS)}: provisioning in batches, quotas.",
        "versions": [__version__],
        "integrations": [
            *(
                {
                    "integration-name": vendor.name,
                    "external-doc-url": vendor.documentation,
                    "tags": ["service"],
                }
                for vendor in VENDORS
            ),
            {
                "integration-name": SHARED,
                "external-doc-url": "https://github.com/airflow-provider-vendor-apis/airflow-provider-vendor-apis",
                "tags": ["service"],
            },
        ],
        **{kind: _modules(kind) for kind in ("hooks", "operators", "sensors", "triggers")},
        "extra-links": [f"{PACKAGE}.links.{name}" for name in LINKS],
        "cli": ["airflow_provider.cli.get_cli_commands"],
        "db-managers": ["airflow_provider.events.db.VendorApisDBManager"],
        "config": {
            SECTION: {
                "description": "The database of the ledger of batches, and of quotas; what vendors tell.",
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
                    **OPTIONS,
                },
            },
        },
        "connection-types": [
            connection_type(vendor.options_type(), hook_name=vendor.name, hook_class=vendor.hook_path)
            for vendor in VENDORS
        ],
    }


def _modules(kind: str) -> list[dict[str, Any]]:
    own = ((vendor.name, [module]) for vendor in VENDORS if (module := vendor.module(kind)))
    shared = [(SHARED, SHARED_MODULES[kind])] if kind in SHARED_MODULES else []
    return [{"integration-name": name, "python-modules": modules} for name, modules in [*own, *shared]]
