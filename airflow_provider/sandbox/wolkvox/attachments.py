"""Attachments: files as anchors with a data URI, the way the vendor's collection sends them."""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import Any

ATTRIBUTES = r"""(?:\s+[\w-]+=(?:'[^']*'|"[^"]*"))*"""
# Around a text, or around an image as in the sample.
ANCHOR = re.compile(
    rf"\s*<a(?P<attributes>{ATTRIBUTES})\s*>(?:[^<>]++|<img{ATTRIBUTES}\s*/?>)*</a>\s*", re.IGNORECASE
)
ATTRIBUTE = re.compile(r"""([\w-]+)=(?:'([^']*)'|"([^"]*)")""")
DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w-]+=[^;,]*)*;base64,(.*)", re.IGNORECASE | re.DOTALL)


def is_attachment(value: Any, form: str) -> bool:
    """Return whether a value is a file.

    :param form: ``anchor``, or ``any`` for a data URI or plain base64 too
    """
    if not isinstance(value, str):
        return False
    if _is_anchor(value):
        return True
    return form == "any" and (_is_data_uri(value) or (value != "" and _is_base64(value)))


def has_anchor(value: Any) -> bool:
    """Return whether a value is a list with an anchor in it, well made or not."""
    return isinstance(value, list) and any(
        isinstance(one, str) and one.lstrip().lower().startswith("<a ") for one in value
    )


def _is_anchor(text: str) -> bool:
    anchor = ANCHOR.fullmatch(text)
    if anchor is None:
        return False
    attributes = {name.lower(): one or other for name, one, other in ATTRIBUTE.findall(anchor["attributes"])}
    return _is_data_uri(html.unescape(attributes.get("href", ""))) and attributes.get("download", "") != ""


def _is_data_uri(text: str) -> bool:
    uri = DATA_URI.fullmatch(text)
    return uri is not None and _is_base64(uri[1])


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True
