"""Reports that somebody has made in the CRM, as plain functions that return a call.

Source: the folder "CRM" of wolkvox's Postman collection, which sends ``limit`` and ``page`` of reports as
texts, unlike those of other queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider import dates
from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.call import Call, safe
from airflow_provider.wolkvox.crm import WolkvoxPage, required
from airflow_provider.wolkvox.record_calls import PAGE_SIZE

if TYPE_CHECKING:
    from datetime import date, datetime

    from airflow_provider.wolkvox.crm import Crm

SECOND = "YYYY-MM-DD HH:MM:SS"


@safe
def query_report(
    crm: Crm,
    name: str,
    date_from: datetime | date | str,
    date_to: datetime | date | str,
    *,
    date_format: str | None = None,
    page: int = 1,
    limit: int = PAGE_SIZE,
) -> Call[WolkvoxPage]:
    """Ask for a page of a report (``custom/reports.php``).

    :param crm: whose CRM
    :param name: name of the report, which has to exist in the CRM
    :param date_from: beginning of the time, to the second, as the CRM's own clock shows it
    :param date_to: its end
    :param date_format: how the two are written where they are texts; None for any ISO 8601
    :param page: number of the page, from 1
    :param limit: rows in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    asked = _asked(name, date_from, date_to, date_format, page, limit)
    return _read(crm, "custom/reports.php", asked)


@safe
def query_collections_report(
    crm: Crm,
    name: str,
    date_from: datetime | date | str,
    date_to: datetime | date | str,
    *,
    date_format: str | None = None,
    page: int = 1,
    limit: int = PAGE_SIZE,
) -> Call[WolkvoxPage]:
    """Ask for a page of a report of collections and gestiones (``collections/reportsCollection.php``).

    :param crm: whose CRM
    :param name: name of the report, which has to exist in the CRM
    :param date_from: beginning of the time, to the second, as the CRM's own clock shows it
    :param date_to: its end
    :param date_format: how the two are written where they are texts; None for any ISO 8601
    :param page: number of the page, from 1
    :param limit: rows in a page, at most 250
    :raises InvalidInput: a value is missing or has the wrong shape
    """
    asked = _asked(name, date_from, date_to, date_format, page, limit)
    return _read(crm, "collections/reportsCollection.php", asked)


def _asked(
    name: str, date_from: Any, date_to: Any, date_format: str | None, page: int, limit: int
) -> dict[str, str]:
    first, last = _second("date_from", date_from, date_format), _second("date_to", date_to, date_format)
    if first > last:
        raise InvalidInput(f'"date_from" ({first}) is after "date_to" ({last}).', field="date_from")
    asked = {"name": required("name", name), "dateStart": first, "dateEnd": last}
    return {**asked, "limit": str(limit), "page": str(page)}


def _read(crm: Crm, path: str, asked: dict[str, str]) -> Call[WolkvoxPage]:
    remedy = (
        f'Check that the CRM has a report with the name "{asked["name"]}", to the letter: '
        "somebody has to make a report there first."
    )
    return crm.read(path, asked, remedy=remedy)


def _second(name: str, value: Any, date_format: str | None) -> str:
    found = dates.moment(name, value, SECOND, date_format)
    if found is None:
        raise InvalidInput(f'"{name}" must be a time as {date_format or SECOND}; it is empty.', field=name)
    return found.strftime("%Y-%m-%d %H:%M:%S")
