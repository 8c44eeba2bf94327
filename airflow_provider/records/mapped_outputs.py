"""Whether the instances of a mapped task would all write to the same output."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.records.formats import report_path

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

OF_THE_RUN = {
    *("conn", "conf", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds", "ds_nodash"),
    *("expanded_ti_count", "inlets", "logical_date", "map_index_template", "outlets", "params", "run_id"),
    *("task_instance_key_str", "test_mode", "triggering_asset_events", "ts", "ts_nodash"),
    *("ts_nodash_with_tz", "var", "prev_data_interval_end_success", "prev_data_interval_start_success"),
    *("prev_end_date_success", "prev_start_date_success"),
}
"""What a template may use that is the same for all instances of a mapped task."""

OF_ALL_INSTANCES = {
    "ti": {"dag_id", "max_tries", "run_id", "task_id", "try_number"},
    "task": {"dag_id", "label", "owner", "pool", "queue", "task_id"},
    "macros": {"ds_add", "ds_format", "ds_format_locale", "timedelta"},
}
OF_ALL_INSTANCES["task_instance"] = OF_ALL_INSTANCES["ti"]
"""The same, of what also has attributes that differ."""


def check_mapped_output(context: Context, output: str, name: str = "output") -> None:
    """Refuse an output that other instances of the same mapped task have, too.

    They would replace each other's file, and only the records of the last would be left. What cannot be told
    beforehand passes.

    :param context: the task's context
    :param output: the output of this instance
    :param name: the parameter that names it
    :raises InvalidInput: another instance has the same
    """
    instance: Any = context.get("ti")
    index = getattr(instance, "map_index", None)
    if not isinstance(index, int) or index < 0:
        return
    try:
        shared = _is_shared(context, instance, output, name)
    except Exception as error:
        # Airflow has no public way to ask for the arguments of a mapped task.
        log.debug("The outputs of the other instances are not known: %s", type(error).__name__)
        return
    if shared:
        raise InvalidInput(
            f'"{name}" is the same for several instances of this mapped task: each would replace the file of '
            "the one before.",
            field=name,
            remedy='Put {{ ti.map_index }} into its name, like "users-{{ ti.map_index }}.jsonl".',
        )


def varies(template: str, expanded: frozenset[str] = frozenset()) -> bool:
    """Say whether a template may make another text for each instance of a mapped task.

    :param template: the template
    :param expanded: names of the arguments that are other ones for each instance
    """
    from jinja2 import Environment, meta, nodes

    tree = Environment(autoescape=True).parse(template)
    for name in meta.find_undeclared_variables(tree):
        same = OF_ALL_INSTANCES.get(name, set())
        used = [node for node in tree.find_all(nodes.Name) if node.name == name]
        attributes = [
            node.attr
            for node in tree.find_all(nodes.Getattr)
            if isinstance(node.node, nodes.Name) and node.node.name == name
        ]
        if name in expanded or (
            name not in OF_THE_RUN and (len(attributes) < len(used) or not same.issuperset(attributes))
        ):
            return True
    return False


def _is_shared(context: Context, instance: Any, output: str, name: str) -> bool:
    dag: Any = context["dag"]
    task = dag.task_dict[instance.task_id]
    # Not mapped by itself, it is in a group that is.
    own = getattr(task, "output_path" if name == "output" else name, None)
    fixed = getattr(task, "partial_kwargs", {name: own})
    if name in fixed:
        template = fixed[name]
        expanded = _expanded_names(task)
        return _is_fixed(template, expanded) and _count(instance) > 1
    values, crossed = _expanded_outputs(task, context, name)
    rendered = [_rendered(one, task, context) for one in values]
    if sum(_collide(one, output) for one in rendered if one) > 1:
        return True
    # Each of several outputs with each of several inputs.
    return crossed and all(_is_fixed(one) for one in values) and _count(instance) > len(values)


def _rendered(template: Any, task: Any, context: Context) -> str | None:
    """Return what a template makes for each instance; None where it may make another text for each."""
    if not isinstance(template, str | os.PathLike):
        return None
    text = str(template)
    if "{" not in text:
        return text
    if varies(text):
        return None
    from jinja2 import Environment

    return str(Environment(autoescape=False).from_string(text).render(context))  # noqa: S701 - a path, no page


def _collide(one: str, other: str) -> bool:
    """Say whether two outputs are one file, or have one report."""
    return os.path.normpath(report_path(one)) == os.path.normpath(report_path(other))


def _is_fixed(template: Any, expanded: frozenset[str] = frozenset()) -> bool:
    # A result of another task is not looked into.
    return not hasattr(template, "resolve") and not varies(str(template), expanded)


def _expanded_names(task: Any) -> frozenset[str]:
    value = getattr(getattr(task, "expand_input", None), "value", {})
    # Of expand_kwargs the names are not known.
    return frozenset(value if isinstance(value, dict) else {"params"})


def _expanded_outputs(task: Any, context: Context, name: str) -> tuple[list[Any], bool]:
    """Return the outputs as they were expanded, and whether each may be used for several inputs."""
    value = task.expand_input.value
    if isinstance(value, dict):
        outputs = value[name]
        return list(outputs.resolve(context) if hasattr(outputs, "resolve") else outputs), True
    arguments = value.resolve(context) if hasattr(value, "resolve") else value
    return [one.get(name) for one in arguments if isinstance(one, dict)], False


def _count(instance: Any) -> int:
    count: int = instance.get_ti_count(
        dag_id=instance.dag_id, task_ids=[instance.task_id], run_ids=[instance.run_id]
    )
    return count
