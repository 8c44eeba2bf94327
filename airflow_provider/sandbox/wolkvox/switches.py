"""What wolkvox's CRM pages leave open, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch

TEXTS = "UNKNOWN: message texts of the CRM's errors; the defaults are wolkvox Manager's"
CODES = "UNKNOWN: which code belongs to which cause"
SHAPE = "UNKNOWN: whether the HTTP status equals code, and the shape of errors"
CHARGED = "UNKNOWN: whether failed calls are charged"
EXHAUSTED = "UNKNOWN: the answer once the daily limit is used up"
METHOD = "sources disagree: GET (CRM pages) or POST (Postman collection)"
NUMBERS = "INFERRED: wolkvox Manager's twin of this call differs here"
RESET = "UNKNOWN: time zone of the reset and rounding of hours_to_restart_count"
OPERATION = "UNKNOWN: whether operation is checked against the token"
MAINTENANCE = "UNKNOWN: the maintenance answer, and whether the CRM has such a window"
SIMULTANEOUS = "UNKNOWN: limit of simultaneous requests (2 for wolkvox Manager)"
RATE = "UNKNOWN: numbers and answer of the rate limit that exists"

SWITCHES = (
    Switch(
        "wolkvox.token",
        "5a4db0c0de5a4db0c0de5a4db0c0de42",
        "The ``Wolkvox-Token`` of the default token.",
        "configuration",
        secret=True,
    ),
    Switch("wolkvox.operation", "demo_operation", "The default token's operation.", "configuration"),
    Switch("wolkvox.limit", 4800, "The default token's uses per day.", "configuration (4800 is an example)"),
    Switch("wolkvox.description", "sandbox", "The default token's description.", "configuration"),
    Switch(
        "wolkvox.charge_before_reading",
        False,
        "Let the numbers include the call that reads them.",
        "UNKNOWN: whether the counters include the call itself",
    ),
    Switch("wolkvox.charge_failed_calls", True, "Charge refused calls too, if the token is known.", CHARGED),
    Switch(
        "wolkvox.limit_per",
        "token",
        "Who shares the limit: each token alone, or all tokens of one operation.",
        "UNKNOWN: whether the limit is per token or per operation",
        choices=("token", "operation"),
    ),
    Switch("wolkvox.accept_get", True, "Accept GET for ``tokenInformation.php``.", METHOD),
    Switch("wolkvox.accept_post", True, "Accept POST for ``tokenInformation.php``.", METHOD),
    status_switch("wolkvox.wrong_method_status", 405, "Code for another method.", CODES),
    Switch("wolkvox.wrong_method_text", "METHOD NOT ALLOWED", "Message for another method.", TEXTS),
    status_switch("wolkvox.unknown_path_status", 404, "Code for a path that is not simulated.", CODES),
    Switch("wolkvox.unknown_path_text", "NOT FOUND", "Message for a path that is not simulated.", TEXTS),
    Switch(
        "wolkvox.require_content_type",
        False,
        "Refuse calls without the documented ``Content-Type``: JSON, GET included, or form-data.",
        "documented for every call, though GET has no body; UNKNOWN: whether it is checked",
        strict=True,
    ),
    status_switch("wolkvox.content_type_status", 400, "Code for a call refused for that.", CODES),
    Switch("wolkvox.content_type_text", "CONTENT-TYPE MUST BE JSON", "Message for it.", TEXTS),
    Switch(
        "wolkvox.check_operation",
        True,
        "Refuse an ``operation`` that is not the token's.",
        OPERATION,
        strict=True,
    ),
    status_switch("wolkvox.wrong_operation_status", 403, "Code for a wrong ``operation``.", OPERATION),
    Switch(
        "wolkvox.wrong_operation_text",
        "PLEASE VALIDATE TOKEN",
        "Message for a wrong ``operation``.",
        OPERATION,
    ),
    status_switch("wolkvox.missing_operation_status", 400, "Code without ``operation``.", CODES),
    Switch("wolkvox.missing_operation_text", "SOME PARAMETERS ARE REQUIRED", "Message without it.", TEXTS),
    status_switch("wolkvox.missing_token_status", 401, "Code without ``Wolkvox-Token``.", CODES),
    Switch("wolkvox.missing_token_text", "PLEASE ENTER THE WOLKVOX-TOKEN", "Message without it.", TEXTS),
    status_switch("wolkvox.unknown_token_status", 403, "Code for a token that does not exist.", CODES),
    Switch("wolkvox.unknown_token_text", "PLEASE VALIDATE TOKEN", "Message for it.", TEXTS),
    Switch(
        "wolkvox.external_may_read",
        False,
        "Let an ``external`` token read its information; otherwise it is answered like an unknown one.",
        "UNKNOWN: whether an External token may call tokenInformation",
    ),
    status_switch("wolkvox.exhausted_status", 403, "Code once the daily limit is used up.", EXHAUSTED),
    Switch(
        "wolkvox.exhausted_text",
        "TOKEN LIMIT EXCEEDED",
        "Message once the daily limit is used up.",
        EXHAUSTED,
    ),
    Switch(
        "wolkvox.exhausted_fails_reading",
        True,
        "Let tokenInformation itself fail once the limit is used up; otherwise it answers 0 uses left.",
        EXHAUSTED,
    ),
    Switch("wolkvox.maintenance", False, "Answer every call with the maintenance answer.", MAINTENANCE),
    status_switch("wolkvox.maintenance_status", 403, "HTTP status of the maintenance answer.", MAINTENANCE),
    Switch(
        "wolkvox.maintenance_body",
        '{"code": "403", "error": "FORBIDDEN", "msg": "BACKUP IN PROGRESS, PLEASE TRY LATER", "data": null}',
        "Body of the maintenance answer.",
        MAINTENANCE,
    ),
    Switch(
        "wolkvox.concurrency_limit", 0, "Most requests of one token at a time; 0 sets no limit.", SIMULTANEOUS
    ),
    status_switch("wolkvox.concurrency_status", 403, "Code beyond that.", SIMULTANEOUS),
    Switch(
        "wolkvox.concurrency_text",
        "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)",
        "Message beyond that.",
        SIMULTANEOUS,
    ),
    Switch(
        "wolkvox.rate_limit_per_minute", 0, "Most requests in one minute of the clock; 0 sets no limit.", RATE
    ),
    status_switch("wolkvox.rate_limit_status", 429, "Code beyond that.", RATE),
    Switch("wolkvox.rate_limit_text", "TOO MANY REQUESTS", "Message beyond that.", RATE),
    Switch(
        "wolkvox.http_status_follows_code",
        True,
        "Answer errors with ``code`` as the HTTP status too; otherwise always with HTTP 200.",
        SHAPE,
    ),
    Switch(
        "wolkvox.error_shape",
        "envelope",
        "Shape of errors: the usual envelope, ``error`` as an object without the rest, or an HTML page.",
        SHAPE,
        choices=("envelope", "object", "html"),
    ),
    Switch("wolkvox.code_as_number", False, "Send ``code`` of reads and refusals as a number too.", SHAPE),
    Switch("wolkvox.numbers_as_strings", False, "Send the numbers as strings.", NUMBERS),
    Switch("wolkvox.correct_spelling", False, "Send ``available_consumption_options`` instead.", NUMBERS),
    Switch("wolkvox.data_as_list", False, "Send ``data`` as a list with one object.", NUMBERS),
    Switch(
        "wolkvox.reset_timezone", "UTC", "Time zone whose midnight resets the counters.", RESET, timezone=True
    ),
    Switch(
        "wolkvox.hours_rounding",
        "floor",
        "Rounding of ``hours_to_restart_count``; with ``floor`` a client that waits so long comes too early.",
        RESET,
        choices=("floor", "ceil", "round"),
    ),
)
