"""wolkvox CRM API v2 as plain functions: each returns a :class:`Call`, none sends anything.

The sources are wolkvox's page "Información del token" and, for the records, its Postman collection. wolkvox's
own spelling of names stays in this module and in those that it takes together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AliasChoices, Field

from airflow_provider.http.call import Call, Response, safe
from airflow_provider.http.model import VendorModel, parse
from airflow_provider.quota.readings import Quota
from airflow_provider.wolkvox.activity_calls import insert_activity
from airflow_provider.wolkvox.case_calls import (
    WolkvoxCase,
    WolkvoxCaseUpdate,
    insert_case,
    query_case_notes,
    query_cases,
    update_case,
)
from airflow_provider.wolkvox.collection_calls import (
    WolkvoxCollection,
    combine_upserts,
    upsert_collection,
    upsert_collections,
)
from airflow_provider.wolkvox.crm import Crm, WolkvoxPage, WolkvoxRecord
from airflow_provider.wolkvox.envelope import envelope
from airflow_provider.wolkvox.gestion_calls import WolkvoxGestion, insert_gestion, query_gestiones
from airflow_provider.wolkvox.obligation_calls import (
    WolkvoxObligation,
    insert_obligation,
    query_obligations,
    update_obligation,
)
from airflow_provider.wolkvox.record_calls import (
    combine_deletions,
    combine_inserts,
    combine_updates,
    delete_record,
    delete_records,
    insert_record,
    insert_records,
    query_dates,
    query_records,
    update_record,
    update_records,
)
from airflow_provider.wolkvox.refusals import ForbiddenTexts
from airflow_provider.wolkvox.report_calls import query_collections_report, query_report

__all__ = [
    "Crm",
    "ForbiddenTexts",
    "WolkvoxCase",
    "WolkvoxCaseUpdate",
    "WolkvoxCollection",
    "WolkvoxGestion",
    "WolkvoxObligation",
    "WolkvoxPage",
    "WolkvoxRecord",
    "WolkvoxTokenInformation",
    "combine_deletions",
    "combine_inserts",
    "combine_updates",
    "combine_upserts",
    "delete_record",
    "delete_records",
    "insert_activity",
    "insert_case",
    "insert_gestion",
    "insert_obligation",
    "insert_record",
    "insert_records",
    "query_case_notes",
    "query_cases",
    "query_collections_report",
    "query_dates",
    "query_gestiones",
    "query_obligations",
    "query_records",
    "query_report",
    "token_information",
    "update_case",
    "update_obligation",
    "update_record",
    "update_records",
    "upsert_collection",
    "upsert_collections",
]


MOST = 10**15
"""A number from here on is no number of uses, and no database would take it."""


class WolkvoxTokenInformation(VendorModel):
    """What is left of a token's daily quota.

    :param description: description of the token
    :param limit: uses per day
    :param used: uses so far today
    :param remaining: uses left today
    :param hours_to_reset: hours until the count starts again; whole hours, rounded in an unknown direction
    """

    description: str | None = None
    limit: int = Field(alias="token_limit", ge=0, lt=MOST)
    used: int = Field(alias="token_use_today", ge=0, lt=MOST)
    # The CRM misspells this key; the correct spelling is that of wolkvox's Manager API.
    remaining: int = Field(
        validation_alias=AliasChoices("available_consumition_options", "available_consumption_options"),
        lt=MOST,
    )
    hours_to_reset: float = Field(alias="hours_to_restart_count", ge=0, le=48)

    def quota(self, observed_at: datetime) -> Quota:
        """Return it as a reading of a quota.

        :param observed_at: when it was answered
        """
        return Quota(
            limit=self.limit,
            used=self.used,
            remaining=max(0, self.remaining),
            resets_at=observed_at + timedelta(hours=self.hours_to_reset),
            observed_at=observed_at,
            source="probe",
        )


@safe
def token_information(
    operation: str, *, texts: ForbiddenTexts, method: str = "GET"
) -> Call[WolkvoxTokenInformation]:
    """Ask what is left of the daily quota of the connection's token, which costs one use.

    :param operation: name of the operation
    :param texts: how to tell the meanings of a 403 apart
    :param method: GET as the vendor's pages say, or POST as its Postman collection does
    """

    def decode(response: Response) -> WolkvoxTokenInformation:
        document = envelope(response, texts)
        return parse(WolkvoxTokenInformation, document.get("data"), status=response.status)

    return Call(
        method,
        "server/API/v2/token/tokenInformation.php",
        decode,
        query={"operation": operation},
        # Each sending may cost a use, so one repeat has to do.
        attempts=2,
        reading=WolkvoxTokenInformation.quota,
    )
