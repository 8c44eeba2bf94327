"""What mPOHODA has already is not created again, and a record that comes with other content is told."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.exceptions import (
    InvalidInput,
    StoreUnavailable,
    VendorUnavailable,
)
from airflow_provider.extract.shared import SharedReading
from airflow_provider.store.engine import Database
from tests.support.batches import counts
from tests.support.creates import create, invoice, posted, read, seed

pytestmark = pytest.mark.usefixtures("sandbox", "no_waiting")


# --- existing="skip" ---------------------------------------------------------------------------------------


def test_what_somebody_has_typed_in_is_not_created_again(sandbox):
    [id_] = seed(
        sandbox, "IssuedInvoices", {"OrderNumber": "A-1", "DocumentNumber": "26F9", "VariableSymbol": "0012"}
    )
    result = create([invoice("A-1"), invoice("A-2")], existing="skip")
    assert counts(result) == {"total": 2, "created": 1, "existing": 1}
    assert [body["OrderNumber"] for body in posted(sandbox)] == ["A-2"]
    found = result["records"][0]["issued_invoice"]
    assert (found["id"], found["number"], found["variable_symbol"]) == (id_, "26F9", "0012")
    assert found["total"] == "2420.00"
    assert read(sandbox, "v1/IssuedInvoices") == 1


def test_what_was_found_is_known_for_ever_even_without_a_look(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    create([invoice("A-1")], existing="skip")
    again = create([invoice("A-1")], "run-2")
    assert counts(again) == {"total": 1, "replayed": 1}
    assert again["records"][0]["issued_invoice"]["id"]
    # Nobody knows what it was typed in with.
    assert "changed" not in again
    assert posted(sandbox) == []


def test_a_key_that_is_there_twice_is_not_guessed(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"}, {"OrderNumber": "A-1"})
    result = create([invoice("A-1"), invoice("A-2")], existing="skip", on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    assert "has 2 records with its key already" in result["failures"][0]["reason"]
    # It is sent when there is one less, or none.
    sandbox.control("DELETE", "mpohoda/records/IssuedInvoices")
    assert counts(create([invoice("A-1")], "run-2", existing="skip")) == {"total": 1, "created": 1}


def test_partners_are_found_by_their_number(sandbox):
    [id_] = seed(sandbox, "BusinessPartners", {"IdentificationNumber": "12345678", "City": "Jihlava"})
    records = [{"City": "Jihlava", "IdentificationNumber": ico} for ico in ("12345678", "87654321")]
    result = create(records, resource="BusinessPartners", existing="skip")
    assert counts(result) == {"total": 2, "created": 1, "existing": 1}
    assert result["records"][0]["partner"]["id"] == id_
    assert len(posted(sandbox, "v1/BusinessPartners")) == 1


def test_a_key_of_a_column_that_is_not_sent_is_found_in_the_answers(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "x", "DocumentNumber": "26F1"})
    records = [{**invoice("1"), "DocumentNumber": number} for number in ("26F1", "26F2")]
    result = create(records, existing="skip", record_key="DocumentNumber")
    assert counts(result) == {"total": 2, "created": 1, "existing": 1}


@pytest.mark.parametrize("option", [{"existing": "skip"}, {"reconcile": True}])
@pytest.mark.parametrize("key", ["order", "IssueDate", "CurrencyId", ["OrderNumber", "no"], "Items.Text"])
def test_a_key_that_the_answers_do_not_have_is_refused_at_once(option, key):
    with pytest.raises(InvalidInput, match="nothing can be found by it") as caught:
        create([], record_key=key, **option)
    assert caught.value.field == "record_key"


def test_a_list_that_is_shorter_than_announced_creates_nothing(sandbox):
    """The missing part may have what would be created a second time."""
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    shorter = {
        "Items": [{"Id": "11111111-1111-4111-8111-000000000001", "OrderNumber": "A-0"}],
        "TotalItemCount": 3,
        "Pagination": {"PageNumber": 1, "PageSize": 100, "After": None},
    }
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=200, json=shorter, times=1)
    with pytest.raises(VendorUnavailable, match="1 of 3 records") as caught:
        create([invoice("A-1"), invoice("A-2")], existing="skip")
    assert posted(sandbox) == []
    # Records may have gone meanwhile: the next try reads it again.
    assert not isinstance(caught.value, AirflowFailException)
    result = create([invoice("A-1"), invoice("A-2")], try_number=2, existing="skip")
    assert counts(result) == {"total": 2, "created": 1, "existing": 1}


@pytest.mark.parametrize("step", ["_claim", "store", "_take"])
def test_a_database_that_is_away_while_the_list_is_read_costs_no_try(sandbox, monkeypatch, step):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    holder, name = (SharedReading, step) if step == "_take" else (Database, "run")
    use, faults = getattr(holder, name), [StoreUnavailable("it is restarted")]
    faults[0].temporary = True

    def fail_first(*args: Any) -> Any:
        if faults and (step == "_take" or args[1].__name__ == step):
            raise faults.pop()
        return use(*args)

    if step == "_take":
        create([invoice("A-1")], existing="skip")
    monkeypatch.setattr(holder, name, fail_first)
    result = create([invoice("A-1"), invoice("A-2")], existing="skip")
    assert result["total"] == 2
    assert [body["OrderNumber"] for body in posted(sandbox)] == ["A-2"]
    assert (faults, read(sandbox, "v1/IssuedInvoices")) == ([], 1)


def test_a_record_that_comes_twice_does_not_stand_for_one_that_is_missing(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    ids = [f"11111111-1111-4111-8111-{number:012}" for number in (1, 2, 3)]
    pages = [[ids[0], ids[1]], [ids[2], ids[0]], []]
    for page in pages:
        answer = {
            "Items": [{"Id": id_, "OrderNumber": f"B-{id_}"} for id_ in page],
            "TotalItemCount": 4,
            "Pagination": {"PageNumber": 1, "PageSize": 2, "After": None},
        }
        sandbox.fault(
            vendor="mpohoda", path="v1/IssuedInvoices", method="GET", json=answer, status=200, times=1
        )
    with pytest.raises(VendorUnavailable, match="3 of 4 records"):
        create([invoice("A-1")], existing="skip")
    assert posted(sandbox) == []


def test_a_list_that_has_grown_while_it_was_read_is_good_enough(sandbox):
    pages = [(["A-0", "A-1"], 2), (["A-2"], 4)]
    for number, (orders, total) in enumerate(pages):
        answer = {
            "Items": [
                {"Id": f"11111111-1111-4111-8111-{number}{place:011}", "OrderNumber": order}
                for place, order in enumerate(orders)
            ],
            "TotalItemCount": total,
            "Pagination": {"PageNumber": 1, "PageSize": 2, "After": None},
        }
        sandbox.fault(
            vendor="mpohoda", path="v1/IssuedInvoices", method="GET", json=answer, status=200, times=1
        )
    result = create([invoice("A-1"), invoice("A-3")], existing="skip")
    assert counts(result) == {"total": 2, "created": 1, "existing": 1}


def test_what_exists_needs_no_reservation_of_requests(sandbox):
    seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"}, {"OrderNumber": "A-2"})
    sandbox.control("POST", "mpohoda/quota", {"used": 7990})
    result = create([invoice("A-1"), invoice("A-2"), invoice("A-3")], existing="skip", reserve="auto")
    assert counts(result) == {"total": 3, "created": 1, "existing": 2}


def test_what_is_found_may_have_numbers_where_texts_are_expected(sandbox):
    found = {"Id": "11111111-1111-4111-8111-000000000001", "OrderNumber": "A-1", "DocumentNumber": 26001}
    page = {
        "Items": [{**found, "VariableSymbol": 12, "DocumentRecapitulation": {"TotalPrice": "?"}}],
        "TotalItemCount": 1,
        "Pagination": {"PageNumber": 1, "PageSize": 100, "After": None},
    }
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=200, json=page)
    result = create([invoice("A-1")], existing="skip")
    assert result["records"][0]["issued_invoice"]["number"] == "26001"


# --- a record that is done, with other content -------------------------------------------------------------


def test_a_record_that_comes_again_with_other_content_is_told(sandbox, tmp_path, caplog):
    create([invoice("A-1", Text="one"), invoice("A-2")])
    result = create([invoice("A-1", Text="other"), invoice("A-2"), invoice("A-3")], "run-2")
    assert counts(result) == {"total": 3, "created": 1, "replayed": 2}
    assert result["changed"] == {"records": 1, "rows": [{"row": 1}]}
    assert len(posted(sandbox)) == 3


def test_a_number_that_is_written_in_another_way_is_no_other_content(sandbox):
    for price in ("100", 100.0, "100.00"):
        line = {"TextItem": {"Quantity": 1, "UnitPrice": price, "UnitPriceVatType": "WithVat"}}
        result = create([{**invoice("A-1"), "Items": [line]}])
        assert "changed" not in result


def test_a_group_whose_second_part_comes_alone_is_told(sandbox, tmp_path):
    rows = ["order,qty"] + [f"A-1,{n}" for n in (1, 2)]
    (tmp_path / "in.csv").write_text("\n".join(rows))
    options: dict[str, Any] = {
        "group_by": "order",
        "fields": {"OrderNumber": "order", "Items.TextItem.Quantity": "qty"},
        "defaults": {"Items.TextItem.UnitPrice": 1, "Items.TextItem.UnitPriceVatType": "WithVat"},
    }
    create(str(tmp_path / "in.csv"), **options)
    (tmp_path / "in.csv").write_text("\n".join(rows[:1] + rows[2:]))
    result = create(str(tmp_path / "in.csv"), "run-2", **options)
    assert result["changed"] == {"records": 1, "rows": [{"row": 1, "rows": [1]}]}


def test_a_record_that_changes_while_its_list_is_read_is_one_record(sandbox):
    [id_] = seed(sandbox, "IssuedInvoices", {"OrderNumber": "A-1"})
    record = {"Id": id_, "OrderNumber": "A-1"}
    items = [{**record, "VariableSymbol": "1"}, {**record, "VariableSymbol": "2"}]
    page = {
        "Items": items,
        "TotalItemCount": 1,
        "Pagination": {"PageNumber": 1, "PageSize": 100, "After": None},
    }
    sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", method="GET", status=200, json=page)
    assert counts(create([invoice("A-1")], existing="skip")) == {"total": 1, "existing": 1}
