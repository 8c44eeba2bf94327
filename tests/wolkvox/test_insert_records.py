"""Inserts of records, one in a request: the operator against the sandbox, over real HTTP."""

from __future__ import annotations

import csv

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.batch.failures import OUTAGE
from airflow_provider.exceptions import VendorAuthError, VendorRejected, VendorUnavailable
from airflow_provider.records.json_lines import DEEPEST
from airflow_provider.wolkvox.fields import address, column, currency, search, table, telephone
from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, contacts, in_crm, insert, people, query, update, upsert

pytestmark = pytest.mark.usefixtures("quick")


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
            "address": "street",
        },
        exclude=["secret"],
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


# One request at a time


def test_one_request_is_under_way_unless_the_connection_says_otherwise(sandbox, set_connection):
    sandbox.switch({"wolkvox.concurrency_limit": 1})
    sandbox.latency(0.005)
    result = insert(contacts(10), max_concurrency=20)
    assert counts(result) == {"total": 10, "created": 10}
    assert result["requests"] == 10


# Maintenance


@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_a_maintenance_window_costs_one_request(sandbox, on_error):
    sandbox.fault(vendor="wolkvox", times=None, action="maintenance")
    with pytest.raises(VendorUnavailable, match="maintenance"):
        insert(contacts(50), on_error=on_error)
    assert len(sandbox.requests("wolkvox")) == 1
    sandbox.control("DELETE", "faults")
    assert counts(insert(contacts(50), on_error=on_error)) == {"total": 50, "created": 50}


def test_a_refusal_beside_a_success_is_no_record_that_is_done(sandbox):
    refusal = {"code": "200", "error": "El registro no existe", "msg": "", "data": {"wolkvox_id": "65f0"}}
    sandbox.fault(vendor="wolkvox", times=1, status=200, json=refusal)
    result = insert(contacts(2), on_error="continue")
    # Not failed either: the answer names a record, and the next try would insert it again.
    assert counts(result) == {"total": 2, "created": 1, "unknown": 1}
    assert "El registro no existe" in result["failures"][0]["reason"]


def test_a_refusal_beside_a_success_that_names_no_record_has_failed(sandbox):
    refusal = {"code": "200", "error": "El registro no existe", "msg": "", "data": []}
    sandbox.fault(vendor="wolkvox", times=1, status=200, json=refusal)
    result = insert(contacts(2), on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "El registro no existe" in result["failures"][0]["reason"]


# What is not clear


def test_a_record_that_the_crm_names_beside_an_error_is_not_inserted_again(sandbox):
    told = {"code": 200, "error": "the workflow failed", "msg": "x", "data": {"wolkvox_id": "65f0"}}
    sandbox.fault(vendor="wolkvox", status=200, json=told)
    records = contacts(2)
    result = insert(records, on_error="continue", ledger_scope="forever")
    assert counts(result) == {"total": 2, "created": 1, "unknown": 1}
    result = insert(records, on_error="continue", ledger_scope="forever")
    assert counts(result) == {"total": 2, "replayed": 1, "unknown": 1}
    assert len(bodies(sandbox, "custom/insert.php")) == 2


def test_twenty_refusals_of_an_unknown_reason_in_a_row_end_the_batch(sandbox):
    sandbox.fault(vendor="wolkvox", status=403, json={"code": "403", "msg": "Hasta aquí"}, times=None)
    with pytest.raises(VendorRejected, match="not recognised"):
        insert(contacts(3 * OUTAGE), on_error="continue")
    assert len(bodies(sandbox, "custom/insert.php")) == OUTAGE


@pytest.mark.parametrize("chunk_size", [1, 10])
def test_a_value_that_is_nested_too_deep_fails_its_record_alone(sandbox, tmp_path, chunk_size):
    """Between what can be read and what can be written are depths that only a part of the way could hold."""
    depths = [*range(100, 1000, 7), 100_000]
    (tmp_path / "in.jsonl").write_text(
        "".join(f'{{"idcontact": "{n}", "deep": {"[" * n}{"]" * n}}}\n' for n in depths)
    )
    output = str(tmp_path / "out.jsonl")
    result = insert(str(tmp_path / "in.jsonl"), output=output, chunk_size=chunk_size)
    good = [n for n in depths if n < DEEPEST]
    assert counts(result) == {"total": len(depths), "created": len(good), "failed": len(depths) - len(good)}
    assert len(in_crm(sandbox)) == len(good) == 15
    assert {line["idcontact"] for line in lines(output)} == {str(n) for n in good}


def test_a_table_whose_text_is_nested_too_deep_fails_its_record_alone(sandbox):
    rows = [{"idcontact": "1", "t": "[" * 100_000}, {"idcontact": "2", "t": '[{"a": 1}]'}]
    result = insert(rows, types={"t": table()})
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "must be a list of objects; it is 100000 characters" in result["failures"][0]["reason"]
