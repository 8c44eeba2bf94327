"""What the mPOHODA batches do with each record.

The name of an operation and the key of its call are what the ledger knows a record by. Neither changes later:
every record would be sent a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.batch.operation import Late, Operation
from airflow_provider.mpohoda.resources import RESOURCES, STOCK_KEYS

if TYPE_CHECKING:
    from airflow_provider.mpohoda.create_calls import MpohodaCreated

CREATE_CALLS, DOWNLOADING, PART_CALLS = (
    f"airflow_provider.mpohoda.{name}" for name in ("create_calls", "downloads", "part_calls")
)


def _create(name: str, result_key: str) -> Operation[MpohodaCreated]:
    return Operation(
        name=f"mpohoda.create_{name}",
        call=Late(CREATE_CALLS, "create_record"),
        result_key=result_key,
        scope="forever",
        rest="body",
        compares=True,
    )


CREATE_ISSUED_INVOICE = _create("issued_invoice", "issued_invoice")
CREATE_RECEIVED_INVOICE = _create("received_invoice", "received_invoice")
CREATE_ISSUED_ADVANCE_INVOICE = _create("issued_advance_invoice", "advance_invoice")
CREATE_ISSUED_OFFER = _create("issued_offer", "offer")
CREATE_ISSUED_ORDER = _create("issued_order", "issued_order")
CREATE_RECEIVED_ORDER = _create("received_order", "received_order")
CREATE_ISSUE_SLIP = _create("issue_slip", "issue_slip")
CREATE_BUSINESS_PARTNER = _create("business_partner", "partner")
CREATE_PAYMENT_METHOD = _create("payment_method", "payment_method")

TRANSFER_ISSUED_ORDER = Operation(
    name="mpohoda.transfer_issued_order",
    call=Late(CREATE_CALLS, "transfer_order"),
    result_key="received_invoice",
    scope="forever",
    takes={"id": "issued_order.id"},
)
TRANSFER_RECEIVED_ORDER = Operation(
    name="mpohoda.transfer_received_order",
    call=Late(CREATE_CALLS, "transfer_order"),
    result_key="issued_invoice",
    scope="forever",
    takes={"id": "received_order.id"},
)

LIQUIDATE_ISSUED_INVOICE = Operation(
    name="mpohoda.liquidate_issued_invoice",
    call=Late(CREATE_CALLS, "liquidate"),
    result_key="liquidation",
    scope="forever",
    takes={"id": "issued_invoice.id"},
    done="recorded",
    compares=True,
)
LIQUIDATE_ISSUED_ADVANCE_INVOICE = Operation(
    name="mpohoda.liquidate_issued_advance_invoice",
    call=Late(CREATE_CALLS, "liquidate"),
    result_key="liquidation",
    scope="forever",
    takes={"id": "advance_invoice.id"},
    done="recorded",
    compares=True,
)


def _get(part: str) -> Operation[Any]:
    return Operation(
        name=f"mpohoda.get_{part}",
        call=Late(PART_CALLS, "get_part"),
        result_key=part,
        existing=True,
        done="read",
    )


def _stock(part: str) -> Operation[Any]:
    key = STOCK_KEYS[part]
    return Operation(
        name=f"mpohoda.get_{key}",
        call=Late(PART_CALLS, "get_stock"),
        result_key=key,
        existing=True,
        done="read",
        combine=Late(PART_CALLS, "combine_stock"),
    )


GET_DETAIL = _get("detail")
GET_STATUS = _get("status")
GET_PAYMENT = _get("payment")
GET_LIQUIDATION = _get("liquidation")
GET_AVAILABLE_QUANTITIES = _stock("AvailableQuantities")
GET_SELLING_PRICES = _stock("SellingPrices")
DOWNLOAD = Operation(
    name="mpohoda.download",
    call=Late(DOWNLOADING, "download"),
    result_key="file",
    there=Late(DOWNLOADING, "there"),
)

CREATES = {
    "IssuedInvoices": CREATE_ISSUED_INVOICE,
    "ReceivedInvoices": CREATE_RECEIVED_INVOICE,
    "IssuedAdvanceInvoices": CREATE_ISSUED_ADVANCE_INVOICE,
    "IssuedOffers": CREATE_ISSUED_OFFER,
    "IssuedOrders": CREATE_ISSUED_ORDER,
    "ReceivedOrders": CREATE_RECEIVED_ORDER,
    "IssueSlips": CREATE_ISSUE_SLIP,
    "BusinessPartners": CREATE_BUSINESS_PARTNER,
    "PaymentMethods": CREATE_PAYMENT_METHOD,
}
TRANSFERS = {"IssuedOrders": TRANSFER_ISSUED_ORDER, "ReceivedOrders": TRANSFER_RECEIVED_ORDER}
LIQUIDATES = {
    "IssuedInvoices": LIQUIDATE_ISSUED_INVOICE,
    "IssuedAdvanceInvoices": LIQUIDATE_ISSUED_ADVANCE_INVOICE,
}

GETS = {
    "detail": GET_DETAIL,
    "status": GET_STATUS,
    "payment": GET_PAYMENT,
    "liquidation": GET_LIQUIDATION,
}
STOCK = {"AvailableQuantities": GET_AVAILABLE_QUANTITIES, "SellingPrices": GET_SELLING_PRICES}
DOWNLOADS = {name: DOWNLOAD for name, one in RESOURCES.items() if one.pdf}

RESULTS = (
    *(operation.result_key for operation in CREATES.values()),
    "liquidation",
    "detail",
    "status",
    "payment",
    "file",
    "available_quantities",
    "selling_prices",
)
"""The keys under which the mPOHODA batches leave their results: those are not fields of a body."""
