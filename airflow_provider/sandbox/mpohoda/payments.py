"""What is paid of a document: its rest, liquidations, and the list of what is unpaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.money import EXACT, Rate
from airflow_provider.sandbox.mpohoda.records import Entry, Payment, filled
from airflow_provider.sandbox.mpohoda.seeds import NOBODY, total
from airflow_provider.sandbox.mpohoda.wire import Format, Problem, exact, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from airflow_provider.sandbox.mpohoda.company import Company
    from airflow_provider.sandbox.mpohoda.records import Record


def rest(entry: Entry) -> Decimal:
    """Return what is still to be paid of a document, in its currency."""
    left = total(entry.peek())
    for payment in entry.payments:
        left = EXACT.subtract(left, exact(payment.record["DocumentCurrencyAmount"]))
    return left


def is_unpaid(entry: Entry) -> bool:
    """Return whether something is to be paid."""
    return rest(entry) > 0


def payment_state(entry: Entry, form: Format) -> bytes:
    """Return a document's payment state as JSON, written once."""
    if entry.state_written is None:
        # Of a record made from a template only what is shown is filled in.
        record = entry.peek()
        shown = filled({name: record[name] for name in ("DocumentNumber", "ModificationInfo")}, entry)
        state = {
            "Id": entry.id,
            "Number": shown["DocumentNumber"],
            "RestToPay": rest(entry),
            "LiquidationInfos": [
                {name: payment.record[name] for name in ("Id", "Date", "DocumentCurrencyAmount")}
                for payment in entry.payments
            ],
            "ModificationInfo": shown["ModificationInfo"],
        }
        entry.state_written = form.text(state).encode()
    return entry.state_written


class Payments:
    """Take payments.

    :param company: the company
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, company: Company, switch: Callable[[str], Any]) -> None:
        self.company = company
        self.switch = switch
        self.liquidations: dict[tuple[str, str], Payment] = {}

    def pay(self, resource: str, entry: Entry, body: dict[str, Any], fully: bool) -> Record:
        """Take a payment and return its liquidation.

        :param resource: the document's kind
        :param entry: the document
        :param body: a body that fits its table
        :param fully: whether all that is left is paid
        :raises Problem: if it is refused
        """
        left = rest(entry)
        amount = left if fully else exact(body["DocumentCurrencyAmount"])
        status = self.switch("refused_payment_status")
        if left <= 0 and self.switch("paid_again") == "refuse":
            raise Problem(status, "The document is paid.")
        if 0 < left < amount and self.switch("over_payment") == "refuse":
            raise Problem(status, "The amount is more than what is to be paid.")
        record = entry.record
        foreign = record["CurrencyId"] != self.company.home
        home = body.get("HomeCurrencyAmount")
        if foreign and not fully and home is None and self.switch("foreign_payment_needs_home_amount"):
            raise Problem(status, "A document in a foreign currency needs HomeCurrencyAmount.")
        if home is None:
            rate = Rate(exact(record["ExchangeRate"] or 1), int(record["ExchangeRateQuantity"] or 1))
            home = rate.home(amount, self.switch) if foreign else amount
        moment = self.company.now()
        date = body.get("Date")
        liquidation = {
            "Id": self.company.records.new_id(),
            "IssuedInvoiceId": entry.id,
            "HomeCurrencyAmount": home,
            "DocumentCurrencyAmount": amount,
            "Date": plain(date) if date else self.company.today(),
            "Note": body.get("Note"),
            "ModificationInfo": {
                "CreatedDate": moment,
                "CreatedBy": NOBODY,
                "ModifiedDate": moment,
                "ModifiedBy": NOBODY,
            },
        }
        self._keep(resource, entry, liquidation)
        return liquidation

    def _keep(self, resource: str, entry: Entry, liquidation: Record) -> None:
        seconds = self.company.clock.seconds()
        payment = Payment(liquidation["Id"], liquidation, seconds)
        entry.payments.append(payment)
        self.liquidations[resource, payment.id] = payment
        entry.touch(seconds if self.switch("payment_modifies") else None)
        self.company.records.tables[resource].version += 1
