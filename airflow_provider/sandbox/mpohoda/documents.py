"""Create documents: what a body leaves out, lines, sums, numbers."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.links import DELIVERY, PARTNER, Warnings, delivery_address, warning
from airflow_provider.sandbox.mpohoda.money import EXACT, Rate, recapitulation, sums_of_line
from airflow_provider.sandbox.mpohoda.read_tables import DOCUMENTS
from airflow_provider.sandbox.mpohoda.resources import TARGETS
from airflow_provider.sandbox.mpohoda.seeds import NOBODY, NOTHING, total
from airflow_provider.sandbox.mpohoda.wire import Problem, exact, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.sandbox.mpohoda.company import Company
    from airflow_provider.sandbox.mpohoda.notation import Fields
    from airflow_provider.sandbox.mpohoda.records import Entry, Record

# The letter of each number series, which a company chooses in the application.
SERIES = {
    "IssuedInvoices": "F",
    "IssuedAdvanceInvoices": "Z",
    "ReceivedInvoices": "P",
    "IssuedOffers": "N",
    "IssuedOrders": "V",
    "ReceivedOrders": "O",
    "IssueSlips": "L",
}
SOURCE_OF_LINE = {"ReceivedOrders": "ReceivedOrderItemId", "IssuedOrders": "IssuedOrderItemId"}
WITHOUT_VAT = "WithoutVat"


class Documents:
    """Create the seven kinds of documents, and transfer orders.

    :param company: the company
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, company: Company, switch: Callable[[str], Any]) -> None:
        self.company = company
        self.switch = switch

    def create(self, resource: str, body: dict[str, Any], warnings: Warnings) -> Entry:
        """Create a document from a body that fits its table and whose links are checked.

        :param resource: its kind
        :param body: the body
        :param warnings: takes what is worth a warning
        """
        table = DOCUMENTS[resource]
        record = blank(table)
        self._copy(record, body, table)
        record["Text"] = record["Text"] or ""
        self._dates(record, table)
        foreign = self._currency(record, body, warnings)
        record["IsSynchronizationToPhEnabled"] = body.get("IsSynchronizationToPhEnabled") is not False
        if "Status" in table:
            record["Status"] = body.get("Status") or "Unfinished"
        if "PaymentMethodId" in table and not table["PaymentMethodId"].nullable:
            record["PaymentMethodId"] = body.get("PaymentMethodId") or self.company.first("PaymentMethods")
        self._selling_price(record, warnings)
        record["BusinessPartnerAddress"] = self._address(
            body.get("BusinessPartnerAddress") or {}, table["BusinessPartnerAddress"].fields or {}
        )
        day = record.get("TaxDate") or record["IssueDate"]
        lines = table["Items"].fields or {}
        record["Items"] = [self._line(item, lines, day, foreign) for item in body["Items"]]
        return self._finish(resource, record, body, foreign is not None)

    def transfer(self, order: Entry, resource: str, way: str, moment: float | None) -> Entry:
        """Make an invoice of a whole order.

        :param order: the order
        :param resource: its kind
        :param way: the end of the path, which says what it becomes
        :param moment: when the order is changed; None when that is no change
        :raises Problem: if the order is not unfinished
        """
        source = order.record
        if source["Status"] != "Unfinished":
            raise Problem(
                self.switch("refused_transfer_status"), "Only an unfinished order can be transferred."
            )
        target = TARGETS[way]
        table = DOCUMENTS[target]
        record = blank(table)
        same = (name for name in source if name in table and name not in ("Id", "DocumentNumber", "Items"))
        record |= {name: deepcopy(source[name]) for name in same}
        record["IssueDate"] = self.company.today()
        record["PaymentMethodId"] = source["PaymentMethodId"] or self.company.first("PaymentMethods")
        record["OrderNumber"] = source["DocumentNumber"]
        record["OrderDate"] = source["IssueDate"]
        self._dates(record, table)
        lines = table["Items"].fields or {}
        record["Items"] = []
        for line in source["Items"]:
            copy = blank(lines) | {name: value for name, value in line.items() if name in lines}
            copy |= {"Id": self.company.records.new_id(), SOURCE_OF_LINE[resource]: line["Id"]}
            record["Items"].append(copy)
            line["DeliveredQuantity"] = line["Quantity"]
        source["Status"] = "Finished"
        order.touch(moment)
        self.company.records.tables[resource].version += 1
        sums = source["DocumentRecapitulation"]
        return self._finish(target, record, sums, sums["ForeignCurrencyTotalPrice"] is not None)

    def _finish(self, resource: str, record: Record, body: dict[str, Any], foreign: bool) -> Entry:
        record["DocumentRecapitulation"] = recapitulation(record["Items"], body, foreign)
        if "IsReverseCharge" in record:
            record["IsReverseCharge"] = any(
                line["UnitPriceVatType"] == "ReverseCharge" for line in record["Items"]
            )
        if resource == "IssuedAdvanceInvoices" and total(record) <= 0:
            raise Problem(
                self.switch("not_positive_advance_status"),
                "The amount of an advance invoice must be positive.",
            )
        record["DocumentNumber"] = self._number(resource, record["IssueDate"])
        if "VariableSymbol" in record and not record["VariableSymbol"]:
            record["VariableSymbol"] = "".join(filter(str.isdigit, record["DocumentNumber"]))
        return self.keep(resource, record)

    def keep(self, resource: str, record: Record) -> Entry:
        """Keep a new record with the time and user of its creation."""
        seconds = self.company.clock.seconds()
        moment = self.company.now()
        record["ModificationInfo"] = {
            "CreatedDate": moment,
            "CreatedBy": NOBODY,
            "ModifiedDate": moment,
            "ModifiedBy": NOBODY,
        }
        return self.company.records.make(resource, record, seconds)

    def _number(self, resource: str, day: datetime) -> str:
        series = f"{day:%y}{SERIES[resource]}"
        number = self.company.numbers.get(series, 10_000) + 1
        self.company.numbers[series] = number
        return f"{series}{number}"

    def _copy(self, record: Record, body: dict[str, Any], table: Fields) -> None:
        for name, value in body.items():
            if name in table and value is not None and name not in ("Items", "BusinessPartnerAddress"):
                record[name] = plain(value) if table[name].kind == "date" else value
                if isinstance(value, dict):
                    record[name] = blank(table[name].fields or {}) | value

    def _dates(self, record: Record, table: Fields) -> None:
        record["IssueDate"] = record["IssueDate"] or self.company.today()
        if "DueDate" in table:
            record["DueDate"] = record["DueDate"] or self._due(record["IssueDate"])
        if "TaxDate" in table:
            record["TaxDate"] = record["TaxDate"] or record["IssueDate"]

    def _due(self, issued: datetime) -> datetime:
        try:
            return issued + timedelta(days=self.switch("default_due_days"))
        except OverflowError:
            return issued

    def _currency(self, record: Record, body: dict[str, Any], warnings: Warnings) -> Rate | None:
        home = self.company.home
        record["CurrencyId"] = (body.get("CurrencyId") or home).lower()
        if record["CurrencyId"] == home:
            if body.get("ExchangeRate") is not None or body.get("ExchangeRateQuantity") is not None:
                code = "DocumentInHomeCurrencyCanNotHaveFilledExchangeRate"
                warnings.append(warning(code, "The exchange rate was left out."))
            record["ExchangeRate"] = record["ExchangeRateQuantity"] = None
            return None
        if body.get("Rounding") not in (None, "None"):
            code = "DocumentInForeignCurrencyCanNotHaveRounding"
            warnings.append(warning(code, "The rounding was left out."))
            body["Rounding"] = None
        known = self.company.exchange_rate(record["CurrencyId"]) or Rate(Decimal(1), 1)
        sent = body.get("ExchangeRate")
        # A rate of 0 or for nothing cannot be counted with.
        quantity = int(body.get("ExchangeRateQuantity") or (1 if sent else known.quantity)) or 1
        rate = Rate(exact(sent) if sent else known.rate, quantity)
        record |= {"ExchangeRate": rate.rate, "ExchangeRateQuantity": rate.quantity}
        return rate

    def _selling_price(self, record: Record, warnings: Warnings) -> None:
        code = record.get("SellingPriceCode")
        known = (entry.peek()["Code"] for entry in self.company.records.tables["SellingPrices"].entries)
        if code and code not in known:
            warnings.append(
                warning("SellingPriceCodeDoesNotExist", f"Selling price '{code}' does not exist.")
            )
            record["SellingPriceCode"] = None

    def _address(self, sent: dict[str, Any], table: Fields) -> Record:
        address = blank(table)
        link = (sent.get(PARTNER) or {}).get("Id")
        partner = self.company.records.find("BusinessPartners", link)
        if partner is not None:
            address |= {name: value for name, value in partner.record.items() if name in address}
            address["BusinessPartnerId"] = partner.id
        else:
            address |= sent.get("DocumentAddressWithoutAddressBookLink") or {}
        if "DeliveryAddress" in table:
            address["DeliveryAddress"] = self._delivery(sent, table["DeliveryAddress"].fields or {})
        return address

    def _delivery(self, sent: dict[str, Any], table: Fields) -> Record | None:
        delivery = sent.get("DeliveryAddress") or {}
        known = delivery_address(self.company.records, (delivery.get(DELIVERY) or {}).get("Id"))
        if known is not None:
            copy = {name: value for name, value in known.items() if name in table}
            return blank(table) | copy | {"DeliveryAddressId": known["Id"]}
        free = delivery.get("DeliveryAddressWithoutAddressBookLink")
        return blank(table) | free if free is not None else None

    def _line(self, sent: dict[str, Any], table: Fields, day: datetime, foreign: Rate | None) -> Record:
        line = blank(table) | {"Id": self.company.records.new_id()}
        item = sent.get("TextItem")
        if item is not None:
            # What is left out is .NET's zero.
            line |= {"Quantity": 0, "UnitPrice": 0, "DiscountPercentage": 0, "UnitPriceVatType": WITHOUT_VAT}
            line["VatRateType"] = self.switch("default_vat_rate")
        else:
            item = sent["PriceListItem"]
            line |= self._of_price_list(item)
        line |= {name: value for name, value in item.items() if name in table and value is not None}
        percent, rate = self.company.vat(line["VatRateType"], day)
        line["VatRateId"] = rate or NOTHING
        sums = sums_of_line(line, percent, self.switch)
        if foreign is not None:
            line["ForeignCurrencyUnitPrice"] = line["UnitPrice"]
            line["ForeignCurrencyWithoutVat"], line["ForeignCurrencyVat"] = sums[:2]
            line["UnitPrice"] = foreign.home(exact(line["UnitPrice"]), self.switch)
            net, vat = (foreign.home(amount, self.switch) for amount in sums[:2])
            sums = (net, vat, EXACT.add(net, vat))
        line["PriceWithoutVat"], line["Vat"], line["PriceWithVat"] = sums
        return line

    def _of_price_list(self, sent: dict[str, Any]) -> Record:
        entry = self.company.records.find("PriceListItems", sent.get("PriceListItemId"))
        values: Record = {
            "Quantity": 1,
            "UnitPrice": 0,
            "DiscountPercentage": 0,
            "UnitPriceVatType": WITHOUT_VAT,
            "VatRateType": "ZeroVatRate",
        }
        if entry is None:
            return values
        item = entry.record
        same = ("Code", "Unit", "UnitPrice", "UnitPriceVatType", "DiscountPercentage")
        values |= {name: item[name] for name in same}
        # Of a set the discount that is sent is ignored.
        if item["Type"] in ("Complete", "Suite"):
            sent.pop("DiscountPercentage", None)
        return values | {"Text": item["Name"], "VatRateType": item["VatRate"], "PriceListItemId": entry.id}


def blank(table: Fields) -> Record:
    """Return a record with nothing in it."""
    record: Record = {}
    for name, field in table.items():
        if field.many:
            record[name] = []
        elif field.fields is not None and not field.nullable:
            record[name] = blank(field.fields)
        else:
            record[name] = False if field.kind == "bool" else None
    return record
