"""The records of modules, written: ``custom`` inserts, updates and deletions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from airflow_provider.sandbox.wolkvox.records import Record

ACTIVITIES = ("call", "meet", "task")


class ModuleEndpoints(Endpoints):
    """Create, change and delete records, one or many at a time."""

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            "custom/insert.php": Endpoint(self._insert),
            "custom/insertAttach.php": Endpoint(self._insert),
            "custom/insertMany.php": Endpoint(self._insert_many),
            "custom/update.php": Endpoint(self._update),
            "custom/updateMany.php": Endpoint(self._update_many),
            "custom/delete.php": Endpoint(self._delete),
        }

    def _insert(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        fields = body.object("fields")
        if module == "wolkvox_activities":
            kind = body.text("type")
            if kind not in ACTIVITIES:
                raise Refusal("invalid_parameter")
            fields = {**fields, "type": kind}
        record = self.new(operation, module, fields)
        return self.answers.written("Succesfully create record", {"wolkvox_id": record["wolkvox_id"]})

    def _insert_many(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        several = body.objects("fields", self.switch("most_records"))
        if not all(several):
            raise Refusal("missing_parameter")
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
        fields = body.object("fields") | body.attachments()
        record = self.known(operation, module, wolkvox_id)
        self.records.change(operation, record, fields)
        return self.answers.written("Succesfully edit record", {"wolkvox_id": record["wolkvox_id"]})

    def _update_many(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        several = body.objects("fields", self.switch("most_records"))
        ids = [Body(fields, self.switch).text("wolkvox-id") for fields in several]
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
        wolkvox_id = body.required("wolkvox-id")
        records = self.records.module(operation, module)
        if multiple is False and isinstance(wolkvox_id, str):
            del records[self.known(operation, module, wolkvox_id)["wolkvox_id"]]
            return self.answers.written("Have been succesfully removed", {"wolkvox_id": wolkvox_id})
        if (
            multiple is not True
            or not isinstance(wolkvox_id, list)
            or not all(isinstance(one, str) for one in wolkvox_id)
        ):
            raise Refusal("invalid_parameter")
        known = self._known_of(operation, module, wolkvox_id)
        for one in known:
            del records[one]
        return self.answers.written("Have been succesfully removed", {"wolkvox_id": list(known)})
