"""The operators for collections of wolkvox CRM, their obligations, and what was done with them: gestiones.

Dags import them from :mod:`airflow_provider.wolkvox.operators`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.values import flag, text, whole_number
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.batch_operators import WolkvoxFieldsOperator, WolkvoxInsertOperator
from airflow_provider.wolkvox.query_operators import WolkvoxFieldQueryOperator, WolkvoxPagesOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.batch.operation import Combine
    from airflow_provider.extract.listing import Listing
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook


class WolkvoxNumbersAsTextOperator(WolkvoxFieldsOperator):
    """Base of the batches of collections, whose numbers wolkvox's own samples have as texts.

    :param numbers_as_text: whether numbers are sent as texts of digits, at every depth; booleans never are
    """

    def __init__(self, *, numbers_as_text: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.numbers_as_text = flag("numbers_as_text", numbers_as_text)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), numbers_as_text=self.numbers_as_text)


class WolkvoxUpsertCollectionsOperator(WolkvoxNumbersAsTextOperator):
    """Insert or update collections: people with their obligations, 500 in one request.

    A record has ``Identification``, ``Name``, ``Email`` and ``Telephone``, and ``Obligations``: a list of
    objects with ``id`` and ``name``, or one obligation in the fields ``Obligations.id``, ``Obligations.name``
    and so on. ``fields`` renames, ``include`` and ``exclude`` restrict. The result has ``collection``:
    ``identification``.

    wolkvox refuses all 500 for one empty mandatory value. Here such a record fails alone, before anything is
    sent. wolkvox does not say which records are new: all count as ``created``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpsertCollectionsOperator`

    :param chunk_size: records in one request, at most 500
    :param include: the fields that are sent, by wolkvox's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by wolkvox's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param numbers_as_text: whether numbers are sent as texts of digits, as wolkvox's own samples have them
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPSERT_COLLECTIONS

    def __init__(self, *, chunk_size: int = 500, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chunk_size = whole_number("chunk_size", chunk_size, 1, 500)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        from airflow_provider.wolkvox.collection_calls import MANDATORY

        return [*MANDATORY, *self.required]

    def combine(self, hook: VendorHook[Any]) -> Combine:
        """Return what puts several records into one request."""
        from airflow_provider.wolkvox.calls import Crm, combine_upserts

        return partial(combine_upserts, Crm.of(hook.options), numbers_as_text=self.numbers_as_text)


class WolkvoxInsertGestionesOperator(WolkvoxNumbersAsTextOperator, WolkvoxInsertOperator):
    """Insert gestiones: what was done with a collection, like a call or a promise to pay.

    A record has ``wolkvox_idRecord``, which is the ``wolkvox_id`` of a record of the module ``collections``,
    ``tipifycation_code`` and ``tipifycation_desc``. All its other columns are sent, by wolkvox's names of the
    fields. ``fields`` renames, ``include`` and ``exclude`` restrict, ``defaults`` adds constants. The field
    ``module`` is ``collections`` unless the record has another. The result has ``gestion``: ``wolkvox_id``.

    **A second request may make a second gestion.** A record that is the same as another is inserted once in a
    run of the Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is
    never repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertGestionesOperator`

    :param require_code: whether a record without ``tipifycation_code`` fails: wolkvox's text requires the
        field, and its sample does not have it
    :param record_key: the fields that make two records the same, like ``["wolkvox_idCall"]``; by default the
        whole content
    :param include: the fields that are sent, by wolkvox's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by wolkvox's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param numbers_as_text: whether numbers are sent as texts of digits, as wolkvox's own samples have them
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.INSERT_GESTIONES

    def __init__(self, *, require_code: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.require_code = flag("require_code", require_code)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), require_code=self.require_code)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        from airflow_provider.wolkvox.gestion_calls import mandatory_of_gestion

        return [*mandatory_of_gestion(self.require_code), *super().mandatory()]


class WolkvoxQueryGestionesOperator(WolkvoxFieldQueryOperator):
    """Read gestiones whose field has a value.

    Returns what :class:`~airflow_provider.wolkvox.query_operators.WolkvoxQueryOperator` does.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryGestionesOperator`

    :param field: name of the field, like ``customer_id`` (templated)
    :param value: the value that it has (templated)
    :param output: path or URI of the file for the gestiones. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: gestiones in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    listing = "QUERY_GESTIONES"


class WolkvoxInsertObligationsOperator(WolkvoxNumbersAsTextOperator, WolkvoxInsertOperator):
    """Insert obligations, each into a collection.

    A record has the ``wolkvox_id`` of the collection, or comes from a batch that left it in ``record``, and
    has ``id`` and ``name`` of the obligation. All its other columns are sent, by wolkvox's names of the
    fields. ``fields`` renames, ``include`` and ``exclude`` restrict, ``defaults`` adds constants. ``form``
    has additional fields: a list of ``{"name", "value"}``, an object of values by name, or either as JSON
    text. The result has ``obligation_insert``: ``wolkvox_id`` of the collection and ``id`` of the obligation.

    **A second request may make a second obligation.** A record that is the same as another is inserted once
    in a run of the Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not
    known is never repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertObligationsOperator`

    :param record_key: the fields that make two obligations of a collection the same, like ``["id"]``; by
        default the whole content
    :param include: the fields that are sent, by wolkvox's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by wolkvox's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param numbers_as_text: whether numbers are sent as texts of digits, as wolkvox's own samples have them
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.INSERT_OBLIGATIONS

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        from airflow_provider.wolkvox.collection_calls import MANDATORY_OF_OBLIGATION

        return [*MANDATORY_OF_OBLIGATION, *super().mandatory()]


class WolkvoxUpdateObligationsOperator(WolkvoxNumbersAsTextOperator):
    """Change fields of obligations.

    A record has the ``wolkvox_id`` of the collection and ``obligation``, the id of the obligation, or comes
    from a batch that inserted the obligation. All its other columns are written, by wolkvox's names of the
    fields. ``fields`` renames, ``include`` and ``exclude`` restrict, ``defaults`` adds constants. An empty
    value is not written. The result has ``obligation_update``: ``wolkvox_id`` and ``id``. Updated obligations
    count as ``existing``.

    If values of an obligation come again after other values, they are written again. ``ledger_scope`` is
    ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateObligationsOperator`

    :param include: the fields that are sent, by wolkvox's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by wolkvox's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: more fields that must have a value in every record
    :param numbers_as_text: whether numbers are sent as texts of digits, as wolkvox's own samples have them
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPDATE_OBLIGATIONS


class WolkvoxQueryObligationsOperator(WolkvoxPagesOperator):
    """Read an obligation of a collection by its id.

    Returns what :class:`~airflow_provider.wolkvox.query_operators.WolkvoxQueryOperator` does.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryObligationsOperator`

    :param wolkvox_id: the CRM's identifier of the collection (templated)
    :param obligation: id of the obligation (templated)
    :param output: path or URI of the file for the obligations. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: obligations in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxPagesOperator.template_fields, "wolkvox_id", "obligation")

    def __init__(self, *, wolkvox_id: str, obligation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        text("wolkvox_id", wolkvox_id)
        text("obligation", obligation)
        self.wolkvox_id = wolkvox_id
        self.obligation = obligation

    def question(self) -> tuple[Listing[Any], dict[str, Any]]:
        """Return the listing, and the parameters of its call that say what is asked."""
        from airflow_provider.wolkvox import listings

        return listings.QUERY_OBLIGATIONS, {"wolkvox_id": self.wolkvox_id, "obligation": self.obligation}
