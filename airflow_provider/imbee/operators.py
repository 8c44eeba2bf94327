"""The Imbee operators: users, chats and access tokens, one record or a million."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.imbee import operations
from airflow_provider.values import one_of, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.imbee.hooks import ImbeeHook


class ImbeeBatchOperator(VendorBatchOperator):
    """What the Imbee operators share.

    :param imbee_conn_id: id of the Imbee connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "imbee_conn_id")
    ui_color = "#fbe9d0"

    def __init__(self, *, imbee_conn_id: str = "imbee_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.imbee_conn_id = imbee_conn_id
        text("imbee_conn_id", imbee_conn_id)

    def hook(self) -> ImbeeHook:
        """Return the Imbee hook."""
        from airflow_provider.imbee.hooks import ImbeeHook

        return ImbeeHook(self.imbee_conn_id, policy=self.request_policy)


class ImbeeCreateUsersOperator(ImbeeBatchOperator):
    """Create chat users, or fetch those that are there.

    A record has ``unique_id_sha``, the caller's own identifier, and may have ``platform``, ``device_name``,
    ``hardware_id`` and ``os_version``. The result has ``user``: ``unique_id_sha``, ``virtual_user``,
    ``password`` and ``apikey`` (sealed), ``previously_registered``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateUsersOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    """

    operation = operations.CREATE_USERS


class ImbeeCreateChatsOperator(ImbeeBatchOperator):
    """Create chats between a user and others, or fetch those that are there.

    A record has ``contacts``, the ``virtual_user`` of each of the others, and may have ``type``. The creating
    user is that of the users' batch before (``user.apikey``), or of the record's own ``apikey``. The result
    has ``chat``: ``conversation_id``, ``contacts``, ``previously_created``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateChatsOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    """

    operation = operations.CREATE_CHATS


class ImbeeCreateAccessTokensOperator(ImbeeBatchOperator):
    """Create web access tokens, which Imbee sends to the users by mail or SMS.

    A record has ``bot_idsha``, ``mail`` or ``cellular`` or both, and may have ``virtual_user``,
    ``max_retries`` and ``date_limit``. The result has ``token``: ``url`` (sealed), ``user_idsha``,
    ``date_limit``, ``max_retries``, ``previously_created``.

    **A real message goes out for each record**, and Imbee does not say whether a repeat sends another. So a
    user gets a token for a bot at the same addresses once, for ever (``ledger_scope="forever"``). A record
    that is done already is replayed: the stored token is used. A request whose outcome is not known is never
    repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateAccessTokensOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    :param virtual_user_from: what Imbee takes as ``virtual_user`` where a record of the users' batch has none
        of its own: ``unique_id_sha``, the caller's identifier, as the vendor's sample suggests without saying
        so, or ``virtual_user``, Imbee's
    :param check_cellular: fail a record whose ``cellular`` no phone can have, like ``4.21E+11``; False sends
        every number as it is given
    :param default_region: the country of numbers that have no country's code, as two letters like ``SK``:
        ``0900 123 456`` and ``+421 900 123 456`` are then one person. Numbers are sent as they are given all
        the same. Needs the extra ``phone``
    :param date_format: how the texts in ``date_limit`` are written, like ``%d.%m.%Y``; by default
        ``YYYY-MM-DD``
    """

    operation = operations.CREATE_ACCESS_TOKENS

    def __init__(
        self,
        *,
        virtual_user_from: str = "unique_id_sha",
        check_cellular: bool = True,
        default_region: str | None = None,
        date_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.virtual_user_from = virtual_user_from
        self.check_cellular = values.flag("check_cellular", check_cellular)
        self.default_region = default_region
        self.date_format = date_format
        one_of("virtual_user_from", virtual_user_from, ("unique_id_sha", "virtual_user"))
        if default_region is not None:
            from airflow_provider import phones

            phones.region("default_region", default_region)
        if date_format is not None:
            from airflow_provider import dates

            dates.date_format("date_format", date_format)

    def call_function(self, hook: VendorHook[Any]) -> Callable[..., Call[Any]]:
        """Return the function that makes a call, with what is the same for all records."""
        return partial(
            self.operation.call,
            check_cellular=self.check_cellular,
            default_region=self.default_region,
            date_format=self.date_format,
        )

    def takes(self) -> Mapping[str, str]:
        """Take the user from the users' batch."""
        return {"virtual_user": f"user.{self.virtual_user_from}"}
