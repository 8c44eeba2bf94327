"""PDF and ISDOC files: small, and the same for the same document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from airflow_provider.sandbox.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mpohoda.records import Record

NO_FILE = Answer(204, b"", ())
_END = b"\n%%EOF\n"


def pdf(record: Record, language: str, switch: Callable[[str], Any]) -> Answer:
    """Return a document's PDF.

    :param record: the document
    :param language: of the file
    :param switch: returns the value of one of mPOHODA's switches
    """
    head = f"%PDF-1.4\n% {record['DocumentNumber']} {record['Id']} {language}\n".encode()
    objects = (
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%"
    )
    start = head + objects
    size = max(switch("file_size"), len(start) + len(_END))
    return _file(
        start + b"x" * (size - len(start) - len(_END)) + _END, "application/pdf", record, "pdf", switch
    )


def isdoc(record: Record, switch: Callable[[str], Any]) -> Answer:
    """Return a document's ISDOC file.

    :param record: the document
    :param switch: returns the value of one of mPOHODA's switches
    """
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<Invoice xmlns="http://isdoc.cz/namespace/2013" version="6.0.1">\n'
        f"  <ID>{escape(record['DocumentNumber'])}</ID>\n  <UUID>{escape(record['Id'])}</UUID>\n</Invoice>\n"
    )
    return _file(text.encode(), switch("isdoc_content_type"), record, "isdoc", switch)


def _file(
    content: bytes, content_type: str, record: Record, ending: str, switch: Callable[[str], Any]
) -> Answer:
    headers = [(b"content-type", content_type.encode("latin-1"))]
    name = f"{record['DocumentNumber']}.{ending}"
    how = switch("content_disposition")
    if how != "none":
        plain = name.encode("ascii", "replace").replace(b'"', b"_").replace(b"\r", b"_").replace(b"\n", b"_")
        value = b'attachment; filename="' + plain + b'"'
        if how == "encoded":
            value += f"; filename*=UTF-8''{quote(name, safe='')}".encode()
        headers.append((b"content-disposition", value))
    return Answer(200, content, tuple(headers))
