"""Cases of the CRM: insert, update and query, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection. A case with files goes as JSON, one without as a
form: the variants in JSON require files.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, idempotent, once, safe
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.texts import scalar
from airflow_provider.values import is_empty, shape
from airflow_provider.wolkvox.attachments import anchors, files_of, known_by
from airflow_provider.wolkvox.case_fields import case_field
from airflow_provider.wolkvox.crm import Identifier, WolkvoxPage, content, identity, named, plain, required
from airflow_provider.wolkvox.numbers import parsed
from airflow_provider.wolkvox.record_calls import PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.wolkvox.crm import Crm


class WolkvoxCase(VendorModel):
    """A case that was made.

    :param wolkvox_id: the CRM's identifier of the case
    :param number: its number as people see it, with a prefix
    """

    wolkvox_id: Identifier
    number: str | None = Field(None, alias="idPrefijo")


class WolkvoxCaseUpdate(VendorModel):
    """A case that was changed.

    :param wolkvox_id: the CRM's identifier of the case
    """

    wolkvox_id: str


@once
def insert_case(
    crm: Crm,
    case_type: str,
    responsible: str,
    owner: str,
    contact: str,
    description: str,
    status: str,
    priority: str,
    *,
    form: Mapping[str, Any] | str | None = None,
    solution: str | None = None,
    attachments: Sequence[Any] | Mapping[str, Any] | str | None = None,
) -> Call[WolkvoxCase]:
    """Insert a case: with files ``cases/insertAttach.php``, in JSON, without ``cases/insert.php``, as a form.

    A second request makes a second case, so the call is never repeated once any of it has left.

    :param crm: whose CRM
    :param case_type: Request, Complaints, Claims, Suggestions, or the name of a type of your own
    :param responsible: the user who answers for it, like ``user@operation``; has to exist
    :param owner: the user who owns it, written likewise
    :param contact: e-mail address of the contact; has to exist
    :param description: what it is about
    :param status: one that this type of case has
    :param priority: one that this type of case has
    :param form: the fields of the type's form: an object, or its JSON as text; wolkvox requires it beside
        attachments
    :param solution: how it was solved; needed where the status is one of closed cases
    :param attachments: a file or a list of files, as :func:`~airflow_provider.wolkvox.attachments.files_of`
        takes them
    :raises InvalidInput: a value is missing or has the wrong shape, or a file cannot be read
    """
    body: dict[str, Any] = {
        "case-type": required("case_type", case_type),
        "responsible": required("responsible", responsible),
        "owner": required("owner", owner),
        "contact": required("contact", contact),
        "description": required("description", description, prose=True),
        "status": required("status", status),
        "priority": required("priority", priority),
    }
    if not is_empty(form):
        body["form"] = _form(form)
    if not is_empty(solution):
        body["solution"] = required("solution", solution, prose=True)
    files = files_of("attachments", attachments)
    if files and "form" not in body:
        raise InvalidInput(
            '"form" is empty, and wolkvox requires it beside attachments.',
            field="form",
            remedy='Fill it like {"subject": "late"}, or leave out the attachments.',
        )
    key = identity({**body, "attachments": known_by(files)})
    if not files and "form" in body:
        body["form"] = json.dumps(body["form"], ensure_ascii=False)
    return crm.write(
        "cases/insertAttach.php" if files else "cases/insert.php",
        {**body, "attachments": anchors(files)} if files else body,
        lambda document, status: parse(WolkvoxCase, document.get("data"), status=status),
        # However it is sent.
        key=key,
        form=not files,
    )


@idempotent
def update_case(
    crm: Crm,
    wolkvox_id: str,
    responsible: str,
    status: str,
    *,
    case_type: str | None = None,
    priority: str | None = None,
    form: Mapping[str, Any] | str | None = None,
    solution: str | None = None,
    attachments: Sequence[Any] | Mapping[str, Any] | str | None = None,
) -> Call[WolkvoxCaseUpdate]:
    """Change a case.

    With attachments it is ``cases/updateCaseAttachment.php``, in JSON, which knows the responsible user and
    the status alone. Without it is ``cases/update.php``, which takes a form.

    :param crm: whose CRM
    :param wolkvox_id: the CRM's identifier of the case
    :param responsible: the user who answers for it, like ``user@operation``; has to exist
    :param status: one that this type of case has
    :param case_type: its type
    :param priority: one that this type of case has
    :param form: the fields of the type's form: an object, or its JSON as text
    :param solution: how it was solved; needed where the status is one of closed cases
    :param attachments: a file or a list of files, as :func:`~airflow_provider.wolkvox.attachments.files_of`
        takes them
    :raises InvalidInput: a value is missing or has the wrong shape, or a file cannot be read
    """
    id_ = required("wolkvox_id", wolkvox_id)
    body: dict[str, Any] = {
        "wolkvox-id": id_,
        "responsible": required("responsible", responsible),
        "status": required("status", status),
    }
    more: dict[str, str] = {}
    for name, value in (("case_type", case_type), ("priority", priority), ("solution", solution)):
        if not is_empty(value):
            more[name] = required(name, value, prose=name == "solution")
    if not is_empty(form):
        more["form"] = json.dumps(_form(form), ensure_ascii=False)
    files = files_of("attachments", attachments)
    if files and more:
        names = ", ".join(more)
        raise InvalidInput(
            f'"attachments" cannot be sent together with {names}: wolkvox has no request that takes both.',
            field="attachments",
            remedy="Make two records of it, one with the attachments and one with the rest.",
        )
    if "case_type" in more:
        more["case-type"] = more.pop("case_type")
    known = {**body, **more, **({"attachments": known_by(files)} if files else {})}
    if files:
        body["attachments"] = anchors(files)
    return crm.write(
        "cases/updateCaseAttachment.php" if files else "cases/update.php",
        {**body, **more},
        lambda document, status: WolkvoxCaseUpdate(wolkvox_id=id_),
        key=(id_, *content(known)),
        form=not files,
    )


@safe
def query_cases(
    crm: Crm, field: str, value: Any, *, page: int = 1, limit: int = PAGE_SIZE
) -> Call[WolkvoxPage]:
    """Ask for a page of the cases whose field has a value (``cases/queryCases.php``).

    :param crm: whose CRM
    :param field: one of :data:`~airflow_provider.wolkvox.case_fields.CASE_FIELDS`, in that spelling, or
        another that the CRM has
    :param value: its value
    :param page: number of the page, from 1
    :param limit: cases in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    asked = _question(field, value, page, limit)
    case_field(asked["field"])
    return crm.read("cases/queryCases.php", asked)


@safe
def query_case_notes(
    crm: Crm, field: str, value: Any, *, page: int = 1, limit: int = PAGE_SIZE
) -> Call[WolkvoxPage]:
    """Ask for a page of cases with the history of their notes (``cases/listHistoryNote.php``).

    The only call that a token of the type External may make, and no other token may.

    :param crm: whose CRM
    :param field: name of the field
    :param value: its value
    :param page: number of the page, from 1
    :param limit: cases in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    return crm.read("cases/listHistoryNote.php", _question(field, value, page, limit))


def _question(field: str, value: Any, page: int, limit: int) -> dict[str, Any]:
    required("value", value)
    asked = {"field": required("field", field), "value": scalar(value, "value")}
    return {**asked, "limit": limit, "page": page}


def _form(value: Any) -> dict[str, Any]:
    found = parsed(value, numbers_as_text=False) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise InvalidInput(
            f'"form" must be an object, or one as JSON text; it is {shape(value)}.',
            field="form",
            remedy='Write it like {"reason": "late"}, or leave it out.',
        )
    return {named("form", name): plain("form", part, nested=True) for name, part in found.items()}
