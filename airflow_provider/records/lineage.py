"""What a task read and wrote, for OpenLineage.

Airflow's OpenLineage provider calls the methods; nothing here needs it otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider.records.outcome import TaskOutcome


class WithLineage:
    """What an operator has that reads or writes records: its outcome, and the lineage made of it."""

    outcome: TaskOutcome | None = None
    """What the task did, once it has begun."""

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return what the task read and wrote.

        :param task_instance: the task instance
        :return: None where the task has not begun
        """
        return None if self.outcome is None else lineage(self.outcome)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return what the task read, and what it wrote until it failed.

        :param task_instance: the task instance
        :return: None where the task failed before it began
        """
        return None if self.outcome is None else lineage(self.outcome)


def lineage(outcome: TaskOutcome) -> OperatorLineage[Any, Any]:
    """Return the datasets of a task, with the numbers of their rows as far as they are known.

    The vendor's side has the namespace ``<type of the connection>://<host>`` and the name of the operation or
    list. It is the same for all connections to a host, and has no part of a connection.

    :param outcome: what the task did
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset

    counts = outcome.counts
    inputs, outputs = [], []
    if outcome.source:
        inputs.append(InputDataset(*dataset_name(outcome.source), inputFacets=_read(counts.get("total"))))
    for place, rows in outcome.rows.items():
        facets = _schema(outcome.schemas.get(place))
        outputs.append(
            OutputDataset(*dataset_name(place), facets=facets, outputFacets=_written(rows, files=1))
        )
    namespace = f"{outcome.vendor}://{outcome.host}"
    if outcome.direction == "from":
        rows = next(iter(outcome.rows.values()), None)
        inputs.append(InputDataset(namespace, outcome.operation, inputFacets=_read(rows)))
    elif outcome.direction == "to":
        rows = outcome.accepted if counts else None
        outputs.append(OutputDataset(namespace, outcome.operation, outputFacets=_written(rows)))
    return OperatorLineage(inputs=inputs, outputs=outputs)


def dataset_name(place: str) -> tuple[str, str]:
    """Return namespace and name of a file, as OpenLineage names datasets.

    :param place: path or URI of the file
    """
    # Imported here: parsing a Dag needs none of it.
    from airflow_provider.records.storage import local_path

    path = local_path(place)
    if path is not None:
        return "file", os.path.abspath(path)
    scheme, _, rest = place.partition("://")
    authority, _, name = rest.partition("/")
    # Before "@" there is the name of an Airflow connection, which is no part of what the file is.
    return f"{scheme}://{authority.rpartition('@')[2]}", name


def _read(rows: int | None) -> dict[str, Any]:
    from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet

    return {} if rows is None else {"inputStatistics": InputStatisticsInputDatasetFacet(rowCount=rows)}


def _written(rows: int | None, files: int | None = None) -> dict[str, Any]:
    from openlineage.client.generated.output_statistics_output_dataset import (
        OutputStatisticsOutputDatasetFacet,
    )

    if rows is None:
        return {}
    return {"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=rows, fileCount=files)}


def _schema(columns: Mapping[str, Any] | None) -> dict[str, Any]:
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacet

    return {"schema": SchemaDatasetFacet(fields=_fields(columns))} if columns else {}


def _fields(columns: Mapping[str, Any]) -> list[Any]:
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacetFields

    found = []
    for name, kind in columns.items():
        item = kind[0] if isinstance(kind, list) else kind
        inner = _fields(item) if isinstance(item, Mapping) else []
        type_ = "struct" if inner else str(item)
        type_ = f"array<{type_}>" if isinstance(kind, list) else type_
        found.append(SchemaDatasetFacetFields(name=name, type=type_, fields=inner))
    return found
