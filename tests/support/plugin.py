"""The entry point of the plugin, for processes of Airflow that run this code without having it installed."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path


def plugin_path(folder: Path) -> list[str]:
    """
    Return what must be on the path so that Airflow finds the plugin: nothing where it is installed.

    :param folder: an empty folder for the metadata of a distribution
    """
    if entry_points(group="airflow.plugins", name="vendor_apis"):
        return []
    metadata = folder / "vendor_apis_plugin-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor-apis-plugin\nVersion: 0\n")
    (metadata / "entry_points.txt").write_text(
        "[airflow.plugins]\nvendor_apis = airflow_provider.plugin:VendorApisPlugin\n"
    )
    return [str(folder)]
