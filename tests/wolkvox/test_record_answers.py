"""The calls about records, cases and collections: what they make of the answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider.exceptions import (
    OutcomeUnknown,
    QuotaExhausted,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Repeat, Response
from tests.support.wolkvox_calls import ALL, answer, each_call, error_of


@each_call
@pytest.mark.parametrize("code", ["403", 403])
def test_refusals_are_told_apart_as_ever(call, code):
    refusal = answer(403, code=code, error="FORBIDDEN", msg="TOKEN LIMIT EXCEEDED", data=None)
    assert type(error_of(call, refusal)) is QuotaExhausted
    assert type(error_of(call, answer(200, code=code, msg="TOKEN LIMIT EXCEEDED"))) is QuotaExhausted
    assert type(error_of(call, answer(400, code="400", msg="SOME PARAMETERS ARE REQUIRED"))) is VendorRejected
    assert type(error_of(call, Response(502, {}, b"<html>"))) is VendorUnavailable
    assert (
        type(error_of(call, Response(200, {}, b'{"error": {"code": 400, "message": "no"}}')))
        is VendorRejected
    )


@each_call
@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"7", b'"text"', b"[1]", b"[["])
def test_what_is_not_the_envelope_is_a_protocol_error(call, body):
    assert type(error_of(call, Response(200, {}, body))) is VendorProtocolError


@pytest.mark.parametrize("name", [name for name, call in ALL.items() if call.repeat is not Repeat.SAFE])
@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"data": {"wolkvox_id": "1"}}', b'{"code": null, "msg": "ok"}']
)
def test_a_write_has_to_say_itself_that_it_went_well(name, body):
    assert type(error_of(ALL[name], Response(200, {}, body))) is VendorProtocolError


@pytest.mark.parametrize("code", [200, "200", 201, 200.0])
@pytest.mark.parametrize("error", ["null", None, ""])
def test_successes_of_writes(code, error):
    given = {"code": code, "error": error}
    data = {"wolkvox_id": "65f0", "idPrefijo": "R-1"}
    assert ALL["insert_record"].decode(answer(**given, data=data)).wolkvox_id == "65f0"
    assert [r.wolkvox_id for r in ALL["insert_records"].decode(answer(**given, data=[]))] == [None, None]
    assert ALL["update_record"].decode(answer(**given, data=[])).wolkvox_id == "65f0"
    assert [r.wolkvox_id for r in ALL["update_records"].decode(answer(**given, data=[]))] == ["65f0", "65f1"]
    assert ALL["delete_record"].decode(answer(**given, data=data)).wolkvox_id == "65f0"
    deleted = answer(**given, data={"wolkvox_id": ["65f0", "65f1"]})
    assert [record.wolkvox_id for record in ALL["delete_records"].decode(deleted)] == ["65f0", "65f1"]
    case = ALL["insert_case"].decode(answer(**given, data=data))
    assert (case.wolkvox_id, case.number) == ("65f0", "R-1")
    assert ALL["update_case"].decode(answer(**given)).wolkvox_id == "65f0"
    assert ALL["upsert_collection"].decode(answer(**given, success=True)).identification == "1"
    found = ALL["upsert_collections"].decode(answer(**given))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize("data", [[], None, {}, {"wolkvox_id": None}, {"wolkvox_id": ""}, "65f0"])
def test_an_insert_without_identifier_is_a_protocol_error(data):
    for name in ("insert_record", "insert_case"):
        assert type(error_of(ALL[name], answer(data=data))) is VendorProtocolError


@pytest.mark.parametrize("data", [None, [], {}, {"wolkvox_id": None}, {"wolkvox_id": "65f0"}])
def test_a_deletion_that_names_nothing_speaks_of_all(data):
    found = ALL["delete_records"].decode(answer(data=data))
    assert [record.wolkvox_id for record in found] == ["65f0", "65f1"]


def test_a_deletion_with_an_empty_list_has_deleted_nothing():
    found = ALL["delete_records"].decode(answer(data={"wolkvox_id": []}))
    assert [type(one) for one in found] == [VendorRejected, VendorRejected]
    assert "names 0 of 2 records as deleted" in str(found[0])

    error = error_of(ALL["delete_record"], answer(data={"wolkvox_id": []}))
    assert type(error) is VendorRejected
    assert "names 0 of 1 records as deleted" in str(error)


@pytest.mark.parametrize("name", ["insert_record", "insert_case", "insert_gestion", "insert_obligation"])
def test_a_blank_identifier_is_none(name):
    assert type(error_of(ALL[name], answer(data={"wolkvox_id": " \u200b"}))) is VendorProtocolError


def test_a_deletion_tells_what_it_leaves_out():
    first, second = ALL["delete_records"].decode(answer(data={"wolkvox_id": ["65f1"]}))
    assert isinstance(first, VendorRejected)
    assert second.wolkvox_id == "65f1"


@pytest.mark.parametrize("name", ["delete_record", "delete_records"])
def test_a_refused_deletion_says_what_may_have_been(name):
    assert "may have deleted the record already" in str(error_of(ALL[name], answer(404, code=404)))
    assert "may have deleted" not in str(error_of(ALL["update_record"], answer(404, code=404)))


@each_call
@pytest.mark.parametrize("code", [200, "200", 201, None])
@pytest.mark.parametrize("error", ["El registro no existe", "FORBIDDEN", {"message": "no"}, ["no"], True, 7])
def test_an_error_beside_a_success_is_a_refusal(call, code, error):
    refused = answer(code=code, error=error, msg="Proceso terminado", data={"wolkvox_id": "65f0"})
    found = error_of(call, refused)
    assert type(found) is VendorRejected
    assert "Proceso terminado" in str(found)
    if isinstance(error, str):
        assert error in str(found)


@pytest.mark.parametrize("name", ["insert_record", "insert_case", "insert_gestion", "insert_obligation"])
@pytest.mark.parametrize(
    ("data", "processed"),
    [({"wolkvox_id": "65f0"}, None), ({"wolkvox_id": ""}, False), ({}, False), ([], False), (None, False)],
)
def test_an_error_beside_the_identifier_of_a_new_record_does_not_say_that_nothing_was_done(
    name, data, processed
):
    refused = error_of(ALL[name], answer(error="the workflow failed", data=data))
    assert isinstance(refused, VendorRejected)
    assert refused.processed is processed


@pytest.mark.parametrize(
    "error", ["NULL", "none", "undefined", "false", "0", 0, False, {}, [], {"code": None, "message": ""}]
)
def test_an_error_that_speaks_of_none_is_none(error):
    found = ALL["insert_record"].decode(answer(error=error, data={"wolkvox_id": "65f0"}))
    assert found.wolkvox_id == "65f0"


@pytest.mark.parametrize("name", [name for name, call in ALL.items() if call.repeat is Repeat.SAFE])
@pytest.mark.parametrize("body", [b"{}", b'{"Code": "200", "Data": [{"a": 1}]}', b'{"records": []}'])
def test_an_answer_without_code_and_data_is_no_empty_list(name, body):
    assert type(error_of(ALL[name], Response(200, {}, body))) is VendorProtocolError


@each_call
def test_the_text_of_a_refusal_may_be_under_message(call):
    found = error_of(call, answer(400, code="400", message="El campo contacto es obligatorio"))
    assert type(found) is VendorRejected
    assert "El campo contacto es obligatorio" in str(found)


# Pages


@pytest.mark.parametrize("name", [name for name, call in ALL.items() if call.repeat is Repeat.SAFE])
def test_pages_may_come_in_an_envelope_or_bare(name):
    records = [{"a": 1}, {"a": 2}]
    totals: dict[str, Any] = {"Total records": 7, "Total pages": "4"}
    page = ALL[name].decode(answer(code="200", data=records, **totals))
    assert (page.records, page.total_records, page.total_pages) == (records, 7, 4)
    for before in (b" ", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"):
        page = ALL[name].decode(Response(200, {}, before + json.dumps(records).encode()))
        assert (page.records, page.total_records, page.total_pages) == (records, None, None)


@pytest.mark.parametrize("data", [[], {}, None, "", ...])
def test_nothing_found_is_a_success(data):
    more = {} if data is ... else {"data": data}
    page = ALL["query_records"].decode(answer(code="200", msg="0 records were are found", **more))
    assert page.records == []


def test_a_total_of_nothing_beside_records_is_none():
    totals: dict[str, Any] = {"Total records": 0, "Total pages": "0"}
    page = ALL["query_records"].decode(answer(data=[{"a": 1}], **totals))
    assert (page.total_records, page.total_pages) == (None, None)
    page = ALL["query_records"].decode(answer(data=[], **totals))
    assert (page.total_records, page.total_pages) == (0, 0)


@pytest.mark.parametrize("total", ["many", -1, 2.5, None, [], True])
def test_a_total_that_is_no_number_is_none(total):
    page = ALL["query_records"].decode(answer(data=[], **{"Total pages": total}))
    assert page.total_pages is None


@pytest.mark.parametrize("data", [{"a": 1}, "text", [1], [[]], [{"a": 1}, None]])
def test_other_data_is_a_protocol_error(data):
    assert type(error_of(ALL["query_records"], answer(data=data))) is VendorProtocolError


# Collections, and answers that count


def test_a_single_collection_that_failed_is_an_error():
    failed = {"failed_count": "1", "failed_Sumary": [{"Identification": "1", "reason": "bad"}]}
    error = error_of(ALL["upsert_collection"], answer(success=True, summary=failed))
    assert type(error) is VendorRejected
    assert "bad" in str(error)


@pytest.mark.parametrize(
    "summary", [None, [], {}, {"failed_count": 0}, {"failed_count": "0", "failed_Sumary": []}]
)
def test_no_failures_are_a_success(summary):
    found = ALL["upsert_collections"].decode(answer(code="200", summary=summary))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize(
    "summary",
    [
        {"total_processed": 2, "successful_inserts": 0},
        {"total_processed": 1, "successful_inserts": 2},
        {"total_processed": 2, "total_records_received": 1},
        {"total_records_received": "2"},
        {"total_processed": "x", "successful_inserts": 0},
        {"successful_inserts": 1},
    ],
)
def test_a_report_that_may_speak_of_all_is_a_success(summary):
    found = ALL["upsert_collections"].decode(answer(code="200", summary=summary))
    assert [one.identification for one in found] == ["1", "2"]


@pytest.mark.parametrize("total", [1, 2])
def test_failures_may_be_among_those_processed_or_not(total):
    failed = {"failed_count": 1, "failed_Sumary": [{"Identification": "1", "reason": "bad"}]}
    [bad, good] = ALL["upsert_collections"].decode(answer(summary={**failed, "total_processed": total}))
    assert isinstance(bad, VendorRejected)
    assert good.identification == "2"


@pytest.mark.parametrize(
    "summary",
    [
        {"total_processed": 1, "failed_count": 0},
        {"total_processed": "1", "successful_inserts": "1"},
        {"total_records_received": 1},
        {"total_processed": 0, "failed_count": 1, "failed_Sumary": [{"Identification": "1"}]},
    ],
)
def test_a_report_that_does_not_speak_of_all_is_not_a_success(summary):
    error = error_of(ALL["upsert_collections"], answer(summary=summary))
    assert type(error) is VendorRejected
    assert "2 collections were sent and wolkvox speaks of " in str(error)
    assert "does not say clearly which" in str(error)


@pytest.mark.parametrize(
    ("name", "expected"), [("insert_records", OutcomeUnknown), ("update_records", VendorRejected)]
)
@pytest.mark.parametrize("msg", ["Succesfully create 1 record", "3 of 2 records", "0"])
def test_an_answer_that_counts_other_than_was_sent_is_no_success(name, expected, msg):
    error = error_of(ALL[name], answer(msg=msg))
    assert type(error) is expected
    assert "2 records were sent, and wolkvox speaks of " in str(error)


@pytest.mark.parametrize("name", ["insert_records", "update_records"])
@pytest.mark.parametrize(
    "msg", ["Succesfully create 2 record", "Succesfully create x record", "", None, 7, "v1x"]
)
def test_a_text_without_another_count_decides_nothing(name, msg):
    assert len(ALL[name].decode(answer(msg=msg))) == 2


@pytest.mark.parametrize("success", [False, "false", 0])
def test_an_answer_that_says_it_failed_has(success):
    error = error_of(ALL["upsert_collections"], answer(success=success))
    assert type(error) is VendorRejected
    assert "does not say clearly which" in str(error)
