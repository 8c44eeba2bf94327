"""Several records in one request."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import InvalidInput, OutcomeUnknown, QuotaExhausted
from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, contacts, in_crm, insert, spend, update

pytestmark = pytest.mark.usefixtures("quick")


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
