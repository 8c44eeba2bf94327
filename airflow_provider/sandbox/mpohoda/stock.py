"""Available quantities and selling prices of the items named by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.mpohoda.money import EXACT
from airflow_provider.sandbox.mpohoda.records import guid
from airflow_provider.sandbox.mpohoda.wire import Problem, exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.mpohoda.company import Company
    from airflow_provider.sandbox.mpohoda.records import Entry, Record

QUANTITIES = ("AvailableQuantity", "ReservedQuantity", "ComplaintQuantity", "ReceivedOrderQuantity")
# Belongs to no item; who asks for ids may be told about others.
PARENT = guid(0)


class Stock:
    """Answer the two requests that name items by their ids.

    :param company: the company
    :param switch: returns the value of one of mPOHODA's switches
    """

    def __init__(self, company: Company, switch: Callable[[str], Any]) -> None:
        self.company = company
        self.switch = switch
        self.quantities: dict[str, Record] = {}

    def answer(self, ids: list[str], part: str) -> Any:
        """Return what is known of the items.

        :param ids: their ids
        :param part: ``quantities`` or ``selling_prices``
        :raises Problem: if there are too many, or an unknown one
        """
        most = self.switch("by_ids_maximum")
        if most and len(ids) > most:
            text = f"The length of 'Ids' must be {most} or fewer."
            raise Problem(422, "One or more validation errors occurred.", {"Ids": [text]})
        tell = self._quantities if part == "quantities" else self._prices
        unknown = self.switch("by_ids_unknown")
        found = []
        # As a set: an id that is sent twice is answered once.
        for id_ in dict.fromkeys(one.lower() for one in ids):
            entry = self.company.records.find("PriceListItems", id_)
            if entry is not None or unknown == "zero":
                found.append(tell(id_, entry))
            elif unknown != "omit":
                text = "An item in 'Ids' does not exist."
                raise Problem(int(unknown), text, {"Ids": [text]} if unknown == "422" else None)
        if self.switch("by_ids_parent"):
            found.append(tell(PARENT, None))
        shape = self.switch("by_ids_answer")
        if shape == "object" or (shape == "object for one" and len(ids) == 1):
            return found[0] if found else None
        return found

    def _quantities(self, id_: str, entry: Entry | None) -> Record:
        known = self.quantities.get(id_, {})
        amounts = {name: known.get(name, 0) for name in QUANTITIES}
        effective = exact(amounts["AvailableQuantity"])
        for name in ("ReservedQuantity", "ComplaintQuantity"):
            effective = EXACT.subtract(effective, exact(amounts[name]))
        return {"Id": id_, "EffectiveAvailableQuantity": effective, **amounts}

    def _prices(self, id_: str, entry: Entry | None) -> Record:
        price = entry.record["UnitPrice"] if entry else 0
        prices = [
            {"SellingPriceId": one.id, "SellingPriceName": one.peek()["Name"], "Price": price}
            for one in self.company.records.tables["SellingPrices"].entries
        ]
        return {"Id": id_, "SellingPrices": prices}
