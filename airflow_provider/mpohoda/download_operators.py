"""The mPOHODA operator that fetches files of documents.

Dags import it from :mod:`airflow_provider.mpohoda.operators`.
"""

from __future__ import annotations

import hashlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider import values
from airflow_provider.exceptions import InvalidInput, VendorError
from airflow_provider.mpohoda import operations
from airflow_provider.mpohoda.batch_operators import MpohodaBatchOperator
from airflow_provider.mpohoda.resources import ENDINGS, LANGUAGES
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.records.file_names import FileName, folded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.batch.execution import Execution
    from airflow_provider.batch.mapping import RecordMapping
    from airflow_provider.http.hook import VendorHook


class MpohodaDownloadOperator(MpohodaBatchOperator):
    """Fetch the PDF or the ISDOC file of documents into a folder.

    A record has ``id`` and what the name needs, or is a row of a list (``Id``, ``DocumentNumber``), or comes
    from the batch that created the document. The result has ``file``: ``path``, ``size``, ``sha256``,
    ``missing``. Where mPOHODA has no file of a document, ``missing`` is true and there is no file.

    A file appears when it is complete. **What is there already is not fetched again**, whoever put it there:
    a try that was interrupted goes on with what is missing, and another run asks for new documents alone.
    Such records count as ``existing``. A file of no bytes is fetched again.

    The other parameters are those of :class:`~airflow_provider.batch.operator.VendorBatchOperator`.

    .. seealso:: :ref:`howto/operator:MpohodaDownloadOperator`

    :param resource: the list of the documents, like ``IssuedInvoices``
    :param folder: path or URI of the folder; it is made (templated)
    :param format: ``pdf``; or ``isdoc``, of issued invoices and issued advance invoices
    :param language: of a PDF: ``Current``, the one of the document, or ``English``
    :param name: the name of a file without its ending, with fields of the record in braces. What no name may
        have, like a slash, becomes ``_``. Two documents with one name end the batch before the first request
        (templated)
    :param overwrite: fetch what is there already, and replace it
    :param mpohoda_conn_id: id of the mPOHODA connection (templated)
    """

    template_fields: Sequence[str] = (*MpohodaBatchOperator.template_fields, "folder", "name")
    operation = operations.DOWNLOAD
    operations = operations.DOWNLOADS

    def __init__(
        self,
        *,
        resource: str,
        folder: str | os.PathLike[str],
        format: str = "pdf",
        language: str = "Current",
        name: str = "{number}",
        overwrite: bool = False,
        **kwargs: Any,
    ) -> None:
        self.overwrite = values.flag("overwrite", overwrite)
        # What is there is seen in the folder. Only where that is not looked at, the ledger says what is done.
        super().__init__(**{"redo": "failed" if overwrite else "all", **kwargs})
        _check_choice(resource, format, language)
        self.resource = resource_of(resource).name
        self.folder = folder
        self.format = format
        self.language = language
        self.name = name
        values.place("folder", folder)
        values.text("name", name)
        if not any(mark in name for mark in ("{{", "{%", "{#")):
            FileName(name, ENDINGS[format])

    def takes(self) -> Mapping[str, str]:
        """Return where earlier batches have the id and the number of a document."""
        created = operations.CREATES.get(self.resource)
        return {} if created is None else {name: f"{created.result_key}.{name}" for name in ("id", "number")}

    def mapping(self, hook: VendorHook[Any]) -> RecordMapping:
        """Return what makes a call of a record.

        :param hook: the hook of the connection
        """
        from airflow_provider.extract.folders import check_folder
        from airflow_provider.mpohoda.download_mapping import DownloadMapping
        from airflow_provider.mpohoda.downloads import LARGEST

        folder = os.fspath(self.folder)
        check_folder(folder)
        return DownloadMapping(
            partial(
                self.operation.call,
                self.resource,
                format=self.format,
                language=self.language,
                max_response_bytes=max(LARGEST, hook.policy.max_response_bytes),
            ),
            folder=folder,
            name=FileName(self.name, ENDINGS[self.format]),
            overwrite=self.overwrite,
            fields=self.fields or {},
            defaults=self.defaults or {},
            chained=self.takes(),
        )

    def carry_out(self, execution: Execution) -> dict[str, Any]:
        """Run the batch, once it is certain that each document has a name of its own.

        :param execution: the batch, ready to run
        """
        from airflow_provider.extract.folders import remove_left_behind
        from airflow_provider.records.storage import why_not

        _check_names(execution)
        folder = os.fspath(self.folder)
        remove_left_behind(folder)
        try:
            return execution.run()
        except OSError as error:
            if not str(error.filename or "").startswith(folder.removeprefix("file://").rstrip("/")):
                raise
            # 'from None': the name of a file is made of a record.
            raise VendorError(
                f'"folder": a file in {folder} cannot be written: {why_not(error)}.',
                remedy=(
                    "Make room or make it writable, and run the task again: what is there already is not "
                    "fetched again."
                ),
            ) from None


def _check_choice(resource: str, format: str, language: str) -> None:
    """Make sure that a list has files of a format, and in a language."""
    values.one_of("format", format, ENDINGS)
    values.one_of("language", language, LANGUAGES)
    if format == "isdoc" and language != LANGUAGES[0]:
        raise InvalidInput(
            "language is for PDFs: an ISDOC file has none.", field="language", remedy="Leave it out."
        )
    # It says which lists have them.
    resource_of(resource).path(format, "0" * 8 + "-0000" * 3 + "-" + "0" * 12)


def _check_names(execution: Execution) -> None:
    """Refuse records whose files would be one: the second would never be fetched, or replace the first."""
    seen: dict[bytes, tuple[str, int]] = {}
    for row, call in execution.calls():
        document, path = call.key[1], call.key[-1]
        name = hashlib.blake2b(folded(path).encode(), digest_size=16).digest()
        first, before = seen.setdefault(name, (document, row))
        if first != document:
            raise InvalidInput(
                f'"name" makes one name for the files of two documents, in rows {before} and {row}. Nothing '
                "was fetched. Capitals make no difference, because some systems make none.",
                field="name",
                remedy='Add what tells them apart, as in name="{number}-{id}".',
            )
