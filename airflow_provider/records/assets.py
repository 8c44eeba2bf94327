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
    :return: None where no asset can be told from it: a template, a path that begins at the worker's folder,
        or one that Airflow would cut
    """
    # Imported here: parsing a Dag without outputs needs none of it.
    from airflow_provider.records.storage import local_path

    if not output or not output.isascii() or any(mark in output for mark in "{?#"):
        # Airflow takes ASCII alone, and leaves out what follows "#", and in a path "?".
        return None
    path = local_path(output)
    if path is not None:
        return f"file://{path}" if os.path.isabs(path) else None
    scheme, _, rest = output.partition("://")
    place, slash, name = rest.partition("/")
    # Before "@" there is the name of an Airflow connection, which is no part of what the file is.
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{name}"


def asset_of(output: Any) -> Asset | None:
    """Return the asset that an output is.

    :param output: path or URI of the output, or what a Dag has in its place
    :return: None where no asset can be told from it
    """
    from airflow.sdk import Asset

    uri = asset_uri(os.fspath(output)) if isinstance(output, str | os.PathLike) else None
    try:
        return None if uri is None else Asset(uri)
    except ValueError:
        # Too long, or none to Airflow: a file can be written there all the same.
        return None


def fill_outlets(task: BaseOperator, outputs: Iterable[Any]) -> None:
    """Give a task without ``outlets`` its outputs as such.

    :param task: the task
    :param outputs: paths or URIs, as the Dag author gave them; templates are left out
    """
    # Airflow reads the outlets of a mapped task from the Dag, where the outputs are not known.
    mapped = getattr(task, "_BaseOperator__from_mapped", False)
    if not task.outlets and not mapped and any(outputs := list(outputs)):
        task.outlets = [asset for one in outputs if (asset := asset_of(one)) is not None]


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
    assets = {output: asset for output in extras if (asset := asset_of(output)) is not None}
    # By the URI as Airflow writes it.
    published = {asset.uri: (asset, extras[output]) for output, asset in assets.items()}
    main = next(iter(extras.values()))
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            for asset, extra in published.values():
                events[outlet].add(asset, extra=extra)
        elif isinstance(outlet, Asset):
            _, extra = published.get(outlet.uri, (None, main))
            events[outlet].extra.update(extra)
