"""Records of the modules: inserts, updates, deletions and the switches that change them."""

from __future__ import annotations

import re

import pytest

from tests.sandbox.wolkvox.crm import (
    ACTIVITIES,
    ANCHOR,
    ANY_ID,
    CALLS,
    CONTACT,
    DEBTOR,
    PAGING,
    add,
    crm,
    generate,
    insert,
    ok,
    records,
    refused,
    uses,
)


def test_a_record_is_created_and_found_again(sandbox):
    telephone = {"type": "telephone", "country": "Colombia", "code": "57", "value": "3000000000"}
    answer = ok(sandbox, "custom/insert.php", module="contacts", fields={**CONTACT, "phone": telephone})
    wolkvox_id = answer["data"]["wolkvox_id"]
    assert re.fullmatch("[0-9a-f]{24}", wolkvox_id)
    assert answer == {
        "code": 200,
        "error": "null",
        "msg": "Succesfully create record",
        "data": {"wolkvox_id": wolkvox_id},
    }
    expected = {"code": "200", "error": "null", **PAGING, "msg": "1 records were are found"}
    for name, value in (
        ("emailcontact", "ada@example.com"),
        ("phone", "3000000000"),
        ("wolkvox-id", wolkvox_id),
    ):
        found = ok(sandbox, "custom/query.php", module="contacts", field=name, value=value)
        [record] = found.pop("data")
        assert found == expected
        assert record.items() >= {**CONTACT, "phone": telephone, "wolkvox_id": wolkvox_id}.items()
    assert record["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"
    assert set(record["wolkvox_owner"]) == {"user", "nombre", "id", "email"}
    assert {"wolkvox_usuario_creacion", "wolkvox_origen", "wolkvox_ip_address"} <= set(record)
    assert sandbox.state()["wolkvox"]["records"] == {"contacts": 1}


def test_no_rows_are_a_success(sandbox):
    assert ok(sandbox, "custom/query.php", module="contacts", field="a", value="b") == {
        "code": "200",
        "error": "null",
        "page": 1,
        "Total records": 0,
        "Total pages": 0,
        "msg": "0 records were are found",
        "data": [],
    }


def test_what_the_vendor_writes_itself_is_not_the_clients(sandbox):
    made = insert(sandbox, wolkvox_id="mine", wolkvox_fecha_creacion="2000-01-01 00:00:00", wolkvox_owner="x")
    [record] = records(sandbox)
    assert record["wolkvox_id"] == made != "mine"
    assert (record["wolkvox_fecha_creacion"], record["wolkvox_owner"]) == ("2026-01-01 12:00:00", "x")


def test_a_repeated_insert_makes_a_second_record(sandbox):
    assert insert(sandbox, **CONTACT) != insert(sandbox, **CONTACT)
    assert len(records(sandbox)) == 2


def test_duplicates_may_be_refused_or_answered_with_the_existing_record(sandbox):
    first = insert(sandbox, **CONTACT)
    sandbox.switch({"wolkvox.duplicates": "existing"})
    assert insert(sandbox, **CONTACT) == first
    sandbox.switch({"wolkvox.duplicates": "refuse"})
    status, message = refused(sandbox, "custom/insert.php", module="contacts", fields=CONTACT)
    assert (status, message) == (400, "THE RECORD ALREADY EXISTS")
    insert(sandbox, **CONTACT, age=1)
    sandbox.switch({"wolkvox.duplicate_key": "emailcontact"})
    assert refused(sandbox, "custom/insert.php", module="contacts", fields={**CONTACT, "age": 2})[0] == 400
    insert(sandbox, age=3)
    several = [{"emailcontact": "bob@example.com"}, {"emailcontact": "bob@example.com"}]
    assert refused(sandbox, "custom/insertMany.php", module="contacts", fields=several)[0] == 400
    assert len(records(sandbox)) == 3


def test_an_activity_needs_its_type(sandbox):
    body = {"module": "wolkvox_activities", "fields": ACTIVITIES["call"]}
    assert refused(sandbox, "custom/insert.php", **body)[0] == 400
    assert refused(sandbox, "custom/insert.php", **body, type="walk")[0] == 400
    ok(sandbox, "custom/insert.php", **body, type="call")
    [record] = records(sandbox, "wolkvox_activities")
    assert (record["name"], record["type"]) == ("Call Ada", "call")


def test_many_records_are_created_at_once(sandbox):
    several = [{"code": "a", "photo": ["aGk="]}, {"code": "b"}]
    answer = ok(sandbox, "custom/insertMany.php", module="leads", fields=several)
    assert answer == {"code": 200, "error": "null", "msg": "Succesfully create x record", "data": []}
    assert [record["code"] for record in records(sandbox, "leads")] == ["a", "b"]
    assert uses(sandbox) == 1
    sandbox.switch({"wolkvox.most_records": 1})
    assert refused(sandbox, "custom/insertMany.php", module="leads", fields=several)[0] == 400


def test_a_record_is_updated(sandbox):
    made = insert(sandbox, **CONTACT)
    sandbox.clock(advance=60)
    answer = ok(
        sandbox,
        "custom/update.php",
        module="contacts",
        fields={"namecontact": "Eva", "wolkvox_id": "x"},
        attachments=[ANCHOR],
        **{"wolkvox-id": made},
    )
    assert answer == {
        "code": 200,
        "error": "null",
        "msg": "Succesfully edit record",
        "data": {"wolkvox_id": made},
    }
    [record] = records(sandbox)
    assert record["wolkvox_id"] == made
    assert (record["namecontact"], record["emailcontact"]) == ("Eva", "ada@example.com")
    assert record["attachments"] == [ANCHOR]
    assert record["wolkvox_fecha_modificacion"] == "2026-01-01 12:01:00"
    assert record["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"


@pytest.mark.parametrize(
    "path",
    [
        "custom/update.php",
        "custom/updateMany.php",
        "custom/delete.php",
        "cases/update.php",
        "cases/updateCaseAttachment.php",
        "collections/insertObligation.php",
        "collections/updateObligation.php",
        "collections/insertGestion.php",
    ],
)
def test_an_unknown_id_is_refused(sandbox, path):
    assert refused(sandbox, path, **CALLS[path]) == (404, "THE RECORD DOES NOT EXIST")
    sandbox.switch({"wolkvox.unknown_id_status": 417, "wolkvox.unknown_id_text": "NONE"})
    assert refused(sandbox, path, **CALLS[path]) == (417, "NONE")


def test_many_records_are_updated_at_once(sandbox):
    first, second = add(sandbox, "leads", {"code": "a"}, {"code": "b"})
    fields = [{"wolkvox-id": first, "code": "A"}, {"wolkvox-id": second, "code": "B"}]
    answer = ok(sandbox, "custom/updateMany.php", module="leads", fields=fields)
    assert answer == {"code": 200, "error": "null", "msg": "Succesfully edit record x", "data": []}
    assert [record["code"] for record in records(sandbox, "leads")] == ["A", "B"]
    assert "wolkvox-id" not in records(sandbox, "leads")[0]


def test_one_unknown_id_among_many_refuses_all_or_is_skipped(sandbox):
    first, second = add(sandbox, "leads", {"code": "a"}, {"code": "b"})
    update = {"module": "leads", "fields": [{"wolkvox-id": first, "code": "A"}, {"wolkvox-id": ANY_ID}]}
    delete = {"module": "leads", "multiple": True, "wolkvox-id": [first, ANY_ID]}
    assert refused(sandbox, "custom/updateMany.php", **update)[0] == 404
    assert refused(sandbox, "custom/delete.php", **delete)[0] == 404
    assert [record["code"] for record in records(sandbox, "leads")] == ["a", "b"]
    sandbox.switch({"wolkvox.unknown_id_among_many": "skip"})
    ok(sandbox, "custom/updateMany.php", **update)
    assert [record["code"] for record in records(sandbox, "leads")] == ["A", "b"]
    assert ok(sandbox, "custom/delete.php", **delete)["data"] == {"wolkvox_id": [first]}
    assert [record["wolkvox_id"] for record in records(sandbox, "leads")] == [second]


def test_records_are_deleted_one_at_a_time_or_several(sandbox):
    first, *others = generate(sandbox, 3)
    answer = ok(sandbox, "custom/delete.php", module="leads", multiple=False, **{"wolkvox-id": first})
    assert answer["code"] == 200
    assert answer["msg"] == "Have been succesfully removed"
    assert answer["data"] == {"wolkvox_id": first}
    assert (
        refused(sandbox, "custom/delete.php", module="leads", multiple=False, **{"wolkvox-id": first})[0]
        == 404
    )
    answer = ok(sandbox, "custom/delete.php", module="leads", multiple=True, **{"wolkvox-id": others})
    assert answer["data"] == {"wolkvox_id": others}
    assert records(sandbox, "leads") == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("custom/insert.php", {"fields": [CONTACT]}),
        ("custom/insert.php", {"module": 7}),
        ("custom/insertMany.php", {"fields": CONTACT}),
        ("custom/insertMany.php", {"fields": ["x"]}),
        ("custom/updateMany.php", {"fields": [{"wolkvox-id": 7}]}),
        ("custom/update.php", {"fields": "x"}),
        ("custom/delete.php", {"multiple": True}),
        ("custom/delete.php", {"multiple": "false"}),
        ("custom/delete.php", {"wolkvox-id": [ANY_ID]}),
        ("custom/query.php", {"limit": 0}),
        ("custom/query.php", {"limit": True}),
        ("custom/query.php", {"limit": "many"}),
        ("custom/query.php", {"page": -1}),
        ("custom/query.php", {"page": 1.5}),
        ("custom/queryDates.php", {"date": "yes"}),
        ("custom/queryDates.php", {"from": "2026-01-01"}),
        ("custom/queryDates.php", {"to": "2026-1-1 0:00"}),
        ("custom/reports.php", {"dateStart": "2026-01-01 00:00"}),
        ("custom/reports.php", {"dateEnd": "2026-02-30 00:00:00"}),
        ("cases/insert.php", {"form": "{"}),
        ("cases/insertAttach.php", {"form": ["x"]}),
        ("cases/insertAttach.php", {"attachments": "aGk="}),
        ("collections/massiveCollections.php", {"collections": [DEBTOR] * 501}),
        ("collections/massiveCollections.php", {"collections": {"a": DEBTOR}}),
        ("collections/massiveCollections.php", {"collections": [{"Obligations": 7}]}),
        ("collections/massiveCollections.php", {"collections": [{**DEBTOR, "Obligations": ["x"]}]}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_does_not_fit_is_refused(sandbox, path, wrong):
    add(sandbox, "contacts", CONTACT)
    before = sandbox.state()["wolkvox"]["records"]
    assert refused(sandbox, path, **{**CALLS[path], **wrong}) == (400, "SOME PARAMETERS ARE NOT VALID")
    assert sandbox.state()["wolkvox"]["records"] == before


def test_modules_may_be_limited_to_known_ones(sandbox):
    sandbox.switch({"wolkvox.modules": "contacts, leads"})
    insert(sandbox, "leads", a=1)
    body = {"module": "ledas", "fields": {"a": 1}}
    assert refused(sandbox, "custom/insert.php", **body) == (400, "THE MODULE DOES NOT EXIST")


def test_each_operation_has_its_own_records(sandbox):
    sandbox.token(token="t-2", operation="shop")
    insert(sandbox, **CONTACT)
    body = {"module": "contacts", "field": "namecontact", "value": "Ada"}
    assert crm(sandbox, "custom/query.php", body, token="t-2", operation="shop").json()["data"] == []
    add(sandbox, "contacts", CONTACT, operation="shop")
    assert len(crm(sandbox, "custom/query.php", body, token="t-2", operation="shop").json()["data"]) == 1
    assert sandbox.state()["wolkvox"]["records"] == {"contacts": 2}
