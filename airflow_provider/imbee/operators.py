"""The Imbee operators: users, chats and access tokens, one record or a million."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.batch.operator import VendorBatchOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_provider.http.call import Call
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

    def hook(self) -> ImbeeHook:
        """Return the Imbee hook."""
        from airflow_provider.imbee.hooks import ImbeeHook

        return ImbeeHook(self.imbee_conn_id)


class ImbeeCreateUsersOperator(ImbeeBatchOperator):
    """Create chat users, or fetch those that are there.

    A record has ``unique_id_sha``, the caller's own identifier, and may have ``platform``, ``device_name``,
    ``hardware_id`` and ``os_version``. It is passed on with ``user``: ``unique_id_sha``, ``virtual_user``,
    ``password`` and ``apikey`` (sealed), ``previously_registered``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateUsersOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    """

    result_key: ClassVar[str] = "user"
    existing_flag: ClassVar[str] = "previously_registered"
    secret_results: ClassVar[Collection[str]] = ("password", "apikey")

    def call_function(self) -> Callable[..., Call[Any]]:
        """Return ``create_user``."""
        from airflow_provider.imbee import calls

        return calls.create_user


class ImbeeCreateChatsOperator(ImbeeBatchOperator):
    """Create chats between a user and others, or fetch those that are there.

    A record has ``contacts``, the ``virtual_user`` of each of the others, and may have ``type``. The creating
    user is that of the users' batch before (``user.apikey``), or of the record's own ``apikey``. The record
    is passed on with ``chat``: ``conversation_id``, ``contacts``, ``previously_created``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateChatsOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    """

    result_key: ClassVar[str] = "chat"
    existing_flag: ClassVar[str] = "previously_created"
    secret_parameters: ClassVar[Collection[str]] = ("apikey",)

    def call_function(self) -> Callable[..., Call[Any]]:
        """Return ``create_chat``."""
        from airflow_provider.imbee import calls

        return calls.create_chat

    def chained_fields(self) -> Mapping[str, str]:
        """Take the key of the creating user from the users' batch."""
        return {"apikey": "user.apikey"}


class ImbeeCreateAccessTokensOperator(ImbeeBatchOperator):
    """Create web access tokens, which Imbee sends to the users by mail or SMS.

    A record has ``bot_idsha``, ``mail`` or ``cellular`` or both, and may have ``virtual_user``,
    ``max_retries`` and ``date_limit``. It is passed on with ``token``: ``url`` (sealed), ``user_idsha``,
    ``date_limit``, ``max_retries``, ``previously_created``.

    **A real message goes out for each record**, and Imbee does not say whether a repeat sends another. So a
    user is sent a token for a bot to the same addresses once, for ever (``ledger_scope="forever"``): a record
    that is done already is replayed with the token of then. A request whose outcome is not known is never
    repeated but counted as ``unknown``, until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:ImbeeCreateAccessTokensOperator`

    :param imbee_conn_id: id of the Imbee connection (templated)
    :param virtual_user_from: what Imbee takes as ``virtual_user`` where a record of the users' batch has none
        of its own: ``unique_id_sha``, the caller's identifier, as the vendor's sample suggests without saying
        so, or ``virtual_user``, Imbee's
    """

    result_key: ClassVar[str] = "token"
    existing_flag: ClassVar[str] = "previously_created"
    secret_results: ClassVar[Collection[str]] = ("url",)
    sends_once: ClassVar[bool] = True
    default_scope: ClassVar[str] = "forever"

    def __init__(self, *, virtual_user_from: str = "unique_id_sha", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.virtual_user_from = virtual_user_from
        if virtual_user_from not in ("unique_id_sha", "virtual_user"):
            raise ValueError(
                f'virtual_user_from must be "unique_id_sha" or "virtual_user", not {virtual_user_from!r}'
            )

    def call_function(self) -> Callable[..., Call[Any]]:
        """Return ``create_access_token``."""
        from airflow_provider.imbee import calls

        return calls.create_access_token

    def chained_fields(self) -> Mapping[str, str]:
        """Take the user from the users' batch."""
        return {"virtual_user": f"user.{self.virtual_user_from}"}
