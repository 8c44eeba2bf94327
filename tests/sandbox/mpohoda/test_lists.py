"""Pages, cursors, changes since, and how values are written."""

from __future__ import annotations

import re

import pytest

LIST = "IssuedInvoices"
STEPS = {"first": "2026-11-01T00:00:00Z", "step": 60}


@pytest.fixture
def five(api):
    return api.seed(LIST, *[{"Note": str(number)} for number in range(5)], **STEPS)


def walk(api, size=2, resource=LIST, most=10):
    """Read all with the cursor; give up after some pages."""
    found, cursor = [], None
    for _ in range(most):
        page = api.ids(resource, size, After=cursor)
        found += page
        if len(page) < size:
            return found
        cursor = page[-1]
    return found


def pages(api, size=2, resource=LIST):
    found = []
    for number in range(1, 10):
        page = api.ids(resource, size, number)
        found += page
        if len(page) < size:
            break
    return found


# --- paging ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"PageSize": 0}, {"PageSize": ["'PageSize' must be greater than '0'."]}),
        ({"PageNumber": 0}, {"PageNumber": ["'PageNumber' must be greater than '0'."]}),
        ({"PageSize": -1}, {"PageSize": ["'PageSize' must be greater than '0'."]}),
        ({"PageSize": None}, {"PageSize": ["'PageSize' must not be empty."]}),
        ({"PageNumber": None}, {"PageNumber": ["'PageNumber' must not be empty."]}),
        ({"PageSize": "ten"}, {"PageSize": ["The value 'ten' is not valid for PageSize."]}),
        ({"PageSize": "1.5"}, {"PageSize": ["The value '1.5' is not valid for PageSize."]}),
        ({"PageSize": 2**31}, {"PageSize": ["The value '2147483648' is not valid for PageSize."]}),
        ({"PageSize": "-" * 2}, {"PageSize": ["The value '--' is not valid for PageSize."]}),
        ({"ModifiedSince": "yesterday"}, {"ModifiedSince": ["'ModifiedSince' is not a valid date."]}),
        ({"ModifiedSince": "20261101"}, {"ModifiedSince": ["'ModifiedSince' is not a valid date."]}),
    ],
    ids=str,
)
def test_a_bad_query_is_named(api, query, errors):
    params = {"PageSize": 1, "PageNumber": 1, **query}
    response = api.call("GET", LIST, params=params)
    assert response.status_code == 422
    assert response.json()["errors"] == errors
    assert response.json()["type"] == "https://httpstatuses.io/422"
    assert response.json()["title"] == "Unprocessable Entity"


def test_pages_by_number_and_by_cursor_hold_every_record_once(api, five):
    assert pages(api) == walk(api) == five
    assert api.ids(LIST, 2, 4) == []
    assert [api.page(LIST, 2, number).json()["TotalItemCount"] for number in (1, 9)] == [5, 5]


@pytest.mark.parametrize(("how", "kept"), [("reduce", 3), ("refuse", None)])
def test_too_large_a_page_is_reduced_or_refused(api, five, how, kept):
    api.switch(max_page_size=3, page_size_above_maximum=how)
    response = api.page(LIST, 4)
    if kept is None:
        assert response.status_code == 422
        assert response.json()["errors"] == {"PageSize": ["'PageSize' must be less than or equal to '3'."]}
    else:
        assert len(response.json()["Items"]) == response.json()["Pagination"]["PageSize"] == kept
    assert len(api.ids(LIST, 3)) == 3


@pytest.mark.parametrize(("how", "totals"), [("all", [5, 5, 5]), ("rest", [5, 3, 1])])
def test_the_total_after_a_cursor_is_a_switch(api, five, how, totals):
    api.switch(total_after=how)
    cursors = [None, five[1], five[3]]
    assert [api.page(LIST, 2, After=one).json()["TotalItemCount"] for one in cursors] == totals


@pytest.mark.parametrize(
    ("how", "told"),
    [("echo", [None, 1, 4]), ("next", [1, 3, None]), ("none", [None, None, None])],
)
def test_the_cursor_of_the_pagination_is_a_switch(api, five, how, told):
    api.switch(pagination_after=how)
    cursors = [None, five[1], five[4]]
    found = [api.page(LIST, 2, After=one).json()["Pagination"]["After"] for one in cursors]
    assert found == [None if place is None else five[place] for place in told]


@pytest.mark.parametrize(("how", "status"), [("required", 422), ("optional", 200)])
def test_the_page_number_beside_a_cursor_is_a_switch(api, five, how, status):
    api.switch(page_number_with_after=how)
    assert api.page(LIST, 2, None, After=five[0]).status_code == status
    assert api.page(LIST, 2, None).status_code == 422


def test_an_empty_cursor_is_none(api, five):
    assert api.page(LIST, 2, After="").json()["Pagination"]["PageNumber"] == 1


def test_a_cursor_may_not_move(api, five):
    api.switch(after_does_not_move=True)
    assert api.ids(LIST, 2, After=five[1]) == five[:2]
    assert len(walk(api, most=4)) == 8


def test_a_page_may_begin_with_the_last_record_of_the_one_before(api, five):
    api.switch(repeat_last=True)
    expected = [*five[:2], *five[1:3], *five[2:4], *five[3:5], five[4]]
    assert pages(api) == expected
    assert walk(api) == expected
    assert walk(api, 1) == five


def test_a_list_may_shrink_while_it_is_read(api, five):
    api.switch(shrink_while_reading=1)
    assert pages(api) == [*five[:2], *five[3:5]]
    assert len(api.ids(LIST)) < 5


def test_a_cursor_finds_its_place_in_a_list_that_shrinks(api, five):
    api.switch(shrink_while_reading=2)
    assert walk(api) == five


@pytest.mark.parametrize(
    ("how", "found"), [("go on", [2, 3]), ("empty", []), ("first page", [0, 2]), ("refuse", None)]
)
@pytest.mark.parametrize("order", ["created", "created descending"])
def test_the_record_of_a_cursor_may_have_gone(api, five, how, found, order):
    api.switch(after_of_gone=how, order=order)
    api.sandbox.control("DELETE", f"mpohoda/records/{LIST}/{five[1]}")
    response = api.page(LIST, 2, After=five[1])
    if found is None:
        assert (response.status_code, list(response.json()["errors"])) == (422, ["After"])
        return
    if order == "created descending":
        found = {"go on": [0], "first page": [4, 3]}.get(how, found)
    assert [item["Id"] for item in response.json()["Items"]] == [five[place] for place in found]


def test_a_cursor_that_never_was_ends_the_list(api, five):
    assert api.ids(LIST, After="what") == []


@pytest.mark.parametrize(
    ("order", "places"),
    [
        ("created", [0, 1, 2, 3, 4]),
        ("created descending", [4, 3, 2, 1, 0]),
        ("modified", [1, 2, 3, 4, 0]),
        ("modified descending", [0, 4, 3, 2, 1]),
        ("id", None),
    ],
)
def test_the_order_is_a_switch(api, five, order, places):
    api.sandbox.control("POST", "mpohoda/payments", {"resource": LIST, "id": five[0]})
    api.switch(order=order)
    wanted = sorted(five) if places is None else [five[place] for place in places]
    assert pages(api) == walk(api) == wanted
    assert sorted(five) != five


@pytest.mark.parametrize(
    ("envelope", "outer"), [("items", ["Items", "TotalItemCount", "Pagination"]), ("data", ["Data"])]
)
def test_the_envelope_is_a_switch(api, five, envelope, outer):
    api.switch(envelope=envelope)
    answer = api.page(LIST).json()
    assert list(answer) == outer
    assert len(answer.get("Data", answer)["Items"]) == 5


@pytest.mark.parametrize(("spelling", "status"), [("exact", 422), ("any case", 200)])
def test_the_spelling_of_the_query_is_a_switch(api, five, spelling, status):
    api.switch(query_names=spelling)
    assert api.call("GET", f"{LIST}?pageSize=1&pagenumber=1").status_code == status
    pdf = api.call("GET", f"{LIST}/{five[0]}/pdf?language=Current")
    assert pdf.status_code == status


# --- changes since -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "found"), [("inclusive", 3), ("exclusive", 2)])
def test_the_moment_itself_is_a_switch(api, five, how, found):
    api.switch(modified_since=how)
    answer = api.page(LIST, ModifiedSince="2026-11-01T00:02:00Z").json()
    assert [item["Id"] for item in answer["Items"]] == five[-found:]
    assert answer["TotalItemCount"] == found


@pytest.mark.parametrize("total", ["filtered", "all"])
def test_the_total_of_what_was_changed_is_a_switch(api, five, total):
    api.switch(total_of_modified=total)
    answer = api.page(LIST, ModifiedSince="2026-11-01T00:02:00Z").json()
    assert answer["TotalItemCount"] == {"filtered": 3, "all": 5}[total]


@pytest.mark.parametrize(
    "text", ["2026-11-01T01:02:00+01:00", "2026-11-01T00:02:00.000Z", "2026-11-01T00:02:00.0000000Z"]
)
def test_a_moment_is_read_in_each_form(api, five, text):
    assert api.ids(LIST, ModifiedSince=text) == five[2:]


def test_a_moment_without_an_offset_has_the_zone_of_the_switch(api, five):
    assert api.ids(LIST, ModifiedSince="2026-11-01T00:02:00") == five[2:]
    api.switch(modified_since_timezone="Europe/Prague")
    assert api.ids(LIST, ModifiedSince="2026-11-01T01:02:00") == five[2:]


@pytest.mark.parametrize(("how", "found"), [("combine", [4]), ("ignore", [1, 2, 3, 4]), ("refuse", None)])
def test_a_cursor_together_with_a_moment_is_a_switch(api, five, how, found):
    api.switch(after_with_modified_since=how)
    cursor = five[0] if how == "ignore" else five[3]
    response = api.page(LIST, After=cursor, ModifiedSince="2026-11-01T00:02:00Z")
    if found is None:
        assert (response.status_code, list(response.json()["errors"])) == (422, ["After"])
    else:
        assert [item["Id"] for item in response.json()["Items"]] == [five[place] for place in found]


@pytest.mark.parametrize(("moves", "found"), [(True, 1), (False, 0)])
def test_a_payment_may_count_as_a_change(api, five, moves, found):
    api.switch(payment_modifies=moves)
    api.sandbox.control("POST", "mpohoda/payments", {"resource": LIST, "id": five[0], "amount": 1})
    assert len(api.ids(LIST, ModifiedSince="2026-11-10")) == found
    assert len(api.ids(f"{LIST}/Unpaid", ModifiedSince="2026-11-10")) == found


@pytest.mark.parametrize(("moves", "found"), [(True, 1), (False, 0)])
def test_a_transfer_may_count_as_a_change(api, moves, found):
    api.switch(transfer_modifies=moves)
    (order,) = api.seed("ReceivedOrders", {}, **STEPS)
    api.create(f"ReceivedOrders/{order}/Transfer/ToIssuedInvoice/Fully", {})
    assert len(api.ids("ReceivedOrders", ModifiedSince="2026-11-10")) == found


# --- how values are written --------------------------------------------------------------------------------


def written(api):
    record = api.items(LIST)[0]
    return record["IssueDate"], record["ModificationInfo"]["ModifiedDate"]


@pytest.mark.parametrize(("digits", "fraction"), [("0", ""), ("3", ".250"), ("7", ".2500000")])
def test_the_digits_of_a_second_are_a_switch(api, digits, fraction):
    api.seed(LIST, {}, first="2026-11-01T08:15:00.25Z")
    api.switch(date_fractions=digits)
    zeros = re.sub(r"\d", "0", fraction)
    assert written(api) == (f"2026-11-01T00:00:00{zeros}", f"2026-11-01T08:15:00{fraction}Z")
    api.generate(1, "IssuedOffers", first="2026-11-01T08:15:00.25Z")
    offer = api.items("IssuedOffers")[0]
    assert offer["IssueDate"] == f"2026-11-01T00:00:00{zeros}"
    assert offer["ModificationInfo"]["CreatedDate"] == f"2026-11-01T08:15:00{fraction}Z"


@pytest.mark.parametrize("offset", ["none", "Z", "+00:00", "+01:00"])
def test_the_offset_of_a_documents_dates_is_a_switch(api, five, offset):
    api.switch(date_offset=offset)
    assert written(api) == ("2026-11-01T00:00:00" + offset.replace("none", ""), "2026-11-01T00:00:00Z")


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        ("Z", "2026-11-01T00:00:00Z"),
        ("none", "2026-11-01T00:00:00"),
        ("+00:00", "2026-11-01T00:00:00+00:00"),
        ("+01:00", "2026-11-01T01:00:00+01:00"),
    ],
)
def test_the_offset_of_moments_is_a_switch(api, five, offset, text):
    api.switch(moment_offset=offset)
    assert written(api) == ("2026-11-01T00:00:00", text)


@pytest.mark.parametrize("nulls", ["null", "omit"])
def test_nulls_are_sent_or_left_out(api, five, nulls):
    api.switch(nulls=nulls)
    record = api.items(LIST)[0]
    assert ("OrderNumber" in record) is (nulls == "null")
    assert ("PageNumber" in api.page(LIST, After=five[0]).json()["Pagination"]) is (nulls == "null")
    api.generate(1, "IssuedOffers")
    assert ("ValidTo" in api.items("IssuedOffers")[0]) is (nulls == "null")


@pytest.mark.parametrize(
    "digits",
    ["1e-7", "1E-7", "0.0000001", "1.2345", "100.00", "123456789012345678901234.5678", "-0.5", "12"],
)
def test_a_seeded_number_keeps_its_digits(api, digits):
    line = f'{{"Quantity": {digits}, "UnitPrice": 1, "PriceWithVat": {digits}}}'
    api.seed_text(f'{{"resource": "IssuedInvoices", "records": [{{"Items": [{line}]}}]}}')
    api.seed_text(f'{{"resource": "IssuedInvoices", "count": 2, "fields": {{"Items": [{line}]}}}}')
    text = api.page(LIST).text
    assert text.count(f'"Quantity":{digits},') == text.count(f'"PriceWithVat":{digits},') == 3


def test_a_seeded_date_with_a_fraction_stays_as_it_is(api):
    api.seed(LIST, {"IssueDate": "2026-11-01T00:00:00.1234567"}, {"IssueDate": "2026-11-02"})
    assert [one["IssueDate"] for one in api.items(LIST)] == [
        "2026-11-01T00:00:00.1234567",
        "2026-11-02T00:00:00",
    ]


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("camel", ["errors", "type", "title", "status", "detail", "traceId"]),
        ("pascal", ["Errors", "Type", "Title", "Status", "Detail", "TraceId"]),
        ("legacy", ["Error"]),
    ],
)
def test_the_spelling_of_problems_is_a_switch(api, spelling, names):
    api.switch(problem_spelling=spelling)
    response = api.page(LIST, 0)
    assert response.status_code == 422
    answer = response.json()
    assert list(answer) == names
    if spelling == "legacy":
        assert answer == {"Error": {"Message": "'PageSize' must be greater than '0'."}}
        assert api.call("GET", f"{LIST}/{'0' * 8}").json()["Error"]["Message"]


@pytest.mark.parametrize("told", [True, False])
def test_a_problem_may_have_a_detail_and_a_trace_id(api, told):
    api.switch(problem_detail=told, problem_trace_id=told)
    answer = api.call("GET", "nothing").json()
    assert ("detail" in answer, "traceId" in answer) == (told, told)
    if told:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", answer["traceId"])


def test_the_maintenance_answer_is_a_switch(api):
    api.sandbox.fault(vendor="mpohoda", action="maintenance", times=2)
    assert (api.page(LIST).status_code, api.page(LIST).text[:6]) == (503, "<html>")
    api.switch(maintenance_status=500, maintenance_body='{"a": 1}')
    api.sandbox.fault(vendor="mpohoda", action="maintenance")
    response = api.page(LIST)
    assert (response.status_code, response.json()) == (500, {"a": 1})
