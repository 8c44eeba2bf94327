"""The files of mPOHODA's documents, written to a folder as they come."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_provider.batch.mapping import RecordMapping
from airflow_provider.exceptions import InvalidInput
from airflow_provider.extract.folders import FilePlace, file_path
from airflow_provider.http.call import Call, safe
from airflow_provider.http.model import VendorModel
from airflow_provider.mpohoda.answers import is_file
from airflow_provider.mpohoda.resources import guid
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.values import one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.http.call import Response
    from airflow_provider.http.sinks import Saved
    from airflow_provider.records.file_names import FileName

LANGUAGES = ("Current", "English")
"""In which a PDF is made: the one of the document, or English."""

ENDINGS = {"pdf": ".pdf", "isdoc": ".isdoc"}

NO_ID = "00000000-0000-0000-0000-000000000000"

LARGEST = 512 * 2**20
"""Bytes that a file may have, unless the request policy allows more. What mPOHODA makes is not known."""

VENDOR_FIELDS = {"id": ("Id",), "number": ("DocumentNumber", "Number")}
"""Where the rows of a list have what a file needs."""


class MpohodaFile(VendorModel):
    """A document's file.

    :param path: path or URI of it; None where it is missing
    :param size: bytes
    :param sha256: their digest, in hexadecimal
    :param missing: whether mPOHODA has no file of the document
    """

    path: str | None = None
    size: int | None = None
    sha256: str | None = None
    missing: bool = False


@safe
def download(
    resource: str,
    id: str,
    *,
    place: FilePlace,
    format: str = "pdf",
    language: str = "Current",
    max_response_bytes: int = LARGEST,
) -> Call[MpohodaFile]:
    """Write a document's file to its place (``GET /v1/{resource}/{id}/pdf`` or ``/isdoc``).

    :param resource: the list of the document
    :param id: id of the document
    :param place: where the file goes
    :param format: ``pdf`` or ``isdoc``
    :param language: of a PDF: ``Current`` or ``English``
    :param max_response_bytes: how large the file may be
    :raises InvalidInput: the list has no such files, or the id is none
    """
    one_of("format", format, ENDINGS)
    one_of("language", language, LANGUAGES)
    document = guid("id", id)

    def decode(response: Response) -> MpohodaFile:
        if not is_file(response, pdf=format == "pdf"):
            return MpohodaFile(missing=True)
        saved = response.saved
        return MpohodaFile() if saved is None else _file(saved)

    return Call(
        "GET",
        resource_of(resource).path(format, document),
        decode,
        query={"Language": language} if format == "pdf" else {},
        key=(resource, document, format, language, place.path),
        max_response_bytes=max_response_bytes,
        sink=place,
        shown=LANGUAGES,
    )


def there(call: Call[MpohodaFile]) -> Callable[[], MpohodaFile] | None:
    """Return what describes the file of a call that is there already; None where it must be fetched.

    :param call: from :func:`download`
    :raises OSError: the folder cannot be read
    """
    place = call.sink
    if isinstance(place, FilePlace) and place.is_there():
        return lambda: _file(place.found())
    return None


def _file(saved: Saved) -> MpohodaFile:
    return MpohodaFile(path=saved.path, size=saved.size, sha256=saved.sha256)


class DownloadMapping(RecordMapping):
    """Makes the call of a record, whose fields also make the name of its file.

    :param function: makes the call, of an id and a place
    :param folder: path or URI of the folder
    :param name: makes the name of a file
    :param overwrite: whether files that are there are replaced
    :param more: what :class:`~airflow_provider.batch.mapping.RecordMapping` takes
    """

    def __init__(
        self,
        function: Callable[..., Call[Any]],
        *,
        folder: str,
        name: FileName,
        overwrite: bool,
        **more: Any,
    ) -> None:
        self._folder = folder
        self._name = name
        self._overwrite = overwrite
        super().__init__(function, **more)
        for field, others in VENDOR_FIELDS.items():
            if field in self._sources and field not in more["fields"]:
                self._sources[field] += tuple((other,) for other in others)

    def call(self, record: dict[str, Any]) -> Call[Any]:
        """Make the call of a record.

        :param record: the record
        :raises InvalidInput: a value is missing, or makes no name of a file
        """
        values = self._arguments(record)
        path = file_path(self._folder, self._name.of(values))
        return self._function(values["id"], place=FilePlace(path, overwrite=self._overwrite))

    def _parameters(self, function: Callable[..., Call[Any]]) -> Mapping[str, inspect.Parameter]:
        needed = inspect.Parameter("field", inspect.Parameter.KEYWORD_ONLY)
        return dict.fromkeys(("id", *self._name.fields), needed)


def check_choice(resource: str, format: str, language: str) -> None:
    """Make sure that a list has files of a format, and in a language.

    :param resource: the list
    :param format: ``pdf`` or ``isdoc``
    :param language: of a PDF; there is no choice of another format's
    :raises InvalidInput: it has not
    """
    one_of("format", format, ENDINGS)
    one_of("language", language, LANGUAGES)
    if format == "isdoc" and language != LANGUAGES[0]:
        raise InvalidInput(
            "language is for PDFs: an ISDOC file has none.", field="language", remedy="Leave it out."
        )
    # It says which lists have them.
    resource_of(resource).path(format, NO_ID)
