"""What mPOHODA's pages leave open about writing and files, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch

NAMES = "UNKNOWN: what happens to unknown names, nulls and alternatives sent together"
LINKS = "UNKNOWN: the answer when a linked id does not exist"
BUSINESS = "UNKNOWN: status of a business rule's refusal; 400 is assumed"
DEFAULTS = "UNKNOWN: the server's defaults"
CREATED = "UNKNOWN: what a 201 has besides its body; none was ever seen"
FILES = "UNKNOWN: when there is no file, its content type and its name"
REFUSE_OR_ACCEPT = ("refuse", "accept")

DOCUMENT_SWITCHES = (
    Switch(
        "mpohoda.unknown_names",
        "refuse",
        "What to do with names that are not documented.",
        NAMES,
        choices=("refuse", "ignore"),
    ),
    Switch(
        "mpohoda.null_of_not_nullable",
        "refuse",
        "What to do with null in a field that must not be null.",
        NAMES,
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.both_items",
        "refuse",
        "What to do with ``TextItem`` and ``PriceListItem`` in one line; accepted, ``TextItem`` wins.",
        NAMES,
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.both_addresses",
        "refuse",
        "What to do with an address with and without a link; accepted, the link wins.",
        NAMES,
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.empty_address",
        "refuse",
        "What to do with a ``BusinessPartnerAddress`` that has neither.",
        NAMES,
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.unknown_link",
        "404",
        "What to do with a linked id that does not exist; with ``warning`` and ``accept`` it is left out.",
        LINKS,
        choices=("404", "400", "422", "warning", "accept"),
    ),
    status_switch(
        "mpohoda.not_positive_advance_status", 400, "Status of an advance invoice of 0 or less.", BUSINESS
    ),
    status_switch(
        "mpohoda.refused_transfer_status", 400, "Status when an order is not unfinished.", BUSINESS
    ),
    status_switch("mpohoda.refused_payment_status", 400, "Status of a refused liquidation.", BUSINESS),
    Switch(
        "mpohoda.over_payment",
        "refuse",
        "What to do with a payment above what is to be paid.",
        "UNKNOWN: over-payment",
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.paid_again",
        "refuse",
        "What to do with the liquidation of a document that is paid.",
        "UNKNOWN: liquidating a paid document",
        choices=REFUSE_OR_ACCEPT,
    ),
    Switch(
        "mpohoda.foreign_payment_needs_home_amount",
        True,
        "Refuse a partial liquidation in a foreign currency without ``HomeCurrencyAmount``.",
        "documented as needed; UNKNOWN: the refusal",
    ),
    Switch(
        "mpohoda.duplicate_partners",
        "accept",
        "What to do with a partner whose ``IdentificationNumber`` exists.",
        "UNKNOWN: duplicate partners",
        choices=("accept", "refuse"),
    ),
    Switch(
        "mpohoda.default_due_days", 14, "Days until ``DueDate`` when it is left out.", DEFAULTS, maximum=2000
    ),
    Switch(
        "mpohoda.default_vat_rate",
        "ZeroVatRate",
        "``VatRateType`` of a text item without one.",
        DEFAULTS,
        choices=("ZeroVatRate", "BasicVatRate"),
    ),
    Switch(
        "mpohoda.half_cents",
        "up",
        "Rounding of half a cent: away from zero, or to the even one.",
        "UNKNOWN: the vendor's rounding",
        choices=("up", "even"),
    ),
    Switch(
        "mpohoda.created_answer",
        "data",
        "Body of a 201, whose record is there: whole, ``Data`` null, empty, HTML, or cut JSON.",
        CREATED,
        choices=("data", "null", "empty", "html", "cut"),
    ),
    Switch("mpohoda.created_location", False, "Send ``Location`` with 201.", CREATED),
    Switch(
        "mpohoda.warnings",
        "list",
        "``Warnings`` without any: a list or null.",
        CREATED,
        choices=("list", "null"),
    ),
    # files
    Switch("mpohoda.files", True, "There are PDF and ISDOC files; without, 204.", FILES),
    Switch("mpohoda.file_size", 2000, "Bytes of a PDF.", "configuration", minimum=300, maximum=100_000_000),
    Switch(
        "mpohoda.content_disposition",
        "plain",
        "The file's name in ``Content-Disposition``: ``filename``, also ``filename*``, or no header.",
        FILES,
        choices=("plain", "encoded", "none"),
    ),
    Switch(
        "mpohoda.isdoc_content_type",
        "application/pdf",
        "Content type of ISDOC files.",
        "UNKNOWN: the schema says application/pdf, surely a slip",
    ),
)
