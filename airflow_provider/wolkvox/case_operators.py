"""What the wolkvox CRM operators that write cases share.

Dags import the operators from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput
from airflow_provider.values import is_empty, templated
from airflow_provider.wolkvox.batch_operators import WolkvoxBatchOperator
from airflow_provider.wolkvox.fields import ATTACHMENTS, check_types, filled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook


class WolkvoxWriteCasesOperator(WolkvoxBatchOperator):
    """Base of the batches that insert or change cases.

    :param types: ``{"attachments": attachments()}`` where the column has paths of files, with the function of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxBatchOperator.template_fields, "types")

    def __init__(self, *, types: Mapping[str, Mapping[str, Any]] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.types = types
        if types is not None:
            templated(_check, "types", types)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record.

        :param hook: the hook of the connection
        """
        whole = super().call_function(hook)
        if not self.types:
            return whole
        _check("types", self.types)
        return partial(_of_paths(whole.func, self.types["attachments"]), *whole.args)


def _of_paths(function: Callable[..., Call[Any]], declared: Mapping[str, Any]) -> Callable[..., Call[Any]]:
    """Return the same function, whose attachments are made as ``types`` declare it."""

    @functools.wraps(function)
    def call(*args: Any, attachments: Any = None, **values: Any) -> Call[Any]:
        if not is_empty(attachments):
            attachments = filled("attachments", declared, attachments, lambda column: None)
        return function(*args, attachments=attachments, **values)

    return call


def _check(name: str, types: Any) -> None:
    check_types(types)
    if set(types) - {"attachments"} or any(one["type"] != ATTACHMENTS for one in types.values()):
        raise InvalidInput(
            f"{name} of cases can declare attachments alone.",
            field=name,
            remedy='Write it like {"attachments": attachments()}.',
        )
