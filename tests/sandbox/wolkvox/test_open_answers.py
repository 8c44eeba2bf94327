"""Answers that wolkvox's pages leave open: each in all its positions."""

from __future__ import annotations

from typing import Any

import pytest
from requests import Session
from requests.adapters import HTTPAdapter

from airflow_provider.sandbox.wolkvox.refusal_texts import PRESETS
from tests.sandbox.clients import TOKEN_INFORMATION, default_token, information
from tests.sandbox.wolkvox.crm import (
    ANY_ID,
    CALLS,
    CONTACT,
    DEBTOR,
    add,
    codes,
    crm,
    generate,
    insert,
    ok,
    records,
    refused,
)
from tests.support.sandbox import SandboxProcess

LEADS = {"module": "leads", "field": "status", "value": "new"}
GONE = {"module": "contacts", "multiple": False, "wolkvox-id": ANY_ID}


def pages(sandbox: SandboxProcess, count: int, **body: Any) -> list[dict[str, Any]]:
    return [
        ok(sandbox, "custom/query.php", **LEADS, **body, page=number, limit=2)
        for number in range(1, count + 1)
    ]


# refusals


@pytest.mark.parametrize("preset", PRESETS)
def test_every_refusal_has_its_text_in_two_languages_and_word_orders(sandbox, preset):
    traits = {name.removeprefix("wolkvox.") for name in sandbox.control("GET", "switches")}
    texts = {name.removesuffix("_text") for name in traits if name.endswith("_text")} | {"maintenance"}
    assert PRESETS[preset].keys() == texts
    assert len(set(PRESETS[preset].values())) == len(texts)


@pytest.mark.parametrize(
    ("preset", "text"),
    [
        ("own", "TOKEN LIMIT EXCEEDED"),
        ("english", "The token has exceeded its daily limit"),
        ("english, other order", "Daily limit of consumption exceeded by the token"),
        ("spanish", "El token ha superado el límite diario de consumo"),
        ("spanish, other order", "Se ha excedido el límite diario de consumo del token"),
    ],
)
def test_refusals_speak_the_language_switched_to(sandbox, preset, text):
    sandbox.switch({"wolkvox.texts": preset, "wolkvox.limit": 0})
    assert information(sandbox).json()["msg"] == text


def test_a_text_that_is_changed_keeps_its_own_words(sandbox):
    sandbox.switch({"wolkvox.texts": "spanish", "wolkvox.unknown_id_text": "NADA"})
    assert refused(sandbox, "custom/delete.php", **GONE) == (404, "NADA")
    assert refused(sandbox, "custom/delete.php", module="contacts")[1] == "Algunos parámetros son requeridos"


def test_the_maintenance_answer_speaks_the_language_too(sandbox):
    sandbox.switch({"wolkvox.maintenance": True, "wolkvox.texts": "spanish, other order"})
    answer = information(sandbox).json()
    assert answer == {
        "code": "403",
        "error": "FORBIDDEN",
        "msg": "Servicio no disponible temporalmente por backup del servidor",
        "data": None,
    }
    sandbox.switch({"wolkvox.maintenance_body": "later"})
    assert information(sandbox).text == "later"


def test_the_text_of_a_refusal_may_have_another_key(sandbox):
    sandbox.switch({"wolkvox.refusal_text_key": "message"})
    answer = crm(sandbox, "custom/delete.php", GONE).json()
    text = "THE RECORD DOES NOT EXIST"
    assert answer == {"code": "404", "error": "NOT FOUND", "message": text, "data": None}
    assert ok(sandbox, "custom/query.php", **LEADS)["msg"] == "0 records were are found"


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("custom/delete.php", GONE, {"code": 200, "error": "El registro no existe"}),
        (
            "custom/insert.php",
            {"module": "contacts"},
            {"code": 200, "error": "Algunos parámetros son requeridos"},
        ),
        (
            "custom/query.php",
            {**LEADS, "page": 0},
            {"code": "200", "error": "Algunos parámetros no son válidos"},
        ),
    ],
)
def test_what_a_call_asks_for_may_be_refused_by_error_beside_code_200(sandbox, path, body, answer):
    sandbox.switch({"wolkvox.refused_calls": "error beside code 200", "wolkvox.texts": "spanish"})
    response = crm(sandbox, path, body)
    assert (response.status_code, response.json()) == (200, answer)
    assert records(sandbox) == []
    # A wrong token is no matter of what the call asks for.
    assert crm(sandbox, path, body, token="wrong").status_code == 403


@pytest.mark.parametrize("status", [404, 400, 416, 403])
def test_a_page_beyond_the_last_may_be_refused_with_any_code(sandbox, status):
    generate(sandbox, 1)
    sandbox.switch({"wolkvox.beyond_last_page": "refuse", "wolkvox.beyond_last_page_status": status})
    assert refused(sandbox, "custom/query.php", **LEADS, page=2)[0] == status


# the envelope


@pytest.mark.parametrize(
    ("position", "error"),
    [("text null", {"error": "null"}), ("null", {"error": None}), ("empty", {"error": ""}), ("absent", {})],
)
def test_the_error_of_a_success_has_many_forms(sandbox, position, error):
    sandbox.switch({"wolkvox.error_of_success": position})
    for answer in (
        ok(sandbox, "custom/insert.php", **CALLS["custom/insert.php"]),
        ok(sandbox, "custom/query.php", **LEADS),
        information(sandbox).json(),
    ):
        assert {name: value for name, value in answer.items() if name == "error"} == error
    report = CALLS["collections/reportsCollection.php"]
    assert "error" not in ok(sandbox, "collections/reportsCollection.php", **report)


@pytest.mark.parametrize(
    ("position", "data"),
    [("array", {"data": []}), ("text", {"data": ""}), ("null", {"data": None}), ("absent", {})],
)
def test_no_rows_have_many_forms(sandbox, position, data):
    sandbox.switch({"wolkvox.empty_data": position})
    answer = ok(sandbox, "custom/query.php", **LEADS)
    assert {name: value for name, value in answer.items() if name == "data"} == data
    assert answer["msg"] == "0 records were are found"
    assert ok(sandbox, "custom/queryDates.php", **CALLS["custom/queryDates.php"]) == []
    generate(sandbox, 1)
    assert codes(ok(sandbox, "custom/query.php", **LEADS)) == ["l-1"]


@pytest.mark.parametrize(
    ("position", "marked"), [("none", []), ("bare arrays", ["custom/queryDates.php"]), ("all", None)]
)
def test_answers_may_begin_with_a_byte_order_mark(sandbox, position, marked):
    sandbox.switch({"wolkvox.byte_order_mark": position})
    paths = ["custom/query.php", "custom/queryDates.php", "custom/insert.php"]
    found = [path for path in paths if crm(sandbox, path, CALLS[path]).content.startswith(b"\xef\xbb\xbf")]
    assert found == (paths if marked is None else marked)


@pytest.mark.parametrize(("position", "counts"), [("page", [2, 1]), ("all", [3, 3]), ("one more", [3, 2])])
def test_the_message_may_count_more_than_came(sandbox, position, counts):
    generate(sandbox, 3)
    sandbox.switch({"wolkvox.message_counts": position})
    answers = pages(sandbox, 2)
    assert [len(answer["data"]) for answer in answers] == [2, 1]
    assert [answer["msg"] for answer in answers] == [f"{count} records were are found" for count in counts]


def test_the_message_may_be_spanish(sandbox):
    generate(sandbox, 4)
    sandbox.switch({"wolkvox.count_language": "spanish"})
    assert ok(sandbox, "custom/query.php", **LEADS)["msg"] == "4 registros encontrados."


# pages, ranges and reports


@pytest.mark.parametrize(
    ("moving", "rows", "totals"),
    [
        ("still", [["l-1", "l-2"], ["l-3", "l-4"], ["l-5"]], [5, 5, 5]),
        ("totals shrink", [["l-1", "l-2"], ["l-3", "l-4"], []], [5, 4, 4]),
        ("row twice", [["l-1", "l-2"], ["l-2", "l-3"], ["l-4", "l-5"]], [5, 6, 6]),
        ("row missed", [["l-1", "l-2"], ["l-4", "l-5"], []], [5, 4, 4]),
    ],
)
def test_pages_may_move_while_they_are_read(sandbox, moving, rows, totals):
    generate(sandbox, 5)
    sandbox.switch({"wolkvox.moving_pages": moving})
    answers = pages(sandbox, 3)
    assert [codes(answer) for answer in answers] == rows
    assert [answer["Total records"] for answer in answers] == totals
    assert [answer["Total pages"] for answer in answers] == [(total + 1) // 2 for total in totals]
    assert len(records(sandbox, "leads")) == 5


@pytest.mark.parametrize(
    ("end", "found"),
    [("whole minute", ["00", "30", "59"]), ("first second", ["00"]), ("not at all", [])],
)
def test_how_much_of_its_last_minute_a_range_has_is_open(sandbox, end, found):
    for second in ("00", "30", "59"):
        add(sandbox, "leads", {"code": second, "wolkvox_fecha_creacion": f"2026-01-01 10:05:{second}"})
    sandbox.switch({"wolkvox.query_dates_end": end})
    body = {"module": "leads", "date": True, "from": "2026-01-01 10:00", "to": "2026-01-01 10:05"}
    assert [record["code"] for record in ok(sandbox, "custom/queryDates.php", **body)] == found


@pytest.mark.parametrize("path", ["custom/reports.php", "collections/reportsCollection.php"])
def test_rows_of_a_report_may_have_no_id_and_be_the_same(sandbox, path):
    module = CALLS[path]["name"]
    add(sandbox, module, {"Name": "Ada"}, {"Name": "Ada"})
    assert len({row["wolkvox_id"] for row in ok(sandbox, path, **CALLS[path])["data"]}) == 2
    sandbox.switch({"wolkvox.report_rows": "without ids"})
    assert ok(sandbox, path, **CALLS[path])["data"] == [{"Name": "Ada"}, {"Name": "Ada"}]


# deletions and duplicates


def test_the_deletion_of_a_gone_record_is_refused_or_succeeds(sandbox):
    assert refused(sandbox, "custom/delete.php", **GONE)[0] == 404
    sandbox.switch({"wolkvox.delete_of_gone": "succeed"})
    assert ok(sandbox, "custom/delete.php", **GONE)["data"] == {"wolkvox_id": ANY_ID}
    made = insert(sandbox, **CONTACT)
    several = {"module": "contacts", "multiple": True, "wolkvox-id": [made, ANY_ID]}
    assert ok(sandbox, "custom/delete.php", **several)["data"] == {"wolkvox_id": [made, ANY_ID]}
    assert records(sandbox) == []


def test_a_second_gestion_is_created_refused_or_the_first(sandbox):
    add(sandbox, "collections", {**DEBTOR, "wolkvox_id": ANY_ID})
    path = "collections/insertGestion.php"
    first = ok(sandbox, path, **CALLS[path])["data"]
    sandbox.switch({"wolkvox.duplicate_gestiones": "existing"})
    assert ok(sandbox, path, **CALLS[path])["data"] == first
    sandbox.switch({"wolkvox.duplicate_gestiones": "refuse"})
    assert refused(sandbox, path, **CALLS[path]) == (400, "THE RECORD ALREADY EXISTS")
    assert len(records(sandbox, "gestion")) == 1
    sandbox.switch({"wolkvox.duplicate_gestiones": "create"})
    assert ok(sandbox, path, **CALLS[path])["data"] != first
    assert len(records(sandbox, "gestion")) == 2


@pytest.mark.parametrize(
    ("position", "kept"),
    [
        ("create", [("o-1", "Loan"), ("o-1", "Car")]),
        ("refuse", [("o-1", "Loan")]),
        ("update", [("o-1", "Car")]),
    ],
)
def test_a_second_obligation_of_the_same_id_is_created_refused_or_an_update(sandbox, position, kept):
    add(sandbox, "collections", {**DEBTOR, "wolkvox_id": ANY_ID})
    sandbox.switch({"wolkvox.duplicate_obligations": position})
    body = {"wolkvox_id": ANY_ID, "fields": {"id": "o-1", "name": "Car"}}
    response = crm(sandbox, "collections/insertObligation.php", body)
    assert response.status_code == (400 if position == "refuse" else 200)
    obligations = records(sandbox, "collections")[0]["Obligations"]
    assert [(one["id"], one["name"]) for one in obligations] == kept


# tokens and addresses


def test_a_token_may_be_expired(sandbox):
    sandbox.switch({"wolkvox.token_expired": True})
    assert refused(sandbox, "custom/query.php", **LEADS) == (403, "TOKEN EXPIRED")
    sandbox.switch({"wolkvox.expired_token_status": 401, "wolkvox.expired_token_text": "OLD"})
    response = information(sandbox)
    assert (response.status_code, response.json()["msg"]) == (401, "OLD")
    sandbox.token(token="t-2")
    assert information(sandbox, token="t-2").status_code == 200


class From(HTTPAdapter):
    """Send from an address of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self.address, 0))


def status_from(sandbox: SandboxProcess, address: str) -> int:
    with Session() as session:
        session.trust_env = False
        session.mount("http://", From(address))
        token = {"Wolkvox-Token": default_token(sandbox)}
        url = f"{sandbox.url}{TOKEN_INFORMATION}?operation=demo_operation"
        return session.get(url, headers=token, timeout=30).status_code


def test_requests_of_an_address_may_be_limited(sandbox):
    sandbox.switch({"wolkvox.address_limit": 2, "wolkvox.address_window_seconds": 10})
    assert [information(sandbox).status_code for _ in range(3)] == [200, 200, 403]
    assert information(sandbox).json()["msg"] == "EXCEEDS THE LIMIT OF REQUESTS PER IP"
    assert status_from(sandbox, "127.0.0.2") == 200
    sandbox.switch({"wolkvox.address_limit_status": 429, "wolkvox.texts": "spanish, other order"})
    response = information(sandbox)
    assert response.status_code == 429
    assert response.json()["msg"] == "Se ha excedido el límite de peticiones por IP"
    sandbox.clock(advance=10)
    assert information(sandbox).status_code == 200


def test_an_address_beyond_its_limit_may_be_banned(sandbox):
    sandbox.switch({"wolkvox.address_limit": 1, "wolkvox.address_ban_seconds": 3600})
    assert [information(sandbox).status_code for _ in range(2)] == [200, 403]
    sandbox.clock(advance=3599)
    assert information(sandbox).status_code == 403
    assert status_from(sandbox, "127.0.0.2") == 200
    sandbox.clock(advance=1)
    assert information(sandbox).status_code == 200


def test_addresses_may_be_limited_to_a_list(sandbox):
    sandbox.switch({"wolkvox.allowed_addresses": "127.0.0.2, 127.0.0.3"})
    response = information(sandbox)
    assert (response.status_code, response.json()["msg"]) == (403, "THE IP IS NOT ALLOWED")
    assert status_from(sandbox, "127.0.0.3") == 200
