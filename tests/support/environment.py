"""The environment in which the tests run Airflow, in their own process and in those they start."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

PROXIES = {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"}


def isolate(environ: MutableMapping[str, str], home: Path) -> None:
    """
    Give an environment an Airflow of its own, untouched by that of the person who runs the tests.

    :param environ: the environment, changed in place
    :param home: the folder for everything that Airflow writes
    """
    from cryptography.fernet import Fernet

    for name in list(environ):
        if name.startswith(("AIRFLOW", "_AIRFLOW")) or name.lower() in PROXIES:
            del environ[name]
    dags = home / "dags"
    dags.mkdir(parents=True, exist_ok=True)
    environ.update(
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
    )
