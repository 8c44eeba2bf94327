"""mPOHODA's control requests: records by the thousand, and what people do in the application."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.messages import Number, Refused
from airflow_provider.sandbox.mpohoda.notation import ENUMS
from airflow_provider.sandbox.mpohoda.payments import rest
from airflow_provider.sandbox.mpohoda.resources import RESOURCES
from airflow_provider.sandbox.mpohoda.stock import QUANTITIES
from airflow_provider.sandbox.mpohoda.wire import Problem, read_date
from airflow_provider.sandbox.vendor import field

if TYPE_CHECKING:
    from airflow_provider.sandbox.mpohoda.company import Company
    from airflow_provider.sandbox.mpohoda.parts import Parts
    from airflow_provider.sandbox.mpohoda.records import Entry, Record

MOST_GENERATED = 1_000_000
NUMBER = (int, float)
# What a record that does not fit its table runs into on its way.
UNFIT = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)
RESOURCE = "a resource such as 'IssuedInvoices'"


class MpohodaControl:
    """Serve ``/_sandbox/mpohoda/...``.

    :param parts: what it controls
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.routes = {
            ("POST", "records"): self.add,
            ("POST", "tokens/revoke"): self.revoke,
            ("GET", "quota"): lambda value: parts.quota.as_json(),
            ("POST", "quota"): self.use,
            ("POST", "orders"): self.order,
            ("POST", "payments"): self.pay,
            ("POST", "stock"): self.stock,
        }

    @property
    def company(self) -> Company:
        """The company as it is since the last reset."""
        return self.parts.company

    def serve(self, method: str, path: str, value: Any) -> Any:
        """Serve a control request, or return None."""
        top, _, rest_of_path = path.partition("/")
        if top == "records" and method in ("GET", "DELETE"):
            return self.records(method, rest_of_path)
        endpoint = self.routes.get((method, path))
        return endpoint(value) if endpoint else None

    # records

    def records(self, method: str, path: str) -> Any:
        """Show or remove records: all, of one resource, or one."""
        name, _, id_ = path.partition("/")
        tables = self.company.records.tables
        if not name:
            if method == "DELETE":
                for table in tables.values():
                    table.remove(list(table.entries))
            return {"records": self.company.records.counts()}
        table = tables[self._known(name)]
        entries = [self._entry(name, id_)] if id_ else list(table.entries)
        if method == "GET":
            return {"records": [_shown(entry.record) for entry in entries]}
        table.remove(entries)
        return {"records": self.company.records.counts()}

    def add(self, value: Any) -> Any:
        """Add records as they are, or from a template."""
        known = ("resource", "records", "count", "fields", "first", "step")
        _only(value, known)
        resource = self._known(field(value, "resource", str, RESOURCE))
        if ("records" in value) == ("count" in value):
            raise Refused("Send one of the fields 'records' (a list of objects) and 'count' (a number)")
        first = self._moment(value)
        step = float(field(value, "step", NUMBER, "seconds, 0 or more", 0.0))
        if step < 0:
            raise Refused(f"Field 'step' got {step}; send seconds, 0 or more")
        if "count" in value:
            return self._generate(resource, value, first, step)
        if "fields" in value:
            raise Refused("Field 'fields' goes with 'count'; send the fields inside 'records'")
        sent = field(value, "records", list, "a list of objects")
        for one in sent:
            if not isinstance(one, dict):
                raise Refused("Field 'records' has something else than objects; send objects")
        # All are read before the first is kept: a bad one leaves nothing behind.
        whole = [self._complete(resource, one) for one in sent]
        made = []
        for number, (record, modified) in enumerate(whole):
            at = first + number * step
            made.append(self.company.keep(resource, record, at, at if modified is None else modified))
        return {"resource": resource, "created": len(made), "ids": [entry.id for entry in made]}

    def _complete(self, resource: str, sent: dict[str, Any]) -> tuple[Record, float | None]:
        """Return a whole record and when it was changed, if it says so."""
        try:
            times = sent.get("ModificationInfo", {})
            modified = times.get("ModifiedDate")
            moment = read_date(modified, UTC).timestamp() if modified else None
            record = self.company.seeds.complete(resource, sent)
            return record | {"Id": str(record["Id"])}, moment
        except UNFIT as error:
            raise Refused(f"Field 'records' has one that does not fit {resource} ({error!r})") from None

    def _generate(self, resource: str, value: Any, first: float, step: float) -> Any:
        hint = f"a whole number from 1 to {MOST_GENERATED}"
        count = field(value, "count", int, hint)
        if not 1 <= count <= MOST_GENERATED:
            raise Refused(f"Field 'count' got {count}; send {hint}")
        fields = field(value, "fields", dict, "an object; {n} in its texts is the number", {})
        if "Id" in fields:
            raise Refused("Field 'fields' has an 'Id'; leave it out, each record gets its own")
        try:
            template = self.company.seeds.complete(resource, fields)
        except UNFIT as error:
            raise Refused(f"Field 'fields' does not fit {resource} ({error!r})") from None
        made = self.company.records.make_many(resource, template, count, first, step)
        return {"resource": resource, "created": count, "first": made[0].id, "last": made[-1].id}

    def _moment(self, value: Any) -> float:
        text = field(value, "first", str, "an ISO 8601 time such as '2026-01-31T23:59:00Z'", None)
        if text is None:
            return self.company.clock.seconds()
        try:
            return read_date(text, UTC).timestamp()
        except (ValueError, OverflowError):
            hint = "an ISO 8601 time such as '2026-01-31T23:59:00Z'"
            raise Refused(f"Field 'first' got {text!r}; send {hint}") from None

    # what people do

    def revoke(self, value: Any) -> Any:
        """End one token, or all."""
        _only(value, ("token",))
        token = field(value, "token", (str, type(None)), "a token, or null for all", None)
        return {"revoked": self.parts.authority.revoke(token)}

    def use(self, value: Any) -> Any:
        """Say how many requests are used."""
        _only(value, ("used",))
        used = field(value, "used", int, "a whole number, 0 or more")
        if used < 0:
            raise Refused(f"Field 'used' got {used}; send a whole number, 0 or more")
        quota = self.parts.quota
        quota.renew()
        for owner in {quota.owner("key"), quota.owner(self.parts.switch("client_id"))}:
            quota.used[owner] = used
        return quota.as_json()

    def order(self, value: Any) -> Any:
        """Change the status of an order, offer or issue slip."""
        _only(value, ("resource", "id", "status"))
        resource, entry = self._chosen(value)
        status = field(value, "status", str, "a status")
        members = {"IssuedOffers": "OfferStatus", "IssueSlips": "SlipStatus"}.get(resource, "OrderStatus")
        if status not in ENUMS[members] or "Status" not in entry.record:
            raise Refused(f"Field 'status' got {status!r}; send one of {', '.join(ENUMS[members])}")
        entry.record["Status"] = status
        entry.touch(self.company.clock.seconds())
        self.company.records.tables[resource].version += 1
        return {"id": entry.id, "status": status}

    def pay(self, value: Any) -> Any:
        """Take a payment, of all that is left unless an amount is sent."""
        _only(value, ("resource", "id", "amount", "date", "note"))
        resource, entry = self._chosen(value)
        if not RESOURCES[resource].payment:
            raise Refused(
                f"Field 'resource' got {resource!r}; send 'IssuedInvoices' or 'IssuedAdvanceInvoices'"
            )
        amount = field(value, "amount", NUMBER, "a number", None)
        body = {"Date": value.get("date"), "Note": value.get("note")}
        if amount is not None:
            digits = amount.token if isinstance(amount, Number) else str(amount)
            body |= {"DocumentCurrencyAmount": Decimal(digits), "HomeCurrencyAmount": Decimal(digits)}
        try:
            liquidation = self.parts.payments.pay(resource, entry, body, fully=amount is None)
        except Problem as problem:
            raise Refused(problem.detail) from None
        return {"liquidation": liquidation["Id"], "rest_to_pay": str(rest(entry))}

    def stock(self, value: Any) -> Any:
        """Set quantities of a price list item."""
        _only(value, ("id", *QUANTITIES))
        entry = self._entry("PriceListItems", field(value, "id", str, "the id of a price list item"))
        known = self.parts.stock.quantities.setdefault(entry.id, {})
        known |= {name: field(value, name, NUMBER, "a number") for name in QUANTITIES if name in value}
        return {"id": entry.id, **_shown(known)}

    def _chosen(self, value: Any) -> tuple[str, Entry]:
        resource = self._known(field(value, "resource", str, RESOURCE))
        return resource, self._entry(resource, field(value, "id", str, "the id of a record"))

    def _entry(self, resource: str, id_: str) -> Entry:
        entry = self.company.records.find(resource, id_)
        if entry is None:
            raise Refused(f"{resource} has no record with the id {id_!r}")
        return entry

    def _known(self, resource: str) -> str:
        if resource not in RESOURCES:
            known = ", ".join(RESOURCES)
            raise Refused(f"Field 'resource' got {resource!r}; send one of {known}")
        return resource


def _only(value: Any, names: tuple[str, ...]) -> None:
    for name in value:
        if name not in names:
            raise Refused(f"Unknown field {name!r}; the known ones are: {', '.join(names)}")


def _shown(value: Any) -> Any:
    """Return a record with its decimals and dates as texts."""
    return json.loads(json.dumps(value, default=_as_text))


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
