"""Files for records and cases, in the forms that they may be given in."""

from __future__ import annotations

import base64

from airflow_provider.wolkvox.fields import attachments

CONTENT = b"%PDF-1.7 a secret of Ada's \xff\x00"
IN_BASE64 = base64.b64encode(CONTENT).decode()
PDF = f"data:application/pdf;base64,{IN_BASE64}"
PNG = b"\x89PNG\r\n\x1a\n..."


def link(name: str, type_: str = "application/pdf", content: bytes = CONTENT) -> str:
    """Return the text as the vendor's collection has it."""
    uri = f"data:{type_};base64,{base64.b64encode(content).decode()}"
    inside = f"<img src='{uri}' alt='{name}'>" if type_.startswith("image/") else name
    return f"<a href='{uri}' download='{name}'>{inside}</a>"


DECLARED = {"Adjuntos": attachments()}
