"""The form and the Test button of every connection type, in a real browser and a real Airflow.

The vendors are those of ``vendors.py``; each is the sandbox. What is filled in comes from its ready-made connection,
and from the declaration of its fields.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import Connection

from airflow_provider.vendors import VENDORS, Vendor

every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.conn_type)
NUMBERS = {"integer": 7, "number": 12.5}
MASK = "***"


def ready_made(sandbox, vendor: Vendor) -> dict[str, Any]:
    """The vendor's connection as the sandbox prints it."""
    connection = json.loads(sandbox.connections[f"AIRFLOW_CONN_{vendor.conn_type.upper()}_DEFAULT"])
    return {**connection, "extra": connection.get("extra") or {}}


def complete(sandbox, vendor: Vendor) -> dict[str, Any]:
    """The ready-made connection with a value in every other field that leads nowhere else."""
    connection = ready_made(sandbox, vendor)
    extra = dict(connection["extra"])
    for name, form in extras(vendor).items():
        if name not in extra and (form["required"] or not form["secret"]):
            extra[name] = example(vendor, name, form)
    return {**connection, "extra": extra}


def extras(vendor: Vendor) -> dict[str, Any]:
    forms = vendor.options_type().forms()
    return {name: form for name, form in forms.items() if not form["standard"]}


def example(vendor: Vendor, name: str, form: Any) -> Any:
    default = vendor.options_type().__dataclass_fields__[name].default
    if form["choices"]:
        return form["choices"][-1]
    if form["kind"] in NUMBERS:
        return NUMBERS[form["kind"]]
    if default is not None:
        return str(default).lower() if isinstance(default, bool) else default
    return form["placeholder"] or "something"


def labels(vendor: Vendor) -> dict[str, str]:
    """The label of each standard field that is shown."""
    forms = vendor.options_type().forms().values()
    return {form["standard"]: form["label"] for form in forms if form["standard"]}


def fill_in_standard_fields(page, vendor: Vendor, connection: dict[str, Any]) -> None:
    for standard, label in labels(vendor).items():
        if standard in connection:
            page.fill(label, connection[standard])


def fill_in_extras(page, vendor: Vendor, connection: dict[str, Any]) -> None:
    page.open("Extra Fields")
    for name, form in extras(vendor).items():
        if name in connection["extra"]:
            write = page.choose if form["choices"] else page.fill
            write(form["label"], connection["extra"][name])


def read(vendor: Vendor, stored: dict[str, Any]) -> Any:
    """What a task makes of a connection."""
    fields = {**stored, "extra": json.dumps(stored["extra"])}
    fields.pop("description", None)
    return vendor.options_type().read(Connection(conn_id="stored", **fields))


@every_vendor
def test_what_is_filled_in_is_what_is_stored(page, web, sandbox, vendor):
    filled_in = complete(sandbox, vendor)
    page.add(f"{vendor.conn_type}_added", vendor.name)
    fill_in_standard_fields(page, vendor, filled_in)
    fill_in_extras(page, vendor, filled_in)
    page.save()
    assert web.stored_connection(f"{vendor.conn_type}_added") == filled_in


@every_vendor
def test_the_form_asks_for_what_is_required_and_stores_nothing_that_nobody_filled_in(
    page, web, sandbox, vendor
):
    from playwright.sync_api import expect

    least = ready_made(sandbox, vendor)
    page.add(f"{vendor.conn_type}_least", vendor.name)
    fill_in_standard_fields(page, vendor, least)
    button = expect(page.save_button)
    is_complete = not any(form["required"] for form in extras(vendor).values())
    button.to_be_enabled() if is_complete else button.to_be_disabled()
    fill_in_extras(page, vendor, least)
    page.save()
    assert web.stored_connection(f"{vendor.conn_type}_least") == least


@every_vendor
def test_a_changed_description_changes_nothing_else(page, web, sandbox, vendor, caplog):
    conn_id = f"{vendor.conn_type}_described"
    web.add_connection(conn_id, **complete(sandbox, vendor))
    before = web.stored_connection(conn_id)
    page.edit(conn_id)
    page.fill("Description", "changed")
    page.open("Extra Fields")
    page.save()
    after = web.stored_connection(conn_id)
    assert after == {**before, "description": "changed"}
    assert MASK not in str(after)
    assert read(vendor, after) == read(vendor, before)
    assert caplog.text == ""


@every_vendor
def test_a_form_that_is_left_alone_adds_no_value_to_a_sparse_connection(page, web, sandbox, vendor):
    """Else it would keep the defaults of today, and count more than what the connection has under an older name."""
    conn_id = f"{vendor.conn_type}_sparse"
    web.add_connection(conn_id, **ready_made(sandbox, vendor))
    before = web.stored_connection(conn_id)
    page.edit(conn_id)
    page.fill("Description", "changed")
    page.open("Extra Fields")
    page.save()
    assert web.stored_connection(conn_id) == {**before, "description": "changed"}


@every_vendor
def test_the_test_button_says_what_it_found_out(page, web, sandbox, vendor):
    conn_id = f"{vendor.conn_type}_tested"
    web.add_connection(conn_id, **ready_made(sandbox, vendor))
    title, text = page.test(conn_id)
    assert (title, len(sandbox.requests(vendor.conn_type))) == ("Test Connection Successful", 1), text
    assert SAYS.get(vendor.conn_type, "") in text


SAYS = {"imbee": "The credentials were not checked", "wolkvox": "This test spent one use."}


@every_vendor
def test_the_test_button_says_that_credentials_are_refused_or_that_it_cannot_know(page, web, sandbox, vendor):
    conn_id = f"{vendor.conn_type}_refused"
    web.add_connection(conn_id, **ready_made(sandbox, vendor))
    secret = labels(vendor)["password"]
    page.edit(conn_id)
    page.fill(secret, "another-than-the-vendor-knows")
    page.save()
    title, text = page.test(conn_id)
    if title == "Test Connection Successful":
        assert "credentials were not checked" in text
    else:
        assert title == "Test Connection Failed"
        assert f'Check "{secret}"' in text
    assert "another-than-the-vendor-knows" not in text


def test_a_wolkvox_connection_from_before_its_field_was_renamed_survives_the_form(page, web, sandbox):
    [wolkvox] = (vendor for vendor in VENDORS if vendor.conn_type == "wolkvox")
    extra = {"token_information_method": "POST"}
    web.add_connection("wolkvox_old", **{**ready_made(sandbox, wolkvox), "extra": extra})
    page.edit("wolkvox_old")
    page.fill("Description", "changed")
    page.open("Extra Fields")
    page.save()
    assert web.stored_connection("wolkvox_old")["extra"] == extra
    assert page.test("wolkvox_old")[0] == "Test Connection Successful"
    assert [request["method"] for request in sandbox.requests("wolkvox")] == ["POST"]
