"""Names in place of ids: what a record has is looked up in mPOHODA's lists, which are read once a run."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import BatchFailed, InvalidInput, VendorForbidden
from airflow_provider.mpohoda.links import LINKS
from airflow_provider.mpohoda.resources import RESOURCES
from tests.support.batches import counts, lines
from tests.support.creates import LINE, create, ids, invoice, posted, read, seed

pytestmark = pytest.mark.usefixtures("sandbox", "no_waiting")

PARTNER = "BusinessPartnerAddress.DocumentAddressWithAddressBookLink.Id"


def link(ico: str) -> dict[str, Any]:
    return {"BusinessPartnerAddress": {"DocumentAddressWithAddressBookLink": {"Id": ico}}}


def test_names_and_codes_become_ids_and_each_list_is_read_once(sandbox):
    records = [
        invoice("1", PaymentMethodId="Příkazem", CurrencyId="CZK"),
        invoice("2", PaymentMethodId="Kartou", CurrencyId="EUR", ExchangeRate=25, ExchangeRateQuantity=1),
    ]
    result = create(records, resolve={"PaymentMethodId": "Name", "CurrencyId": "Code"}, max_concurrency=1)
    assert counts(result) == {"total": 2, "created": 2}
    methods, currencies = ids(sandbox, "PaymentMethods", "Name"), ids(sandbox, "Currencies", "Code")
    assert [(body["PaymentMethodId"], body["CurrencyId"]) for body in posted(sandbox)] == [
        (methods["Příkazem"], currencies["CZK"]),
        (methods["Kartou"], currencies["EUR"]),
    ]
    assert read(sandbox, "v1/PaymentMethods") == read(sandbox, "v1/Currencies") == 1
    assert result["requests"] == 4
    # The result has the record as it came.
    assert result["records"][0]["PaymentMethodId"] == "Příkazem"


def test_a_field_of_each_line_and_a_default_are_resolved_too(sandbox):
    lines_ = [{"TextItem": {**LINE["TextItem"], "CentreId": code}} for code in ("SHOP", "eshop")]
    create(
        [invoice("1", Items=lines_)],
        resolve={"Items.TextItem.CentreId": "Code", "CurrencyId": "Code"},
        defaults={"CurrencyId": "CZK"},
    )
    centres = ids(sandbox, "Centres", "Code")
    [body] = posted(sandbox)
    assert [line["TextItem"]["CentreId"] for line in body["Items"]] == [centres["SHOP"], centres["ESHOP"]]
    assert body["CurrencyId"] == ids(sandbox, "Currencies", "Code")["CZK"]


def test_a_column_with_another_name_has_the_name(sandbox):
    create(
        [invoice("1", payment="Hotově")],
        fields={"PaymentMethodId": "payment"},
        resolve={"PaymentMethodId": "Name"},
    )
    assert posted(sandbox)[0]["PaymentMethodId"] == ids(sandbox, "PaymentMethods", "Name")["Hotově"]


def test_an_id_is_taken_as_it_is(sandbox):
    [id_] = seed(sandbox, "Centres", {"Code": "X"})
    create([invoice("1", CentreId=id_.upper())], resolve={"CentreId": "Code"})
    assert posted(sandbox)[0]["CentreId"] == id_


@pytest.mark.parametrize(
    "written", ["PŘÍKAZEM", " Příkazem ", "Pr\u030ci\u0301kazem", "\u200bpříkazem\u00a0"]
)
def test_a_name_is_the_same_however_it_is_written(sandbox, written):
    create([invoice("1", PaymentMethodId=written)], resolve={"PaymentMethodId": "Name"})
    assert posted(sandbox)[0]["PaymentMethodId"] == ids(sandbox, "PaymentMethods", "Name")["Příkazem"]


def test_of_names_that_differ_in_capitals_alone_the_exact_one_is_taken(sandbox):
    one, other = seed(sandbox, "Centres", {"Code": "ab"}, {"Code": "AB"})
    create(
        [invoice("1", CentreId="ab"), invoice("2", CentreId="AB")],
        resolve={"CentreId": "Code"},
        max_concurrency=1,
    )
    assert [body["CentreId"] for body in posted(sandbox)] == [one, other]
    with pytest.raises(InvalidInput, match="is the Code of 2 records in Centres"):
        create([invoice("3", CentreId="Ab")], resolve={"CentreId": "Code"})


def test_a_missing_name_fails_its_record_alone_and_says_what_there_is(sandbox):
    records = [invoice("1", PaymentMethodId="Prikazem"), invoice("2", PaymentMethodId="Hotově")]
    result = create(records, resolve={"PaymentMethodId": "Name"}, on_error="continue")
    assert counts(result) == {"total": 2, "created": 1, "failed": 1}
    [failure] = result["failures"]
    assert failure["field"] == "PaymentMethodId"
    assert (
        'is the Name of no record in PaymentMethods. Perhaps one of these is meant: "Příkazem"'
        in failure["reason"]
    )
    assert len(posted(sandbox)) == 1


def test_a_partner_is_found_by_number_and_nothing_of_other_partners_is_told(sandbox, ledger_path):
    [id_, *_] = seed(
        sandbox,
        "BusinessPartners",
        {"IdentificationNumber": "00123456", "CompanyName": "Secret s.r.o.", "City": "Jihlava"},
        {"IdentificationNumber": "11111111", "CompanyName": "Twice a", "City": "Jihlava"},
        {"IdentificationNumber": "11111111", "CompanyName": "Twice b", "City": "Jihlava"},
        {"CompanyName": "Without a number", "City": "Jihlava"},
    )
    records = [invoice(str(n), **link(ico)) for n, ico in enumerate(("00123456", "123456", "11111111"))]
    result = create(records, resolve={PARTNER: "IdentificationNumber"}, on_error="continue")
    assert counts(result) == {"total": 3, "created": 1, "failed": 2}
    [body] = posted(sandbox)
    assert body["BusinessPartnerAddress"] == {"DocumentAddressWithAddressBookLink": {"Id": id_}}
    none, several = (failure["reason"] for failure in result["failures"])
    assert "of no record in BusinessPartners. 3 have one; leading zeros count." in none
    assert "of 2 records in BusinessPartners" in several
    for secret in ("00123456", "11111111", "Secret", "Twice", "123456"):
        assert secret not in none + several
    stored = ledger_path.read_bytes()
    wal = Path(f"{ledger_path}-wal")
    stored += wal.read_bytes() if wal.exists() else b""
    assert b"11111111" not in stored
    assert b"Secret" not in stored


def test_tasks_of_a_run_share_one_reading_and_another_run_has_its_own(sandbox):
    options: dict[str, Any] = {"resolve": {"CurrencyId": "Code"}}
    first = create([invoice("1", CurrencyId="CZK")], **options)
    second = create([invoice("2", CurrencyId="CZK")], **options)
    assert (first["requests"], second["requests"]) == (2, 1)
    assert create([invoice("3", CurrencyId="CZK")], "run-2", **options)["requests"] == 2


def test_a_later_try_reads_afresh_what_is_older_than_some_minutes(sandbox, ledger_path):
    options: dict[str, Any] = {"resolve": {"CentreId": "Code"}, "on_error": "continue"}
    assert create([invoice("1", CentreId="NEW")], **options)["failed"] == 1
    seed(sandbox, "Centres", {"Code": "NEW"})
    assert create([invoice("1", CentreId="NEW")], try_number=2, **options)["failed"] == 1
    with sqlite3.connect(ledger_path) as connection:
        connection.execute("UPDATE vendor_apis_list_index SET created_at = created_at - 301")
    connection.close()
    assert create([invoice("1", CentreId="NEW")], **options)["failed"] == 1
    assert counts(create([invoice("1", CentreId="NEW")], try_number=2, **options)) == {
        "total": 1,
        "created": 1,
    }
    assert read(sandbox, "v1/Centres") == 2


def test_two_tasks_at_once_read_a_list_once(sandbox):
    sandbox.latency(0.05)
    results: list[dict[str, Any]] = []

    def work(number: int) -> None:
        results.append(create([invoice(str(number), CurrencyId="CZK")], resolve={"CurrencyId": "Code"}))

    threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["created"] for result in results) == 3
    assert read(sandbox, "v1/Currencies") == 1


def test_a_check_sends_nothing_and_says_what_it_has_not_looked_up(sandbox):
    records = [invoice("1", CurrencyId="CZK"), invoice("2", CurrencyId="nothing", Items=[])]
    result = create(records, resolve={"CurrencyId": "Code"}, check_only=True, on_error="continue")
    assert (result["valid"], result["failed"], result["requests"]) == (1, 1, 0)
    assert result["unchecked"] == {"CurrencyId": 2}
    assert "Items" in result["failures"][0]["reason"]
    assert sandbox.requests("mpohoda") == []


def test_a_list_without_a_right_ends_the_batch_before_anything_is_sent(sandbox):
    sandbox.fault(vendor="mpohoda", path="v1/Centres", status=403, json={"title": "Forbidden", "status": 403})
    with pytest.raises(VendorForbidden):
        create([invoice("1", CentreId="SHOP")], resolve={"CentreId": "Code"})
    assert posted(sandbox) == []
    assert create([invoice("1", CentreId="SHOP")], resolve={"CentreId": "Code"})["created"] == 1


def test_no_list_is_read_for_no_record(sandbox):
    assert create([], resolve={"CentreId": "Code"})["requests"] == 0


def test_links_lead_to_lists():
    assert set(LINKS.values()) <= set(RESOURCES)


@pytest.mark.parametrize(
    ("resolve", "message"),
    [
        ({"CurrencyId": "Kod"}, "answers of Currencies do not have"),
        ({"CurrencyId": "Id"}, "answers of Currencies do not have"),
        ({"PaymentTypeId": "Name"}, "in no list that is known"),
        ({"Text": "Name"}, "in no list that is known"),
        (["CurrencyId"], "must be a dict"),
        ({"CurrencyId": None}, "names of fields"),
        ({7: "Code"}, "names of fields"),
    ],
)
def test_what_cannot_be_resolved_is_refused_at_once(resolve, message):
    with pytest.raises(InvalidInput, match=message):
        create([], resolve=resolve)


@pytest.mark.parametrize("option", [{"resolve": {"Items.CentreId": "Code"}}, {"required": ["Item"]}])
def test_a_path_that_leads_nowhere_ends_the_task_before_anything_is_sent(sandbox, option):
    with pytest.raises(InvalidInput, match="no field of IssuedInvoices"):
        create([invoice("1")], **option)
    assert sandbox.requests("mpohoda") == []


# --- required ----------------------------------------------------------------------------------------------


def test_an_invoice_without_what_the_task_requires_is_not_sent(sandbox, tmp_path):
    item = {"PriceListItem": {"PriceListItemId": "11111111-2222-4333-8444-555555555555"}}
    records = [invoice("1"), invoice("2", **link("11111111-2222-4333-8444-555555555555"))]
    result = create(
        [*records, invoice("3", Items=[LINE, item], **link("11111111-2222-4333-8444-555555555555"))],
        required=["BusinessPartnerAddress", "Items.TextItem.Unit"],
        check_only=True,
        on_error="continue",
        output=str(tmp_path / "out.jsonl"),
    )
    reasons = [one["reason"] for one in lines(result["failures_output"])]
    assert [reason.count("is empty") for reason in reasons] == [1, 1, 1]
    assert (
        '"BusinessPartnerAddress", "Items[0].TextItem.Unit": is empty. It is required by the task'
        in reasons[0]
    )
    assert '"Items[0].TextItem.Unit": is empty' in reasons[2]
    assert "Items[1]" not in reasons[2]
    with pytest.raises(BatchFailed):
        create(records, required=["BusinessPartnerAddress"], check_only=True)


def test_a_check_without_requests_tells_names_apart_that_are_a_part_of_the_key(sandbox):
    records = [invoice("A-1", CurrencyId=code, Text=code) for code in ("CZK", "EUR")]
    result = create(
        records, resolve={"CurrencyId": "Code"}, record_key=["OrderNumber", "CurrencyId"], check_only=True
    )
    assert (result["valid"], result["failed"]) == (2, 0)
