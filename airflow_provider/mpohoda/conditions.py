"""What can be waited for at mPOHODA, and how it is found out with few requests.

Nothing here imports Airflow or sends anything by itself: a condition says which looks it needs, and all that
wait on a connection share them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_provider import clock
from airflow_provider.exceptions import VendorProtocolError, VendorRejected
from airflow_provider.extract import instants
from airflow_provider.mpohoda.calls import PAGE_SIZE, get_payment, get_status, list_page
from airflow_provider.mpohoda.paging import aread_pages
from airflow_provider.mpohoda.resources import resource as resource_of
from airflow_provider.waiting.condition import Look, Met, NotYet, Question

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from airflow_provider.store.engine import Database
    from airflow_provider.waiting.condition import Asker, Condition, Looks

OVERLAP = timedelta(minutes=15)
"""How much earlier than the look before changes are asked for: the vendor's clock is another one."""

REMEMBERED = timedelta(days=1, hours=1)
"""For how long a change that a look has seen is kept for those who did not look."""


@dataclass(frozen=True)
class OrderStatus:
    """An order has one of some statuses.

    The order itself is asked at first, and once in each ``confirm_interval``. In between, one list of what
    has changed since the look before tells of all orders that are waited for.

    :param resource: ``ReceivedOrders`` or ``IssuedOrders``
    :param order_id: id of the order
    :param statuses: the statuses
    :param final: statuses that it never leaves
    :param confirm_interval: seconds after which the order itself is asked again; no more than those between
        two looks: it is asked at each look, and no list is read
    """

    resource: str
    order_id: str
    statuses: tuple[str, ...]
    final: tuple[str, ...]
    confirm_interval: float

    def values(self) -> dict[str, Any]:
        """Return what makes the same condition again."""
        return asdict(self)

    async def check(self, looks: Looks, interval: timedelta) -> Met | NotYet:
        """Find out which status the order has."""
        confirm = timedelta(seconds=self.confirm_interval)
        if confirm <= interval:
            own = await looks.get(self._own(), interval)
            return self._judge(own.answer, own.at)
        own = await looks.get(self._own(), confirm)
        if own.at > clock.now() - interval:
            # It is as young as the list would be; or the sensor begins, and one request is enough.
            return self._judge(own.answer, own.at)
        changes = await looks.get(self._changes(interval), interval)
        known_since = _moment(changes.answer["since"])
        if own.at < known_since:
            # Nobody has looked at the changes for a while.
            own = await looks.get(self._own(), max(timedelta(0), clock.now() - known_since))
        status, at = changes.answer["changed"].get(self.order_id, (None, 0.0))
        if status is None or at < own.at.timestamp():
            status = own.answer
        return self._judge(status, changes.at)

    def _judge(self, status: str, at: datetime) -> Met | NotYet:
        if status in self.statuses:
            return Met({"resource": self.resource, "id": self.order_id, "status": status, **_at(at)})
        if status in self.final:
            raise VendorRejected(
                f'the order {self.order_id} is "{status}", and will not become {" or ".join(self.statuses)}',
                remedy='If it can leave this status at your company, leave it out of "final_statuses".',
            )
        return NotYet(at, f'The order {self.order_id} is "{status}"')

    def _own(self) -> Question:
        async def ask(asker: Asker, before: Look | None) -> Any:
            return await asker.run(get_status(self.resource, self.order_id))

        return Question(("status", self.resource, self.order_id), f"{self.resource}: status of an order", ask)

    def _changes(self, interval: timedelta) -> Question:
        async def ask(asker: Asker, before: Look | None) -> Any:
            began = clock.now()
            oldest = began - REMEMBERED
            changed: dict[str, Any] = {}
            if before is not None and before.at > oldest:
                since, last = max(_moment(before.answer["since"]), oldest), before.at
                kept = before.answer["changed"].items()
                changed = {id_: found for id_, found in kept if found[1] >= oldest.timestamp()}
            else:
                # Those who wait have asked about their own orders not longer ago.
                since = last = began - 2 * interval
            pages = aread_pages(asker.run, self.resource, page_size=PAGE_SIZE, modified_since=last - OVERLAP)
            async for page in pages:
                for record in page.items:
                    if isinstance(status := record.get("Status"), str):
                        changed[record["Id"].lower()] = (status, began.timestamp())
            return {"since": since.isoformat(), "changed": changed}

        return Question(("changed orders", self.resource), f"{self.resource}: changed orders", ask)


@dataclass(frozen=True)
class Paid:
    """Invoices are paid, all of them.

    One reading of all unpaid invoices tells which are not. One that is not in it is asked about by itself,
    once where it is paid: it may have been paid, or never have been there.

    :param resource: ``IssuedInvoices`` or ``IssuedAdvanceInvoices``
    :param invoice_ids: ids of the invoices
    :param sweep: whether the list of unpaid invoices is read; False: each invoice is asked about
    :param since: since when a payment that a look has seen counts, in ISO 8601
    """

    resource: str
    invoice_ids: tuple[str, ...]
    sweep: bool
    since: str

    def values(self) -> dict[str, Any]:
        """Return what makes the same condition again."""
        return asdict(self)

    async def check(self, looks: Looks, interval: timedelta) -> Met | NotYet:
        """Find out what is still unpaid."""
        at, unpaid = clock.now(), frozenset[str]()
        if self.sweep and self.invoice_ids:
            sweep = await looks.get(self._unpaid(), interval)
            at, unpaid = sweep.at, sweep.answer["unpaid"]
        paid: dict[str, dict[str, Any]] = {}
        for id_ in self.invoice_ids:
            if id_ in unpaid:
                continue
            look = await self._payment(looks, id_, interval)
            at = min(at, look.at) if not look.answer["paid"] else at
            if look.answer["paid"]:
                paid[id_] = look.answer
        missing = len(self.invoice_ids) - len(paid)
        if missing:
            return NotYet(at, f"Unpaid: {missing} of {len(self.invoice_ids)} invoices")
        invoices = [{"id": id_, **_without(paid[id_], "paid")} for id_ in self.invoice_ids]
        return Met({"resource": self.resource, "invoices": invoices, **_at(at)})

    async def _payment(self, looks: Looks, id_: str, interval: timedelta) -> Look:
        """Return a look at one invoice; what was paid since the sensor began stays so."""
        question = self._one(id_)
        held = max(interval, clock.now() - datetime.fromisoformat(self.since) + interval)
        look = await looks.get(question, held)
        return look if look.answer["paid"] else await looks.get(question, interval)

    def _unpaid(self) -> Question:
        async def ask(asker: Asker, before: Look | None) -> Any:
            ids: list[str] = []
            async for page in aread_pages(asker.run, f"{self.resource}/Unpaid", page_size=PAGE_SIZE):
                ids += (one.lower() for one in page.ids)
            return {"unpaid": dict.fromkeys(ids, 1)}

        return Question(("unpaid", self.resource), f"{self.resource}: what is unpaid", ask)

    def _one(self, id_: str) -> Question:
        async def ask(asker: Asker, before: Look | None) -> Any:
            return _payment(await asker.run(get_payment(self.resource, id_)))

        return Question(("payment", self.resource, id_), f"{self.resource}: payment of an invoice", ask)


@dataclass(frozen=True)
class Modified:
    """So many records of a list are new or changed.

    :param resource: the list
    :param parent_id: id of the parent, of a list that belongs to one
    :param since: since when, in ISO 8601; None: since the state of ``state_key``
    :param state_key: the state of an incremental extraction
    :param min_records: how many
    :param count_by: what counts them: the answer's ``total``, or the records of a ``page``
    """

    resource: str
    parent_id: str | None
    since: str | None
    state_key: str | None
    min_records: int
    count_by: str

    def values(self) -> dict[str, Any]:
        """Return what makes the same condition again."""
        return asdict(self)

    async def check(self, looks: Looks, interval: timedelta) -> Met | NotYet:
        """Find out how many there are."""
        since, watermark = self.since, None
        if self.state_key is not None:
            # At each look: an extraction may have read meanwhile what this one would wait for.
            watermark = await looks.read(lambda database: self._watermark(looks, database))
            since = watermark
        look = await looks.get(
            self._count(since, watermark, ZoneInfo(looks.hook.options.time_zone)), interval
        )
        found = look.answer["records"]
        if found >= self.min_records:
            told = {"resource": self.resource, "records": found, "counted_by": self.count_by, "since": since}
            return Met({**told, **_at(look.at)})
        return NotYet(look.at, f"{found} of {self.min_records} new or changed records of {self.resource}")

    def _watermark(self, looks: Looks, database: Database) -> str | None:
        from airflow_provider.extract.watermarks import Watermark

        one = resource_of(self.resource)
        return Watermark(
            database,
            conn_id=looks.hook.conn_id,
            base_url=looks.hook.options.base_url,
            listing=f"mpohoda.{one.name}",
            path=one.path(parent_id=self.parent_id),
            state_key=self.state_key or "",
        ).look()

    def _count(self, since: str | None, watermark: str | None, zone: tzinfo) -> Question:
        size = 1 if self.count_by == "total" else self.min_records
        if watermark is not None:
            # Records of the watermark's own moment may come again, and are told by their times.
            size = max(PAGE_SIZE, size + 1)

        async def ask(asker: Asker, before: Look | None) -> Any:
            moment = None if since is None else instants.moment(since)
            page = await asker.run(
                list_page(self.resource, page_size=size, modified_since=moment, parent_id=self.parent_id)
            )
            found = len(page)
            # A page that is not full has them all, whatever the answer counts.
            if self.count_by == "total" and not page.is_short(size):
                if page.total is None and found < self.min_records:
                    raise VendorProtocolError(
                        "the answer does not count its records", remedy='Use count_by="page".'
                    )
                found = max(found, page.total or 0)
            return {"records": found - _known(page.modified, watermark, zone)}

        key = ("modified", self.resource, self.parent_id, since, size, self.count_by, watermark is not None)
        return Question(key, f"{self.resource}: how much has changed", ask)


CONDITIONS: dict[str, type[Any]] = {kind.__name__: kind for kind in (OrderStatus, Paid, Modified)}


def condition(name: str, values: Mapping[str, Any]) -> Condition:
    """Make a condition again.

    :param name: name of its class
    :param values: what its ``values`` returned, as JSON has them
    """
    made: Condition = CONDITIONS[name](
        **{field: tuple(value) if isinstance(value, list) else value for field, value in values.items()}
    )
    return made


def _payment(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Read what remains to be paid, and what was paid when; amounts are text, with all their digits."""
    rest = answer.get("RestToPay")
    if rest is None:
        raise VendorProtocolError("the response does not say what remains to be paid: it has no RestToPay")
    payments = [one for one in answer.get("LiquidationInfos") or () if isinstance(one, dict)]
    told = [{"date": one.get("Date"), "amount": _text(one.get("DocumentCurrencyAmount"))} for one in payments]
    dates = [one["date"] for one in told if isinstance(one["date"], str)]
    return {
        # Below 0 more was paid than there was to pay.
        "paid": rest <= 0,
        "number": answer.get("Number"),
        "paid_at": max(dates, key=lambda date: instants.ticks(date) or 0, default=None),
        "payments": told,
    }


def _known(modified: list[str | None], watermark: str | None, zone: tzinfo) -> int:
    """Count the records that the extraction has: whether "since" includes its moment is not known."""
    mark = instants.ticks(watermark)
    # As the extraction takes them: what has no offset is of the connection's zone.
    times = [instants.ticks(instants.zoned(one, zone)) for one in modified]
    return 0 if mark is None else sum(time is not None and time <= mark for time in times)


def _text(amount: Any) -> str | None:
    return None if amount is None else str(amount)


def _without(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in values.items() if field != name}


def _at(moment: datetime) -> dict[str, str]:
    return {"observed_at": moment.astimezone(UTC).isoformat()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
