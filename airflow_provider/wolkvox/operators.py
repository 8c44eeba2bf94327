"""The wolkvox CRM operators: the token's quota, records, collections and cases."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.operator import VendorBatchOperator
from airflow_provider.batch.plan import XCOM_RECORDS
from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.operator import VendorOperator
from airflow_provider.values import names, whole_number
from airflow_provider.wolkvox import operations
from airflow_provider.wolkvox.fields import check_types, columns_of, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.batch.operation import Combine
    from airflow_provider.http.call import Call
    from airflow_provider.http.hook import VendorHook
    from airflow_provider.wolkvox.crm import Crm, WolkvoxPage
    from airflow_provider.wolkvox.hooks import WolkvoxHook

RESULTS = ("record", "collection", "case", "case_update")
"""The keys under which the wolkvox batches leave their results: those are not fields of the CRM."""


class WolkvoxTokenInformationOperator(VendorOperator):
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

    def work(self, context: Context) -> dict[str, Any]:
        """Ask, log the answer and return it."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        hook = WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)
        try:
            information, quota = hook.token_reading()
        finally:
            hook.close()
        self.log.info("Token %r: %s", information.description, quota)
        return {**quota.as_dict(), "description": information.description}


class WolkvoxBatchOperator(VendorBatchOperator):
    """What the wolkvox batches share.

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*VendorBatchOperator.template_fields, "wolkvox_conn_id")
    ui_color = "#d9ecf5"

    def __init__(self, *, wolkvox_conn_id: str = "wolkvox_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wolkvox_conn_id = wolkvox_conn_id

    def hook(self) -> WolkvoxHook:
        """Return the wolkvox hook."""
        from airflow_provider.wolkvox.hooks import WolkvoxHook

        return WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record.

        :param hook: the hook of the connection
        """
        from airflow_provider.wolkvox.calls import Crm

        return partial(self.operation.call, Crm.of(hook.options))


class WolkvoxFieldsOperator(WolkvoxBatchOperator):
    """Base of the batches whose records have the CRM's own fields.

    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    """

    template_fields: Sequence[str] = (*WolkvoxBatchOperator.template_fields, "include", "exclude", "types")

    def __init__(
        self,
        *,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        types: Mapping[str, Mapping[str, Any]] | None = None,
        required: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include = include
        self.exclude = exclude
        self.types = types
        self.required = names("required", required)
        if include is not None and not _later(include):
            names("include", include)
        if not _later(exclude):
            names("exclude", exclude)
        if types is not None and not _later(types):
            check_types(types)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value."""
        return self.required

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record, with all its fields.

        :param hook: the hook of the connection
        """
        from airflow_provider.batch.passthrough_mapping import PassthroughMapping

        types = self.types or {}
        check_types(types)
        return PassthroughMapping(
            self.call_function(hook),
            rest=self.operation.rest or "",
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.takes(),
            results=RESULTS,
            include=None if self.include is None else names("include", self.include),
            exclude=names("exclude", self.exclude),
            required=list(dict.fromkeys(self.mandatory())),
            convert=lambda name, value, find: filled(name, types[name], value, find),
            converted={name: columns_of(declared) for name, declared in types.items()},
        )


class WolkvoxModuleOperator(WolkvoxBatchOperator):
    """Base of the batches that work on records of a module.

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request, which costs one use of the token whatever it carries
    """

    template_fields: Sequence[str] = (*WolkvoxBatchOperator.template_fields, "module")

    def __init__(self, *, module: str, chunk_size: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.chunk_size = whole_number("chunk_size", chunk_size, 1)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), self.module)

    def combine(self, hook: VendorHook[Any]) -> Combine | None:
        """Return what puts several records into one request, unless each has its own."""
        from airflow_provider.wolkvox.calls import Crm

        if self.chunk_size == 1 or self.operation.combine is None:
            return None
        return partial(self.operation.combine, Crm.of(hook.options), self.module)


class WolkvoxInsertRecordsOperator(WolkvoxModuleOperator, WolkvoxFieldsOperator):
    """Insert records into a module of the CRM.

    All columns of a record are inserted, by the CRM's names of the fields. ``fields`` renames:
    ``fields={"namecontact": "customer_name"}``. ``include`` and ``exclude`` restrict, ``defaults`` adds
    constants. The result has ``record``: ``wolkvox_id``.

    **wolkvox does not detect duplicates.** A record that is the same as another is inserted once in a run of
    the Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is never
    repeated: its records count as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request. More than one saves uses of the token, and then wolkvox returns
        no ``wolkvox_id``, and all records of a refused request are ``unknown``
    :param record_key: the CRM's fields that make two records the same, like ``["idcontact"]``; by default the
        whole content
    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxFieldsOperator.template_fields, "module")
    operation = operations.INSERT_RECORDS

    def __init__(self, *, record_key: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.record_key = names("record_key", record_key)

    def call_function(self, hook: VendorHook[Any]) -> partial[Call[Any]]:
        """Return the function that makes a call, with everything that does not come from the record."""
        return partial(super().call_function(hook), record_key=self.record_key)

    def mandatory(self) -> Sequence[str]:
        """Return the fields that must have a value: those that tell a record from others too."""
        return [*self.record_key, *self.required]


class WolkvoxUpdateRecordsOperator(WolkvoxModuleOperator, WolkvoxFieldsOperator):
    """Change fields of records of the CRM.

    A record has ``wolkvox_id``, or comes from a batch that left it in ``record``. All its other columns are
    written, by the CRM's names of the fields. ``fields`` renames, ``include`` and ``exclude`` restrict,
    ``defaults`` adds constants, and ``include=[]`` writes the constants alone. An empty value is not written.
    The result has ``record``: ``wolkvox_id``. Updated records count as ``existing``.

    If values of a record come again after other values, they are written again. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request
    :param include: the fields that are sent, by the CRM's names; by default all that a record has.
        ``defaults`` are sent in any case (templated)
    :param exclude: fields that are not sent, by the CRM's names (templated)
    :param types: how the values of some fields are made, by field, with the functions of
        :mod:`airflow_provider.wolkvox.fields` (templated)
    :param required: fields that must have a value in every record
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxFieldsOperator.template_fields, "module")
    operation = operations.UPDATE_RECORDS


class WolkvoxDeleteRecordsOperator(WolkvoxModuleOperator):
    """Delete records of the CRM.

    A record has ``wolkvox_id``, or comes from a batch that left it in ``record``. The result has ``record``:
    ``wolkvox_id``. Deleted records count as ``existing``, because they were there.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxDeleteRecordsOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param chunk_size: records in one request
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.DELETE_RECORDS


class WolkvoxUpsertCollectionsOperator(WolkvoxFieldsOperator):
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

        return partial(combine_upserts, Crm.of(hook.options))


class WolkvoxInsertCasesOperator(WolkvoxBatchOperator):
    """Insert cases.

    A record has ``case_type``, ``responsible``, ``owner``, ``contact``, ``description``, ``status`` and
    ``priority``, and may have ``form``, ``solution`` and ``attachments``. The result has ``case``:
    ``wolkvox_id`` and ``number``.

    **A second request makes a second case.** Cases with the same content are inserted once in a run of the
    Dag, or once for ever with ``ledger_scope="forever"``. A request whose outcome is not known is never
    repeated: its record counts as ``unknown`` until a person decides.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxInsertCasesOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.INSERT_CASES


class WolkvoxUpdateCasesOperator(WolkvoxBatchOperator):
    """Change cases.

    A record has ``wolkvox_id``, or comes from a batch of cases, and has ``responsible`` and ``status``. It
    may have ``case_type``, ``priority``, ``form`` and ``solution``, or ``attachments``; wolkvox has no
    request that takes attachments and the others. The result has ``case_update``: ``wolkvox_id``.
    Updated cases count as ``existing``. ``ledger_scope`` is ``run``.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:WolkvoxUpdateCasesOperator`

    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    operation = operations.UPDATE_CASES


class WolkvoxPagesOperator(VendorOperator):
    """What the queries share: page after page, each for one use of the token.

    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param page_size: records in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = ("output_path", "wolkvox_conn_id")
    ui_color = "#d9ecf5"

    def __init__(
        self,
        *,
        output: str | None = None,
        page_size: int = 250,
        max_pages: int | None = None,
        wolkvox_conn_id: str = "wolkvox_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Not "output": that is Airflow's name for the XCom of the task.
        self.output_path = output
        self.page_size = whole_number("page_size", page_size, 1, 250)
        self.max_pages = None if max_pages is None else whole_number("max_pages", max_pages, 1)
        self.wolkvox_conn_id = wolkvox_conn_id

    def question(self, crm: Crm, page: int) -> Call[WolkvoxPage]:
        """Return the call that asks for a page.

        :param crm: the CRM of the connection
        :param page: number of the page, from 1
        """
        raise NotImplementedError

    def work(self, context: Context) -> dict[str, Any]:
        """Ask for all pages.

        :return: counts, and where the records are
        """
        from airflow_provider.records.writers import FileOutput, ListOutput
        from airflow_provider.wolkvox.crm import Crm
        from airflow_provider.wolkvox.hooks import WolkvoxHook
        from airflow_provider.wolkvox.paging import Pages

        started = time.monotonic()
        with ExitStack() as stack:
            hook = WolkvoxHook(self.wolkvox_conn_id, policy=self.request_policy)
            stack.callback(hook.close)
            crm = Crm.of(hook.options)
            # Made first: what is wrong with the question shows before a file is opened.
            self.question(crm, 1)
            results: FileOutput | ListOutput = ListOutput()
            if self.output_path:
                results = FileOutput(self.output_path)
                stack.callback(results.close)
            pages = Pages(hook.run, partial(self.question, crm), size=self.page_size, most=self.max_pages)
            for page in pages:
                expected = pages.announced or 0
                if self.max_pages is not None:
                    expected = min(expected, self.max_pages * self.page_size)
                if not self.output_path and max(pages.records, expected) > XCOM_RECORDS:
                    raise InvalidInput(
                        f"there are more than {XCOM_RECORDS:,} records, too many for XCom.",
                        field="output",
                        remedy='Set "output" to the path or URI of a file, or a smaller "max_pages".',
                    )
                for record in page.records:
                    results.write(record)
            output = results.publish()
        if not pages.complete:
            self.log.warning("There may be more than these %d pages.", pages.count)
        self.log.info("%d records in %d pages.", pages.records, pages.count)
        result: dict[str, Any] = {
            "total": pages.records,
            "pages": pages.count,
            "complete": pages.complete,
            "output": output,
            "seconds": round(time.monotonic() - started, 3),
        }
        if isinstance(results, ListOutput):
            result["records"] = results.records
        return result


class WolkvoxQueryOperator(WolkvoxPagesOperator):
    """Read records of a module: those whose field has a value, or those of a time.

    Returns ``total``, ``pages``, ``complete`` (False where ``max_pages`` ended it, or fewer records came than
    the answer speaks of), ``output``, ``seconds``, and ``records`` without ``output``. Another batch takes it
    as its ``records``; each record has its ``wolkvox_id``.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryOperator`

    :param module: name of the module, like ``contacts`` (templated)
    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    :param date_from: in place of ``field`` and ``value``: the beginning of the time, as the CRM's clock shows
        it, to the minute: ``YYYY-MM-DD HH:MM``, or any ISO 8601 (templated)
    :param date_to: its end (templated)
    :param output: path or URI of the file for the records. Without it they are returned through XCom,
        at most 1,000 (templated)
    :param page_size: records in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    template_fields: Sequence[str] = (
        *WolkvoxPagesOperator.template_fields,
        "module",
        "field",
        "value",
        "date_from",
        "date_to",
    )

    def __init__(
        self,
        *,
        module: str,
        field: str | None = None,
        value: Any = None,
        date_from: Any = None,
        date_to: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.module = module
        self.field = field
        self.value = value
        self.date_from = date_from
        self.date_to = date_to
        given = [one is not None for one in (field, value, date_from, date_to)]
        if given not in ([True, True, False, False], [False, False, True, True]):
            raise ValueError("give either field and value, or date_from and date_to")

    def question(self, crm: Crm, page: int) -> Call[WolkvoxPage]:
        """Return the call that asks for a page."""
        from airflow_provider.wolkvox.calls import query_dates, query_records

        limits = {"page": page, "limit": self.page_size}
        if self.field is not None:
            return query_records(crm, self.module, self.field, self.value, **limits)
        return query_dates(crm, self.module, self.date_from, self.date_to, **limits)


class WolkvoxCasesOperator(WolkvoxPagesOperator):
    """What the queries of cases share.

    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    """

    template_fields: Sequence[str] = (*WolkvoxPagesOperator.template_fields, "field", "value")

    def __init__(self, *, field: str, value: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field = field
        self.value = value


class WolkvoxQueryCasesOperator(WolkvoxCasesOperator):
    """Read cases whose field has a value.

    Returns what :class:`WolkvoxQueryOperator` does.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryCasesOperator`

    :param field: one of wolkvox's list: status, priority, ``email contact``, idCase, idPrefijo,
        ``type case``, wolkvox-id and others (templated)
    :param value: the value that it has (templated)
    :param output: path or URI of the file for the cases. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: cases in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    def question(self, crm: Crm, page: int) -> Call[WolkvoxPage]:
        """Return the call that asks for a page."""
        from airflow_provider.wolkvox.calls import query_cases

        return query_cases(crm, self.field, self.value, page=page, limit=self.page_size)


class WolkvoxQueryCaseNotesOperator(WolkvoxCasesOperator):
    """Read cases with the history of their notes.

    The connection needs a token of the type External, which no other operator can use. Returns what
    :class:`WolkvoxQueryOperator` does; each case has its notes in ``history``.

    .. seealso:: :ref:`howto/operator:WolkvoxQueryCaseNotesOperator`

    :param field: name of the field (templated)
    :param value: the value that it has (templated)
    :param output: path or URI of the file for the cases. Without it they are returned through XCom, at
        most 1,000 (templated)
    :param page_size: cases in a page, at most 250
    :param max_pages: pages to ask for at most; None for all
    :param wolkvox_conn_id: id of the wolkvox connection (templated)
    """

    def question(self, crm: Crm, page: int) -> Call[WolkvoxPage]:
        """Return the call that asks for a page."""
        from airflow_provider.wolkvox.calls import query_case_notes

        return query_case_notes(crm, self.field, self.value, page=page, limit=self.page_size)


def _later(value: Any) -> bool:
    """Say whether a parameter is a template or another task's result, to be looked at when the task runs."""
    return isinstance(value, str) or hasattr(value, "resolve")
