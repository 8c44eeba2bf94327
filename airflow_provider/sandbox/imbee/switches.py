"""What Imbee's REST page leaves open, as switches."""

from __future__ import annotations

from airflow_provider.sandbox.switches import Switch, status_switch

HTTP = "UNKNOWN: HTTP statuses of error answers"
ERRORS = "UNKNOWN: error codes, messages and bodies"
REPEATS = "UNKNOWN: rule for previously_created on token/new, and what a repeat does"
LIMITS = "UNKNOWN: defaults and ranges of max_retries and date_limit"
SPELLING = "UNKNOWN: whether other spellings than the samples' are accepted"
USER = "UNKNOWN: mandatory fields and allowed values of third_parties/user/new"
STABLE = "UNKNOWN: whether pass and apikey are stable across repeats"
CHAT = "UNKNOWN: types, contacts and limits of chat/create"
REPEATED_CHAT = "INFERRED: previously_created means that the pair's existing chat comes back"

SWITCHES = (
    Switch(
        "imbee.authorization",
        "Basic c2FuZGJveDpub3QtYS1yZWFsLXNlY3JldA==",
        "The complete ``Authorization`` value accepted; compared as it is, no scheme is added or removed.",
        "configuration; UNKNOWN: the scheme",
        secret=True,
    ),
    Switch(
        "imbee.corporate_token",
        "sandbox-corporate-token-7d1f0b52",
        "The corporate token accepted in ``X-WOOS-KEY`` by ``token/new`` and ``third_parties/user/new``.",
        "configuration",
        secret=True,
    ),
    Switch(
        "imbee.errors_as_http_200",
        False,
        "Answer every error with HTTP 200; only ``code`` tells.",
        "INFERRED: an application error may arrive as HTTP 200",
    ),
    status_switch("imbee.missing_header_status", 401, "Status when a credential header is missing.", HTTP),
    status_switch("imbee.bad_authorization_status", 401, "Status when ``Authorization`` is wrong.", HTTP),
    status_switch("imbee.bad_key_status", 403, "Status when ``X-WOOS-KEY`` is wrong.", HTTP),
    status_switch("imbee.content_type_status", 400, "Status when the body is not announced as JSON.", HTTP),
    status_switch(
        "imbee.validation_status",
        200,
        "Status when parameters are refused; 200 is the hardest to notice.",
        HTTP,
    ),
    status_switch("imbee.wrong_method_status", 405, "Status for another method than POST.", HTTP),
    status_switch("imbee.unknown_path_status", 404, "Status for a path that is not documented.", HTTP),
    Switch("imbee.error_code", 1, "``code`` of every error.", ERRORS, minimum=1),
    Switch(
        "imbee.error_body",
        "{}",
        "``body`` of every error; ``absent`` leaves the key out.",
        ERRORS,
        choices=("absent", "null", "{}", "[]"),
    ),
    status_switch("imbee.maintenance_status", 503, "Status of the fault action ``maintenance``.", HTTP),
    Switch(
        "imbee.maintenance_body",
        "<html><body>Service temporarily unavailable</body></html>",
        "Body of the fault action ``maintenance``.",
        "UNKNOWN: whether there is such a window at all",
    ),
    Switch(
        "imbee.token_key",
        "virtual_user+bot",
        "What makes two ``token/new`` calls the same token.",
        REPEATS,
        choices=("virtual_user", "virtual_user+bot", "virtual_user+bot+contact"),
    ),
    Switch(
        "imbee.resend_on_repeat",
        True,
        "Send mail and SMS again when ``token/new`` is repeated.",
        REPEATS,
    ),
    Switch(
        "imbee.update_limits_on_repeat",
        False,
        "Take new limits when ``token/new`` is repeated.",
        REPEATS,
    ),
    Switch(
        "imbee.new_url_on_repeat",
        False,
        "Mint a new access URL when ``token/new`` is repeated.",
        REPEATS,
    ),
    Switch(
        "imbee.token_virtual_user",
        "any",
        "Which ``virtual_user`` ``token/new`` accepts: any string, or that of a created user.",
        "UNKNOWN: whether virtual_user is the uniqueIdSha or the virtualUser",
        choices=("any", "uniqueIdSha", "virtualUser"),
    ),
    Switch(
        "imbee.refuse_both_contacts",
        False,
        "Refuse ``token/new`` with ``mail`` and ``celullar`` together.",
        "INFERRED: at least one must be given, both may be",
    ),
    Switch("imbee.accept_virutal_user", False, "Accept ``virutal_user`` for ``virtual_user``.", SPELLING),
    Switch("imbee.accept_cellular", False, "Accept ``cellular`` for ``celullar``.", SPELLING),
    Switch("imbee.default_max_retries", 10, "``max_retries`` when it is not sent.", LIMITS),
    Switch("imbee.highest_max_retries", 0, "Refuse a higher ``max_retries``; 0 sets no limit.", LIMITS),
    Switch(
        "imbee.default_date_limit_days",
        30,
        "``date_limit`` in days from today if absent.",
        LIMITS,
        maximum=36500,
    ),
    Switch("imbee.refuse_past_dates", False, "Refuse a ``date_limit`` before today.", LIMITS),
    Switch("imbee.timezone", "UTC", "Time zone in which today is decided.", LIMITS, timezone=True),
    Switch(
        "imbee.user_required_fields",
        "all",
        "Fields that ``third_parties/user/new`` requires.",
        USER,
        choices=("all", "uniqueIdSha"),
    ),
    Switch("imbee.platforms", "", "Platforms accepted, separated by commas; empty accepts any.", USER),
    Switch(
        "imbee.repeat_user",
        "existing",
        "What ``third_parties/user/new`` does for a known ``uniqueIdSha``.",
        "INFERRED: repeating is meant to be safe",
        choices=("existing", "error"),
    ),
    Switch(
        "imbee.rotate_credentials",
        False,
        "Give a new ``pass`` and ``apikey`` on every repeat; the old ``apikey`` ends.",
        STABLE,
    ),
    Switch(
        "imbee.chat_accepts_corporate_token",
        False,
        "Let ``chat/create`` take the corporate token; the first contact then counts as the creator.",
        "UNKNOWN: whether chat/create accepts the corporate token",
    ),
    Switch("imbee.chat_requires_known_contacts", True, "Refuse contacts that were never created.", CHAT),
    Switch("imbee.chat_type_required", True, "Refuse ``chat/create`` without ``type``.", CHAT),
    Switch("imbee.chat_max_contacts", 1, "Most contacts of a ``chat``.", CHAT, minimum=1),
    Switch("imbee.self_chat", False, "Let a user chat with himself.", CHAT),
    Switch("imbee.group_chats", False, "Accept the type ``group``, with any number of contacts.", CHAT),
    Switch("imbee.group_chats_dedupe", False, "Return the existing group for the same people.", CHAT),
    Switch(
        "imbee.chat_key",
        "unordered pair",
        "What makes two ``chat/create`` calls the same chat.",
        REPEATED_CHAT,
        choices=("unordered pair", "ordered pair", "every call"),
    ),
)
