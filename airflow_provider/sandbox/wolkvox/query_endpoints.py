"""The records of modules, read: ``custom/query*.php`` and the reports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.wolkvox.bodies import Body, Refusal
from airflow_provider.sandbox.wolkvox.endpoints import Endpoint, Endpoints, created
from airflow_provider.sandbox.wolkvox.records import SECONDS

if TYPE_CHECKING:
    from airflow_provider.sandbox.wolkvox.records import Record

MINUTES = "%Y-%m-%d %H:%M"
# Which second of the minute "to" is the last one.
LAST_SECOND = {"whole minute": 59, "first second": 0, "not at all": -1}


class QueryEndpoints(Endpoints):
    """Find records by a value, by the time of their creation, or by a report."""

    def table(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        report = ("name", "dateStart", "dateEnd")
        return {
            "custom/query.php": Endpoint(self._query, ("module", "field", "value"), paged=True),
            "custom/queryDates.php": Endpoint(
                self._query_dates, ("module", "date", "from", "to"), paged=True
            ),
            "custom/reports.php": Endpoint(self._report, report, paged=True),
            "collections/reportsCollection.php": Endpoint(self._report_collection, report, paged=True),
        }

    def _query(self, operation: str, body: Body) -> dict[str, Any]:
        module = self.module(body)
        name = body.text("field")
        found = self.matching(body, self.records.module(operation, module).values(), name)
        return self.answers.page(body, found)

    def _query_dates(self, operation: str, body: Body) -> Any:
        module = self.module(body)
        # Documented with true only.
        if body.required("date") is not True:
            raise Refusal("invalid_parameter")
        first, last = body.range("from", "to", MINUTES)
        last += timedelta(seconds=LAST_SECOND[self.switch("query_dates_end")])
        records = self.records.module(operation, module).values()
        answer = self.answers.page(body, created(records, first, last))
        return (answer.get("data") or []) if self.switch("query_dates_answer") == "array" else answer

    def _report(self, operation: str, body: Body) -> dict[str, Any]:
        return self.answers.page(body, self._reported(operation, body))

    def _report_collection(self, operation: str, body: Body) -> dict[str, Any]:
        answer = self.answers.page(body, self._reported(operation, body), totals=True)
        # The one read whose sample has no such key.
        answer.pop("error", None)
        return answer

    def _reported(self, operation: str, body: Body) -> list[Record]:
        name = body.text("name")
        first, last = body.range("dateStart", "dateEnd", SECONDS)
        if name not in self.names("reports"):
            raise Refusal("unknown_report")
        rows = created(self.records.module(operation, name).values(), first, last)
        if self.switch("report_rows") == "records":
            return rows
        return [{name: value for name, value in row.items() if not _added(name)} for row in rows]


def _added(name: str) -> bool:
    """Return whether wolkvox itself adds a field to records."""
    return name.startswith("wolkvox_")
