"""What a batch is in which some records failed, and all others are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.skipmixin import SkipMixin
from airflow.sdk.bases.xcom import BaseXCom

from airflow_provider.exceptions import BatchFailed, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


def check_followers(task: Any, context: Context) -> None:
    """Make sure that the tasks that follow can be skipped, before anything is sent.

    For an instance of a mapped task Airflow skips none of them, not even in the same mapped task group. Of
    a mapped task that follows it skips no instance that is there already. They would run.

    :param task: the task
    :param context: its context
    :raises InvalidInput: Airflow would not skip them
    """
    followers = _followers(task)
    why = "for one instance of a mapped task"
    if getattr(context.get("ti"), "map_index", -1) in (-1, None):
        why = "which is mapped"
        followers = [one for one in followers if _is_mapped(one)]
    if followers:
        raise InvalidInput(
            f'on_partial_failure="skip_downstream": Airflow cannot skip "{followers[0].task_id}", {why}.',
            field="on_partial_failure",
            remedy='Use "fail", or tasks that are not mapped. Nothing was sent.',
        )


def judge(task: Any, context: Context, result: Mapping[str, Any]) -> None:
    """Do with a batch that is done what its failed records ask for.

    :param task: the task
    :param context: its context
    :param result: the result of the batch
    :raises BatchFailed: the task is to fail
    :raises DownstreamTasksSkipped: the tasks that follow are to be skipped
    """
    failed, unknown = result["failed"], result["unknown"]
    if not failed + unknown or task.on_partial_failure == "succeed":
        return
    told = f"{failed + unknown:,} of {result['total']:,} records did not succeed: {failed:,} failed, "
    told += f"{unknown:,} unknown"
    report = result["failures_output"] or '"failures" of the result'
    if task.on_partial_failure == "fail":
        reasons = f"The reasons are in {result['failures_output'] or 'the log'}."
        if task.outcome is not None and task.outcome.direction == "none":
            others, remedy = "Nothing was sent.", reasons
        else:
            others, remedy = (
                "The others are done.",
                f"{reasons} Results: {result['output'] or 'in the ledger'}.",
            )
        raise BatchFailed(f'{told}, and on_partial_failure is "fail". {others}', remedy=remedy)
    followers = _followers(task)
    task.log.warning(
        "%s; see %s. Skipped: %s.",
        told,
        report,
        ", ".join(one.task_id for one in followers) or "no task follows",
    )
    if followers:
        instance: Any = context["ti"]
        if task.do_xcom_push:
            # Airflow pushes no result of a task that skips others.
            instance.xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=dict(result))
        SkipMixin.skip(task, instance, followers)


def _is_mapped(task: Any) -> bool:
    return bool(getattr(task, "is_mapped", False)) or any(True for _ in task.iter_mapped_task_groups())


def _followers(task: Any) -> list[Any]:
    """Return what follows the task directly, without what cleans up."""
    return [one for one in task.get_direct_relatives(upstream=False) if not one.is_teardown]
