"""Records of the CRM: the operators against the sandbox, over real HTTP."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    QuotaExhausted,
    VendorAuthError,
    VendorProtocolError,
    VendorRejected,
)
from airflow_provider.wolkvox.fields import address, column, currency, search, table, telephone
from airflow_provider.wolkvox.operators import (
    WolkvoxDeleteRecordsOperator,
    WolkvoxInsertCasesOperator,
    WolkvoxInsertRecordsOperator,
    WolkvoxQueryCaseNotesOperator,
    WolkvoxQueryCasesOperator,
    WolkvoxQueryOperator,
    WolkvoxUpdateCasesOperator,
    WolkvoxUpdateRecordsOperator,
    WolkvoxUpsertCollectionsOperator,
)

COUNTS = ("created", "existing", "replayed", "failed", "unknown")
WRONG = {1.5: "1.5", True: "True", "5": "a str", 0: "0", -1: "-1"}
"""What a whole number cannot be, and how it is shown."""

TOKEN = "5a4db0c0de5a4db0c0de5a4db0c0de42"


@pytest.fixture(autouse=True)
def quick(sandbox, set_connection, no_waiting):
    set_connection("wolkvox_default", extra={"timeout": 5})


def execute(task: Any, run_id: str = "run-1", try_number: int = 1) -> dict[str, Any]:
    fields = {"dag_id": "dag", "run_id": run_id, "task_id": task.task_id, "try_number": try_number}
    return task.execute({"ti": SimpleNamespace(**fields)})


def insert(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxInsertRecordsOperator(task_id="insert", records=records, **options), run_id)


def update(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxUpdateRecordsOperator(task_id="update", records=records, **options), run_id)


def delete(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"module": "contacts", "on_error": "continue", **options}
    return execute(WolkvoxDeleteRecordsOperator(task_id="delete", records=records, **options), run_id)


def upsert(records: Any, *, run_id: str = "run-1", **options: Any) -> dict[str, Any]:
    options = {"on_error": "continue", **options}
    return execute(WolkvoxUpsertCollectionsOperator(task_id="upsert", records=records, **options), run_id)


def query(**options: Any) -> dict[str, Any]:
    return execute(WolkvoxQueryOperator(task_id="query", **{"module": "leads", **options}))


def contacts(count: int, start: int = 1) -> list[dict[str, Any]]:
    numbers = range(start, start + count)
    return [{"idcontact": str(n), "emailcontact": f"c{n}@example.com"} for n in numbers]


def people(count: int) -> list[dict[str, Any]]:
    return [
        {"Identification": str(n), "Name": f"P {n}", "Email": f"p{n}@example.com", "Telephone": "3000000000"}
        for n in range(1, count + 1)
    ]


def counts(result: dict[str, Any]) -> dict[str, int]:
    assert sum(result[name] for name in COUNTS) == result["total"]
    return {name: result[name] for name in ("total", *COUNTS) if result[name]}


def in_crm(sandbox: Any, module: str = "contacts") -> list[dict[str, Any]]:
    return list(sandbox.control("GET", f"wolkvox/records/{module}")["records"])


def fill(sandbox: Any, count: int, module: str = "leads") -> None:
    fields = {"code": "lead-{n}", "status": "new"}
    sandbox.control("POST", "wolkvox/records", {"module": module, "count": count, "fields": fields})


def bodies(sandbox: Any, path: str) -> list[dict[str, Any]]:
    return [request["json"] for request in sandbox.requests("wolkvox", path=f"server/API/v2/{path}")]


def lines(path: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def spend(sandbox: Any, remaining: int) -> None:
    sandbox.token(token=TOKEN, operation="demo_operation", limit=100, used=100 - remaining)


# Inserts


def test_a_record_is_inserted_with_all_its_columns_and_comes_back_with_its_id(sandbox):
    result = insert([{"idcontact": "1", "namecontact": "Ada Pérez", "note": ""}])
    assert counts(result) == {"total": 1, "created": 1}
    [record] = in_crm(sandbox)
    assert (record["idcontact"], record["namecontact"]) == ("1", "Ada Pérez")
    assert "note" not in record
    [passed_on] = result["records"]
    assert passed_on == {
        "idcontact": "1",
        "namecontact": "Ada Pérez",
        "note": "",
        "record": {"wolkvox_id": record["wolkvox_id"]},
    }
    [body] = bodies(sandbox, "custom/insert.php")
    assert body == {
        "operation": "demo_operation",
        "module": "contacts",
        "fields": {"idcontact": "1", "namecontact": "Ada Pérez"},
    }


def test_columns_are_chosen_renamed_completed_and_typed(sandbox, tmp_path):
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                [
                    "id",
                    "name",
                    "phone",
                    "country",
                    "code",
                    "company",
                    "company_id",
                    "fee",
                    "street",
                    "secret",
                ],
                ["1", "Ada", "3000000000", "Colombia", "57", "ACME", "65f0", "10.5", "Calle 1", "x"],
                ["2", "Bob", "", "", "", "", "", "", "", "x"],
            ]
        )
    result = insert(
        str(tmp_path / "in.csv"),
        fields={
            "idcontact": "id",
            "namecontact": "name",
            "telephonecontact": "phone",
            "company": "company",
            "fee": "fee",
            "address": "street",
        },
        defaults={"origin": "airflow", "namecontact": "nobody"},
        types={
            "telephonecontact": telephone(country=column("country"), code=column("code")),
            "company": search(value_id=column("company_id"), module="companies"),
            "fee": currency(symbol="$", convert="COP"),
            "address": address(),
        },
    )
    assert counts(result) == {"total": 2, "created": 2}
    first, second = (body["fields"] for body in bodies(sandbox, "custom/insert.php"))
    assert first == {
        "idcontact": "1",
        "namecontact": "Ada",
        "origin": "airflow",
        "telephonecontact": {"type": "telephone", "value": "3000000000", "country": "Colombia", "code": "57"},
        "company": {"type": "search", "value": "ACME", "value_id": "65f0", "searchModuleName": "companies"},
        "fee": {"type": "currency", "value": "10.5", "symbol": "$", "convert": "COP"},
        "address": {"type": "address", "value": "Calle 1"},
    }
    assert second == {"idcontact": "2", "namecontact": "Bob", "origin": "airflow"}


def test_values_that_are_typed_already_are_sent_as_they_are(sandbox):
    phone = telephone("300", country="Colombia", code="57")
    rows = table([{"item": "a", "count": 1}])
    insert([{"phone": phone, "items": rows}], types={"phone": telephone(country="Chile", code="56")})
    assert bodies(sandbox, "custom/insert.php")[0]["fields"] == {"phone": phone, "items": rows}


def test_an_insert_whose_answer_is_lost_is_unknown_and_not_repeated(sandbox):
    sandbox.fault(vendor="wolkvox", action="reset", after=True, skip=1)
    result = insert(contacts(3))
    assert counts(result) == {"total": 3, "created": 2, "unknown": 1}
    assert result["failures"][0]["error"] == "OutcomeUnknown"
    assert result["failures"][0]["row"] == 2
    again = insert(contacts(3))
    assert counts(again) == {"total": 3, "replayed": 2, "unknown": 1}
    assert again["requests"] == 0
    assert [record["idcontact"] for record in in_crm(sandbox)] == ["1", "2", "3"]


def test_a_success_without_an_identifier_is_unknown(sandbox):
    sandbox.fault(vendor="wolkvox", json={"code": 200, "error": "null", "msg": "ok", "data": []})
    result = insert(contacts(1))
    assert counts(result) == {"total": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("scope", "second"), [("run", {"total": 2, "created": 2}), ("forever", {"total": 2, "replayed": 2})]
)
def test_another_run_inserts_again_unless_the_scope_is_forever(sandbox, scope, second):
    insert(contacts(2), ledger_scope=scope)
    assert counts(insert(contacts(2), ledger_scope=scope, run_id="run-2")) == second


def test_the_key_of_a_record_may_be_some_of_its_fields(sandbox):
    records = contacts(2)
    insert(records, record_key=["idcontact"], ledger_scope="forever")
    changed = [{**record, "note": "changed"} for record in records] + contacts(1, start=3)
    result = insert(changed, record_key=["idcontact"], ledger_scope="forever", run_id="run-2")
    assert counts(result) == {"total": 3, "created": 1, "replayed": 2}
    empty = insert([{"namecontact": "nobody"}], record_key=["idcontact"])
    assert empty["failures"][0]["field"] == "idcontact"


@pytest.mark.parametrize("switch", ["write_code_as_string", "code_as_number"])
@pytest.mark.parametrize("value", [True, False])
def test_codes_may_be_texts_or_numbers(sandbox, switch, value):
    sandbox.switch({f"wolkvox.{switch}": value})
    done = insert(contacts(2))
    assert counts(update(done, defaults={"a": "b"})) == {"total": 2, "existing": 2}
    assert counts(upsert(people(2))) == {"total": 2, "created": 2}
    assert query(module="contacts", field="a", value="b")["total"] == 2
    assert query(module="contacts", field="a", value="other")["records"] == []


def test_refused_credentials_end_a_batch(sandbox, set_connection):
    set_connection("wolkvox_default", password="wrong")
    with pytest.raises(VendorAuthError) as raised:
        insert(contacts(50), chunk_size=10)
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 1
    assert "wrong" not in str(raised.value)


# Chunks


@pytest.mark.parametrize("ordered", [True, False])
def test_several_records_go_in_one_request_in_their_order(sandbox, tmp_path, ordered):
    output = str(tmp_path / "out.jsonl")
    result = insert(contacts(1003), chunk_size=250, output=output, ordered=ordered)
    assert counts(result) == {"total": 1003, "created": 1003}
    assert result["requests"] == len(sandbox.requests("wolkvox")) == 5
    assert [len(body["fields"]) for body in bodies(sandbox, "custom/insertMany.php")] == [*[250] * 4, 3]
    assert [record["idcontact"] for record in in_crm(sandbox)] == [str(n) for n in range(1, 1004)]
    written = lines(output)
    assert [record["idcontact"] for record in written] == [str(n) for n in range(1, 1004)]
    assert all(record["record"] == {"wolkvox_id": None} for record in written)


def test_a_record_that_cannot_be_sent_fails_alone_and_takes_no_place(sandbox):
    records: list[Any] = contacts(12)
    records[1] = {"idcontact": ""}
    records[4] = "no record"
    records[7] = {"idcontact": "8", "owner": {"user": "x"}}
    records[9] = {"idcontact": "10", "x": float("inf")}
    result = insert(records, chunk_size=4, required=["idcontact"])
    assert counts(result) == {"total": 12, "created": 8, "failed": 4}
    assert {failure["row"]: failure["error"] for failure in result["failures"]} == dict.fromkeys(
        (2, 5, 8, 10), "InvalidInput"
    )
    assert [len(body["fields"]) for body in bodies(sandbox, "custom/insertMany.php")] == [4, 4]
    assert [r["idcontact"] for r in in_crm(sandbox)] == ["1", "3", "4", "6", "7", "9", "11", "12"]


def test_many_records_that_cannot_be_sent_hold_nobody_up(sandbox, tmp_path):
    records = [*contacts(1), *[{"x": ""}] * 5000, *contacts(1, start=2)]
    result = insert(records, chunk_size=500, output=str(tmp_path / "out.jsonl"))
    assert counts(result) == {"total": 5002, "created": 2, "failed": 5000}


def test_a_refused_chunk_is_unknown_record_by_record_and_not_sent_again_by_itself(sandbox):
    refusal = {"status": 400, "json": {"code": "400", "error": "BAD REQUEST", "msg": "NO SUCH FIELD"}}
    sandbox.fault(vendor="wolkvox", skip=1, **refusal)
    result = insert(contacts(6), chunk_size=2)
    assert counts(result) == {"total": 6, "created": 4, "unknown": 2}
    assert [failure["row"] for failure in result["failures"]] == [3, 4]
    for failure in result["failures"]:
        assert failure["reason"].startswith(f"row {failure['row']}: the request of 2 records was refused")
        assert "wolkvox (wolkvox_default) POST server/API/v2/custom/insertMany.php: " in failure["reason"]
        assert "NO SUCH FIELD" in failure["reason"]
    again = insert(contacts(6), chunk_size=2)
    assert (counts(again), again["requests"]) == ({"total": 6, "replayed": 4, "unknown": 2}, 0)
    decided = insert(contacts(6), chunk_size=2, resend_unknown=True)
    assert counts(decided) == {"total": 6, "created": 2, "replayed": 4}


def test_a_refused_insert_of_one_record_has_failed_and_is_sent_again_by_the_next_try(sandbox):
    sandbox.fault(vendor="wolkvox", status=400)
    assert counts(insert(contacts(2))) == {"total": 2, "created": 1, "failed": 1}
    assert counts(insert(contacts(2))) == {"total": 2, "created": 1, "replayed": 1}


def test_an_answer_that_counts_fewer_records_than_were_sent_is_unknown_for_all(sandbox):
    answer = {"code": 200, "error": "null", "msg": "Succesfully create 2 record", "data": []}
    sandbox.fault(vendor="wolkvox", json=answer)
    result = insert(contacts(5), chunk_size=5)
    assert (counts(result), result["requests"]) == ({"total": 5, "unknown": 5}, 1)
    assert "5 records were sent, and wolkvox speaks of 2" in result["failures"][0]["reason"]
    assert insert(contacts(5), chunk_size=5)["requests"] == 0


def test_an_update_that_counts_fewer_records_than_were_sent_has_failed(sandbox):
    done = insert(contacts(3))
    answer = {"code": 200, "error": "null", "msg": "Succesfully edit record 2", "data": []}
    sandbox.fault(vendor="wolkvox", json=answer)
    assert counts(update(done, defaults={"a": "b"}, chunk_size=3)) == {"total": 3, "failed": 3}
    assert counts(update(done, defaults={"a": "b"}, chunk_size=3)) == {"total": 3, "existing": 3}


def test_a_chunk_whose_answer_is_lost_is_unknown_as_a_whole_and_never_sent_again(sandbox):
    sandbox.fault(vendor="wolkvox", action="reset", after=True, skip=1)
    assert counts(insert(contacts(9), chunk_size=3)) == {"total": 9, "created": 6, "unknown": 3}
    for size in (3, 2, 1):
        again = insert(contacts(9), chunk_size=size)
        assert (counts(again), again["requests"]) == ({"total": 9, "replayed": 6, "unknown": 3}, 0)
    assert len(in_crm(sandbox)) == 9


def test_a_corrected_record_is_sent_alone_whatever_its_chunk_was(sandbox):
    records = contacts(10)
    broken = [*records[:4], {"idcontact": ""}, *records[5:]]
    assert counts(insert(broken, chunk_size=5, required=["idcontact"]))["created"] == 9
    result = insert(records, chunk_size=5, required=["idcontact"])
    assert counts(result) == {"total": 10, "created": 1, "replayed": 9}
    assert sorted(int(r["idcontact"]) for r in in_crm(sandbox)) == list(range(1, 11))


def test_records_that_repeat_each_other_are_sent_once_in_chunks_too(sandbox):
    records = [*contacts(5), *contacts(5), *contacts(2)]
    result = insert(records, chunk_size=4)
    assert counts(result) == {"total": 12, "created": 5, "replayed": 7}
    assert len(in_crm(sandbox)) == 5


def test_the_same_record_twice_in_a_refused_chunk_fails_twice(sandbox):
    sandbox.fault(vendor="wolkvox", times=None, status=400)
    result = insert([*contacts(1), *contacts(1)], chunk_size=10)
    assert counts(result) == {"total": 2, "failed": 2}
    assert result["requests"] == 1


def test_a_refused_chunk_in_which_a_record_is_twice_is_unknown_for_both(sandbox):
    sandbox.fault(vendor="wolkvox", times=None, status=400)
    result = insert([*contacts(2), *contacts(1)], chunk_size=10)
    assert counts(result) == {"total": 3, "unknown": 3}
    assert result["requests"] == 1


def test_chunks_may_be_under_way_together_and_share_records(sandbox, set_connection):
    set_connection("wolkvox_default", extra={"max_connections": 4})
    sandbox.latency(0.01)
    records = [*contacts(40), *reversed(contacts(40))]
    result = insert(records, chunk_size=7, max_concurrency=4)
    assert counts(result) == {"total": 80, "created": 40, "replayed": 40}
    assert len(in_crm(sandbox)) == 40


def test_the_first_failure_ends_a_batch_before_the_chunk_that_it_is_in(sandbox, tmp_path):
    output = str(tmp_path / "out.jsonl")
    records = [*contacts(4), {"idcontact": ""}, *contacts(8, start=6)]
    with pytest.raises(InvalidInput, match=r"^row 5: "):
        insert(records, chunk_size=4, required=["idcontact"], on_error="fail", output=output)
    assert [r["idcontact"] for r in in_crm(sandbox)] == ["1", "2", "3", "4"]
    assert len(lines(output + ".partial")) == 4


def test_an_outage_is_counted_by_requests_not_by_records(sandbox):
    sandbox.fault(vendor="wolkvox", times=None, action="reset")
    with pytest.raises(OutcomeUnknown):
        insert(contacts(1000), chunk_size=25)
    assert len(sandbox.requests("wolkvox")) == 20


@pytest.mark.parametrize("size", [1, 2])
def test_a_used_up_quota_ends_a_batch_and_the_next_try_goes_on(sandbox, size):
    spend(sandbox, 3)
    with pytest.raises(QuotaExhausted) as raised:
        insert(contacts(10), chunk_size=size)
    assert not isinstance(raised.value, AirflowFailException)
    done = 3 * size
    assert len(in_crm(sandbox)) == done
    spend(sandbox, 100)
    result = insert(contacts(10), chunk_size=size)
    assert counts(result) == {"total": 10, "created": 10 - done, "replayed": done}
    assert [r["idcontact"] for r in in_crm(sandbox)] == [str(n) for n in range(1, 11)]


def test_each_record_has_its_own_row_in_the_ledger(sandbox, ledger_path):
    insert(contacts(5), chunk_size=5, record_key=["idcontact"])
    connection = sqlite3.connect(ledger_path)
    rows = connection.execute("SELECT operation, key, state FROM vendor_apis_ledger ORDER BY key").fetchall()
    connection.close()
    assert rows == [
        ("wolkvox.insert_record", json.dumps(["contacts", f"idcontact={n}"]), "done") for n in range(1, 6)
    ]


# One request at a time


def test_one_request_is_under_way_unless_the_connection_says_otherwise(sandbox, set_connection):
    sandbox.switch({"wolkvox.concurrency_limit": 1})
    sandbox.latency(0.005)
    result = insert(contacts(10), max_concurrency=20)
    assert counts(result) == {"total": 10, "created": 10}
    assert result["requests"] == 10


# Updates and deletions


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
    update(first, fields={}, defaults={"status": "done"})
    update([{**first["records"][0], "note": ""}], fields={"note": "note"}, defaults={"note": ""})
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


# Collections


def test_collections_go_by_500_in_one_request(sandbox, tmp_path):
    result = upsert(people(1201), output=str(tmp_path / "out.jsonl"))
    assert counts(result) == {"total": 1201, "created": 1201}
    sent = bodies(sandbox, "collections/massiveCollections.php")
    assert [len(body["collections"]) for body in sent] == [500, 500, 201]
    assert lines(result["output"])[1200]["collection"] == {"identification": "1201"}


@pytest.mark.parametrize("field", ["Identification", "Name", "Email", "Telephone"])
@pytest.mark.parametrize("value", ["", "  ", None, ...])
def test_an_empty_or_missing_mandatory_value_fails_its_row_alone(sandbox, field, value):
    records = people(500)
    records[122][field] = value
    if value is ...:
        del records[122][field]
    result = upsert(records)
    assert counts(result) == {"total": 500, "created": 499, "failed": 1}
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (123, "InvalidInput", field)
    assert result["requests"] == 1
    assert len(in_crm(sandbox, "collections")) == 499


@pytest.mark.parametrize(
    "obligation",
    [
        {"Obligations": [{"id": "L-1", "name": "Loan", "amount": 7}]},
        {"Obligations": {"id": "L-1", "name": "Loan", "amount": 7}},
        {"Obligations": '[{"id": "L-1", "name": "Loan", "amount": 7}]'},
        {"Obligations.id": "L-1", "Obligations.name": "Loan", "Obligations.amount": 7},
    ],
)
def test_obligations_may_be_nested_or_flat(sandbox, obligation):
    assert counts(upsert([{**people(1)[0], **obligation}])) == {"total": 1, "created": 1}
    [body] = bodies(sandbox, "collections/massiveCollections.php")
    assert body["collections"][0]["Obligations"] == [{"id": "L-1", "name": "Loan", "amount": 7}]


@pytest.mark.parametrize(
    ("obligation", "field"),
    [
        ({"Obligations": [{"id": "L-1", "name": "Loan"}, {"id": "L-2", "name": ""}]}, "Obligations.name"),
        ({"Obligations": [{"name": "Loan"}]}, "Obligations.id"),
        ({"Obligations": "a text"}, "Obligations"),
        ({"Obligations": ["a text"]}, "Obligations"),
        ({"Obligations.id": "L-1"}, "Obligations.name"),
        ({"Obligations.id": "1", "Obligations.name": "x", "Obligations": [{"id": "1"}]}, "Obligations"),
    ],
)
def test_an_obligation_that_lacks_something_fails_its_row_alone(sandbox, obligation, field):
    records = people(2)
    records[0] |= obligation
    result = upsert(records)
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert result["failures"][0]["field"] == field


def test_a_csv_of_collections_is_mapped_and_its_columns_are_checked_first(sandbox, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("nit,who,mail,tel,loan,product\n1,Ada,a@example.com,300,L-1,Loan\n")
    fields = {
        "Identification": "nit",
        "Name": "who",
        "Email": "mail",
        "Telephone": "tel",
        "Obligations.id": "loan",
        "Obligations.name": "product",
    }
    assert counts(upsert(str(path), fields=fields)) == {"total": 1, "created": 1}
    before = len(sandbox.requests("wolkvox"))
    with pytest.raises(InvalidInput, match='no column "correo" for "Email"; it has nit, who'):
        upsert(str(path), fields={**fields, "Email": "correo"})
    with pytest.raises(InvalidInput, match='"fields" leaves out "Email"'):
        upsert(str(path), fields={name: path for name, path in fields.items() if name != "Email"})
    with pytest.raises(InvalidInput, match='no column "Identification"'):
        upsert(str(path))
    assert len(sandbox.requests("wolkvox")) == before


def summary(failed: Any, count: Any, received: int = 3) -> dict[str, Any]:
    return {
        "code": "200",
        "success": True,
        "summary": {
            "total_records_received": received,
            "successful_inserts": 1,
            "failed_count": count,
            "total_processed": received,
            "failed_Sumary": failed,
        },
    }


@pytest.mark.parametrize(
    ("failed", "count"),
    [
        ([{"Identification": "2", "reason": "bad mail"}], 1),
        ([{"Identification": 2, "error": "bad mail"}], "1"),
        ([{"identification": "2", "message": "bad mail"}], None),
        ({"2": "bad mail"}, 1),
    ],
)
def test_only_the_collections_that_the_answer_names_have_failed(sandbox, failed, count):
    sandbox.fault(vendor="wolkvox", json=summary(failed, count))
    result = upsert(people(3))
    assert counts(result) == {"total": 3, "created": 2, "failed": 1}
    assert result["failures"][0]["row"] == 2
    assert "bad mail" in result["failures"][0]["reason"]
    assert counts(upsert(people(3))) == {"total": 3, "created": 1, "replayed": 2}


@pytest.mark.parametrize(
    ("failed", "count"),
    [
        ([], 1),
        (None, "2"),
        (["somebody"], 1),
        ([{"Identification": "2"}], 2),
        ([{"x": 1}], None),
        ("text", 1),
    ],
)
def test_failures_that_cannot_be_told_apart_are_those_of_the_whole_request(sandbox, failed, count):
    sandbox.fault(vendor="wolkvox", json=summary(failed, count))
    result = upsert(people(3))
    assert counts(result) == {"total": 3, "failed": 3}
    assert "does not say clearly which" in result["failures"][0]["reason"]
    assert counts(upsert(people(3))) == {"total": 3, "created": 3}


def test_collections_are_sent_again_where_the_outcome_is_not_known(sandbox):
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    result = upsert(people(3))
    assert (counts(result), result["requests"]) == ({"total": 3, "created": 3}, 2)
    assert len(in_crm(sandbox, "collections")) == 3


# Cases


CASE = {
    "case_type": "Request",
    "responsible": "ana@demo_operation",
    "owner": "ana@demo_operation",
    "contact": "c1@example.com",
    "description": "a ñandú",
    "status": "Open",
    "priority": "high",
}


def insert_cases(records: Any, **options: Any) -> dict[str, Any]:
    return execute(
        WolkvoxInsertCasesOperator(task_id="cases", records=records, **{"on_error": "continue", **options})
    )


def update_cases(records: Any, **options: Any) -> dict[str, Any]:
    return execute(
        WolkvoxUpdateCasesOperator(task_id="up", records=records, **{"on_error": "continue", **options})
    )


def test_cases_are_inserted_updated_and_found(sandbox):
    insert(contacts(1))
    first = insert_cases([{**CASE, "form": {"reason": "late"}, "attachments": ["aGVsbG8="]}])
    assert counts(first) == {"total": 1, "created": 1}
    case = first["records"][0]["case"]
    assert set(case) == {"wolkvox_id", "number"}
    assert case["number"]
    second = update_cases(
        first,
        fields={"attachments": "none", "status": "next"},
        defaults={"status": "Closed", "solution": 'señor: "done"\r\n--x'},
    )
    assert counts(second) == {"total": 1, "existing": 1}
    [stored] = in_crm(sandbox, "cases")
    assert (stored["status"], stored["solution"]) == ("Closed", 'señor: "done"\r\n--x')
    third = update_cases(second, fields=dict.fromkeys(("case_type", "priority", "form"), "none"))
    assert counts(third) == {"total": 1, "existing": 1}
    assert bodies(sandbox, "cases/updateCaseAttachment.php")[0]["attachments"] == ["aGVsbG8="]
    [request] = sandbox.requests("wolkvox", path="server/API/v2/cases/update.php")
    assert request["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    assert third["records"][0]["case"] == case
    task = WolkvoxQueryCasesOperator(task_id="query", field="wolkvox-id", value=case["wolkvox_id"])
    assert execute(task)["total"] == 1


def test_a_case_whose_answer_is_lost_is_unknown(sandbox):
    insert(contacts(1))
    sandbox.fault(vendor="wolkvox", action="reset", after=True)
    assert counts(insert_cases([CASE])) == {"total": 1, "unknown": 1}
    assert counts(insert_cases([CASE])) == {"total": 1, "unknown": 1}
    assert len(in_crm(sandbox, "cases")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *[({name: ""}, name) for name in CASE],
        ({"form": "no json"}, "form"),
        ({"form": "[]"}, "form"),
        ({"attachments": ["no base64!"]}, "attachments"),
        ({"attachments": 7}, "attachments"),
    ],
)
def test_what_is_wrong_with_a_case_is_named_before_it_is_sent(sandbox, changes, field):
    result = insert_cases([{**CASE, **changes}])
    assert counts(result) == {"total": 1, "failed": 1}
    assert result["failures"][0]["field"] == field
    assert sandbox.requests("wolkvox") == []


def test_attachments_and_other_changes_of_a_case_do_not_go_together(sandbox):
    record = {
        "wolkvox_id": "1",
        "responsible": "a",
        "status": "b",
        "solution": "c",
        "attachments": "aGVsbG8=",
    }
    result = update_cases([record])
    assert result["failures"][0]["field"] == "attachments"
    assert "Make two records of it" in result["failures"][0]["reason"]


def test_the_history_of_notes_needs_a_token_of_its_own(sandbox, set_connection):
    insert(contacts(1))
    insert_cases([CASE])
    sandbox.token(token="external-token", operation="demo_operation", type="external")
    set_connection("wolkvox_default", password="external-token")
    task = WolkvoxQueryCaseNotesOperator(task_id="notes", field="status", value="Open")
    result = execute(task)
    assert result["total"] == 1
    assert "history" in result["records"][0]
    with pytest.raises(VendorAuthError):
        query(field="status", value="new")


# Queries


@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize(
    ("count", "size", "pages", "pages_without_totals"),
    [(0, 250, 1, 1), (1, 250, 1, 1), (250, 250, 1, 2), (251, 250, 2, 2), (1001, 250, 5, 5), (6, 2, 3, 4)],
)
def test_all_pages_are_read(sandbox, tmp_path, totals, count, size, pages, pages_without_totals):
    sandbox.switch({"wolkvox.totals": totals})
    if count:
        fill(sandbox, count)
    result = query(field="status", value="new", page_size=size, output=str(tmp_path / "out.jsonl"))
    assert (result["total"], result["complete"]) == (count, True)
    assert result["pages"] == (pages if totals else pages_without_totals)
    codes = [record["code"] for record in lines(result["output"])]
    assert codes == [f"lead-{n}" for n in range(1, count + 1)]
    assert len(sandbox.requests("wolkvox")) == result["pages"]


@pytest.mark.parametrize("beyond", ["empty", "last page", "refuse"])
def test_what_lies_beyond_the_last_page_is_the_end(sandbox, beyond):
    sandbox.switch({"wolkvox.totals": False, "wolkvox.beyond_last_page": beyond})
    fill(sandbox, 6)
    result = query(field="status", value="new", page_size=2)
    assert (result["total"], result["complete"]) == (6, True)
    assert len(sandbox.requests("wolkvox")) == 4


def test_an_answer_that_ignores_the_page_is_no_endless_loop(sandbox, tmp_path):
    records = [{"wolkvox_id": str(n)} for n in range(2)]
    answer = {"code": "200", "error": "null", "msg": "2 records were are found", "data": records}
    sandbox.fault(vendor="wolkvox", times=None, json=answer)
    with pytest.raises(VendorProtocolError, match="the very records of page 1") as raised:
        query(field="a", value="b", page_size=2, output=str(tmp_path / "out.jsonl"))
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 2
    assert not (tmp_path / "out.jsonl").exists()


def test_an_answer_that_turns_in_a_circle_is_no_endless_loop(sandbox, tmp_path):
    pages = [[{"wolkvox_id": str(2 * n + m)} for m in range(2)] for n in range(3)]
    for _ in range(2):
        for page in pages:
            answer = {"code": "200", "error": "null", "msg": "6 records were are found", "data": page}
            sandbox.fault(vendor="wolkvox", json=answer)
    with pytest.raises(VendorProtocolError, match="page 4 has the very records of page 1"):
        query(field="a", value="b", page_size=2, output=str(tmp_path / "out.jsonl"))
    assert len(sandbox.requests("wolkvox")) == 4
    assert not (tmp_path / "out.jsonl").exists()


def test_more_records_than_xcom_takes_are_refused_after_the_first_page(sandbox):
    fill(sandbox, 1001)
    with pytest.raises(InvalidInput, match="more than 1,000") as raised:
        query(field="status", value="new")
    assert raised.value.field == "output"
    assert len(sandbox.requests("wolkvox")) == 1


def test_as_many_records_as_max_pages_allows_may_be_more_than_xcom_takes(sandbox):
    fill(sandbox, 1100)
    result = query(field="status", value="new", max_pages=1)
    assert (result["total"], result["complete"]) == (250, False)
    with pytest.raises(InvalidInput, match="more than 1,000"):
        query(field="status", value="new", max_pages=5)


def test_fewer_records_than_announced_are_not_complete(sandbox):
    answer = {"code": "200", "error": "null", "msg": "x", "Total records": 4, "Total pages": 1}
    sandbox.fault(vendor="wolkvox", json={**answer, "data": [{"wolkvox_id": "1"}]})
    result = query(field="a", value="b")
    assert (result["total"], result["complete"]) == (1, False)


def test_no_more_pages_are_asked_for_than_allowed_and_the_result_says_so(sandbox, caplog):
    fill(sandbox, 10)
    result = query(field="status", value="new", page_size=3, max_pages=2)
    assert (result["total"], result["pages"], result["complete"]) == (6, 2, False)


@pytest.mark.parametrize("answer", ["array", "envelope"])
def test_the_records_of_a_time_are_read(sandbox, answer):
    sandbox.switch({"wolkvox.query_dates_answer": answer})
    for day in range(1, 8):
        record = {"n": day, "wolkvox_fecha_creacion": f"2026-01-0{day} 10:00:00"}
        sandbox.control("POST", "wolkvox/records", {"module": "leads", "records": [record]})
    result = query(date_from="2026-01-02 00:00", date_to="2026-01-05T23:59:00+00:00", page_size=3)
    assert [record["n"] for record in result["records"]] == [2, 3, 4, 5]
    first = bodies(sandbox, "custom/queryDates.php")[0]
    assert (first["from"], first["to"], first["date"]) == ("2026-01-02 00:00", "2026-01-05 23:59", True)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"field": "", "value": "x"}, "field"),
        ({"field": "a", "value": ""}, "value"),
        ({"field": "a", "value": "b", "module": " "}, "module"),
        ({"date_from": "yesterday", "date_to": "2026-01-01"}, "date_from"),
        ({"date_from": "2026-01-02", "date_to": "2026-01-01"}, "date_from"),
    ],
)
def test_a_question_that_makes_no_sense_is_not_asked(sandbox, options, field):
    with pytest.raises(InvalidInput) as raised:
        query(**options)
    assert raised.value.field == field
    assert sandbox.requests("wolkvox") == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: WolkvoxQueryOperator(task_id="t", module="m"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", field="f"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", field="f", value="v", date_from="x"),
        lambda: WolkvoxQueryOperator(task_id="t", module="m", date_from="x"),
    ],
)
def test_a_question_is_for_a_value_or_for_a_time(make: Callable[[], Any]):
    with pytest.raises(ValueError, match="either"):
        make()


@pytest.mark.parametrize(
    ("operator", "name", "value", "shown"),
    [
        *((WolkvoxQueryCasesOperator, "page_size", value, shown) for value, shown in WRONG.items()),
        (WolkvoxQueryCasesOperator, "page_size", 251, "251"),
        (WolkvoxQueryCasesOperator, "page_size", None, "a NoneType"),
        *((WolkvoxQueryCasesOperator, "max_pages", value, shown) for value, shown in WRONG.items()),
        *((WolkvoxDeleteRecordsOperator, "chunk_size", value, shown) for value, shown in WRONG.items()),
        *((WolkvoxUpsertCollectionsOperator, "chunk_size", value, shown) for value, shown in WRONG.items()),
        (WolkvoxUpsertCollectionsOperator, "chunk_size", 501, "501"),
        *((WolkvoxInsertCasesOperator, "max_concurrency", value, shown) for value, shown in WRONG.items()),
        (WolkvoxInsertRecordsOperator, "record_key", "id", "the text 'id'"),
        (WolkvoxInsertRecordsOperator, "record_key", None, "a NoneType"),
        (WolkvoxInsertRecordsOperator, "record_key", [1], "a list with other things"),
        (WolkvoxInsertRecordsOperator, "required", "id", "the text 'id'"),
        (WolkvoxUpdateRecordsOperator, "required", 5, "a int"),
        (WolkvoxUpdateRecordsOperator, "required", [""], "a list with other things"),
        (WolkvoxUpdateRecordsOperator, "types", [1], "a list"),
        (WolkvoxUpsertCollectionsOperator, "types", 5, "a int"),
        (WolkvoxInsertRecordsOperator, "types", {"a": "address"}, "a str"),
        (WolkvoxUpdateRecordsOperator, "ledger_scope", "forever", '"forever"'),
        (WolkvoxUpsertCollectionsOperator, "ledger_scope", "forever", '"forever"'),
        (WolkvoxUpdateCasesOperator, "ledger_scope", "forever", '"forever"'),
    ],
)
def test_what_a_parameter_cannot_be_is_refused_when_the_dag_is_parsed(operator, name, value, shown):
    needed = {"field": "f", "value": "v"} if operator is WolkvoxQueryCasesOperator else {"records": []}
    if operator in (WolkvoxInsertRecordsOperator, WolkvoxUpdateRecordsOperator, WolkvoxDeleteRecordsOperator):
        needed["module"] = "m"
    with pytest.raises(ValueError, match=f"{name}.* must be") as raised:
        operator(task_id="t", **needed, **{name: value})
    assert shown in str(raised.value)


@pytest.mark.parametrize("types", ["text", "[1]"])
def test_types_from_elsewhere_are_looked_at_when_they_are_there(sandbox, types):
    with pytest.raises(InvalidInput, match="types must be a dict"):
        insert(contacts(1), types=types)
    assert sandbox.requests("wolkvox") == []


def test_a_refused_question_fails_at_once(sandbox):
    sandbox.switch({"wolkvox.modules": "contacts"})
    with pytest.raises(VendorRejected, match="THE MODULE DOES NOT EXIST") as raised:
        query(field="a", value="b")
    assert isinstance(raised.value, AirflowFailException)
    assert len(sandbox.requests("wolkvox")) == 1


def test_a_broken_read_is_repeated_once(sandbox):
    fill(sandbox, 1)
    sandbox.fault(vendor="wolkvox", action="reset")
    assert query(field="status", value="new")["total"] == 1
    assert len(sandbox.requests("wolkvox")) == 2
