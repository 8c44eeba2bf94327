"""How wolkvox answers where its pages leave that open, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch
from airflow_provider.sandbox.wolkvox.refusal_texts import PRESETS
from airflow_provider.sandbox.wolkvox.switches import CODES, RATE, SHAPE, TEXTS

ENVELOPE = "sources disagree: the types of the envelope's fields are not uniform"
PAGING = "UNKNOWN: what a client sees of records that come and go while it reads pages"
ADDRESSES = "UNKNOWN: whether the CRM has lists of allowed addresses"
EXPIRY = "UNKNOWN: whether tokens expire (wolkvox Manager's table mentions it)"
AGAIN = "UNKNOWN: whether a second one is made"

ANSWER_SWITCHES = (
    Switch(
        "wolkvox.texts",
        "own",
        "Texts of all refusals: each as its own switch says, or in one of these languages and word orders; a "
        "text switch that is changed keeps its text.",
        TEXTS,
        choices=("own", *PRESETS),
    ),
    Switch(
        "wolkvox.refusal_text_key",
        "msg",
        "Key of a refusal's text.",
        SHAPE,
        choices=("msg", "message"),
    ),
    Switch(
        "wolkvox.refused_calls",
        "like other errors",
        "How a call is refused for what it asks, such as a record that does not exist: like a wrong token, "
        "or with HTTP 200, ``code`` 200 and the text under ``error``.",
        SHAPE,
        choices=("like other errors", "error beside code 200"),
    ),
    Switch(
        "wolkvox.error_of_success",
        "text null",
        "``error`` of a call that was carried out.",
        ENVELOPE,
        choices=("text null", "null", "empty", "absent"),
    ),
    Switch(
        "wolkvox.empty_data",
        "array",
        "``data`` of a query that finds nothing.",
        ENVELOPE,
        choices=("array", "text", "null", "absent"),
    ),
    Switch(
        "wolkvox.byte_order_mark",
        "none",
        "Answers that begin with a byte order mark.",
        "UNKNOWN: a habit of some PHP servers",
        choices=("none", "bare arrays", "all"),
    ),
    Switch(
        "wolkvox.message_counts",
        "page",
        "What ``msg`` of a query counts: the records of the page, all those found, or one more than came.",
        "UNKNOWN: what the number in the message counts",
        choices=("page", "all", "one more"),
    ),
    Switch(
        "wolkvox.count_language",
        "english",
        "Language of ``msg`` of a query.",
        "sources disagree: English in most samples, Spanish in one",
        choices=("english", "spanish"),
    ),
    Switch(
        "wolkvox.moving_pages",
        "still",
        "What has changed before a page after the first is read: nothing, the last record is gone (the "
        "totals shrink), a record came before the first (a row comes twice), or the first is gone (a row is "
        "missed).",
        PAGING,
        choices=("still", "totals shrink", "row twice", "row missed"),
    ),
    Switch(
        "wolkvox.report_rows",
        "records",
        "Rows of reports: whole records, or without what wolkvox adds to them, so that rows may be the same.",
        "UNKNOWN: which columns a report of one's own has",
        choices=("records", "without ids"),
    ),
    Switch(
        "wolkvox.delete_of_gone",
        "refuse",
        "What the deletion of a record that does not exist does.",
        CODES,
        choices=("refuse", "succeed"),
    ),
    Switch(
        "wolkvox.duplicate_gestiones",
        "create",
        "What ``insertGestion`` does if there is one with the same fields.",
        AGAIN,
        choices=("create", "refuse", "existing"),
    ),
    Switch(
        "wolkvox.duplicate_obligations",
        "create",
        "What ``insertObligation`` does if the record has one with the same ``id``.",
        AGAIN,
        choices=("create", "refuse", "update"),
    ),
    Switch("wolkvox.token_expired", False, "Let the default token be expired.", EXPIRY),
    status_switch("wolkvox.expired_token_status", 403, "Code for an expired token.", EXPIRY),
    Switch("wolkvox.expired_token_text", "TOKEN EXPIRED", "Message for it.", EXPIRY),
    Switch(
        "wolkvox.address_limit",
        0,
        "Most requests of one IP address in a window of the clock; 0 sets no limit.",
        RATE,
    ),
    Switch("wolkvox.address_window_seconds", 60, "Length of that window.", RATE, minimum=1),
    Switch(
        "wolkvox.address_ban_seconds",
        0,
        "How long an address beyond that limit is refused whatever it sends.",
        RATE,
    ),
    status_switch("wolkvox.address_limit_status", 403, "Code beyond that limit.", RATE),
    Switch(
        "wolkvox.address_limit_text",
        "EXCEEDS THE LIMIT OF REQUESTS PER IP",
        "Message beyond that limit.",
        RATE,
    ),
    Switch(
        "wolkvox.allowed_addresses",
        "",
        "IP addresses that may call, separated by commas; empty allows all.",
        ADDRESSES,
    ),
    status_switch("wolkvox.address_refused_status", 403, "Code for another address.", ADDRESSES),
    Switch("wolkvox.address_refused_text", "THE IP IS NOT ALLOWED", "Message for it.", ADDRESSES),
)
