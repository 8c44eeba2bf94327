"""Faults, and records that the control API adds and shows."""

from __future__ import annotations

import json
import re

import pytest

from tests.sandbox.wolkvox.crm import CALLS, add, crm, generate, records, uses
from tests.support.sandbox import ROOT

PAGE = ROOT / "docs" / "sandbox_wolkvox.rst"


@pytest.mark.parametrize(("after", "count"), [(True, 1), (False, 0)])
def test_an_insert_whose_answer_is_lost_may_have_happened(sandbox, after, count):
    sandbox.fault(vendor="wolkvox", path="custom/insert.php", status=500, after=after)
    assert crm(sandbox, "custom/insert.php", CALLS["custom/insert.php"]).status_code == 500
    assert (len(records(sandbox)), uses(sandbox)) == (count, count)


def test_records_are_added_without_a_use(sandbox):
    created = {"wolkvox_fecha_creacion": "2025-01-01 00:00:00"}
    answer = sandbox.control(
        "POST", "wolkvox/records", {"module": "leads", "records": [{"code": "a", **created}, {}]}
    )
    ids = answer.pop("wolkvox_ids")
    assert answer == {"module": "leads", "created": 2}
    first, second = records(sandbox, "leads")
    assert [first["wolkvox_id"], second["wolkvox_id"]] == ids
    assert first.items() >= {"code": "a", **created}.items()
    assert second["wolkvox_fecha_creacion"] == "2026-01-01 12:00:00"
    assert add(sandbox, "leads", {"wolkvox_id": ids[0], "code": "b"}) == ids[:1]
    assert [record.get("code") for record in records(sandbox, "leads")] == ["b", None]
    assert (uses(sandbox), sandbox.requests("wolkvox")) == (0, [])


def test_records_are_generated_in_any_number(sandbox):
    assert len(set(generate(sandbox, 2000, n=1))) == 2000
    assert sandbox.state()["wolkvox"]["records"] == {"leads": 2000}
    last = records(sandbox, "leads")[-1]
    assert (last["code"], last["status"], last["n"]) == ("l-2000", "new", 1)
    sandbox.control("POST", "wolkvox/records", {"module": "plain", "count": 1})
    assert records(sandbox, "plain")[0]["name"] == "Record 1"


def test_records_are_counted_and_removed(sandbox):
    generate(sandbox, 2)
    generate(sandbox, 1, module="contacts")
    assert sandbox.control("GET", "wolkvox/records") == {"records": {"leads": 2, "contacts": 1}}
    assert sandbox.control("DELETE", "wolkvox/records/leads") == {"records": {"contacts": 1}}
    assert records(sandbox, "leads") == []
    assert sandbox.control("DELETE", "wolkvox/records") == {"records": {}}
    generate(sandbox, 1)
    sandbox.reset()
    assert sandbox.control("GET", "wolkvox/records") == {"records": {}}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "module"),
        ({"module": "", "count": 1}, "module"),
        ({"module": "m"}, "count"),
        ({"module": "m", "count": 1, "records": []}, "count"),
        ({"module": "m", "count": 0}, "count"),
        ({"module": "m", "count": 100_001}, "count"),
        ({"module": "m", "count": "1"}, "count"),
        ({"module": "m", "count": 1, "fields": []}, "fields"),
        ({"module": "m", "count": 1, "fields": {"wolkvox_id": 1}}, "wolkvox_id"),
        ({"module": "m", "records": {}}, "records"),
        ({"module": "m", "records": [], "fields": {}}, "fields"),
        ({"module": "m", "records": [{}, 1]}, "records"),
        ({"module": "m", "records": [{"wolkvox_id": 1}]}, "wolkvox_id"),
        ({"module": "m", "records": [{"wolkvox_fecha_creacion": "2026"}]}, "wolkvox_fecha_creacion"),
        ({"module": "m", "records": [{"wolkvox_fecha_creacion": 1}]}, "wolkvox_fecha_creacion"),
        ({"module": "m", "count": 1, "rows": 1}, "rows"),
    ],
    ids=str,
)
def test_bad_records_are_refused_and_add_none(sandbox, body, named):
    response = sandbox.post("/_sandbox/wolkvox/records", body)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert sandbox.control("GET", "wolkvox/records") == {"records": {}}


def test_records_are_served_only_as_documented(sandbox):
    documented = set(re.findall(r"``([A-Z]+) /_sandbox/wolkvox/records(/MODULE)?``", PAGE.read_text()))
    served = set()
    for method in ("GET", "POST", "PUT", "DELETE"):
        for module in ("", "/MODULE"):
            url = f"{sandbox.url}/_sandbox/wolkvox/records{module}"
            if sandbox.http.request(method, url, timeout=10).status_code != 404:
                served.add((method, module))
    assert served == documented


def test_the_documented_bodies_add_records(sandbox):
    text = PAGE.read_text().partition("``POST /_sandbox/wolkvox/records``")[2].partition("``GET")[0]
    bodies = [json.loads(line) for line in text.splitlines() if line.strip().startswith("{")]
    assert [sandbox.control("POST", "wolkvox/records", body)["created"] for body in bodies] == [1, 1000]
