"""Asset events of published outputs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.sdk import Asset, BaseOperator, Context


def asset_uri(output: str | None) -> str | None:
    """Return the URI of the asset that an output is.

    :param output: path or URI of the output
    :return: None where no asset can be told from it: a template, or a path that begins at the worker's folder
    """
    # Imported here: parsing a Dag without outputs needs none of it.
    from airflow_provider.records.storage import local_path

    if not output or "{" in output or not output.isascii():
        # Airflow takes ASCII alone.
        return None
    path = local_path(output)
    if path is not None:
        return f"file://{path}" if os.path.isabs(path) else None
    scheme, _, rest = output.partition("://")
    place, slash, name = rest.partition("/")
    # Before "@" there is the name of an Airflow connection, which is no part of what the file is.
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{name}"


def assets_of(outputs: Iterable[Any]) -> list[Asset]:
    """Return the assets of outputs, those of which none can be told left out.

    :param outputs: paths or URIs, as the Dag author gave them
    """
    from airflow.sdk import Asset

    found = (asset_uri(os.fspath(one)) for one in outputs if isinstance(one, str | os.PathLike))
    return [Asset(uri) for uri in found if uri is not None]


def fill_outlets(task: BaseOperator, outputs: Iterable[Any]) -> None:
    """Give a task without ``outlets`` its outputs as such.

    :param task: the task
    :param outputs: paths or URIs, as the Dag author gave them; templates are left out
    """
    # Airflow reads the outlets of a mapped task from the Dag, where the outputs are not known.
    mapped = getattr(task, "_BaseOperator__from_mapped", False)
    if not task.outlets and not mapped and any(outputs := list(outputs)):
        task.outlets = assets_of(outputs)


def report(context: Context, outlets: Iterable[Any], extras: Mapping[str, dict[str, Any]]) -> None:
    """Put into the events of a task's outlets what was published.

    An alias among the outlets gets an event for each output. An asset gets what is known of the output that
    it is, or of the first output where it is none of them.

    :param context: the task's context
    :param outlets: the task's outlets
    :param extras: what the event of each output has, by path or URI; the main output first
    """
    from airflow.sdk import Asset, AssetAlias

    events: Any = context.get("outlet_events")
    if events is None or not extras:
        return
    published = {uri: extra for output, extra in extras.items() if (uri := asset_uri(output)) is not None}
    main = next(iter(extras.values()))
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            for uri, extra in published.items():
                events[outlet].add(Asset(uri), extra=extra)
        elif isinstance(outlet, Asset):
            events[outlet].extra.update(published.get(outlet.uri, main))
