"""Collections, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider.exceptions import InvalidInput
from tests.support.batches import counts, lines
from tests.support.wolkvox import bodies, in_crm, people, upsert

pytestmark = pytest.mark.usefixtures("quick")


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
    assert body["collections"][0]["Obligations"] == [{"id": "L-1", "name": "Loan", "amount": "7"}]


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
    with pytest.raises(InvalidInput, match='"include" leaves out "Email"'):
        upsert(str(path), fields=fields, include=[name for name in fields if name != "Email"])
    with pytest.raises(InvalidInput, match='no column "Email" for "Email"; it has nit, who'):
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
