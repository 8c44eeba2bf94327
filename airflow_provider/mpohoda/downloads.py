"""The files of mPOHODA's documents, written to a folder as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.http.call import Call, safe
from airflow_provider.http.model import VendorModel
from airflow_provider.mpohoda.answers import is_file
from airflow_provider.mpohoda.resources import ENDINGS, LANGUAGES, guid
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.values import one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.extract.folders import FilePlace
    from airflow_provider.http.call import Response
    from airflow_provider.http.sinks import Saved

LARGEST = 512 * 2**20
"""Bytes that a file may have, unless the request policy allows more. What mPOHODA makes is not known."""


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
    # Imported here: a Dag file that imports the operations does not pay for the storage.
    from airflow_provider.extract.folders import FilePlace

    place = call.sink
    if isinstance(place, FilePlace) and place.is_there():
        return lambda: _file(place.found())
    return None


def _file(saved: Saved) -> MpohodaFile:
    return MpohodaFile(path=saved.path, size=saved.size, sha256=saved.sha256)
