"""Collections with their obligations and gestiones: ``collections/*.php`` without its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.endpoints import Endpoint, Endpoints
from airflow_provider.sandbox.wolkvox.records import Record, having, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_COLLECTIONS = 500
MANDATORY = ("Identification", "Name", "Email", "Telephone")
MANDATORY_OF_OBLIGATION = ("id", "name")


class CollectionEndpoints(Endpoints):
    """Create, change and find collections, their obligations and gestiones."""

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            "collections/massiveCollections.php": Endpoint(self._massive, ("collections",)),
            "collections/insertObligation.php": Endpoint(self._insert_obligation, ("wolkvox_id", "fields")),
            "collections/queryObligation.php": Endpoint(
                self._query_obligation, ("obligation", "wolkvox_id"), paged=True
            ),
            "collections/updateObligation.php": Endpoint(
                self._update_obligation, ("wolkvox_id", "obligation", "fields")
            ),
            "collections/insertGestion.php": Endpoint(self._insert_gestion, ("fields",)),
            "collections/queryGestion.php": Endpoint(self._query_gestion, ("field", "value"), paged=True),
        }

    def _massive(self, operation: str, body: Body) -> dict[str, Any]:
        items = body.objects("collections", MOST_COLLECTIONS)
        self._check_numbers(items)
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
        return {
            "code": self.answers.read_code(),
            "success": True,
            "summary": self._summary(len(items), failures),
        }

    def _check_numbers(self, value: Any) -> None:
        if self.switch("collection_numbers") == "refuse" and _has_number(value):
            raise Refusal("invalid_parameter")

    def _obligation(self, body: Body, required: Iterable[str] = ()) -> Record:
        """Return the fields of an obligation."""
        fields = body.within("fields")
        self._check_numbers(fields.values)
        for name in required:
            fields.words(name)
        if "form" in fields.values:
            form = fields.values["form"]
            if not isinstance(form, list) or not all(_is_pair(one) for one in form):
                raise Refusal("invalid_parameter")
        return fields.values

    def _summary(self, received: int, failures: list[Any]) -> dict[str, Any]:
        successful = received - len(failures)
        return {
            "total_records_received": received,
            "successful_inserts": successful,
            "failed_count": len(failures),
            "total_processed": received if self.switch("total_processed") == "received" else successful,
            "failed_Sumary": failures,
        }

    def _failure(self, number: int, item: Record, lacking: str) -> Any:
        identification = item.get("Identification")
        text = f"{lacking} is required"
        if self.switch("failed_summary") == "texts":
            return f"{identification}: {text}"
        return {"index": number, "Identification": identification, "error": text}

    def _insert_obligation(self, operation: str, body: Body) -> dict[str, Any]:
        wolkvox_id = body.text("wolkvox_id")
        required = self.switch("obligation_fields") == "required"
        fields = self._obligation(body, MANDATORY_OF_OBLIGATION if required else ())
        record = self.known(operation, "collections", wolkvox_id)
        obligations = _obligations(record)
        same = "id" in fields and having(obligations, "id", plain(fields["id"]))
        if same and self.switch("duplicate_obligations") == "refuse":
            raise Refusal("duplicate")
        update = same and self.switch("duplicate_obligations") == "update"
        changed = _merged(record, [fields]) if update else [*obligations, fields]
        self.records.change(operation, record, {"Obligations": changed})
        return self.answers.written("Succesfully create record", {"wolkvox_id": record["wolkvox_id"]})

    def _query_obligation(self, operation: str, body: Body) -> dict[str, Any]:
        wolkvox_id, wanted = body.text("wolkvox_id"), self._wanted(body)
        record = self.records.module(operation, "collections").get(wolkvox_id, {})
        return self.answers.page(body, having(_obligations(record), "id", wanted))

    def _update_obligation(self, operation: str, body: Body) -> dict[str, Any]:
        wolkvox_id, wanted = body.text("wolkvox_id"), self._wanted(body)
        fields = self._obligation(body)
        record = self.known(operation, "collections", wolkvox_id)
        obligations = _obligations(record)
        if not having(obligations, "id", wanted):
            raise Refusal("unknown_id")
        changed = [one | fields if plain(one.get("id")) == wanted else one for one in obligations]
        self.records.change(operation, record, {"Obligations": changed})
        return self.answers.written("Succesfully edit record", {"wolkvox_id": record["wolkvox_id"]})

    def _wanted(self, body: Body) -> str:
        body.required("obligation")
        return body.sought("obligation")

    def _insert_gestion(self, operation: str, body: Body) -> dict[str, Any]:
        fields = body.within("fields")
        self._check_numbers(fields.values)
        if self.switch("gestion_code") == "required":
            fields.words("tipifycation_code")
        fields.words("tipifycation_desc")
        if fields.text("module") != "collections":
            raise Refusal("invalid_parameter")
        self.known(operation, "collections", fields.text("wolkvox_idRecord"))
        gestion = self.new(operation, "gestion", fields.values, "duplicate_gestiones")
        return self.answers.written("Succesfully create record", {"wolkvox_id": gestion["wolkvox_id"]})

    def _query_gestion(self, operation: str, body: Body) -> dict[str, Any]:
        name = body.text("field")
        records = self.records.module(operation, "gestion").values()
        return self.answers.page(body, self.matching(body, records, name))


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


def _has_number(value: Any) -> bool:
    """Return whether there is a number or a boolean anywhere in a value."""
    if isinstance(value, dict):
        return any(map(_has_number, value.values()))
    if isinstance(value, list):
        return any(map(_has_number, value))
    return isinstance(value, int | float)


def _is_pair(value: Any) -> bool:
    """Return whether a value is an additional field of an obligation."""
    return isinstance(value, dict) and value.keys() == {"name", "value"} and isinstance(value["name"], str)
