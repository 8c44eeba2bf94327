"""What mPOHODA's pages leave open about lists and how values are written, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch

SIZE = "UNKNOWN: largest page size, and whether more is refused or silently reduced"
AFTER = "UNKNOWN: rules of key-set paging"
SINCE = "UNKNOWN: whether ModifiedSince is inclusive, its time zone, what moves it"
WRITTEN = "UNKNOWN: precision and time zone of dates, and whether nulls are sent"
CHANGES = "UNKNOWN: order of a list, and what happens while it changes"
IDS = "UNKNOWN: answer of AvailableQuantities and SellingPrices"

LIST_SWITCHES = (
    Switch("mpohoda.max_page_size", 0, "Largest ``PageSize``; 0 sets no limit.", SIZE),
    Switch(
        "mpohoda.page_size_above_maximum",
        "refuse",
        "What to do with a larger one: 422, or fewer records than asked for.",
        SIZE,
        choices=("refuse", "reduce"),
    ),
    Switch(
        "mpohoda.total_after",
        "all",
        "What ``TotalItemCount`` counts in an answer to ``After``: all records, or the rest.",
        "UNKNOWN: what TotalItemCount counts",
        choices=("all", "rest"),
    ),
    Switch(
        "mpohoda.total_of_modified",
        "filtered",
        "What ``TotalItemCount`` counts with ``ModifiedSince``: the records found, or all.",
        "INFERRED: that it counts after the filter",
        choices=("filtered", "all"),
    ),
    Switch(
        "mpohoda.pagination_after",
        "echo",
        "``Pagination.After``: that of the request, the next one, or null.",
        AFTER,
        choices=("echo", "next", "none"),
    ),
    Switch(
        "mpohoda.page_number_with_after",
        "required",
        "Whether ``PageNumber`` is required together with ``After``.",
        AFTER,
        choices=("required", "optional"),
    ),
    Switch(
        "mpohoda.after_with_modified_since",
        "combine",
        "What ``After`` and ``ModifiedSince`` together do; ``ignore`` gives records that were not changed.",
        AFTER,
        choices=("combine", "ignore", "refuse"),
    ),
    Switch(
        "mpohoda.after_of_gone",
        "go on",
        "What ``After`` does with the id of a record that has gone.",
        AFTER,
        choices=("go on", "empty", "first page", "refuse"),
    ),
    Switch("mpohoda.after_does_not_move", False, "Answer every ``After`` with the first page.", AFTER),
    Switch(
        "mpohoda.repeat_last",
        False,
        "Begin every further page with the last record of the page before.",
        CHANGES,
    ),
    Switch(
        "mpohoda.shrink_while_reading",
        0,
        "How many records of a list go, the first ones of its order, after each page of it.",
        CHANGES,
    ),
    Switch(
        "mpohoda.order",
        "created",
        "The order of a list.",
        CHANGES,
        choices=("created", "created descending", "modified", "modified descending", "id"),
    ),
    Switch(
        "mpohoda.modified_since",
        "inclusive",
        "Whether ``ModifiedSince`` gives what was changed at that very moment.",
        SINCE,
        choices=("inclusive", "exclusive"),
    ),
    Switch(
        "mpohoda.modified_since_timezone",
        "UTC",
        "Time zone of a ``ModifiedSince`` without an offset.",
        SINCE,
        timezone=True,
    ),
    Switch("mpohoda.payment_modifies", True, "A payment changes the document's ``ModifiedDate``.", SINCE),
    Switch("mpohoda.transfer_modifies", True, "A transfer changes the order's ``ModifiedDate``.", SINCE),
    Switch(
        "mpohoda.envelope",
        "items",
        "Where a list has its records: ``Items``, or ``Data.Items`` as in older clients.",
        "sources disagree: ``Items`` (schema) or ``Data.Items`` (older guide)",
        choices=("items", "data"),
    ),
    Switch(
        "mpohoda.query_names",
        "exact",
        "Spelling accepted for query parameters; ``any case`` takes ``pageSize`` too.",
        "UNKNOWN: whether capitals matter",
        choices=("exact", "any case"),
    ),
    Switch(
        "mpohoda.date_fractions",
        "0",
        "Digits of a second's fraction in dates.",
        WRITTEN,
        choices=("0", "3", "7"),
    ),
    Switch(
        "mpohoda.date_offset",
        "none",
        "Offset of a document's dates.",
        WRITTEN,
        choices=("none", "Z", "+00:00", "+01:00"),
    ),
    Switch(
        "mpohoda.moment_offset",
        "Z",
        "Offset of the dates in ``ModificationInfo``; ``none`` gives the time in UTC.",
        WRITTEN,
        choices=("Z", "none", "+00:00", "+01:00"),
    ),
    Switch(
        "mpohoda.nulls",
        "null",
        "Send empty fields as null, or leave them out.",
        WRITTEN,
        choices=("null", "omit"),
    ),
    # by ids
    Switch(
        "mpohoda.by_ids_answer",
        "array",
        "Shape of the answer to a list of ids: an array, an object if one id was asked for, or always one.",
        IDS,
        choices=("array", "object for one", "object"),
    ),
    Switch("mpohoda.by_ids_maximum", 0, "Most ``Ids`` of a request; 0 sets no limit.", IDS),
    Switch(
        "mpohoda.by_ids_unknown",
        "omit",
        "What to do with an id that does not exist.",
        IDS,
        choices=("omit", "zero", "404", "422"),
    ),
    Switch("mpohoda.by_ids_parent", False, "Answer with an id too that was not asked for.", IDS),
    status_switch(
        "mpohoda.registration_numbers_status",
        200,
        "Status of the registration numbers of an item that does not exist; 200 gives an empty list.",
        "the schema lists no 404 there",
    ),
)
