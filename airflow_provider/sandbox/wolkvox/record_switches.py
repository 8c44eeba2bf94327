"""What wolkvox's CRM pages leave open about records, cases and collections, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch
from airflow_provider.sandbox.wolkvox.switches import CODES, TEXTS

OTHER_TYPE = "UNKNOWN: the answer to a token of the other type"
DUPLICATES = "UNKNOWN: duplicate handling of insert"
PAGES = "UNKNOWN: behaviour beyond the last page, and the page size without limit"
QUERY = "UNKNOWN: how queries compare and order"
DATES = "UNKNOWN: time zone of dates, and whether a range includes its end"
MANY = "UNKNOWN: how many records at a time, and what becomes of the others when one is refused"
CASES = "UNKNOWN: the answer when what a case names does not exist"
MASSIVE = "UNKNOWN: what the summary counts, and what it says of failures"
SIZE = "UNKNOWN: the size of a body (256 MB for wolkvox Manager)"

RECORD_SWITCHES = (
    status_switch("wolkvox.missing_parameter_status", 400, "Code without a required body field.", CODES),
    Switch("wolkvox.missing_parameter_text", "SOME PARAMETERS ARE REQUIRED", "Message without it.", TEXTS),
    status_switch("wolkvox.invalid_parameter_status", 400, "Code for a body field that does not fit.", CODES),
    Switch("wolkvox.invalid_parameter_text", "SOME PARAMETERS ARE NOT VALID", "Message for it.", TEXTS),
    Switch(
        "wolkvox.max_body_bytes",
        268_435_456,
        "Longest body of a call; 0 sets no limit.",
        SIZE,
    ),
    status_switch("wolkvox.body_too_long_status", 413, "Code for a longer body.", SIZE),
    Switch("wolkvox.body_too_long_text", "REQUEST ENTITY TOO LARGE", "Message for it.", SIZE),
    status_switch(
        "wolkvox.internal_refused_status",
        403,
        "Code for an ``internal`` token that asks for the history of notes.",
        OTHER_TYPE,
    ),
    Switch("wolkvox.internal_refused_text", "PLEASE VALIDATE TOKEN", "Message for it.", OTHER_TYPE),
    Switch(
        "wolkvox.write_code_as_string",
        False,
        "Send ``code`` as text on writes too.",
        "sources disagree: a number in the samples of writes, text in the table of fields",
    ),
    Switch(
        "wolkvox.modules",
        "",
        "Modules of the CRM, separated by commas; empty accepts any.",
        "UNKNOWN: the answer to an unknown module",
    ),
    status_switch("wolkvox.unknown_module_status", 400, "Code for a module that does not exist.", CODES),
    Switch("wolkvox.unknown_module_text", "THE MODULE DOES NOT EXIST", "Message for it.", TEXTS),
    status_switch("wolkvox.unknown_id_status", 404, "Code for a ``wolkvox-id`` that does not exist.", CODES),
    Switch("wolkvox.unknown_id_text", "THE RECORD DOES NOT EXIST", "Message for it.", TEXTS),
    Switch(
        "wolkvox.unknown_id_among_many",
        "refuse",
        "What many updates or deletions do if one ``wolkvox-id`` does not exist: refuse all, or skip it.",
        MANY,
        choices=("refuse", "skip"),
    ),
    Switch(
        "wolkvox.most_records",
        0,
        "Most records of ``insertMany`` and ``updateMany``; 0 sets no limit.",
        MANY,
    ),
    Switch(
        "wolkvox.duplicates",
        "create",
        "What an insert does if the record exists: create a second, refuse it, or give the existing id.",
        DUPLICATES,
        choices=("create", "refuse", "existing"),
    ),
    Switch(
        "wolkvox.duplicate_key",
        "",
        "Field that makes two records the same; empty compares all fields sent.",
        DUPLICATES,
    ),
    status_switch("wolkvox.duplicate_status", 400, "Code for a refused duplicate.", DUPLICATES),
    Switch("wolkvox.duplicate_text", "THE RECORD ALREADY EXISTS", "Message for it.", DUPLICATES),
    Switch(
        "wolkvox.query_match",
        "exact",
        "How a query compares texts.",
        QUERY,
        choices=("exact", "ignore case"),
    ),
    Switch(
        "wolkvox.query_order",
        "oldest first",
        "Order of the records of a query, by creation.",
        QUERY,
        choices=("oldest first", "newest first"),
    ),
    Switch(
        "wolkvox.totals",
        True,
        "Send ``page``, ``Total records`` and ``Total pages`` on queries for which they are not documented.",
        "INFERRED: read by an integrator on custom/query.php, not in its sample",
    ),
    Switch("wolkvox.default_limit", 100, "Page size without ``limit``.", PAGES, minimum=1, maximum=250),
    Switch(
        "wolkvox.limit_above_maximum",
        "clamp",
        "What a ``limit`` above 250 does: count as 250, or be refused as not valid.",
        "UNKNOWN: the answer to a limit above the documented 250",
        choices=("clamp", "refuse"),
        strict="refuse",
    ),
    Switch(
        "wolkvox.beyond_last_page",
        "empty",
        "What a ``page`` beyond the last one gives: no records, those of the last page again, or a refusal.",
        PAGES,
        choices=("empty", "last page", "refuse"),
    ),
    status_switch("wolkvox.beyond_last_page_status", 416, "Code for that refusal.", PAGES),
    Switch("wolkvox.beyond_last_page_text", "REQUESTED RANGE NOT SATISFIABLE", "Message for it.", PAGES),
    Switch(
        "wolkvox.query_dates_answer",
        "array",
        "Answer of ``custom/queryDates.php``: a bare array, or the usual envelope around it.",
        "sources disagree: an envelope (table of fields) or a bare array (saved sample)",
        choices=("array", "envelope"),
    ),
    Switch(
        "wolkvox.records_timezone", "UTC", "Time zone of dates in records and ranges.", DATES, timezone=True
    ),
    Switch(
        "wolkvox.query_dates_end",
        "first second",
        "How much of the minute ``to`` of ``custom/queryDates.php`` belongs to the range.",
        DATES,
        choices=("whole minute", "first second", "not at all"),
    ),
    Switch(
        "wolkvox.strict_dates",
        True,
        "Refuse dates in another form than the documented one.",
        "UNKNOWN: whether other forms of dates are accepted",
        strict=True,
    ),
    Switch(
        "wolkvox.reports",
        "contacts,collections",
        "Reports that exist, separated by commas; each gives the records of the module of that name.",
        "configuration",
    ),
    status_switch("wolkvox.unknown_report_status", 404, "Code for a report that does not exist.", CODES),
    Switch("wolkvox.unknown_report_text", "THE REPORT DOES NOT EXIST", "Message for it.", TEXTS),
    Switch(
        "wolkvox.cases_accept_json",
        False,
        "Accept JSON where ``cases/insert.php`` and ``cases/update.php`` ask for form-data.",
        "UNKNOWN: whether JSON is accepted there",
        strict=False,
    ),
    Switch(
        "wolkvox.case_contact_must_exist",
        True,
        "Refuse a new case whose ``contact`` is in no field of the module ``contacts``.",
        CASES,
        strict=True,
    ),
    status_switch("wolkvox.unknown_contact_status", 412, "Code for that.", CASES),
    Switch("wolkvox.unknown_contact_text", "THE CONTACT DOES NOT EXIST", "Message for that.", CASES),
    Switch(
        "wolkvox.case_users",
        "",
        "Users that may be ``responsible`` and ``owner`` of a case, separated by commas; empty accepts any.",
        CASES,
    ),
    Switch("wolkvox.case_types", "", "Values of ``case-type``, likewise.", CASES),
    Switch("wolkvox.case_statuses", "", "Values of a case's ``status``, likewise.", CASES),
    Switch("wolkvox.case_priorities", "", "Values of a case's ``priority``, likewise.", CASES),
    status_switch("wolkvox.unknown_case_value_status", 412, "Code for another value than those.", CASES),
    Switch("wolkvox.unknown_case_value_text", "THE VALUE DOES NOT EXIST", "Message for it.", CASES),
    Switch(
        "wolkvox.closed_statuses",
        "Closed",
        "Statuses with which a case needs its ``solution``, separated by commas.",
        "configuration",
    ),
    Switch(
        "wolkvox.case_update_required",
        "sample",
        "What ``cases/update.php`` requires: the fields of its sample, or also those of a new case.",
        "sources disagree: four fields (sample) or the same as insert (prose)",
        choices=("sample", "prose"),
    ),
    status_switch(
        "wolkvox.empty_mandatory_status",
        400,
        "Code of ``massiveCollections`` with an empty mandatory value.",
        "documented: 400 for the whole request; UNKNOWN: whether the HTTP status is the same",
    ),
    Switch("wolkvox.empty_mandatory_text", "SOME PARAMETERS ARE EMPTY", "Message for it.", TEXTS),
    Switch(
        "wolkvox.total_processed",
        "received",
        "What ``total_processed`` of ``massiveCollections`` counts.",
        MASSIVE,
        choices=("received", "successful"),
    ),
    Switch(
        "wolkvox.failed_summary",
        "objects",
        "What ``failed_Sumary`` of ``massiveCollections`` lists.",
        MASSIVE,
        choices=("objects", "texts"),
    ),
)
