"""The CRM calls of wolkvox other than the token information: records, cases and collections."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.forms import MULTIPART, URLENCODED, read_form
from airflow_provider.sandbox.wolkvox.records import SECONDS, Record, Records, having, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.messages import Request

ROOT = "server/API/v2/"
MINUTES = "%Y-%m-%d %H:%M"
MOST_PER_PAGE = 250
MOST_COLLECTIONS = 500
CASE_FIELDS = ("case-type", "responsible", "owner", "contact", "description", "status", "priority")
CASE_OPTIONS = ("solution", "form", "file")
# Names by which queryCases knows fields that cases/insert calls otherwise.
CASE_NAMES = {"email contact": "contact", "type case": "case-type"}
MANDATORY = ("Identification", "Name", "Email", "Telephone")
MANDATORY_OF_OBLIGATION = ("id", "name")
ACTIVITIES = ("call", "meet", "task")


class Refusal(Exception):
    """A call that wolkvox refuses.

    :param trait: names the switches that hold its code and text
    """

    def __init__(self, trait: str) -> None:
        super().__init__(trait)
        self.trait = trait


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path of the CRM.

    :param answer: makes the answer of an operation and the body
    :param form: whether the body is a form
    :param token: the type of token that it takes
    """

    answer: Callable[[str, dict[str, Any]], Any]
    form: bool = False
    token: str = "internal"  # noqa: S105 - a type of tokens, no token


class Crm:
    """Carry out the calls.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of wolkvox's switches
    :param seed: random for each run
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], seed: str) -> None:
        self.switch = switch
        self.records = Records(clock, switch, seed)
        self.cases = 0
        self.endpoints = {
            "custom/insert.php": Endpoint(self._insert),
            "custom/insertAttach.php": Endpoint(self._insert),
            "custom/insertMany.php": Endpoint(self._insert_many),
            "custom/update.php": Endpoint(self._update),
            "custom/updateMany.php": Endpoint(self._update_many),
            "custom/delete.php": Endpoint(self._delete),
            "custom/query.php": Endpoint(self._query),
            "custom/queryDates.php": Endpoint(self._query_dates),
            "custom/reports.php": Endpoint(self._report),
            "cases/insert.php": Endpoint(self._insert_case, form=True),
            "cases/insertAttach.php": Endpoint(self._insert_case),
            "cases/update.php": Endpoint(self._update_case, form=True),
            "cases/updateCaseAttachment.php": Endpoint(self._update_case),
            "cases/queryCases.php": Endpoint(self._query_cases),
            "cases/listHistoryNote.php": Endpoint(self._list_history, token="external"),  # noqa: S106
            "collections/massiveCollections.php": Endpoint(self._massive),
            "collections/insertObligation.php": Endpoint(self._insert_obligation),
            "collections/queryObligation.php": Endpoint(self._query_obligation),
            "collections/updateObligation.php": Endpoint(self._update_obligation),
            "collections/insertGestion.php": Endpoint(self._insert_gestion),
            "collections/queryGestion.php": Endpoint(self._query_gestion),
            "collections/reportsCollection.php": Endpoint(self._report_collection),
        }

    def endpoint(self, path: str) -> Endpoint | None:
        """Return what serves a path, or None."""
        return self.endpoints.get(path.removeprefix(ROOT)) if path.startswith(ROOT) else None

    def body(self, endpoint: Endpoint, request: Request) -> dict[str, Any]:
        """Return the fields of a body; one of another kind than the path's has none."""
        if endpoint.form:
            if request.media_type in (MULTIPART, URLENCODED):
                return read_form(request)
            if not self.switch("cases_accept_json"):
                return {}
        return request.json if isinstance(request.json, dict) else {}

    # the envelope

    def _written(self, message: str, data: Any) -> dict[str, Any]:
        code = "200" if self.switch("write_code_as_string") else 200
        return {"code": code, "error": "null", "msg": message, "data": data}

    def _read_code(self) -> int | str:
        return 200 if self.switch("code_as_number") else "200"

    def _page(
        self, body: dict[str, Any], found: Iterable[Record], totals: bool | None = None
    ) -> dict[str, Any]:
        """Return one page of what was found, in the envelope."""
        records = list(found)
        if self.switch("query_order") == "newest first":
            records.reverse()
        limit = self._whole(body, "limit", self.switch("default_limit"))
        page = self._whole(body, "page", 1)
        if limit > MOST_PER_PAGE:
            if self.switch("limit_above_maximum") == "refuse":
                raise Refusal("invalid_parameter")
            limit = MOST_PER_PAGE
        pages = math.ceil(len(records) / limit)
        shown = page
        if page > max(1, pages):
            if self.switch("beyond_last_page") == "refuse":
                raise Refusal("beyond_last_page")
            if self.switch("beyond_last_page") == "last page":
                shown = max(1, pages)
        data = records[(shown - 1) * limit : shown * limit]
        answer: dict[str, Any] = {"code": self._read_code(), "error": "null"}
        if self.switch("totals") if totals is None else totals:
            answer |= {"page": page, "Total records": len(records), "Total pages": pages}
        # The vendor's own spelling.
        return answer | {"msg": f"{len(data)} records were are found", "data": data}

    # what a body holds

    def _whole(self, body: dict[str, Any], name: str, default: int) -> int:
        value = body.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.isdecimal() and len(value) < 10:
            value = int(value)
        if type(value) is not int or value < 1:
            raise Refusal("invalid_parameter")
        return value

    def _required(self, body: dict[str, Any], name: str) -> Any:
        value = body.get(name)
        if value is None or value in ("", [], {}):
            raise Refusal("missing_parameter")
        return value

    def _text(self, body: dict[str, Any], name: str) -> str:
        value = self._required(body, name)
        if not isinstance(value, str):
            raise Refusal("invalid_parameter")
        return value

    def _object(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        value = self._required(body, name)
        if not isinstance(value, dict):
            raise Refusal("invalid_parameter")
        return value

    def _objects(self, body: dict[str, Any], name: str, most: int) -> list[dict[str, Any]]:
        value = self._required(body, name)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise Refusal("invalid_parameter")
        if 0 < most < len(value):
            raise Refusal("invalid_parameter")
        return value

    def _module(self, body: dict[str, Any]) -> str:
        module = self._text(body, "module")
        known = self._names("modules")
        if known and module not in known:
            raise Refusal("unknown_module")
        return module

    def _names(self, trait: str) -> list[str]:
        return [name.strip() for name in self.switch(trait).split(",") if name.strip()]

    def _attachments(self, body: dict[str, Any]) -> dict[str, Any]:
        value = body.get("attachments")
        if value is None:
            return {}
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Refusal("invalid_parameter")
        return {"attachments": value}

    def _moment(self, body: dict[str, Any], name: str, form: str) -> datetime:
        text = self._text(body, name)
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the vendor's dates name no time zone
        except ValueError:
            moment = None
        if moment is not None and moment.strftime(form) == text:
            return moment
        if not self.switch("strict_dates"):
            try:
                return datetime.fromisoformat(text).replace(tzinfo=None)
            except ValueError:
                pass
        raise Refusal("invalid_parameter")

    def _matching(self, body: dict[str, Any], records: Iterable[Record], name: str) -> list[Record]:
        if "value" not in body:
            raise Refusal("missing_parameter")
        name = "wolkvox_id" if name == "wolkvox-id" else name
        ignore_case = self.switch("query_match") == "ignore case"
        return having(records, name, plain(body["value"]), ignore_case)

    def _created(self, records: Iterable[Record], first: datetime, last: datetime) -> list[Record]:
        # The form of these dates sorts as the dates do.
        begin, end = first.strftime(SECONDS), last.strftime(SECONDS)
        return [one for one in records if begin <= one["wolkvox_fecha_creacion"] <= end]

    # custom

    def _insert(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        fields = self._object(body, "fields")
        if module == "wolkvox_activities":
            kind = self._text(body, "type")
            if kind not in ACTIVITIES:
                raise Refusal("invalid_parameter")
            fields = {**fields, "type": kind}
        record = self._new(operation, module, fields)
        return self._written("Succesfully create record", {"wolkvox_id": record["wolkvox_id"]})

    def _new(self, operation: str, module: str, fields: Record) -> Record:
        """Create a record, unless it counts as a duplicate."""
        existing = self._existing(operation, module, fields)
        if existing is None:
            return self.records.create(operation, module, fields)
        if self.switch("duplicates") == "refuse":
            raise Refusal("duplicate")
        return existing

    def _existing(self, operation: str, module: str, fields: Record) -> Record | None:
        if self.switch("duplicates") == "create":
            return None
        records = self.records.module(operation, module).values()
        key = self.switch("duplicate_key")
        if key:
            found = having(records, key, plain(fields[key])) if key in fields else []
            return found[0] if found else None
        for record in records:
            if all(record.get(name) == value for name, value in fields.items()):
                return record
        return None

    def _insert_many(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        several = self._objects(body, "fields", self.switch("most_records"))
        if not all(several):
            raise Refusal("missing_parameter")
        made: list[Record] = []
        try:
            for fields in several:
                made.append(self._new(operation, module, fields))  # noqa: PERF401 - those made so far count
        except Refusal:
            for record in made:
                del self.records.module(operation, module)[record["wolkvox_id"]]
            raise
        return self._written("Succesfully create x record", [])

    def _known(self, operation: str, module: str, wolkvox_id: str) -> Record:
        record = self.records.module(operation, module).get(wolkvox_id)
        if record is None:
            raise Refusal("unknown_id")
        return record

    def _update(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        wolkvox_id = self._text(body, "wolkvox-id")
        fields = self._object(body, "fields") | self._attachments(body)
        record = self._known(operation, module, wolkvox_id)
        self.records.change(operation, record, fields)
        return self._written("Succesfully edit record", {"wolkvox_id": record["wolkvox_id"]})

    def _update_many(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        several = self._objects(body, "fields", self.switch("most_records"))
        ids = [self._text(fields, "wolkvox-id") for fields in several]
        known = self._known_of(operation, module, ids)
        for wolkvox_id, fields in zip(ids, several, strict=True):
            if wolkvox_id in known:
                changed = {name: value for name, value in fields.items() if name != "wolkvox-id"}
                self.records.change(operation, known[wolkvox_id], changed)
        return self._written("Succesfully edit record x", [])

    def _known_of(self, operation: str, module: str, ids: list[str]) -> dict[str, Record]:
        records = self.records.module(operation, module)
        known = {one: records[one] for one in ids if one in records}
        if self.switch("unknown_id_among_many") == "refuse" and not known.keys() >= set(ids):
            raise Refusal("unknown_id")
        return known

    def _delete(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        multiple = body.get("multiple")
        if multiple is None:
            raise Refusal("missing_parameter")
        wolkvox_id = self._required(body, "wolkvox-id")
        records = self.records.module(operation, module)
        if multiple is False and isinstance(wolkvox_id, str):
            del records[self._known(operation, module, wolkvox_id)["wolkvox_id"]]
            return self._written("Have been succesfully removed", {"wolkvox_id": wolkvox_id})
        if (
            multiple is not True
            or not isinstance(wolkvox_id, list)
            or not all(isinstance(one, str) for one in wolkvox_id)
        ):
            raise Refusal("invalid_parameter")
        known = self._known_of(operation, module, wolkvox_id)
        for one in known:
            del records[one]
        return self._written("Have been succesfully removed", {"wolkvox_id": list(known)})

    def _query(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        module = self._module(body)
        name = self._text(body, "field")
        return self._page(body, self._matching(body, self.records.module(operation, module).values(), name))

    def _query_dates(self, operation: str, body: dict[str, Any]) -> Any:
        module = self._module(body)
        # Documented with true only.
        if self._required(body, "date") is not True:
            raise Refusal("invalid_parameter")
        first, last = self._moment(body, "from", MINUTES), self._moment(body, "to", MINUTES)
        if self.switch("whole_last_minute"):
            last += timedelta(seconds=59)
        records = self.records.module(operation, module).values()
        answer = self._page(body, self._created(records, first, last))
        return answer["data"] if self.switch("query_dates_answer") == "array" else answer

    def _report(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._page(body, self._reported(operation, body))

    def _reported(self, operation: str, body: dict[str, Any]) -> list[Record]:
        name = self._text(body, "name")
        first, last = self._moment(body, "dateStart", SECONDS), self._moment(body, "dateEnd", SECONDS)
        if name not in self._names("reports"):
            raise Refusal("unknown_report")
        return self._created(self.records.module(operation, name).values(), first, last)

    # cases

    def _insert_case(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        self._check_case(body, CASE_FIELDS)
        fields = self._case_fields(body)
        if self.switch("case_contact_must_exist"):
            contacts = self.records.module(operation, "contacts").values()
            wanted = fields["contact"].casefold()
            if not any(plain(value).casefold() == wanted for one in contacts for value in one.values()):
                raise Refusal("unknown_contact")
        case = self._existing(operation, "cases", fields)
        if case is None:
            self.cases += 1
            numbers = {"idCase": self.cases, "idPrefijo": f"CASE-{self.cases}"}
            case = self.records.create(operation, "cases", fields | numbers)
            self._note(operation, case, fields["description"])
        elif self.switch("duplicates") == "refuse":
            raise Refusal("duplicate")
        data = {"wolkvox_id": case["wolkvox_id"], "idPrefijo": case.get("idPrefijo", "")}
        return self._written("Succesfully create record", data)

    def _update_case(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        wolkvox_id = self._text(body, "wolkvox-id")
        required = (
            CASE_FIELDS if self.switch("case_update_required") == "prose" else ("responsible", "status")
        )
        self._check_case(body, required)
        fields = self._case_fields(body)
        case = self._known(operation, "cases", wolkvox_id)
        self.records.change(operation, case, fields)
        self._note(operation, case, fields.get("solution", ""))
        return self._written("Succesfully update record", {"wolkvox_id": wolkvox_id})

    def _check_case(self, body: dict[str, Any], required: Iterable[str]) -> None:
        for name in required:
            self._text(body, name)
        if body["status"] in self._names("closed_statuses"):
            self._text(body, "solution")

    def _case_fields(self, body: dict[str, Any]) -> Record:
        fields = {name: body[name] for name in (*CASE_FIELDS, *CASE_OPTIONS) if name in body}
        form = fields.get("form")
        if isinstance(form, str) and form:
            try:
                form = json.loads(form)
            except (ValueError, RecursionError):
                raise Refusal("invalid_parameter") from None
            fields["form"] = form
        if form not in (None, "") and not isinstance(form, dict):
            raise Refusal("invalid_parameter")
        return fields | self._attachments(body)

    def _note(self, operation: str, case: Record, text: Any) -> None:
        note = {
            "wolkvox_fecha_creacion": self.records.now(),
            "wolkvox_usuario_creacion": f"sandbox@{operation}",
            "status": case.get("status"),
            "note": text,
        }
        case["history"] = [*case.get("history", []), note]

    def _found_cases(self, operation: str, body: dict[str, Any]) -> list[Record]:
        name = self._text(body, "field")
        cases = self.records.module(operation, "cases").values()
        return self._matching(body, cases, CASE_NAMES.get(name, name))

    def _query_cases(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        found = self._found_cases(operation, body)
        shown = [{name: value for name, value in case.items() if name != "history"} for case in found]
        return self._page(body, shown, totals=True)

    def _list_history(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._page(body, [{"history": []} | case for case in self._found_cases(operation, body)])

    # collections

    def _massive(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        items = self._objects(body, "collections", MOST_COLLECTIONS)
        missing = [_missing(item) for item in items]
        for item in items:
            obligations = item.get("Obligations", [])
            if any(_empty(item, MANDATORY)) or any(
                any(_empty(one, MANDATORY_OF_OBLIGATION)) for one in obligations
            ):
                raise Refusal("empty_mandatory")
        known = {
            plain(record.get("Identification")): record
            for record in self.records.module(operation, "collections").values()
        }
        failures: list[Any] = []
        for number, (item, lacking) in enumerate(zip(items, missing, strict=True)):
            if lacking:
                failures.append(self._failure(number, item, lacking))
                continue
            key = plain(item["Identification"])
            if key in known:
                obligations = _merged(known[key], item.get("Obligations", []))
                self.records.change(operation, known[key], item | {"Obligations": obligations})
            else:
                known[key] = self.records.create(operation, "collections", {"Obligations": []} | item)
        received, failed = len(items), len(failures)
        successful = received - failed
        summary = {
            "total_records_received": received,
            "successful_inserts": successful,
            "failed_count": failed,
            "total_processed": received if self.switch("total_processed") == "received" else successful,
            "failed_Sumary": failures,
        }
        return {"code": self._read_code(), "success": True, "summary": summary}

    def _failure(self, number: int, item: Record, lacking: str) -> Any:
        identification = item.get("Identification")
        text = f"{lacking} is required"
        if self.switch("failed_summary") == "texts":
            return f"{identification}: {text}"
        return {"index": number, "Identification": identification, "error": text}

    def _insert_obligation(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        wolkvox_id = self._text(body, "wolkvox_id")
        fields = self._object(body, "fields")
        record = self._known(operation, "collections", wolkvox_id)
        self.records.change(operation, record, {"Obligations": [*_obligations(record), fields]})
        return self._written("Succesfully create record", {"wolkvox_id": record["wolkvox_id"]})

    def _query_obligation(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        wolkvox_id, wanted = self._text(body, "wolkvox_id"), plain(self._required(body, "obligation"))
        record = self.records.module(operation, "collections").get(wolkvox_id, {})
        return self._page(body, having(_obligations(record), "id", wanted))

    def _update_obligation(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        wolkvox_id, wanted = self._text(body, "wolkvox_id"), plain(self._required(body, "obligation"))
        fields = self._object(body, "fields")
        record = self._known(operation, "collections", wolkvox_id)
        obligations = _obligations(record)
        if not having(obligations, "id", wanted):
            raise Refusal("unknown_id")
        changed = [one | fields if plain(one.get("id")) == wanted else one for one in obligations]
        self.records.change(operation, record, {"Obligations": changed})
        return self._written("Succesfully edit record", {"wolkvox_id": record["wolkvox_id"]})

    def _insert_gestion(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        fields = self._object(body, "fields")
        for name in ("tipifycation_code", "tipifycation_desc"):
            self._required(fields, name)
        if self._text(fields, "module") != "collections":
            raise Refusal("invalid_parameter")
        self._known(operation, "collections", self._text(fields, "wolkvox_idRecord"))
        gestion = self._new(operation, "gestion", fields)
        return self._written("Succesfully create record", {"wolkvox_id": gestion["wolkvox_id"]})

    def _query_gestion(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        name = self._text(body, "field")
        records = self.records.module(operation, "gestion").values()
        return self._page(body, self._matching(body, records, name))

    def _report_collection(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._page(body, self._reported(operation, body), totals=True)
        # The one read whose sample has no such key.
        del answer["error"]
        return answer


def _obligations(record: Record) -> list[Record]:
    # A client may have written anything there.
    value = record.get("Obligations")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _merged(record: Record, new: list[Record]) -> list[Record]:
    """Return a record's obligations with new ones, which replace those of the same id."""
    merged = {plain(one.get("id")): one for one in _obligations(record)}
    for one in new:
        key = plain(one["id"])
        merged[key] = merged.get(key, {}) | one
    return list(merged.values())


def _missing(item: Record) -> str:
    """Return the first mandatory name that an item lacks; empty if it lacks none."""
    obligations = item.get("Obligations", [])
    if not isinstance(obligations, list) or not all(isinstance(one, dict) for one in obligations):
        raise Refusal("invalid_parameter")
    for name in MANDATORY:
        if name not in item:
            return name
    for obligation in obligations:
        for name in MANDATORY_OF_OBLIGATION:
            if name not in obligation:
                return f"Obligations.{name}"
    return ""


def _empty(item: Record, names: Iterable[str]) -> list[str]:
    """Return the names under which an item has an empty value."""
    return [name for name in names if name in item and plain(item[name]).strip() in ("", "[]")]
