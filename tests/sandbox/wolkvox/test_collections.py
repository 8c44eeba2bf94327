"""Collections with their obligations and gestiones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.wolkvox.crm import CALLS, DEBTOR, ok, records, refused, uses
from tests.support.sandbox import SandboxProcess


def massive(sandbox: SandboxProcess, *items: dict[str, Any]) -> dict[str, Any]:
    return ok(sandbox, "collections/massiveCollections.php", collections=list(items))


def without(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


def test_collections_come_in_bulk_with_a_summary(sandbox):
    assert massive(sandbox, DEBTOR, {**DEBTOR, "Identification": 1002}) == {
        "code": "200",
        "success": True,
        "summary": {
            "total_records_received": 2,
            "successful_inserts": 2,
            "failed_count": 0,
            "total_processed": 2,
            "failed_Sumary": [],
        },
    }
    assert [record["Identification"] for record in records(sandbox, "collections")] == ["1001", 1002]
    assert uses(sandbox) == 1


def test_five_hundred_collections_are_taken_at_once(sandbox):
    items = [{**DEBTOR, "Identification": str(number)} for number in range(500)]
    assert massive(sandbox, *items)["summary"]["successful_inserts"] == 500
    assert massive(sandbox, *items)["summary"]["successful_inserts"] == 500
    assert sandbox.state()["wolkvox"]["records"] == {"collections": 500}


def test_known_collections_are_updated(sandbox):
    massive(sandbox, DEBTOR)
    [before] = records(sandbox, "collections")
    obligations = [{"id": "o-1", "name": "Loan", "sum": 5}, {"id": "o-2", "name": "Car"}]
    massive(sandbox, {**DEBTOR, "Name": "Eva", "Obligations": obligations}, without(DEBTOR, "Obligations"))
    [after] = records(sandbox, "collections")
    assert after["wolkvox_id"] == before["wolkvox_id"]
    assert (after["Name"], after["Obligations"]) == ("Ada", obligations)


@pytest.mark.parametrize("name", ["Identification", "Name", "Email", "Telephone", "id", "name"])
@pytest.mark.parametrize("empty", ["", " ", None, [], {"type": "telephone", "value": ""}])
def test_an_empty_mandatory_value_fails_the_whole_request(sandbox, name, empty):
    item = {**DEBTOR, "Identification": "1002", name: empty}
    if name in ("id", "name"):
        item = {**DEBTOR, "Obligations": [{"id": "o-1", "name": "Loan", name: empty}]}
    body = {"collections": [DEBTOR, without(DEBTOR, "Email"), item]}
    path = "collections/massiveCollections.php"
    assert refused(sandbox, path, **body) == (400, "SOME PARAMETERS ARE EMPTY")
    assert records(sandbox, "collections") == []


@pytest.mark.parametrize("name", ["Identification", "Name", "Email", "Telephone"])
def test_a_missing_mandatory_value_skips_its_item(sandbox, name):
    summary = massive(sandbox, without(DEBTOR, name), {**DEBTOR, "Identification": "1002"})["summary"]
    assert summary == {
        "total_records_received": 2,
        "successful_inserts": 1,
        "failed_count": 1,
        "total_processed": 2,
        "failed_Sumary": [
            {
                "index": 0,
                "Identification": None if name == "Identification" else "1001",
                "error": f"{name} is required",
            }
        ],
    }
    assert [record["Identification"] for record in records(sandbox, "collections")] == ["1002"]


@pytest.mark.parametrize("name", ["id", "name"])
def test_a_missing_value_of_an_obligation_skips_its_item(sandbox, name):
    obligation = without({"id": "o-1", "name": "Loan"}, name)
    sandbox.switch({"wolkvox.failed_summary": "texts", "wolkvox.total_processed": "successful"})
    summary = massive(sandbox, {**DEBTOR, "Obligations": [obligation]})["summary"]
    assert (summary["failed_count"], summary["total_processed"]) == (1, 0)
    assert summary["failed_Sumary"] == [f"1001: Obligations.{name} is required"]
    assert records(sandbox, "collections") == []


def test_obligations_are_added_found_and_changed(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    answer = ok(sandbox, "collections/insertObligation.php", wolkvox_id=made, fields={"id": 2, "name": "Car"})
    assert (answer["code"], answer["data"]) == (200, {"wolkvox_id": made})
    answer = ok(
        sandbox, "collections/updateObligation.php", wolkvox_id=made, obligation="2", fields={"sum": 9}
    )
    assert (answer["code"], answer["data"]) == (200, {"wolkvox_id": made})
    found = ok(sandbox, "collections/queryObligation.php", wolkvox_id=made, obligation=2)
    assert (found["code"], found["data"]) == ("200", [{"id": 2, "name": "Car", "sum": 9}])
    assert len(records(sandbox, "collections")[0]["Obligations"]) == 2
    body = {"wolkvox_id": made, "obligation": "3"}
    assert ok(sandbox, "collections/queryObligation.php", **body)["data"] == []
    assert refused(sandbox, "collections/updateObligation.php", **body, fields={"sum": 9})[0] == 404


def test_obligations_overwritten_by_other_values_do_no_harm(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    fields = {"Obligations": "none"}
    ok(sandbox, "custom/update.php", module="collections", fields=fields, **{"wolkvox-id": made})
    assert ok(sandbox, "collections/queryObligation.php", wolkvox_id=made, obligation="o-1")["data"] == []
    massive(sandbox, DEBTOR)
    assert records(sandbox, "collections")[0]["Obligations"] == DEBTOR["Obligations"]


def test_gestiones_belong_to_a_collection(sandbox):
    massive(sandbox, DEBTOR)
    made = records(sandbox, "collections")[0]["wolkvox_id"]
    fields = {**CALLS["collections/insertGestion.php"]["fields"], "wolkvox_idRecord": made}
    answer = ok(sandbox, "collections/insertGestion.php", fields=fields)
    found = ok(sandbox, "collections/queryGestion.php", field="wolkvox_idRecord", value=made)
    assert found["code"] == "200"
    assert [gestion["wolkvox_id"] for gestion in found["data"]] == [answer["data"]["wolkvox_id"]]
    for name in fields:
        assert refused(sandbox, "collections/insertGestion.php", fields=without(fields, name))[0] == 400
    other = {**fields, "module": "contacts"}
    assert refused(sandbox, "collections/insertGestion.php", fields=other)[0] == 400
