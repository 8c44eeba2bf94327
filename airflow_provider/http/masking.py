"""Keep secrets out of Airflow's logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def mask(secrets: Iterable[str]) -> None:
    """Have secrets masked in all logs of this task.

    :param secrets: the secrets in clear
    """
    from airflow.sdk.log import mask_secret

    for secret in secrets:
        mask_secret(secret)


async def amask(secrets: Iterable[str]) -> None:
    """Have secrets masked like :func:`mask`, without blocking the event loop.

    :param secrets: the secrets in clear
    """
    from airflow.sdk import log

    for secret in secrets:
        if hasattr(log, "amask_secret"):
            await log.amask_secret(secret)
        else:
            # Airflow 3.2 has the one function for both worlds.
            log.mask_secret(secret)
