"""The wolkvox CRM sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.quota.sensor import QuotaSensor
from airflow_provider.values import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.wolkvox.hooks import WolkvoxHook


class WolkvoxQuotaSensor(QuotaSensor):
    """Wait until a wolkvox token has enough uses left today.

    It sends one request at most, which costs one use. If too few are left, it sleeps until the reset and
    sends one more. See :class:`~airflow_provider.quota.sensor.QuotaSensor` for the other parameters.

    .. seealso:: :ref:`howto/sensor:WolkvoxQuotaSensor`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    :param min_remaining: uses that must be left (templated)
    """

    template_fields: Sequence[str] = (*QuotaSensor.template_fields, "wolkvox_conn_id")
    ui_color = "#d9ecf5"

    def __init__(self, *, wolkvox_conn_id: str = "wolkvox_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wolkvox_conn_id = wolkvox_conn_id
        text("wolkvox_conn_id", wolkvox_conn_id)

    def hook(self) -> WolkvoxHook:
        """Return the wolkvox hook."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        return WolkvoxHook(self.wolkvox_conn_id)
