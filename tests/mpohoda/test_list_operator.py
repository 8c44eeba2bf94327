"""The operator that reads lists, against the simulated mPOHODA."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    StoreUnavailable,
    VendorAuthError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.mpohoda.operators import MpohodaListOperator
from airflow_provider.mpohoda.resources import RESOURCES
from airflow_provider.quota.store import QuotaStore
from tests.mpohoda.reading import Company, ids, lines, read

NONE = timedelta(0)
LISTS = [name for name, one in RESOURCES.items() if not one.parent]


@pytest.fixture
def company(sandbox):
    return Company(sandbox)


def out(tmp_path: Any, name: str = "1.jsonl") -> str:
    return f"{tmp_path}/{name}"


# --- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_every_list_can_be_read_into_every_format(company, tmp_path, name):
    if name.endswith("/Unpaid"):
        company.generate(3, name.partition("/")[0])
    elif RESOURCES[name].after:
        company.generate(3, name)
    found = [read(resource=name, output=out(tmp_path, f"1{kind}")) for kind in (".jsonl", ".csv", ".parquet")]
    assert len({one["total"] for one in found}) == 1
    assert found[0]["total"] >= 1
    assert all(one["complete"] for one in found)
    assert pq.read_table(out(tmp_path, "1.parquet")).num_rows == found[0]["total"]


def test_the_registration_numbers_of_one_item_are_a_list(company, tmp_path):
    item, other = company.seed("PriceListItems", {"Code": "A"}, {"Code": "B"})
    numbers = [{"Name": "SN-1", "PriceListItemId": item}, {"Name": "SN-2", "PriceListItemId": other}]
    company.seed("RegistrationNumbers", *numbers)
    result = read(resource="PriceListItems/RegistrationNumbers", parent_id=item.upper())
    assert [one["Name"] for one in result["records"]] == ["SN-1"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"resource": "Invoices"}, "resource"),
        ({"resource": "PriceListItems/RegistrationNumbers"}, "parent_id"),
        ({"parent_id": "11111111-2222-4333-8444-555555555555"}, "parent_id"),
        ({"resource": "PriceListItems/RegistrationNumbers", "parent_id": 7}, "parent_id"),
        ({"resource": "Centres", "output": "/o.csv", "lines_output": "/l.csv"}, "lines_output"),
        ({"resource": "IssuedInvoices/Unpaid", "output": "/o.csv", "lines_output": "/l.csv"}, "lines_output"),
        ({"resource": "Banks", "paging": "after"}, "paging"),
        ({"paging": "cursor"}, "paging"),
        ({"page_size": 0}, "page_size"),
        ({"reserve": 0}, "reserve"),
        ({"reserve": "all"}, "reserve"),
    ],
)
def test_what_cannot_be_right_is_said_when_the_dag_is_parsed(options, field):
    with pytest.raises(InvalidInput) as raised:
        MpohodaListOperator(task_id="read", **{"resource": "IssuedInvoices", **options})
    assert raised.value.field == field


@pytest.mark.parametrize("paging", ["auto", "number"])
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (99, 1), (100, 2), (101, 2), (250, 3), (300, 4)])
def test_a_list_costs_its_pages_and_one_more_where_they_divide_it(company, tmp_path, paging, count, requests):
    if count:
        company.generate(count)
    result = read(output=out(tmp_path), paging=paging)
    assert (result["total"], result["requests"], result["pages"]) == (count, requests, requests)
    assert company.api.quota()["used"] == requests
    assert len(set(ids(result["output"]))) == count


def test_all_of_a_list_is_read_on_from_its_last_record_and_changes_by_page_numbers(company, tmp_path):
    company.generate(5)
    read(output=out(tmp_path), incremental=True, page_size=3)
    assert ["After" in one for one in company.queries()] == [False, True]
    read(output=out(tmp_path, "2.jsonl"), incremental=True, page_size=3, run_id="run-2")
    changes = company.queries()[2:]
    assert [one["PageNumber"] for one in changes] == ["1", "2"]
    assert all("ModifiedSince" in one and "After" not in one for one in changes)


@pytest.mark.parametrize("how", ["combine", "ignore"])
def test_changes_are_read_on_from_the_last_record_where_the_dag_says_so(company, tmp_path, how):
    company.switch(after_with_modified_since=how)
    company.generate(6)
    result = read(output=out(tmp_path), modified_since="2026-01-01T00:00:02Z", page_size=2, paging="after")
    # Where mPOHODA ignores the time, it has no page of the records that were not changed either.
    assert result["total"] == 4
    assert [one.get("After") for one in company.queries()][1:] == ids(tmp_path / "1.jsonl")[1::2]


def test_a_refusal_of_both_together_names_after(company, tmp_path):
    company.switch(after_with_modified_since="refuse")
    company.generate(6)
    options: dict[str, Any] = {
        "output": out(tmp_path),
        "modified_since": "2026-01-01T00:00:02Z",
        "page_size": 2,
    }
    with pytest.raises(VendorRejected, match="'After' must be empty"):
        read(paging="after", **options)
    assert read(**options)["total"] == 4


# --- numbers and columns -----------------------------------------------------------------------------------

EXACT = """{"resource": "IssuedInvoices", "records": [
  {"Text": "odd", "ExchangeRate": 1e-7, "ExchangeRateQuantity": 1,
   "Items": [{"Text": "nail", "Quantity": 0.1250, "UnitPrice": 1234567890123456.789012345678},
             {"Text": "screw", "Quantity": 2, "UnitPrice": 10.50}]},
  {"Text": "plain", "ExchangeRate": null, "Items": []}]}"""


@pytest.fixture
def exact(company):
    company.api.seed_text(EXACT)


def test_numbers_keep_their_digits_in_lines_of_json(exact, company, tmp_path):
    read(output=out(tmp_path), lines_output=out(tmp_path, "lines.jsonl"))
    text = (tmp_path / "lines.jsonl").read_text()
    assert '"UnitPrice":1234567890123456.789012345678' in text
    assert '"Quantity":0.1250' in text
    assert '"ExchangeRate":1e-7' in (tmp_path / "1.jsonl").read_text().replace("1E-7", "1e-7")
    assert [one["DocumentId"] for one in lines(tmp_path / "lines.jsonl")] == [ids(out(tmp_path))[0]] * 2


def test_numbers_keep_their_digits_in_csv_and_xcom(exact, company, tmp_path):
    read(output=out(tmp_path, "1.csv"), lines_output=out(tmp_path, "lines.csv"))
    with open(tmp_path / "lines.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one["UnitPrice"] for one in rows] == ["1234567890123456.789012345678", "10.50"]
    [odd, plain] = read()["records"]
    assert odd["Items"][0]["UnitPrice"] == "1234567890123456.789012345678"
    assert Decimal(odd["ExchangeRate"]) == Decimal("1e-7")
    assert (odd["ExchangeRateQuantity"], plain["ExchangeRate"]) == (1, None)


def test_numbers_are_exact_decimals_in_parquet(exact, company, tmp_path):
    read(output=out(tmp_path, "1.parquet"), lines_output=out(tmp_path, "lines.parquet"))
    prices = pq.read_table(tmp_path / "lines.parquet")["UnitPrice"]
    assert prices.to_pylist() == [Decimal("1234567890123456.789012345678"), Decimal("10.5")]
    rates = pq.read_table(tmp_path / "1.parquet")["ExchangeRate"]
    assert str(rates.type) == "decimal128(38, 12)"
    assert rates.to_pylist() == [Decimal("1e-7"), None]


@pytest.mark.parametrize("nulls", ["null", "omit"])
def test_the_files_of_two_days_have_the_same_columns(company, tmp_path, nulls):
    company.switch(nulls=nulls)
    day = {"output": out(tmp_path, "1.parquet"), "lines_output": out(tmp_path, "l1.parquet")}
    assert read(**day)["total"] == 0
    company.generate(2)
    day = {"output": out(tmp_path, "2.parquet"), "lines_output": out(tmp_path, "l2.parquet")}
    assert read(run_id="run-2", **day)["total"] == 2
    for one, other in (("1", "2"), ("l1", "l2")):
        first, second = (pq.read_schema(tmp_path / f"{name}.parquet") for name in (one, other))
        assert first == second
    assert str(first.field("ForeignCurrencyUnitPrice").type) == "decimal128(38, 12)"


# --- times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fractions", ["0", "3", "7"])
@pytest.mark.parametrize("offset", ["Z", "none", "+00:00", "+01:00"])
def test_no_change_is_lost_whatever_form_the_times_have(company, tmp_path, fractions, offset):
    company.switch(date_fractions=fractions, moment_offset=offset)
    company.generate(3)
    first = read(output=out(tmp_path), incremental=True, overlap=NONE)
    assert first["watermark"].startswith("2026-01-01T0")
    company.generate(1, first="2026-01-01T00:00:03Z")
    second = read(output=out(tmp_path, "2.jsonl"), incremental=True, overlap=NONE, run_id="run-2")
    # Times that have no offset are the sandbox's UTC, and taken for those of Prague.
    assert (second["since"], second["total"]) == (
        ("2025-12-31T23:00:02Z", 4) if offset == "none" else ("2026-01-01T00:00:02Z", 2)
    )


def test_the_connection_says_which_zone_times_have(company, tmp_path, set_connection):
    set_connection("mpohoda_default", extra={"time_zone": "UTC"})
    company.switch(moment_offset="none")
    company.generate(3)
    first = read(output=out(tmp_path), incremental=True)
    assert first["watermark"] == "2026-01-01T00:00:02+00:00"
    second = read(output=out(tmp_path, "2.jsonl"), incremental=True, overlap=NONE, run_id="run-2")
    assert second["since"] == "2026-01-01T00:00:02Z"


def test_a_record_that_comes_again_in_the_next_try_has_not_changed_where_times_have_no_offset(
    company, tmp_path
):
    company.switch(moment_offset="none", repeat_last=True)
    company.generate(5)
    company.sandbox.fault(vendor="mpohoda", status=500, skip=1)
    options: dict[str, Any] = {"output": out(tmp_path), "incremental": True, "page_size": 3}
    with pytest.raises(VendorUnavailable):
        read(**options)
    result = read(**options)
    assert (result["resumed_at"], result["total"], result["repeated"]) == (2, 5, 2)
    assert result["watermark"] == "2026-01-01T00:00:04+01:00"


def test_windows_lose_nothing_where_times_without_an_offset_are_local_or_utc(company, tmp_path):
    company.switch(moment_offset="none")
    company.generate(6, step=3600)
    found = set()
    for hour in range(-2, 7):
        begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        window: dict[str, Any] = {"modified_since": begin, "modified_before": begin + timedelta(hours=1)}
        name = f"{hour}.jsonl"
        read(output=out(tmp_path, name), run_id=name, **window)
        found |= set(ids(tmp_path / name))
    assert len(found) == 6


def test_a_window_is_read_for_a_backfill_and_leaves_the_state_alone(company, tmp_path):
    company.generate(10)
    read(output=out(tmp_path), incremental=True, state_key="invoices")
    window: dict[str, Any] = {
        "modified_since": datetime(2026, 1, 1, 0, 0, 3, tzinfo=UTC),
        "modified_before": "2026-01-01T00:00:06Z",
    }
    result = read(
        output=out(tmp_path, "2.jsonl"), incremental=True, state_key="invoices", run_id="2", **window
    )
    assert ids(tmp_path / "2.jsonl") == ids(tmp_path / "1.jsonl")[3:6]
    assert result["complete"]
    third = read(output=out(tmp_path, "3.jsonl"), incremental=True, state_key="invoices", run_id="3")
    assert third["since"] == "2025-12-31T23:45:09Z"


# --- faults ------------------------------------------------------------------------------------------------


def test_a_refused_token_inside_a_run_costs_one_request_more(company, tmp_path):
    company.generate(250)
    read(output=out(tmp_path, "0.jsonl"), mpohoda_conn_id="mpohoda_oauth")
    company.sandbox.fault(vendor="mpohoda", path="v1/IssuedInvoices", status=401, skip=1)
    result = read(output=out(tmp_path), mpohoda_conn_id="mpohoda_oauth", run_id="run-2")
    assert (result["total"], result["pages"], result["requests"]) == (250, 3, 4)
    assert len(company.sandbox.requests("mpohoda", path="connect/token")) == 2


def test_a_refused_key_inside_a_run_fails_it(company, tmp_path):
    company.generate(250)
    company.sandbox.fault(vendor="mpohoda", status=401, skip=1)
    with pytest.raises(VendorAuthError):
        read(output=out(tmp_path))
    assert len(company.queries()) == 2
    assert read(output=out(tmp_path))["resumed_at"] == 2


@pytest.mark.parametrize("paging", ["auto", "number"])
def test_a_month_that_is_used_up_half_way_ends_it_and_the_next_try_goes_on_at_the_same_page(
    company, tmp_path, paging
):
    company.generate(500)
    company.sandbox.control("POST", "mpohoda/quota", {"used": 7998})
    with pytest.raises(QuotaExhausted):
        read(output=out(tmp_path), paging=paging)
    assert len(company.queries()) == 3, "what is used up is not asked for again"
    assert not (tmp_path / "1.jsonl").exists()
    company.sandbox.control("POST", "mpohoda/quota", {"used": 0})
    result = read(output=out(tmp_path), paging=paging)
    assert (result["resumed_at"], result["requests"], result["total"]) == (3, 4, 500)
    assert len(set(ids(result["output"]))) == 500


@pytest.mark.parametrize("paging", ["auto", "number"])
def test_records_that_go_while_a_list_is_read_make_it_incomplete(company, tmp_path, paging):
    company.generate(7)
    company.switch(shrink_while_reading=1)
    result = read(output=out(tmp_path), paging=paging, page_size=3)
    assert not result["complete"] or paging == "auto"
    assert len(set(ids(result["output"]))) == result["total"]
    if paging == "auto":
        assert result["total"] == 7, "read on from a record, nothing is passed over"


@pytest.mark.parametrize("paging", ["auto", "number"])
def test_a_record_that_comes_twice_is_there_once(company, tmp_path, paging):
    company.generate(7)
    company.switch(repeat_last=True)
    result = read(output=out(tmp_path), paging=paging, page_size=3)
    assert (result["total"], result["repeated"]) == (7, 3)
    assert len(set(ids(result["output"]))) == 7


def test_a_cursor_that_does_not_move_ends_the_reading_and_pages_by_number_help(company, tmp_path):
    company.generate(7)
    company.switch(after_does_not_move=True)
    with pytest.raises(VendorProtocolError, match="nobody can tell whether there are more"):
        read(output=out(tmp_path), page_size=3)
    assert len(company.queries()) == 2
    assert read(output=out(tmp_path), page_size=3, paging="number")["total"] == 7


def test_a_cursor_whose_record_has_gone_is_not_kept_for_the_next_try(company, tmp_path):
    company.generate(6)
    company.switch(after_of_gone="refuse")
    company.sandbox.fault(vendor="mpohoda", status=500, skip=2)
    with pytest.raises(VendorUnavailable):
        read(output=out(tmp_path), page_size=2)
    company.remove(company.queries()[-1]["After"])
    with pytest.raises(VendorRejected, match="After"):
        read(output=out(tmp_path), page_size=2)
    result = read(output=out(tmp_path), page_size=2)
    assert (result["total"], "resumed_at" in result) == (5, False)


@pytest.mark.parametrize("paging", ["auto", "number"])
@pytest.mark.parametrize(("how", "requests"), [("refuse", 7), ("reduce", 5)])
def test_a_page_that_is_too_large_is_made_smaller(company, tmp_path, paging, how, requests):
    company.generate(41)
    company.switch(max_page_size=10, page_size_above_maximum=how)
    result = read(output=out(tmp_path), page_size=40, paging=paging)
    assert (result["total"], result["requests"]) == (41, requests)
    assert len(set(ids(result["output"]))) == 41


@pytest.mark.parametrize(
    "switches",
    [
        {"envelope": "data"},
        {"total_after": "rest"},
        {"total_of_modified": "all"},
        {"pagination_after": "next"},
        {"pagination_after": "none"},
        {"order": "modified descending"},
        {"order": "id"},
        {"nulls": "omit"},
    ],
)
@pytest.mark.parametrize("paging", ["auto", "number"])
def test_what_is_not_known_makes_no_difference(company, tmp_path, paging, switches):
    company.switch(**switches)
    company.generate(8)
    result = read(output=out(tmp_path), page_size=3, paging=paging, incremental=True)
    assert (result["total"], result["requests"], result["complete"]) == (8, 3, True)
    changes = read(output=out(tmp_path, "2.jsonl"), incremental=True, overlap=NONE, run_id="run-2")
    assert (changes["total"], changes["watermark"]) == (1, "2026-01-01T00:00:07Z")


def test_a_count_of_everything_does_not_keep_a_few_changes_from_xcom(company):
    company.switch(total_of_modified="all")
    company.generate(1500)
    result = read(modified_since="2026-01-01T00:24:50Z")
    assert result["total"] == 10
    assert len(result["records"]) == 10


def test_a_record_that_moves_while_changes_are_read_leaves_the_state(company, tmp_path):
    company.switch(order="modified")
    company.generate(1, first="2025-12-31T00:00:00Z")
    read(output=out(tmp_path), incremental=True)
    company.generate(6)
    options: dict[str, Any] = {"incremental": True, "page_size": 2, "overlap": NONE}
    company.sandbox.fault(vendor="mpohoda", status=500, skip=2)
    with pytest.raises(VendorUnavailable):
        read(output=out(tmp_path, "2.jsonl"), run_id="run-2", **options)
    # It leaves the first page, and the fifth of the seven is on a page now that was read.
    company.change(company.api.ids("IssuedInvoices")[1], "2026-01-02T00:00:00Z")
    second = read(output=out(tmp_path, "2.jsonl"), run_id="run-2", **options)
    assert (second["resumed_at"], second["total"], second["repeated"]) == (3, 6, 1)
    assert second["watermark"] == "2025-12-31T00:00:00Z"
    third = read(output=out(tmp_path, "3.jsonl"), run_id="run-3", **options)
    assert (third["total"], third["watermark"]) == (7, "2026-01-02T00:00:00Z")


def test_a_cleared_run_reads_from_where_it_read_before(company, tmp_path):
    company.generate(3)
    read(output=out(tmp_path), incremental=True, overlap=NONE)
    company.generate(2, first="2026-01-02T00:00:00Z")
    second: dict[str, Any] = {"incremental": True, "overlap": NONE, "run_id": "run-2"}
    assert read(output=out(tmp_path, "2.jsonl"), **second)["total"] == 3
    company.generate(1, first="2026-01-03T00:00:00Z")
    again = read(output=out(tmp_path, "2.jsonl"), **second)
    assert (again["since"], again["total"]) == ("2026-01-01T00:00:02Z", 4)


# --- requests of the month ---------------------------------------------------------------------------------


def used_reservations(company: Company) -> list[Any]:
    from airflow_provider.mpohoda.hooks import MpohodaHook
    from airflow_provider.store.location import configured

    database = configured()
    try:
        return MpohodaHook().quota_store(database).reservations()
    finally:
        database.close()


def test_the_rest_of_a_list_is_reserved_after_its_first_page(company, tmp_path, caplog):
    caplog.set_level("INFO")
    company.generate(450)
    result = read(output=out(tmp_path), reserve="auto")
    assert (result["total"], result["requests"]) == (450, 5)
    assert used_reservations(company) == []


def test_a_list_that_does_not_fit_the_month_ends_after_its_first_page_and_goes_on_later(
    company, tmp_path, set_connection
):
    set_connection("mpohoda_default", extra={"quota_headers": {"remaining": "X-Left", "limit": "X-Limit"}})
    company.generate(450)
    told = {"X-Left": "3", "X-Limit": "8000"}
    company.sandbox.fault(vendor="mpohoda", headers=told, times=None)
    with pytest.raises(QuotaExhausted, match="list needs 4 requests"):
        read(output=out(tmp_path), reserve="auto")
    assert len(company.queries()) == 1
    company.sandbox.control("DELETE", "faults")
    company.sandbox.fault(vendor="mpohoda", headers={**told, "X-Left": "7000"}, times=None)
    from airflow_provider.mpohoda import calls
    from airflow_provider.mpohoda.hooks import MpohodaHook

    hook = MpohodaHook()
    hook.run(calls.list_page("Currencies", page_size=1))
    hook.close()
    result = read(output=out(tmp_path), reserve="auto")
    assert (result["resumed_at"], result["total"]) == (2, 450)


def test_a_database_that_is_away_while_the_rest_is_reserved_is_waited_for(company, tmp_path, monkeypatch):
    company.generate(250)
    reserve, away = QuotaStore.reserve, [StoreUnavailable("it is restarted")]
    away[0].temporary = True

    def fail_first(*args: Any, **kwargs: Any) -> Any:
        if away:
            raise away.pop()
        return reserve(*args, **kwargs)

    monkeypatch.setattr(QuotaStore, "reserve", fail_first)
    assert read(output=out(tmp_path), reserve="auto")["total"] == 250
    assert away == []


def test_a_count_of_everything_reserves_nothing_after_a_short_page(company, tmp_path, set_connection):
    set_connection("mpohoda_default", extra={"quota_headers": {"remaining": "X-Left", "limit": "X-Limit"}})
    company.switch(total_of_modified="all")
    company.generate(1500)
    company.sandbox.fault(vendor="mpohoda", headers={"X-Left": "3", "X-Limit": "8000"}, times=None)
    result = read(output=out(tmp_path), modified_since="2026-01-01T00:24:50Z", reserve="auto")
    assert (result["total"], result["requests"]) == (10, 2)


def test_a_number_of_requests_is_reserved_before_the_first(company, tmp_path):
    company.generate(50)
    with pytest.raises(InvalidInput, match="list needs 9,000 requests"):
        read(output=out(tmp_path), reserve=9000)
    assert company.queries() == []
    assert read(output=out(tmp_path), reserve=5)["total"] == 50
    assert used_reservations(company) == []
