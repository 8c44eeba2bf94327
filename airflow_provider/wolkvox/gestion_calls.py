"""Gestiones of the CRM: what was done with a collection, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection, and its page about gestiones. The spelling of the
names is wolkvox's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.http.call import Call, once, safe
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.values import is_empty, visible
from airflow_provider.wolkvox.crm import Identifier, WolkvoxPage, identity, required, written
from airflow_provider.wolkvox.numbers import with_digits
from airflow_provider.wolkvox.record_calls import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.wolkvox.crm import Crm

CODE, DESCRIPTION, RECORD = "tipifycation_code", "tipifycation_desc", "wolkvox_idRecord"


class WolkvoxGestion(VendorModel):
    """A gestion that was inserted.

    :param wolkvox_id: the CRM's identifier of the gestion
    """

    wolkvox_id: Identifier


def mandatory_of_gestion(require_code: bool = True) -> list[str]:
    """Name the fields that a gestion must have a value in.

    :param require_code: whether ``tipifycation_code`` is one of them
    """
    return [*([CODE] if require_code else []), DESCRIPTION, RECORD]


@once
def insert_gestion(
    crm: Crm,
    fields: Mapping[str, Any],
    *,
    record_key: Sequence[str] = (),
    numbers_as_text: bool = True,
    require_code: bool = True,
) -> Call[WolkvoxGestion]:
    """Insert what was done with a collection (``collections/insertGestion.php``).

    Whether wolkvox knows duplicates is not documented. A second request may make a second gestion, so the
    call is never repeated once any of it has left.

    :param crm: whose CRM
    :param fields: the values by wolkvox's names: ``tipifycation_code``, ``tipifycation_desc``,
        ``wolkvox_idRecord`` and others. ``module`` is ``collections`` unless it is given
    :param record_key: the fields that make a gestion the same as another for the ledger; by default all
    :param numbers_as_text: whether numbers are sent as texts of digits
    :param require_code: whether ``tipifycation_code`` must have a value: wolkvox's text requires it, and its
        sample does not have it
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    for name in mandatory_of_gestion(require_code):
        required(name, fields.get(name), prose=name == DESCRIPTION)
    values = written(with_digits(fields) if numbers_as_text else fields)
    if is_empty(values.get("module")):
        values["module"] = "collections"
    values[RECORD] = required(RECORD, values[RECORD])
    # They identify something; what the other fields are is not known here.
    known = {CODE, *record_key}
    values.update({name: visible(values[name]) for name in known if isinstance(values.get(name), str)})
    return crm.write(
        "collections/insertGestion.php",
        {"fields": values},
        lambda document, status: parse(WolkvoxGestion, document.get("data"), status=status),
        key=identity(values, record_key),
    )


@safe
def query_gestiones(
    crm: Crm, field: str, value: Any, *, page: int = 1, limit: int = PAGE_SIZE
) -> Call[WolkvoxPage]:
    """Ask for a page of the gestiones whose field has a value (``collections/queryGestion.php``).

    :param crm: whose CRM
    :param field: name of the field, like ``customer_id``
    :param value: its value; a number is sent as text, as in wolkvox's sample
    :param page: number of the page, from 1
    :param limit: gestiones in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    text = required("value", value)
    # A text stays as it is: what the field is for is not known here.
    asked = {"field": required("field", field), "value": value if isinstance(value, str) else text}
    return crm.read("collections/queryGestion.php", {**asked, "limit": limit, "page": page})
