"""The smallest stand-in for ``resources.py`` and ``answers.py``: to be deleted when those are there."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_provider.exceptions import InvalidInput, VendorProtocolError, VendorRejected
from airflow_provider.http.status import error_for_status
from airflow_provider.values import shape

if TYPE_CHECKING:
    from airflow_provider.http.call import Response

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def path(resource: str, below: str = "") -> str:
    """Return the path of something below a resource."""
    return f"v1/{resource}{below}"


def guid(name: str, value: Any) -> str:
    """Return an id as a path and a comparison need it: in lower case."""
    text = str(value).strip().lower()
    if _GUID.fullmatch(text):
        return text
    raise InvalidInput(
        f'"{name}" must be an id like 11111111-2222-4333-8444-555555555555; it is {shape(value)}.', field=name
    )


def created(response: Response) -> tuple[Any, list[Any]]:
    """Return what was created, with exact numbers, and the warnings."""
    if error := error_for_status(response, rights_per_resource=True):
        raise error
    document = response.json(exact=True)
    if not isinstance(document, dict):
        raise VendorProtocolError("the response is not an object", status=response.status)
    if "Data" not in document:
        raise (
            VendorRejected("no Data")
            if "Error" in document
            else VendorProtocolError("the response has no Data", status=response.status)
        )
    return document["Data"], document.get("Warnings") or []


def hook(conn_id: str, policy: Any) -> Any:
    """Return the hook."""
    return import_module("airflow_provider.mpohoda.hooks").MpohodaHook(conn_id, policy=policy)
