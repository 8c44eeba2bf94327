"""Updates and deletions of records, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, contacts, delete, in_crm, insert, query, spend, update

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.parametrize("size", [1, 2, 100])
def test_insert_update_query_and_delete_follow_one_another_without_mapping(sandbox, tmp_path, size):
    first = insert(contacts(5), output=str(tmp_path / "1.jsonl"))
    second = update(first, defaults={"status": "new"}, chunk_size=size, output=str(tmp_path / "2.jsonl"))
    assert counts(second) == {"total": 5, "existing": 5}
    assert {record["status"] for record in in_crm(sandbox)} == {"new"}
    ids = [record["wolkvox_id"] for record in in_crm(sandbox)]
    assert [record["record"]["wolkvox_id"] for record in lines(second["output"])] == ids
    found = query(module="contacts", field="status", value="new", output=str(tmp_path / "3.jsonl"))
    assert found["total"] == 5
    third = delete(found, chunk_size=size)
    assert counts(third) == {"total": 5, "existing": 5}
    assert [record["record"]["wolkvox_id"] for record in third["records"]] == ids
    assert in_crm(sandbox) == []
    path = "custom/delete.php"
    assert [body["multiple"] for body in bodies(sandbox, path)] == [size > 1] * -(-5 // size)


def test_an_update_may_write_constants_alone_or_empty_a_field(sandbox):
    first = insert([{"idcontact": "1", "note": "old", "phone": "1"}])
    update(first, include=[], defaults={"status": "done"})
    update([{**first["records"][0], "note": ""}], include=["note"], defaults={"note": ""})
    status, note = (body["fields"] for body in bodies(sandbox, "custom/update.php"))
    assert (status, note) == ({"status": "done"}, {"note": ""})


def test_the_identifier_may_stand_elsewhere(sandbox):
    [record] = insert(contacts(1))["records"]
    row = {"crm": {"id": record["record"]["wolkvox_id"]}, "note": "x"}
    assert counts(update([row], fields={"wolkvox_id": "crm.id"}))["existing"] == 1
    assert bodies(sandbox, "custom/update.php")[0]["fields"] == {"note": "x"}
    assert counts(delete([row], fields={"wolkvox_id": "crm.id"}))["existing"] == 1


def test_an_update_is_repeated_where_its_outcome_is_not_known(sandbox):
    first = insert(contacts(2))
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    result = update(first, defaults={"a": "b"}, chunk_size=2)
    assert (counts(result), result["requests"]) == ({"total": 2, "existing": 2}, 2)


def test_two_updates_of_one_record_are_both_sent_in_their_order(sandbox):
    [record] = insert(contacts(1))["records"]
    id_ = record["record"]["wolkvox_id"]
    update([{"wolkvox_id": id_, "n": n} for n in range(20)])
    assert in_crm(sandbox)[0]["n"] == 19


@pytest.mark.parametrize("size", [1, 3])
def test_what_is_changed_back_is_written_again(sandbox, size):
    [record] = insert(contacts(1))["records"]
    id_ = record["record"]["wolkvox_id"]
    changes = [{"wolkvox_id": id_, "status": status} for status in ("x", "y", "x")]
    assert counts(update(changes, chunk_size=size)) == {"total": 3, "existing": 3}
    assert in_crm(sandbox)[0]["status"] == "x"
    assert counts(update(changes, chunk_size=size)) == {"total": 3, "replayed": 3}


def test_what_is_changed_back_counts_in_what_is_set_aside(sandbox):
    [record] = insert(contacts(1))["records"]
    id_ = record["record"]["wolkvox_id"]
    changes = [{"wolkvox_id": id_, "status": status} for status in ("x", "y", "x")]
    spend(sandbox, 50)
    result = update(changes, reserve="auto")
    assert counts(result) == {"total": 3, "existing": 3}


def test_an_update_without_identifier_or_without_values_fails_before_it_is_sent(sandbox):
    result = update([{"note": "x"}, {"wolkvox_id": "1"}, {"wolkvox_id": "1", "note": ""}])
    assert counts(result) == {"total": 3, "failed": 3}
    fields = [failure["field"] for failure in result["failures"]]
    assert fields == ["wolkvox_id", "fields", "fields"]
    assert sandbox.requests("wolkvox") == []


def test_a_record_that_is_gone_is_refused_with_the_reason_that_it_may_have(sandbox):
    result = delete([{"wolkvox_id": "65f0c0ffee0123456789abcd"}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert "THE RECORD DOES NOT EXIST" in result["failures"][0]["reason"]
    assert "may have deleted the record already" in result["failures"][0]["reason"]


def test_a_deletion_of_several_tells_those_that_the_answer_leaves_out(sandbox):
    sandbox.switch({"wolkvox.unknown_id_among_many": "skip"})
    first = insert(contacts(3))
    records = [*first["records"], {"wolkvox_id": "65f0c0ffee0123456789abcd"}]
    result = delete(records, chunk_size=10)
    assert counts(result) == {"total": 4, "existing": 3, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (4, "VendorRejected")
    assert "(wolkvox_default) POST server/API/v2/custom/delete.php" in failure["reason"]
    assert in_crm(sandbox) == []


def test_defaults_come_before_what_the_crm_has_already(sandbox):
    first = insert([{**one, "status": "new", "note": "own"} for one in contacts(2)])
    update(first, defaults={"status": "open"})
    assert [(one["status"], one["note"]) for one in in_crm(sandbox)] == [("open", "own")] * 2
    found = query(module="contacts", field="status", value="open")
    update(found, defaults={"status": "closed"}, include=["status"])
    assert {one["status"] for one in in_crm(sandbox)} == {"closed"}
    assert bodies(sandbox, "custom/update.php")[-1]["fields"] == {"status": "closed"}
    update(found, fields={"note": "idcontact", "status": "status"}, defaults={"note": "n", "status": "s"})
    assert [(one["status"], one["note"]) for one in in_crm(sandbox)] == [("open", "1"), ("open", "2")]


def test_a_plain_record_with_an_identifier_has_its_own_values(sandbox):
    [record] = insert(contacts(1))["records"]
    row = {"wolkvox_id": record["record"]["wolkvox_id"], "status": "own"}
    first = update([row], defaults={"status": "default"})
    assert in_crm(sandbox)[0]["status"] == "own"
    update(first, defaults={"status": "default"})
    assert in_crm(sandbox)[0]["status"] == "default", "now the CRM has the record's own"


def test_a_record_that_names_another_has_values_of_its_own(sandbox):
    [company] = insert([{"name": "ACME"}], module="companies")["records"]
    insert([{"company": company["record"]["wolkvox_id"], "status": "lead"}], module="leads")
    found = query(module="leads", field="status", value="lead")
    options: dict[str, Any] = {
        "fields": {"wolkvox_id": "company"},
        "include": ["status"],
        "defaults": {"status": "none"},
    }
    assert counts(update(found, module="companies", **options)) == {"total": 1, "existing": 1}
    assert in_crm(sandbox, "companies")[0]["status"] == "lead"


def test_what_the_crm_writes_itself_is_not_written_back(sandbox, tmp_path, caplog):
    insert(contacts(1))
    caplog.set_level("INFO", "airflow_provider")
    for name in ("found.jsonl", "found.csv"):
        found = query(module="contacts", field="idcontact", value="1", output=str(tmp_path / name))
        assert counts(update(found, defaults={"status": name})) == {"total": 1, "existing": 1}
        assert bodies(sandbox, "custom/update.php")[-1]["fields"] == {**contacts(1)[0], "status": name}
    told = [one.getMessage() for one in caplog.records if "writes them itself" in one.getMessage()]
    assert len(told) == 2, "once in a batch"
    assert "wolkvox_owner" in told[0]


def test_an_owner_that_the_author_gives_is_written(sandbox):
    insert(contacts(1))
    [record] = query(module="contacts", field="idcontact", value="1")["records"]
    update([{**record, "wolkvox_owner": "ana@demo_operation"}])
    update([record], defaults={"wolkvox_owner": "eva@demo_operation"})
    owners = [body["fields"]["wolkvox_owner"] for body in bodies(sandbox, "custom/update.php")]
    assert owners == ["ana@demo_operation", "eva@demo_operation"]


def test_an_object_of_the_crm_that_is_asked_for_says_what_to_do(sandbox):
    insert(contacts(1))
    found = query(module="contacts", field="idcontact", value="1")
    result = update(found, include=["wolkvox_owner"])
    assert result["failures"][0]["field"] == "wolkvox_owner"
    assert "include" in result["failures"][0]["reason"]
