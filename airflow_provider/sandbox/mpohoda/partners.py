"""Create business partners and payment methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.documents import blank
from airflow_provider.sandbox.mpohoda.read_tables import RECORDS
from airflow_provider.sandbox.mpohoda.seeds import NOBODY
from airflow_provider.sandbox.mpohoda.wire import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mpohoda.company import Company
    from airflow_provider.sandbox.mpohoda.documents import Documents
    from airflow_provider.sandbox.mpohoda.records import Entry


def create_partner(
    company: Company, documents: Documents, body: dict[str, Any], switch: Callable[[str], Any]
) -> Entry:
    """Create a business partner from a body that fits its table.

    :param company: the company
    :param documents: keeps what is created
    :param body: the body
    :param switch: returns the value of one of mPOHODA's switches
    :raises Problem: if partners may not exist twice
    """
    number = body.get("IdentificationNumber")
    if number and switch("duplicate_partners") == "refuse":
        known = company.records.tables["BusinessPartners"].entries
        if any(entry.peek()["IdentificationNumber"] == number for entry in known):
            raise Problem(400, "A partner with this IdentificationNumber exists.")
    table = RECORDS["BusinessPartners"]
    record = blank(table)
    record |= {
        name: value
        for name, value in body.items()
        if name in table and name not in ("BusinessDetails", "DeliveryAddresses")
    }
    details = body.get("BusinessDetails") or {}
    record["BusinessDetails"] |= {
        name: value for name, value in details.items() if name in record["BusinessDetails"]
    }
    source = record["BusinessDetails"]["DocumentVariableSymbolSource"]
    record["BusinessDetails"]["DocumentVariableSymbolSource"] = source or "DocumentNumber"
    record["AdditionalDetails"]["Message"] = details.get("Message")
    addresses = table["DeliveryAddresses"].fields or {}
    moment = company.now()
    times = {"CreatedDate": moment, "CreatedBy": NOBODY, "ModifiedDate": moment, "ModifiedBy": NOBODY}
    record["DeliveryAddresses"] = [
        blank(addresses) | one | {"Id": company.records.new_id(), "ModificationInfo": dict(times)}
        for one in body.get("DeliveryAddresses") or []
    ]
    return documents.keep("BusinessPartners", record)


def create_payment_method(company: Company, documents: Documents, body: dict[str, Any]) -> Entry:
    """Create a payment method from a body that fits its table; without a type it is cash."""
    record = blank(RECORDS["PaymentMethods"])
    record |= {name: value for name, value in body.items() if value is not None}
    record["PaymentMethodTypeId"] = (
        record["PaymentMethodTypeId"] or company.by_code("PaymentMethodTypes", "CASH").id
    )
    return documents.keep("PaymentMethods", record)
