"""The wolkvox CRM operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider.http.outcome import failing_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class WolkvoxTokenInformationOperator(BaseOperator):
    """Read how much of a wolkvox token's daily quota is left; each run costs one use.

    Returns ``limit``, ``used``, ``remaining``, ``resets_at``, ``observed_at``, ``source`` and
    ``description``.

    .. seealso:: :ref:`howto/operator:WolkvoxTokenInformationOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = ("wolkvox_conn_id",)
    ui_color = "#d9ecf5"

    def __init__(self, *, wolkvox_conn_id: str = "wolkvox_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wolkvox_conn_id = wolkvox_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, log the answer and return it."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        hook = WolkvoxHook(self.wolkvox_conn_id)
        try:
            with failing_at_once():
                information, quota = hook.token_reading()
        finally:
            hook.close()
        self.log.info("Token %r: %s", information.description, quota)
        return {**quota.as_dict(), "description": information.description}
