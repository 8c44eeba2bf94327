"""Cases: ``cases/*.php``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.endpoints import Endpoint, Endpoints
from airflow_provider.sandbox.wolkvox.records import Record, Records, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CASE_FIELDS = ("case-type", "responsible", "owner", "contact", "description", "status", "priority")
CASE_OPTIONS = ("solution", "form", "file")
WITH_FILES = ("solution", "form", "attachments")
ID = "wolkvox-id"
# The switches that list what exists.
EXISTING = {
    "responsible": "case_users",
    "owner": "case_users",
    "case-type": "case_types",
    "status": "case_statuses",
    "priority": "case_priorities",
}
# Names by which queryCases knows fields that cases/insert calls otherwise.
CASE_NAMES = {
    "email contact": "contact",
    "type case": "case-type",
    "responsible user": "responsible",
    "owner user": "owner",
}
# All by which queryCases finds cases.
QUERY_FIELDS = (
    "status",
    "priority",
    "email contact",
    "name contact",
    "contact wolkvox id",
    "contact identification",
    "contact phone",
    "description",
    "idCase",
    "idPrefijo",
    "companyName",
    "company name",
    "company id",
    "prefix",
    "reopened",
    "responsible name",
    "responsible user",
    "responsible id",
    "owner name",
    "owner user",
    "owner id",
    "solution",
    "wolkvox-id",
    "type case",
    "case expired",
    "reason",
)


class CaseEndpoints(Endpoints):
    """Create, change and find cases, which keep a history of notes."""

    def __init__(self, records: Records, switch: Callable[[str], Any]) -> None:
        super().__init__(records, switch)
        self.cases = 0

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            "cases/insert.php": Endpoint(self._insert, (*CASE_FIELDS, *CASE_OPTIONS), form=True),
            "cases/insertAttach.php": Endpoint(self._insert_attach, (*CASE_FIELDS, *WITH_FILES)),
            "cases/update.php": Endpoint(self._update, (ID, *CASE_FIELDS, *CASE_OPTIONS), form=True),
            "cases/updateCaseAttachment.php": Endpoint(self._update_attach, (ID, *CASE_FIELDS, *WITH_FILES)),
            "cases/queryCases.php": Endpoint(self._query, ("field", "value"), paged=True),
            "cases/listHistoryNote.php": Endpoint(
                self._list_history,
                ("field", "value"),
                paged=True,
                token="external",  # noqa: S106
            ),
        }

    def _insert_attach(self, operation: str, body: Body) -> dict[str, Any]:
        # As JSON the form is no text.
        body.object("form")
        body.files("attachments")
        return self._insert(operation, body)

    def _update_attach(self, operation: str, body: Body) -> dict[str, Any]:
        if "form" in body.values:
            body.object("form")
        body.files("attachments")
        return self._update(operation, body)

    def _insert(self, operation: str, body: Body) -> dict[str, Any]:
        self._check(body, CASE_FIELDS)
        fields = self._fields(body)
        if self.switch("case_contact_must_exist"):
            contacts = self.records.module(operation, "contacts").values()
            wanted = fields["contact"].casefold()
            if not any(plain(value).casefold() == wanted for one in contacts for value in one.values()):
                raise Refusal("unknown_contact")
        case = self.existing(operation, "cases", fields)
        if case is None:
            self.cases += 1
            numbers = {"idCase": self.cases, "idPrefijo": f"CASE-{self.cases}"}
            case = self.records.create(operation, "cases", fields | numbers)
            self._note(operation, case, fields["description"])
        elif self.switch("duplicates") == "refuse":
            raise Refusal("duplicate")
        data = {"wolkvox_id": case["wolkvox_id"], "idPrefijo": case.get("idPrefijo", "")}
        return self.answers.written("Succesfully create record", data)

    def _update(self, operation: str, body: Body) -> dict[str, Any]:
        wolkvox_id = body.text("wolkvox-id")
        required = (
            CASE_FIELDS if self.switch("case_update_required") == "prose" else ("responsible", "status")
        )
        self._check(body, required)
        fields = self._fields(body)
        case = self.known(operation, "cases", wolkvox_id)
        self.records.change(operation, case, fields)
        self._note(operation, case, fields.get("solution", ""))
        return self.answers.written("Succesfully update record", {"wolkvox_id": wolkvox_id})

    def _check(self, body: Body, required: Iterable[str]) -> None:
        for name in required:
            body.text(name)
        if body.text("status") in self.names("closed_statuses"):
            body.text("solution")
        for name, trait in EXISTING.items():
            known = self.names(trait)
            if known and name in body.values and body.values[name] not in known:
                raise Refusal("unknown_case_value")

    def _fields(self, body: Body) -> Record:
        fields = {name: body.values[name] for name in (*CASE_FIELDS, *CASE_OPTIONS) if name in body.values}
        form = fields.get("form")
        if isinstance(form, str) and form:
            try:
                form = json.loads(form)
            except (ValueError, RecursionError):
                raise Refusal("invalid_parameter") from None
            fields["form"] = form
        if form not in (None, "") and not isinstance(form, dict):
            raise Refusal("invalid_parameter")
        return fields | body.attachments()

    def _note(self, operation: str, case: Record, text: Any) -> None:
        note = {
            "wolkvox_fecha_creacion": self.records.now(),
            "wolkvox_usuario_creacion": f"sandbox@{operation}",
            "status": case.get("status"),
            "note": text,
        }
        case["history"] = [*case.get("history", []), note]

    def _found(self, operation: str, body: Body) -> list[Record]:
        name = body.text("field")
        cases = self.records.module(operation, "cases").values()
        return self.matching(body, cases, CASE_NAMES.get(name, name))

    def _query(self, operation: str, body: Body) -> dict[str, Any]:
        if self.switch("case_query_field") == "listed" and body.text("field") not in QUERY_FIELDS:
            raise Refusal("invalid_parameter")
        found = self._found(operation, body)
        shown = [{name: value for name, value in case.items() if name != "history"} for case in found]
        return self.answers.page(body, shown, totals=True)

    def _list_history(self, operation: str, body: Body) -> dict[str, Any]:
        return self.answers.page(body, [{"history": []} | case for case in self._found(operation, body)])
