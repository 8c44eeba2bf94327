"""The records of modules, written: ``custom`` inserts, updates and deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.attachments import has_anchor
from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.endpoints import Endpoint, Endpoints
from airflow_provider.sandbox.wolkvox.fields import check_activity, check_typed

if TYPE_CHECKING:
    from airflow_provider.sandbox.wolkvox.records import Record


class ModuleEndpoints(Endpoints):
    """Create, change and delete records, one or many at a time."""

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            "custom/insert.php": Endpoint(self._insert, ("module", "type", "fields")),
            "custom/insertAttach.php": Endpoint(self._insert_attach, ("module", "type", "fields")),
            "custom/insertMany.php": Endpoint(self._insert_many, ("module", "fields")),
            "custom/update.php": Endpoint(self._update, ("module", "wolkvox-id", "fields", "attachments")),
            "custom/updateMany.php": Endpoint(self._update_many, ("module", "fields")),
            "custom/delete.php": Endpoint(self._delete, ("module", "multiple", "wolkvox-id")),
        }

    def _insert(self, operation: str, body: Body) -> dict[str, Any]:
        self._check_no_files(body.object("fields"))
        return self._create(operation, body)

    def _insert_attach(self, operation: str, body: Body) -> dict[str, Any]:
        fields = body.within("fields")
        files = [name for name, value in fields.values.items() if isinstance(value, list)]
        if not files:
            raise Refusal("missing_parameter")
        for name in files:
            fields.files(name)
        return self._create(operation, body)

    def _create(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        fields = body.object("fields")
        if module == "wolkvox_activities":
            kind = body.text("type")
            check_activity(kind, body.within("fields"), self.switch("activity_fields") == "strict")
            fields = {**fields, "type": kind}
        elif "type" in body.values and self.switch("unknown_keys") == "refuse":
            raise Refusal("invalid_parameter")
        self._check_typed(body.object("fields"))
        record = self.new(operation, module, fields)
        return self.answers.written("Succesfully create record", {"wolkvox_id": record["wolkvox_id"]})

    def _check_typed(self, fields: Record) -> None:
        if self.switch("typed_values") == "check":
            check_typed(fields)

    def _check_no_files(self, fields: Record) -> None:
        if self.switch("attachments_in_insert") == "refuse" and any(map(has_anchor, fields.values())):
            raise Refusal("invalid_parameter")

    def _insert_many(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        several = body.objects("fields", self.switch("most_records"))
        if not all(several):
            raise Refusal("missing_parameter")
        for fields in several:
            self._check_no_files(fields)
            self._check_typed(fields)
        made: list[Record] = []
        try:
            for fields in several:
                made.append(self.new(operation, module, fields))  # noqa: PERF401 - those made so far count
        except Refusal:
            for record in made:
                del self.records.module(operation, module)[record["wolkvox_id"]]
            raise
        return self.answers.written("Succesfully create x record", [])

    def _update(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        wolkvox_id = body.text("wolkvox-id")
        fields = body.object("fields")
        self._check_typed(fields)
        fields = fields | body.attachments()
        record = self.known(operation, module, wolkvox_id)
        self.records.change(operation, record, fields)
        return self.answers.written("Succesfully edit record", {"wolkvox_id": record["wolkvox_id"]})

    def _update_many(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        several = body.objects("fields", self.switch("most_records"))
        ids = [Body(fields, self.switch).text("wolkvox-id") for fields in several]
        for fields in several:
            self._check_typed(fields)
        known = self._known_of(operation, module, ids)
        for wolkvox_id, fields in zip(ids, several, strict=True):
            if wolkvox_id in known:
                changed = {name: value for name, value in fields.items() if name != "wolkvox-id"}
                self.records.change(operation, known[wolkvox_id], changed)
        return self.answers.written("Succesfully edit record x", [])

    def _known_of(self, operation: str, module: str, ids: list[str]) -> dict[str, Record]:
        records = self.records.module(operation, module)
        known = {one: records[one] for one in ids if one in records}
        if self.switch("unknown_id_among_many") == "refuse" and not known.keys() >= set(ids):
            raise Refusal("unknown_id")
        return known

    def _delete(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        multiple = body.values.get("multiple")
        if multiple is None:
            raise Refusal("missing_parameter")
        if not isinstance(multiple, bool):
            raise Refusal("invalid_parameter")
        ids = body.texts("wolkvox-id") if multiple else [body.text("wolkvox-id")]
        records = self.records.module(operation, module)
        if self.switch("delete_of_gone") == "refuse":
            if not multiple:
                self.known(operation, module, ids[0])
            ids = list(self._known_of(operation, module, ids))
        for wolkvox_id in ids:
            records.pop(wolkvox_id, None)
        return self.answers.written(
            "Have been succesfully removed", {"wolkvox_id": ids if multiple else ids[0]}
        )
